"""An operator's kernel, and its slow twin, on arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

import numpy as np

from engine.core.panel import FloatArray
from engine.expr import slow, slow_groups, slow_more, slow_ranks
from engine.expr.ops import Op


def fast_of(op: Op, args: Sequence[object]) -> FloatArray:
    """The kernel's result, as the executor keeps it: finite or NaN."""
    args = [np.ascontiguousarray(a) if np.ndim(a) == 2 else a for a in args]
    out = np.full_like(next(a for a in args if np.ndim(a) == 2), 7.0)
    with np.errstate(all="ignore"):
        getattr(import_module(f"engine.expr.{op.room}"), op.name)(*args, out)
    return finite(out)


def twin_of(op: Op) -> Callable[..., FloatArray]:
    modules = (slow, slow_groups, slow_more, slow_ranks)
    return next(getattr(m, op.name) for m in modules if hasattr(m, op.name))


def slow_of(op: Op, args: Sequence[object]) -> FloatArray:
    with np.errstate(all="ignore"):
        return finite(twin_of(op)(*args))


def finite(array: FloatArray) -> FloatArray:
    return np.where(np.isinf(array), np.nan, array)
