"""How far apart numbers may lie by rounding alone.

A number that was computed is off by some units in its last place. Values that differ by no more
than that are one value: they have no spread, and nothing can be told by it. With float32 only
what is stored is rounded coarsely, for everything is added up in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

UNITS = {"float64": 8.0, "float32": 2.0}  # of the last place: a sum of 250 terms is off by 3


def rounding(array: Any) -> float:
    """Standard deviation, as a share of their size, that numbers of this type have by rounding."""
    return UNITS[array.dtype.name] * float(np.finfo(array.dtype).eps)
