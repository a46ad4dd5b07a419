"""Sixteen series at a time: vectors of doubles that stay in registers through a kernel's loops.

A compiler keeps the sums of a loop over a window's lags in memory when the loop inside it runs
over series. Here the inner loop is one value: `Lanes`, of LANES doubles, which numba's functions
add, compare and choose from as if it were a number; LLVM gives it the registers that the machine
has. Where a machine has shorter ones it takes several, and gets the same bits.

A kernel that looks along the rows works on tiles of LANES columns:

1. `pack` copies WIDE columns to TILES tiles, where a row earlier is LANES cells earlier. Rows above
   the array's first are NaN; columns right of its last are 0, and lack nothing.
2. For each tile that has columns (`count_tiles`), the kernel runs along the rows: `load` takes a
   row of the tile, `+`, `<`, `pick` and the others work on it, `store` puts the result into a row
   that no later window reads.
3. `unpack` copies the tiles' first rows to as many columns of the result.

```
 x (T, N)                                tiles[k], one dimension, k = 0 to TILES - 1
                left                     row 0         row 1         row 2
        ┌───────┬────┬────┬────┬────┐    ┌─────────────┬─────────────┬─────────────┬──
 start  │       │ k=0│  1 │  2 │  3 │ ─▶ │0 1 2 ··· 15 │0 1 2 ··· 15 │0 1 2 ··· 15 │
        │       │    │    │    │    │    └─────────────┴─────────────┴─────────────┴──
        └───────┴────┴────┴────┴────┘     LANES columns of row `start`, of the next, …
```
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import lower_builtin, lower_cast, models, register_model

from engine.kernels.cache import njit
from engine.kernels.private import AbstractTemplate, cgutils, infer_global, signature

Array = npt.NDArray[Any]
Lanes = Any  # to a type checker; to numba, `LANES_TYPE`
LANES = 16  # two of the longest registers there are: the sums of one need not wait for the other's
TILES = 4  # copied at once: lines of a row that lie side by side come from memory together
WIDE = TILES * LANES
DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
TRUTHS = ir.VectorType(ir.IntType(1), LANES)


class _Lanes(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"Lanes({LANES})")


class _Truths(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"Truths({LANES})")


LANES_TYPE, TRUTHS_TYPE = _Lanes(), _Truths()


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, DOUBLES)


@register_model(_Truths)
class _TruthsModel(models.PrimitiveModel):
    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, TRUTHS)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function at its first use, and keep that until it, or what it calls, changes."""
    return njit(cache=True, nogil=True)(function)


def _operator(
    function: Callable[..., Any], of: types.Type, result: types.Type, write: Callable[..., Any]
) -> None:
    """Let numba write `function` of two vectors; of numbers, one may be a single one."""
    kin = (types.Number,) if of is LANES_TYPE else ()

    @infer_global(function)
    class Template(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            if of in args and all(arg is of or isinstance(arg, kin) for arg in args):
                return signature(result, of, of)
            return None

    @lower_builtin(function, of, of)
    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return write(builder, *args)


_operator(operator.add, LANES_TYPE, LANES_TYPE, lambda b, x, y: b.fadd(x, y))
_operator(operator.sub, LANES_TYPE, LANES_TYPE, lambda b, x, y: b.fsub(x, y))
_operator(operator.mul, LANES_TYPE, LANES_TYPE, lambda b, x, y: b.fmul(x, y))
_operator(operator.truediv, LANES_TYPE, LANES_TYPE, lambda b, x, y: b.fdiv(x, y))
_operator(operator.lt, LANES_TYPE, TRUTHS_TYPE, lambda b, x, y: b.fcmp_ordered("<", x, y))
_operator(operator.le, LANES_TYPE, TRUTHS_TYPE, lambda b, x, y: b.fcmp_ordered("<=", x, y))
_operator(operator.gt, LANES_TYPE, TRUTHS_TYPE, lambda b, x, y: b.fcmp_ordered(">", x, y))
_operator(operator.ge, LANES_TYPE, TRUTHS_TYPE, lambda b, x, y: b.fcmp_ordered(">=", x, y))
_operator(operator.eq, LANES_TYPE, TRUTHS_TYPE, lambda b, x, y: b.fcmp_ordered("==", x, y))
_operator(operator.and_, TRUTHS_TYPE, TRUTHS_TYPE, lambda b, x, y: b.and_(x, y))


@lower_cast(types.Number, _Lanes)
def _spread(context: Any, builder: Any, source: Any, target: Any, value: Any) -> Any:
    """One number in all lanes."""
    value = context.cast(builder, value, source, types.float64)
    zero = ir.Constant(ir.IntType(32), 0)
    first = builder.insert_element(ir.Constant(DOUBLES, ir.Undefined), value, zero)
    places = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, first, places)


