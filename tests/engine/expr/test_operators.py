"""Every operator of the table: its kernel against its slow twin, and its causality.

The panels are hard on purpose: holes, constants, ties, both signs, tiny and huge values with
small differences, fewer rows than the window, one symbol, windows of one row.
"""

from __future__ import annotations

from importlib import import_module
from itertools import product

import numpy as np
import pytest
from builders import NAN
from numpy.testing import assert_allclose, assert_array_equal
from twins import fast_of, slow_of, twin_of

from engine.core.panel import FloatArray
from engine.expr.ops import TABLE, Op

OPS = pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
WINDOWED = pytest.mark.parametrize(
    "op", [op for op in TABLE.values() if "d" in op.args], ids=lambda op: op.name
)
ENDLESS = {"ema", "ewma", "smooth", "adapt", "trade_when", "hump", "bars_since", "thin"}
LABELS = np.array([0, 1, 0, 2, 1, 1])


def _hard_panels() -> dict[str, FloatArray]:
    random = np.random.default_rng(5)
    normal = random.normal(size=(24, 6))
    holes = np.where(random.random(normal.shape) < 0.3, NAN, normal)
    empty = holes.copy()
    empty[:, 2], empty[6:16] = NAN, NAN
    return {
        "normal": normal,
        "prices": 100.0 * np.exp(np.cumsum(0.02 * normal, axis=0)),
        "holes": holes,
        "mostly holes": np.where(random.random(normal.shape) < 0.8, NAN, normal),
        "empty rows and columns": empty,
        "nothing": np.full((12, 6), NAN),
        "ties": np.round(holes),
        "zero": np.zeros((15, 6)),
        "constant": np.full((15, 6), 0.1),
        "steps": np.repeat(np.round(normal[:6], 2), 4, axis=0),
        "large and a little": 1e8 + normal,
        "tiny": 1e-60 * normal,
        "a spike": np.where(np.arange(24)[:, None] == 7, 1e12, normal),
        "few rows": normal[:3],
        "one row": normal[:1],
        "one symbol": holes[:, :1],
    }


PANELS = _hard_panels()
SLACK = {"a spike": 1e-4}  # what 1e12 swallows of its neighbours in float64


def _arguments(op: Op, x: FloatArray, d: int) -> list[object]:
    """Arguments of `op`: x, and panels made of x, so that holes and ties fall together too."""
    rolled = np.roll(np.where(np.isnan(x), 1.0, x), 1, axis=-1)
    arrays = iter((x, rolled, np.abs(x[::-1]), np.roll(x, 2, axis=-1)))
    given = {
        "d": lambda: d,
        "n": lambda: 0.7 if op.bounds[0] < 1 else 3.7,
        "g": lambda: LABELS[: x.shape[1]],
    }
    return [given.get(kind, lambda: next(arrays))() for kind in op.args]


def _on(args: list[object], change) -> list[object]:
    """The arguments with every array changed."""
    return [change(a) if isinstance(a, np.ndarray) and a.ndim == 2 else a for a in args]


def test_names_and_signs_are_used_once():
    names = [name for op in TABLE.values() for name in (op.name, *op.aliases)]
    signs = [op.infix for op in TABLE.values() if op.infix]
    theirs = [op.qlib for op in TABLE.values() if op.qlib]
    assert len(names) == len(set(names))
    assert len(theirs) == len(set(theirs))
    assert len(signs) == len(set(signs))


@OPS
def test_an_operator_has_a_kernel_a_slow_twin_and_a_meaning(op):
    assert callable(getattr(import_module(f"engine.expr.{op.room}"), op.name))
    assert callable(twin_of(op))
    assert op.doc
    assert set(op.args) <= set("xdng")
    assert (op.reach in {"window", "shift"}) <= (op.args.count("d") == 1)
    assert (op.reach == "none") <= ("d" not in op.args)


@OPS
def test_the_kernel_agrees_with_its_slow_twin(op):
    for kind, d in product(PANELS, (1, 2, 4, 20) if "d" in op.args else (1,)):
        args, slack = _arguments(op, PANELS[kind], d), SLACK.get(kind, 1e-13)
        got, expected = fast_of(op, args), slow_of(op, args)
        assert_allclose(got, expected, rtol=1e-9, atol=slack, err_msg=f"{kind}, d = {d}")


