"""numba's private names, all of them, each with what its public ones cannot do."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType
from typing import Any

from numba.core import (
    caching,  # a damaged or foreign cache file is compiled again instead of a traceback
    cgutils,  # arrays of lanes in LLVM's own vectors
    dispatcher,  # where the cache of a function is made
    sigutils,  # whether a cached kernel is of the signature that was asked for
)
from numba.core.typing.templates import (
    AbstractTemplate,  # operators on lanes are typed by what they take
    infer_global,  # and told so here, for the public door types one function at a time
    signature,  # what a template answers
)

__all__ = [
    "AbstractTemplate",
    "caching",
    "cgutils",
    "dispatcher",
    "infer_global",
    "load_registries",
    "signature",
    "sigutils",
]

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