def _cells(context: Any, builder: Any, array: Any, args: Any) -> tuple[Any, Any, int]:
    """Address of an array's cells from an index on, as a vector's; its type; bytes of a cell."""
    of = ir.VectorType(context.get_value_type(array.dtype), LANES)
    data = context.make_array(array)(context, builder, args[0]).data
    at = builder.bitcast(builder.gep(data, [args[1]]), of.as_pointer())
    return at, of, array.dtype.bitwidth // 8


def intrinsic(function: Callable[..., Any]) -> Any:
    """A function that is written in LLVM; `function` has its types and writes it."""
    return numba_intrinsic(function)


@intrinsic
def load(typing: Any, array: Any, at: Any) -> Any:
    """LANES cells of a contiguous array of one dimension, from index `at` on."""

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        where, of, align = _cells(context, builder, sig.args[0], args)
        value = builder.load(where, align=align)
        return value if of == DOUBLES else builder.fpext(value, DOUBLES)

    return LANES_TYPE(array, types.intp), write


@intrinsic
def store(typing: Any, array: Any, at: Any, value: Any) -> Any:
    """Write LANES cells of a contiguous array of one dimension, from index `at` on."""

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        where, of, align = _cells(context, builder, sig.args[0], args)
        value = args[2] if of == DOUBLES else builder.fptrunc(args[2], of)
        builder.store(value, where, align=align)
        return context.get_dummy_value()

    return types.void(array, types.intp, LANES_TYPE), write


@intrinsic
def pluck(typing: Any, array: Any, rows: Any) -> Any:
    """Each lane from another row of LANES cells; `rows` are whole numbers that the array has."""

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        rows = builder.fptosi(args[1], ir.VectorType(ir.IntType(64), LANES))
        value = ir.Constant(DOUBLES, ir.Undefined)
        for lane in range(LANES):
            j = ir.Constant(ir.IntType(32), lane)
            row = builder.mul(builder.extract_element(rows, j), ir.Constant(ir.IntType(64), LANES))
            at = builder.gep(data, [builder.add(row, ir.Constant(ir.IntType(64), lane))])
            value = builder.insert_element(value, builder.load(at), j)
        return value

    return LANES_TYPE(types.Array(types.float64, 1, "C"), LANES_TYPE), write


@intrinsic
def fill(typing: Any, number: Any) -> Any:
    """One number in all lanes."""
    return LANES_TYPE(LANES_TYPE), lambda context, builder, sig, args: args[0]


@intrinsic
def pick(typing: Any, true: Any, one: Any, other: Any) -> Any:
    """Of each lane, `one` where it is true and else the `other`."""
    kinds = (TRUTHS_TYPE, LANES_TYPE, LANES_TYPE)
    return LANES_TYPE(*kinds), lambda context, builder, sig, args: builder.select(*args)


@intrinsic
def are_known(typing: Any, one: Any, other: Any) -> Any:
    """Where neither is NaN."""

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.fcmp_ordered("ord", *args)

    return TRUTHS_TYPE(LANES_TYPE, LANES_TYPE), write


@intrinsic
def every(typing: Any, true: Any) -> Any:
    """Whether all lanes are true."""

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = ir.IntType(LANES)
        return builder.icmp_unsigned("==", builder.bitcast(args[0], bits), ir.Constant(bits, -1))

    return types.boolean(TRUTHS_TYPE), write


def _function(name: str, count: int) -> Any:
    """LLVM's own function of `count` vectors."""

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        of = ir.FunctionType(DOUBLES, [DOUBLES] * count)
        full = f"llvm.{name}.v{LANES}f64"
        return builder.call(cgutils.get_or_insert_function(builder.module, of, full), args)

    return write


