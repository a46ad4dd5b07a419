"""An operator: the width of a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import engine


@dataclass(frozen=True)
class TsRange(engine.Operator):
    """Greatest less least of the last d values; NaN is skipped, one value gives 0."""

    name: ClassVar[str] = "ts_range"
    args: ClassVar[str] = "xd"
    reach: ClassVar[str] = "window"

    def kernel(self, x: engine.FloatArray, d: int) -> engine.FloatArray:
        """Return the range, shape (T, N), by one pass over the window's rows."""
        high, low = x.copy(), x.copy()
        for age in range(1, min(d, len(x))):
            np.fmax(high[age:], x[:-age], out=high[age:])
            np.fmin(low[age:], x[:-age], out=low[age:])
        return high - low

    def slow(self, x: engine.FloatArray, d: int) -> engine.FloatArray:
        """Return the range, one cell at a time."""
        out = np.full(x.shape, np.nan)
        for t, i in np.ndindex(*x.shape):
            window = x[max(0, t - d + 1) : t + 1, i]
            known = window[np.isfinite(window)]
            if known.size:
                out[t, i] = known.max() - known.min()
        return out
