"""numba's private names, all of them, each with what its public ones cannot do."""

from __future__ import annotations

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
    "signature",
    "sigutils",
]