@OPS
@pytest.mark.parametrize("kind", ["holes", "ties", "large and a little"])
def test_a_row_does_not_know_what_comes_after(op, kind):
    """Bit for bit: on data cut at t, and on data that differ after t."""
    args = _arguments(op, PANELS[kind], 5)
    other = np.random.default_rng(9).normal(size=PANELS[kind].shape)
    other[::3] = NAN
    full = fast_of(op, args)
    for t in (1, 4, 17):
        cut = fast_of(op, _on(args, lambda a, t=t: a[:t].copy()))
        changed = fast_of(op, _on(args, lambda a, t=t: np.vstack([a[:t], other[t:]])))
        assert_array_equal(cut, full[:t])
        assert_array_equal(changed[:t], full[:t])


@OPS
@pytest.mark.parametrize("kind", ["holes", "ties", "large and a little"])
def test_the_order_of_symbols_does_not_matter(op, kind):
    """Bit for bit, except sums over symbols, which run in the given order."""
    args, order = _arguments(op, PANELS[kind], 5), np.array([3, 0, 5, 1, 4, 2])
    moved = _on(args, lambda a: np.ascontiguousarray(a[:, order]))
    if "g" in op.args:
        moved[-1] = LABELS[order]
    full = fast_of(op, args)[:, order]
    if op.room == "sections":
        assert_allclose(fast_of(op, moved), full, rtol=1e-12, atol=1e-13)
    else:
        assert_array_equal(fast_of(op, moved), full)


@OPS
@pytest.mark.parametrize("kind", ["holes", "prices", "large and a little"])
def test_lookback_is_all_that_a_row_reads(op, kind):
    """Bit for bit: the last lookback + 1 rows give the last row."""
    for d in (1, 5) if "d" in op.args else (1,):
        rows = op.lookback([d])
        if rows is None:
            assert op.name in ENDLESS
            return
        args = _arguments(op, PANELS[kind], d)
        last = fast_of(op, _on(args, lambda a, rows=rows: np.ascontiguousarray(a[-rows - 1 :])))
        assert_array_equal(last[-1], fast_of(op, args)[-1])


@WINDOWED
def test_a_lookback_is_no_longer_than_it_must_be(op):
    """The oldest row that is declared does matter."""
    args = _arguments(op, PANELS["prices"], 5)
    rows = op.lookback([5])
    if rows is None:
        return
    oldest = _on(args, lambda a: a[-rows - 1 :].copy())
    if op.name == "ts_backfill":  # what is known later counts
        oldest[0][1:] = args[0][-rows:] = NAN
    oldest[0][0] = NAN if op.name == "ts_known" else 0.0
    changed = fast_of(op, oldest)[-1]
    assert not np.array_equal(changed, fast_of(op, args)[-1])


@OPS
def test_inputs_are_left_alone(op):
    args = _on(_arguments(op, PANELS["holes"], 5), np.ascontiguousarray)
    for array in args:
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    fast_of(op, args)


LITERALS = {
    # operator: (arguments, one value per row)
    "delay": ([[1, 2, NAN, 4]], 2, [NAN, NAN, 1, 2]),
    "delta": ([[1, 2, NAN, 5]], 1, [NAN, 1, NAN, NAN]),
    "ts_sum": ([[1, 2, NAN, 4]], 2, [1, 3, 2, 4]),
    "ts_mean": ([[NAN, 2, 4, 9]], 3, [NAN, 2, 3, 5]),
    "ts_count": ([[1, 0, NAN, 3]], 3, [1, 1, 1, 1]),
    "ts_known": ([[NAN, 0, NAN, 3]], 2, [0, 1, 1, 1]),
    "ts_var": ([[1, 3, 3, 3]], 2, [NAN, 2, 0, 0]),
    "ts_mad": ([[1, 3, NAN, 8]], 3, [0, 1, 1, 2.5]),
    "stddev": ([[1, 3, 3, 3]], 2, [NAN, 2**0.5, 0, 0]),
    "ts_median": ([[5, 1, 3, NAN]], 3, [5, 3, 3, 2]),
    "ts_min": ([[2, 1, 3, 4]], 2, [2, 1, 1, 3]),
    "ts_max": ([[2, 1, 3, NAN]], 2, [2, 2, 3, 3]),
    "ts_argmax": ([[7, 9, 9, 1]], 3, [3, 3, 2, 1]),
    "ts_argmin": ([[7, 9, 7, 1]], 3, [3, 2, 1, 3]),
    "ts_idxmax": ([[NAN, 7, 9, NAN]], 3, [NAN, 1, 2, 2]),
    "ts_idxmin": ([[9, 7, 7, 8]], 3, [1, 2, 2, 1]),
    "ts_rank": ([[3, 1, 3, NAN]], 3, [1, 0.5, 2.5 / 3, NAN]),
    "product": ([[2, -3, NAN, 5]], 3, [2, -6, -6, -15]),
    "decay_linear": ([[1, 2, NAN, 4]], 3, [1, 8 / 5, 5 / 3, 14 / 4]),
    "correlation": ([[1, 2, 3, 3], [2, 4, 4, 1]], 2, [NAN, 1, NAN, NAN]),
    "covariance": ([[1, 2, 4, 4], [2, 4, 4, 1]], 2, [NAN, 1, 0, 0]),
    "beta": ([[2, 4, 7, 1], [1, 2, 3, 3]], 2, [NAN, 2, 3, NAN]),
    "slope": ([[1, 3, NAN, 9]], 3, [NAN, 2, 2, 3]),
    "rsquare": ([[1, 2, 3, 3]], 3, [NAN, 1, 1, 0.75]),
    "resi": ([[0, 2, 1, NAN]], 3, [NAN, 0, -0.5, NAN]),
    "ewma": ([[1, 3, NAN, 4]], 3, [1, 7 / 3, 7 / 3, 39 / 11]),
    "ema": ([[1, 3, NAN, 5]], 3, [1, 2, 2, 3.5]),
    "ts_backfill": ([[1, NAN, NAN, 4]], 2, [1, 1, NAN, 4]),
    "thin": ([[1, 1, NAN, 1]], 1, [1, 0, NAN, 1]),
}


