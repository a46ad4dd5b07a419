"""Kernels against their slow twins on what hypothesis thinks of.

NaN anywhere, ties, constants, infinities, denormal and huge values, windows longer than the
data, one row, one symbol.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from builders import NAN
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose
from twins import fast_of, finite, slow_of

from engine.expr.ops import TABLE, Op

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 5))
# whole numbers and halves: ties, constants and exact sums, so that no rounding hides a mistake
PLAIN = st.sampled_from([NAN, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, 7.0])
ODD = [NAN, -1e300, 1e300, 5e-324, -2e-310, 1e-160, 0.0, 1.0]
WILD = st.sampled_from([*ODD, np.inf, -np.inf])
EXACT = frozenset(
    ("delay", "ts_min", "ts_max", "ts_argmin", "ts_argmax", "ts_idxmin", "ts_idxmax", "ts_known",
     "ts_count", "ts_rank", "rank", "bucket", "group_rank", "minimum", "maximum", "neg", "abs",
     "sign", "lt", "gt", "le", "ge", "eq", "ne", "both", "either", "neither", "where", "filter",
     "ts_median", "floor", "round", "unknown", "fillna", "unit_rank", "group_unit_rank",
     "group_count", "group_min", "group_max", "group_median", "cs_count", "cs_min", "cs_max",
     "cs_median", "ts_backfill", "trade_when", "bars_since", "thin")
)  # fmt: skip
FEW = settings(max_examples=20, deadline=None, derandomize=True,
               suppress_health_check=list(HealthCheck))  # fmt: skip


@st.composite
def cases(draw: st.DrawFn, op: Op, values: st.SearchStrategy[float]) -> list[object]:
    shape = draw(SHAPES)
    labels = np.array(draw(st.lists(st.integers(0, 2), min_size=shape[1], max_size=shape[1])))
    kinds = {
        "x": arrays(np.float64, shape, elements=values),
        "d": st.integers(1, 12),
        "n": st.sampled_from([0.0, 0.3, 1.0] if op.bounds[0] < 1 else [1.0, 3.0, 10.5]),
        "g": st.just(labels),
    }
    return [draw(kinds[kind]) for kind in op.args]


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_kernel_and_twin_agree_on_plain_values(op):
    @FEW
    @given(cases(op, PLAIN))
    def check(args):
        assert_allclose(fast_of(op, args), slow_of(op, args), rtol=1e-9, atol=1e-12)

    check()


@pytest.mark.parametrize("name", sorted(EXACT))
def test_what_only_compares_is_exact_on_wild_values(name):
    """As the executor hands them over: arrays of a part hold no infinity."""
    op = TABLE[name]

    @FEW
    @given(cases(op, st.sampled_from(ODD)))
    def check(args):
        assert_allclose(fast_of(op, args), slow_of(op, args), rtol=1e-15)

    check()


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_wild_values_do_no_harm(op):
    """No crash, the right shape, and rows and columns without wild values as without them."""

    @FEW
    @given(cases(op, WILD))
    def check(args):
        made = fast_of(op, args)
        shape = next(a.shape for a in args if np.ndim(a) == 2)
        assert made.shape == shape
        assert made.dtype == np.float64
        if "d" not in op.args:
            return
        calm = [np.full_like(a, 2.0) if np.ndim(a) == 2 else a for a in args]
        mixed = [
            np.hstack([a, c]) if np.ndim(a) == 2 else a for a, c in zip(args, calm, strict=True)
        ]
        np.testing.assert_array_equal(fast_of(op, mixed)[:, shape[1] :], fast_of(op, calm))

    check()


@pytest.mark.parametrize("name", [op.name for op in TABLE.values() if op.room == "kernels"])
def test_a_series_is_alone_in_its_lane(name):
    """Wider than a tile, than the tiles copied at once, and longer than the rows copied at once."""
    op, random = TABLE[name], np.random.default_rng(5)
    for rows, columns in ((40, 17), (30, 64), (25, 131), (1100, 3)):
        values = random.normal(size=(3, rows, columns))
        values[:, random.random((rows, columns)) < 0.1] = NAN
        values[:, :9, -1] = NAN
        args = [{"x": values[i], "d": 7, "n": 0.3}[kind] for i, kind in enumerate(op.args)]
        whole = fast_of(op, args)
        for column in (0, columns // 2, columns - 1):
            one = [a[:, column : column + 1] if np.ndim(a) == 2 else a for a in args]
            np.testing.assert_array_equal(fast_of(op, one)[:, 0], whole[:, column])
        if op.lookback([7]) is not None:
            late = np.full_like(whole[rows - 11 :], 7.0)
            getattr(import_module("engine.expr.kernels"), op.name)(*args, late)
            np.testing.assert_array_equal(finite(late), whole[rows - 11 :])


@pytest.mark.parametrize("d", [15, 16, 17, 31, 32, 40, 70])
def test_sums_of_windows_longer_than_the_data_have_the_bits_of_later_ones(d):
    x = np.random.default_rng(6).normal(size=(100, 3)) * 1e3
    x[::7, 1] = NAN
    whole = fast_of(TABLE["ts_sum"], [x, d])
    for rows in (1, 14, 15, 16, 17, 25, 31, 32, 33, 50, 69):
        np.testing.assert_array_equal(fast_of(TABLE["ts_sum"], [x[:rows], d]), whole[:rows])