@intrinsic
def root(typing: Any, x: Any) -> Any:
    """Square root."""
    return LANES_TYPE(LANES_TYPE), _function("sqrt", 1)


@intrinsic
def size(typing: Any, x: Any) -> Any:
    """Absolute value."""
    return LANES_TYPE(LANES_TYPE), _function("fabs", 1)


@intrinsic
def floor(typing: Any, x: Any) -> Any:
    """The whole number below."""
    return LANES_TYPE(LANES_TYPE), _function("floor", 1)


@intrinsic
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """Compute x · y + z, rounded once: the same on every machine, also on one that lacks it."""
    return LANES_TYPE(LANES_TYPE, LANES_TYPE, LANES_TYPE), _function("fma", 3)


@intrinsic
def fuse(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """`fma` of single numbers."""
    one = types.float64

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.fma(*args)

    return one(one, one, one), write


@njit(nogil=True, forceinline=True)
def at_least(value: Lanes, least: float) -> Lanes:
    """The value, or `least` where that is more; also for NaN."""
    return pick(value > least, value, least)


@njit(nogil=True, forceinline=True)
def mean_from(pivot: Lanes, total: Lanes, n: Lanes) -> Lanes:
    """Mean of n values, or by weights of n, whose distances from the pivot have this total.

    With one of the values as the pivot, the mean of equal values is that value, and no mean
    leaves their range: its rounding is below the n-th part of that. Where the sum itself is
    exact, of whole numbers say, it is that sum divided: 9 days of 20 are 9 / 20.
    """
    whole = fma(n, pivot, total)
    exact = fma(0.0 - n, pivot, whole) == total
    return pick(exact, 0.0, pivot) + pick(exact, whole, total) / n


@njit(nogil=True, error_model="numpy")
def mean_of(pivot: float, total: float, n: float) -> float:
    """`mean_from` of single numbers."""
    whole = fuse(n, pivot, total)
    return whole / n if fuse(-n, pivot, whole) == total else pivot + total / n


@njit(cache=True, nogil=True)
def pack(x: Array, start: int, left: int, tiles: Array) -> None:
    """Copy rows of x from `start` on and columns from `left` on.

    Parameters
    ----------
    x : array, shape (T, N)
    start, left : int
        Rows before row 0 are NaN; columns from N on are 0, so that they lack nothing.
    tiles : float array, shape (TILES, rows · LANES)
        Filled up to the last tile that has columns.
    """
    columns = min(x.shape[1] - left, WIDE)
    whole, rest = columns // LANES, columns % LANES
    for row in range(tiles.shape[1] // LANES):
        at = row * LANES
        if start + row < 0:
            for k in range(TILES):
                store(tiles[k], at, np.nan)
            continue
        cells = x[start + row]
        for k in range(whole):
            store(tiles[k], at, load(cells, left + k * LANES))
        if rest:
            tile = tiles[whole]
            store(tile, at, 0.0)
            for j in range(rest):
                tile[at + j] = cells[left + whole * LANES + j]


@njit(cache=True, nogil=True)
def count_tiles(columns: int, left: int) -> int:
    """Tiles that have columns, of those that are packed from `left` on."""
    return min(TILES, -(-(columns - left) // LANES))


@njit(cache=True, nogil=True)
def holes(tile: Array, start: int) -> int:
    """Lanes that lack some, but not all, of the rows from `start` on: a bit for each."""
    some, rows = np.empty(LANES), len(tile) // LANES - start
    count = fill(0.0)
    for i in range(start * LANES, len(tile), LANES):
        e = load(tile, i)
        count = pick(are_known(e, e), count + 1.0, count)
    store(some, 0, count)
    found = 0
    for lane in range(LANES):
        if 0.0 < some[lane] < rows:
            found |= 1 << lane
    return found


@njit(cache=True, nogil=True)
def unpack(tiles: Array, left: int, out: Array) -> None:
    """Copy the first rows of tiles to columns of `out` from `left` on: all of its rows."""
    columns = min(out.shape[1] - left, WIDE)
    whole, rest = columns // LANES, columns % LANES
    for row in range(len(out)):
        at, cells = row * LANES, out[row]
        for k in range(whole):
            store(cells, left + k * LANES, load(tiles[k], at))
        for j in range(rest):
            cells[left + whole * LANES + j] = tiles[whole, at + j]