STATES = {
    # operator: (arguments, one value per row)
    "decay_exp": ([[1, 2, NAN, 4]], (3, 0.5), [1, 5 / 3, 5 / 3, 9 / 2.5]),
    "smooth": ([[1, 4, NAN, 1]], (3, 1.0), [1, 2, 2, 5 / 3]),
    "adapt": ([[1, 4, NAN, 1], [1, 0.5, 0.5, NAN]], (), [1, 2.5, 2.5, 2.5]),
    "trade_when": (
        [[1, 0, NAN, 1, 0, 2], [5, 6, 7, 8, 9, 1], [0, 0, NAN, -1, 1, 1]],
        (),
        [5, 5, 5, 8, NAN, NAN],
    ),
    "hump": ([[5, 2, 4, NAN, 9], [1.5] * 5], (), [5, 3.5, 3.5, NAN, 5]),
    "bars_since": ([[0, 1, 0, NAN, 2]], (), [NAN, 0, 1, 2, 0]),
    "thin": ([[1, 1, 1, 1, 0, 1, 1]], (2,), [1, 0, 0, 1, 0, 0, 1]),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_by_hand(name):
    arrays, constants, expected = STATES[name]
    columns = [np.array(a, dtype=float)[:, None] for a in arrays]
    assert_allclose(fast_of(TABLE[name], [*columns, *constants])[:, 0], expected, rtol=1e-15)


@pytest.mark.parametrize("name", LITERALS)
def test_one_symbol_by_hand(name):
    arrays, d, expected = LITERALS[name]
    columns = [np.array(a, dtype=float)[:, None] for a in arrays]
    assert_allclose(fast_of(TABLE[name], [*columns, d])[:, 0], expected, rtol=1e-15)


TENS = [[10.0, -20.0, 10.0, NAN, 0.5, 0.5]]  # groups that a formula made: A and C, B, E and F
SECTIONS = {
    "rank": ([30, 10, NAN, 10, 20, 5], (), [1, 0.5, NAN, 0.5, 0.8, 0.2]),
    "demean": ([1, 2, NAN, 3, 4, 5], (), [-2, -1, NAN, 0, 1, 2]),
    "dense_rank": ([30, 10, NAN, 10, 20, 5], (), [1, 0.5, NAN, 0.5, 0.75, 0.25]),
    "zscore2": ([1, 3, NAN, 1, 3, NAN], (0.0,), [-1, 1, NAN, -1, 1, NAN]),
    "qcut": ([1, 2, NAN, 3, 4, 5], (2.9,), [1, 1, NAN, 1, 2, 2]),
    "zscore": ([1, 1, NAN, 1, 1, 1], (), [NAN] * 6),
    "scale": ([1, -3, NAN, 0, 2, 2], (2.0,), [0.25, -0.75, NAN, 0, 0.5, 0.5]),
    "winsorize": ([0, 0, NAN, 0, 0, 5], (0.0,), [1, 1, NAN, 1, 1, 1]),
    "indneutralize": ([1, 5, 3, 7, 6, NAN], (LABELS,), [-1, -0.5, 1, 0, 0.5, NAN]),
    "group_mean": ([1, 5, 3, 7, 6, NAN], (LABELS,), [2, 5.5, 2, 7, 5.5, NAN]),
    "group_zscore": ([1, 5, 3, 7, 5, NAN], (LABELS,), [-(0.5**0.5), NAN, 0.5**0.5] + [NAN] * 3),
    "group_rank": ([1, 5, 3, 7, 5, NAN], (LABELS,), [0.5, 0.75, 1, 1, 0.75, NAN]),
    "group_unit_rank": ([1, 5, 3, 7, 5, NAN], (LABELS,), [0, 0.5, 1, 0.5, 0.5, NAN]),
    "unit_rank": ([30, 10, NAN, 10, 20, 5], (), [1, 0.375, NAN, 0.375, 0.75, 0]),
    "group_sum": ([1, 5, 3, 7, 6, NAN], (LABELS,), [4, 11, 4, 7, 11, NAN]),
    "group_count": ([1, 5, 3, 7, 6, NAN], (LABELS,), [2, 2, 2, 1, 2, NAN]),
    "group_min": ([1, 5, 3, 7, 6, NAN], (LABELS,), [1, 5, 1, 7, 5, NAN]),
    "group_max": ([1, 5, 3, 7, 6, NAN], (LABELS,), [3, 6, 3, 7, 6, NAN]),
    "group_median": ([1, 5, 3, 7, 6, NAN], (LABELS,), [2, 5.5, 2, 7, 5.5, NAN]),
    "group_std": ([1, 5, 3, 7, 6, NAN], (LABELS,), [2**0.5, 0.5**0.5, 2**0.5, NAN, 0.5**0.5, NAN]),
    "cs_sum": ([1, 2, NAN, 3, 4, 5], (), [15, 15, NAN, 15, 15, 15]),
    "cs_count": ([1, 2, NAN, 3, 4, 5], (), [5, 5, NAN, 5, 5, 5]),
    "cs_min": ([1, 2, NAN, 3, 4, 5], (), [1, 1, NAN, 1, 1, 1]),
    "cs_max": ([1, 2, NAN, 3, 4, 5], (), [5, 5, NAN, 5, 5, 5]),
    "cs_median": ([1, 2, NAN, 9, 4, NAN], (), [3, 3, NAN, 3, 3, NAN]),
    "cs_std": ([1, 3, NAN, NAN, NAN, NAN], (), [2**0.5, 2**0.5, NAN, NAN, NAN, NAN]),
    "indneutralize_by": ([1, 5, 3, 7, 6, NAN], (TENS,), [-1, 0, 1, NAN, 0, NAN]),
    "group_mean_by": ([1, 5, 3, 7, 6, NAN], (TENS,), [2, 5, 2, NAN, 6, NAN]),
    "group_zscore_by": ([1, 5, 3, 7, 6, NAN], (TENS,), [-(0.5**0.5), NAN, 0.5**0.5] + [NAN] * 3),
    "group_rank_by": ([1, 5, 3, 7, 6, NAN], (TENS,), [0.5, 1, 1, NAN, 1, NAN]),
    "group_unit_rank_by": ([1, 5, 3, 7, 6, NAN], (TENS,), [0, 0.5, 1, NAN, 0.5, NAN]),
    "group_sum_by": ([1, 5, 3, 7, 6, NAN], (TENS,), [4, 5, 4, NAN, 6, NAN]),
    "group_count_by": ([1, 5, 3, 7, 6, NAN], (TENS,), [2, 1, 2, NAN, 1, NAN]),
    "group_min_by": ([1, 5, 3, 7, 6, NAN], (TENS,), [1, 5, 1, NAN, 6, NAN]),
    "group_max_by": ([1, 5, 3, 7, 6, NAN], (TENS,), [3, 5, 3, NAN, 6, NAN]),
    "group_median_by": ([1, 5, 3, 7, 6, NAN], (TENS,), [2, 5, 2, NAN, 6, NAN]),
    "group_std_by": ([1, 5, 3, 7, 6, NAN], (TENS,), [2**0.5, NAN, 2**0.5] + [NAN] * 3),
    "cs_mean": ([1, 2, NAN, 3, 4, 5], (), [3, 3, NAN, 3, 3, 3]),
    "bucket": ([30, 10, NAN, 10, 20, 5], (2.9,), [2, 1, NAN, 1, 2, 1]),
    "neutralize": (
        [1, 2, 2, 3, NAN, 9],
        ([[0, 1, 2, 3, 4, NAN]],),
        [-0.1, 0.3, -0.3, 0.1, NAN, NAN],
    ),
    "neutralize2": (
        [1, 0, 0, 0, 0, NAN],
        ([[1, 1, -1, -1, 0, 5]], [[1, -1, 1, -1, 0, 5]]),
        [0.3, -0.2, -0.2, 0.3, -0.2, NAN],
    ),
    "neutralize3": (
        [4, 0, 0, 0, 0, 0],
        ([[1, 1, -1, -1, 0, 0]], [[1, -1, 1, -1, 0, 0]], [[1, -1, -1, 1, 0, 0]]),
        [1 / 3, 1 / 3, 1 / 3, 1 / 3, -2 / 3, -2 / 3],
    ),
}


@pytest.mark.parametrize("name", SECTIONS)
def test_one_date_by_hand(name):
    row, constants, expected = SECTIONS[name]
    rest = [np.array(c, dtype=float) if isinstance(c, list) else c for c in constants]
    got = fast_of(TABLE[name], [np.array([row], dtype=float), *rest])
    assert_allclose(got, [expected], rtol=1e-15, atol=1e-15)


CELLS = {
    "div": ((1.0, 0.0), NAN),
    "power": ((-8.0, 1 / 3), NAN),
    "log": ((0.0,), NAN),
    "sqrt": ((-1.0,), NAN),
    "exp": ((1000.0,), NAN),
    "sign": ((-0.5,), -1.0),
    "signedpower": ((-3.0, 2.0), -9.0),
    "minimum": ((1.0, NAN), NAN),
    "log1p": ((-1.0,), NAN),
    "floor": ((-1.5,), -2.0),
    "round": ((2.5,), 2.0),
    "tanh": ((0.0,), 0.0),
    "sigmoid": ((-1000.0,), 0.0),
    "probit": ((0.5,), 0.0),
    "unknown": ((NAN,), 1.0),
    "fillna": ((NAN, 3.0), 3.0),
    "lt": ((NAN, 1.0), NAN),
    "ne": ((NAN, NAN), NAN),
    "both": ((2.0, -1.0), 1.0),
    "either": ((0.0, 0.0), 0.0),
    "neither": ((0.0,), 1.0),
    "where": ((NAN, 1.0, 2.0), NAN),
    "filter": ((5.0, 0.0), NAN),
}


@pytest.mark.parametrize("name", CELLS)
def test_one_cell_by_hand(name):
    values, expected = CELLS[name]
    got = fast_of(TABLE[name], [np.array([[v]]) for v in values])
    assert_array_equal(got, [[expected]])


def test_the_unchosen_side_may_be_missing():
    args = [np.array([[v]]) for v in (0.0, NAN, 2.0)]
    assert_array_equal(fast_of(TABLE["where"], args), [[2.0]])


@pytest.mark.parametrize(("x", "y"), [(NAN, 0.0), (1.0, NAN), (-1.0, NAN)])
def test_what_is_missing_has_no_power(x, y):
    for name in ("power", "signedpower"):
        assert_array_equal(fast_of(TABLE[name], [np.array([[x]]), np.array([[y]])]), [[NAN]])


@pytest.mark.parametrize(
    "others",
    [
        ([[2.0] * 6],),  # constant
        ([[0, 1, 2, 3, 4, 5]], [[1, 3, 5, 7, 9, 11]]),  # one follows from the other
        ([[0, 1, 2, NAN, NAN, NAN]], [[0, 1, 4, NAN, NAN, NAN]]),  # 3 values, 3 coefficients
    ],
)
def test_what_cannot_be_told_apart_leaves_nothing(others):
    name = {1: "neutralize", 2: "neutralize2"}[len(others)]
    row = np.array([[3.0, 1.0, 4.0, 1.0, 5.0, 9.0]])
    assert np.isnan(fast_of(TABLE[name], [row, *(np.array(o, float) for o in others)])).all()


def test_buckets_are_of_one_size():
    row = np.random.default_rng(1).permutation(30.0 + np.arange(30))[None]
    assert_array_equal(np.bincount(fast_of(TABLE["bucket"], [row, 10.0])[0].astype(int))[1:], 3)
