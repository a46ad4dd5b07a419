"""What numba knows how to compile, loaded before the first kernel."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType
from typing import Any

BLAS = "scipy.linalg.cython_blas"


@cache
def load_registries(context: Any) -> None:
    """Let numba load all that it can compile, without scipy's linear algebra.

    numba imports that only to see whether there is one, which takes 0.2 s. It is there, for scipy
    is one of our needs; a kernel that multiplies matrices imports it when it is compiled.
    """
    if BLAS in sys.modules:
        return
    sys.modules[BLAS] = ModuleType(BLAS)
    try:
        context.refresh()
    finally:
        del sys.modules[BLAS]
