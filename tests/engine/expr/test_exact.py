"""What must be exact: ±1, flat series, sums wherever a hole stands; and what is out of range.

Oracles reckon in fractions, or in other units: scaled by a power of two, which rounds nothing.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from builders import NAN
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from twins import fast_of

from engine import Panel
from engine.core.panel import FloatArray
from engine.expr.executor import evaluate
from engine.expr.ops import TABLE

SOME = settings(max_examples=200, deadline=None, derandomize=True,
                suppress_health_check=list(HealthCheck))  # fmt: skip
PRICES = st.floats(0.01, 1e5)
LABELS = np.array([0, 0, 1, 1, 1])


def _of(name: str, *args: object) -> FloatArray:
    return fast_of(TABLE[name], args)


def _column(values: list[float]) -> FloatArray:
    return np.array(values, dtype=float)[:, None]


def _last(name: str, values: list[float], *args: object) -> float:
    """The newest value of one series; lists among the arguments are series too."""
    rest = [_column(a) if isinstance(a, list) else a for a in args]
    return float(_of(name, _column(values), *rest)[-1, 0])


# correlation


@SOME
@given(st.tuples(PRICES, PRICES), st.tuples(PRICES, PRICES))
def test_two_points_correlate_perfectly_or_not_at_all(x, y):
    got = _last("correlation", list(x), list(y), 2)
    rise = [Fraction(b) - Fraction(a) for a, b in (x, y)]
    if any(abs(r) < Fraction(b) / 10**13 for r, (_, b) in zip(rise, (x, y), strict=True)):
        assume(all(rise) or math.isnan(got))  # it may be rounding
    else:
        assert got == (1.0 if rise[0] * rise[1] > 0 else -1.0)


@SOME
@given(
    st.lists(PRICES, min_size=3, max_size=40),
    st.floats(0.001, 1e4),
    st.floats(-1e6, 1e6),
    st.sampled_from([1.0, -1.0]),
)
def test_points_on_a_line_correlate_perfectly(x, rise, level, sign):
    """The line's own rounding does not count."""
    assume(np.std(x) > 1e-3)
    y = [level + sign * rise * v for v in x]
    assert _last("correlation", x, y, len(x)) == sign
    assert _last("correlation", y, x, len(x)) == sign


def test_points_near_a_line_do_not_lie_on_it():
    random = np.random.default_rng(3)
    x, e = random.normal(size=(2, 30))
    for off in (1e-3, 1e-5, 1e-7):
        got = _last("correlation", list(x), list(x + off * e), 30)
        design = np.column_stack([np.ones(30), x])
        rest = off * (e - design @ np.linalg.lstsq(design, e, rcond=None)[0])
        share = (rest @ rest) / ((x + off * e).var() * 30)
        assert 1.0 - got == pytest.approx(share / 2.0, rel=1e-5, abs=2e-16)


@SOME
@given(
    st.lists(st.tuples(st.integers(1, 32), st.integers(1, 32)), min_size=3, max_size=6),
    st.integers(1, 500),
    st.sampled_from([3, 7, 0.5, 1 / 32]),
    st.integers(-99, 99),
)
def test_equal_correlations_are_equal_whatever_the_units(points, count, unit, level):
    """Of whole numbers, as their fraction tells; the same bits in units that round nothing."""
    n, x, y = len(points), [float(v) for v, _ in points], [float(w) for _, w in points]
    aa, bb = (n * sum(v * v for v in a) - sum(a) ** 2 for a in (x, y))
    ab = n * sum(v * w for v, w in points) - sum(x) * sum(y)
    told = _last("correlation", x, y, n)
    shares = _last("correlation", [v / count for v in x], y, n)
    if aa == 0 or bb == 0:
        assert math.isnan(told)
        assert math.isnan(shares)
        return
    exact = math.copysign(math.sqrt(Fraction(ab) ** 2 / Fraction(aa * bb)), ab)
    assert abs(told) == 1.0 if ab * ab == aa * bb else told == pytest.approx(exact, abs=8e-15)
    assert _last("correlation", [v * unit for v in x], [level - w * unit for w in y], n) == -told
    assert shares == pytest.approx(told, abs=3e-14)


def test_alpha045_ranks_signs_not_rounding():
    """Sums of prices in whole cents, flat for days on end, against sums of whole numbers."""
    random = np.random.default_rng(45)
    moves = random.integers(-3, 4, size=(300, 32)) * (random.random((300, 32)) < 0.4)
    cents = 1_000 + np.cumsum(moves, axis=0)
    close = cents / 100.0
    five, twenty = (_of("ts_sum", close, d) for d in (5, 20))
    got = _of("correlation", five, twenty, 2)
    rises = []
    for d in (5, 20):
        total = np.cumsum(np.vstack([np.zeros((d, 32), int), cents]), axis=0)
        rises.append(np.diff(total[d:] - total[:-d], axis=0))
    expected = np.where(rises[0] * rises[1] == 0, NAN, np.sign(rises[0] * rises[1]))
    assert_array_equal(got[20:], expected[19:])
    assert np.isnan(got[20:]).any()


# a regressor that is constant but for rounding

ABOUT = [0.3, 0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2, 0.3]  # a unit of the last place apart


@pytest.mark.parametrize("name", ["beta", "resid_std", "correlation"])
def test_nothing_follows_from_rounding_over_time(name):
    assert math.isnan(_last(name, [1.0, 5.0, 2.0, 8.0, 3.0, 9.0], ABOUT, 6))
    assert not math.isnan(_last(name, [1.0, 5.0, 2.0, 8.0, 3.0, 9.0], [*ABOUT[:5], 0.4], 6))


@pytest.mark.parametrize("name", ["ts_skew", "ts_kurt", "rsquare"])
def test_rounding_has_no_shape(name):
    assert math.isnan(_last(name, ABOUT, 6))
    assert not math.isnan(_last(name, [*ABOUT[:5], 0.4], 6))


@pytest.mark.parametrize("name", ["zscore", "group_zscore", "neutralize"])
def test_nothing_follows_from_rounding_across_symbols(name):
    level, row = np.array([[3.0, 1.0, 4.0, 1.0, 5.0]]), np.array([ABOUT[:5]])
    more = {"group_zscore": (LABELS,), "neutralize": (level,)}.get(name, ())
    args = (level, row) if name == "neutralize" else (row, *more)
    assert np.isnan(_of(name, *args)).all()


def test_a_small_spread_on_a_large_level_is_a_spread():
    x = [1e9, 1e9 + 1e-3, 1e9 + 2e-3]
    assert _last("beta", [1.0, 2.0, 3.0], x, 3) == pytest.approx(1e3, rel=1e-3)


# flat series


@SOME
@given(PRICES, st.sampled_from([1, 2, 3, 5, 7, 16, 17, 20, 33, 60, 250]), st.data())
def test_the_mean_and_the_decay_of_a_flat_series_are_the_series(value, d, data):
    holes = data.draw(st.sets(st.integers(0, 268), max_size=60))
    series = [NAN if i in holes else value for i in range(269)] + [value]
    for name in ("ts_mean", "decay_linear", "ema", "ewma", "ts_median"):
        got = _of(name, _column(series), d)[:, 0]
        assert set(got[~np.isnan(got)]) == {value}, name
    row = np.array([series])
    for name, more in (("cs_mean", ()), ("group_mean", (np.zeros(270, int),))):
        got = _of(name, row, *more)
        assert set(got[~np.isnan(got)]) == {value}, name


@SOME
@given(
    st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=70),
    st.sampled_from(["ts_mean", "decay_linear"]),
)
def test_a_mean_lies_between_the_extremes(values, name):
    assert min(values) <= _last(name, values, len(values)) <= max(values)


@SOME
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=70))
def test_sums_and_means_are_those_of_fractions(values):
    n, exact = len(values), sum(map(Fraction, values))
    size = float(sum(abs(Fraction(v)) for v in values))
    assert abs(Fraction(_last("ts_sum", values, n)) - exact) <= Fraction(1e-15) * int(size + 1)
    assert abs(Fraction(_last("ts_mean", values, n)) * n - exact) <= Fraction(4e-15) * int(size + 1)
    weights = range(1, n + 1)
    weighted = sum(w * Fraction(v) for w, v in zip(weights, values, strict=True)) / sum(weights)
    got = Fraction(_last("decay_linear", values, n))
    assert abs(got - weighted) <= Fraction(4e-15) * int(size + 1)


@SOME
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=70), st.integers(0, 9), st.data())
def test_the_mean_of_whole_numbers_is_their_quotient(values, holes, data):
    """However many rows rose: 9 days of 20 are 9 / 20, whatever the last day did."""
    n, series = len(values), list(map(float, values))
    for _ in range(holes):
        series.insert(data.draw(st.integers(0, len(series))), NAN)
    assert _last("ts_mean", series, len(series)) == sum(values) / n
    for name, more in (("cs_mean", ()), ("group_mean", (np.zeros(len(series), int),))):
        got = _of(name, np.array([series]), *more)
        assert set(got[~np.isnan(got)]) == {sum(values) / n}, name
    weighted = sum(w * v for w, v in enumerate(values, start=1))
    assert _last("decay_linear", list(map(float, values)), n) == weighted / (n * (n + 1) // 2)


# holes


@SOME
@given(st.lists(PRICES, min_size=1, max_size=60), st.integers(0, 12), st.data())
def test_where_a_hole_stands_changes_no_bit(values, holes, data):
    """A window with holes has the sum of one that has these values and no hole."""
    rows = len(values) + holes
    gaps = data.draw(st.sets(st.integers(0, rows - 1), min_size=holes, max_size=holes))
    rest = iter(values)
    series = [NAN if i in gaps else next(rest) for i in range(rows)]
    for name in ("ts_sum", "ts_mean"):
        assert _last(name, series, rows) == _last(name, values, len(values))
    for name in ("stddev", "ts_skew", "ts_kurt", "ts_mad", "product"):
        assert_array_equal(_last(name, series, rows), _last(name, values, len(values)))


@pytest.mark.parametrize("name", ["ts_sum", "ts_mean", "decay_linear"])
@pytest.mark.parametrize("d", [3, 16, 17, 40])
def test_a_hole_beside_changes_no_bit_of_a_series(name, d):
    """Series of one tile take different ways when one of them has a hole."""
    x = np.random.default_rng(8).normal(size=(90, 16)) * 1e3
    other = x.copy()
    other[40, 3] = NAN
    rest = [j for j in range(16) if j != 3]
    assert_array_equal(_of(name, other, d)[:, rest], _of(name, x, d)[:, rest])
    assert_array_equal(_of(name, other, d)[:40, 3], _of(name, x, d)[:40, 3])


# numbers whose squares are no numbers

DEGREE = {  # of an operator in its arrays: of x · k it gives k ^ degree times what it gives of x
    **dict.fromkeys(
        ("add", "sub", "neg", "abs", "fillna", "minimum", "maximum", "where", "filter",
         "ts_sum", "ts_mean", "decay_linear", "stddev", "ts_mad", "ts_median", "ts_min", "ts_max",
         "slope", "resi", "resid_std", "ema", "ewma", "delay", "delta", "ts_backfill", "decay_exp",
         "smooth", "trade_when", "hump", "demean", "winsorize", "cs_mean", "cs_sum", "cs_min",
         "cs_max", "cs_std", "cs_median", "neutralize", "neutralize2", "neutralize3",
         "indneutralize", "group_mean", "group_sum", "group_min", "group_max", "group_std",
         "group_median", "indneutralize_by", "group_mean_by", "group_sum_by", "group_min_by",
         "group_max_by", "group_std_by", "group_median_by"), 1),
    **dict.fromkeys(
        ("div", "sign", "unknown", "lt", "gt", "le", "ge", "eq", "ne", "both", "either", "neither",
         "ts_rank", "ts_skew", "ts_kurt", "rsquare", "correlation", "beta", "ts_count", "ts_known",
         "ts_argmin", "ts_argmax", "ts_idxmin", "ts_idxmax", "bars_since", "thin", "rank",
         "dense_rank", "unit_rank", "cs_count", "zscore", "zscore2", "scale", "bucket", "qcut",
         "group_zscore", "group_rank", "group_unit_rank", "group_count", "group_zscore_by",
         "group_rank_by", "group_unit_rank_by", "group_count_by"), 0),
    **dict.fromkeys(("mul", "ts_var", "covariance"), 2),
}  # fmt: skip
OWN_UNITS = {  # cell by cell, or with a share, or a power of x: they know no other unit
    "power", "signedpower", "sqrt", "log", "log1p", "exp", "floor", "round", "tanh", "sigmoid",
    "probit", "adapt", "ts_quantile", "product",
}  # fmt: skip


def test_each_operator_is_tried_with_huge_numbers():
    assert {*TABLE} == {*DEGREE} | OWN_UNITS


@pytest.mark.parametrize("name", DEGREE)
@pytest.mark.parametrize("power", [250, 500, 505, 511, 512, 600, 900, 1000, 1015, 1019, 1021])
def test_huge_numbers_give_what_small_ones_do_or_nothing(name, power):
    """Scaled by 2 ^ power, which is exact: never 0, never a wrong number."""
    op, random, k = TABLE[name], np.random.default_rng(12), 2.0**power
    arrays = [np.round(random.normal(size=(30, 5)), 2) for _ in range(op.args.count("x"))]
    more = {"d": 7, "n": 3.0, "g": LABELS}
    rest = [more[kind] for kind in op.args if kind != "x"]
    small = _of(name, *arrays, *rest)
    with np.errstate(over="ignore"):
        expected = small * k
        expected = expected * k if DEGREE[name] == 2 else expected if DEGREE[name] else small
    got = _of(name, *(a * k for a in arrays), *rest)
    there = ~np.isnan(got)
    tolerance = 1e-12 * k if DEGREE[name] else 1e-12
    assert_allclose(got[there], expected[there], rtol=1e-9, atol=tolerance)
    if power * DEGREE[name] < 1000 and power < 500:
        assert_array_equal(np.isnan(got), np.isnan(small))


def test_a_regressor_of_huge_numbers_has_no_slope_of_zero():
    y, x = [1.0, 3.0, 2.0, 5.0], [1e153, 3e153, 2e153, 9e153]
    got, plain = _last("beta", y, x, 4), _last("beta", y, [v / 1e153 for v in x], 4)
    assert math.isnan(got) or got == pytest.approx(plain / 1e153)


def test_formulas_give_these_numbers_too():
    """Through the executor, by pieces: a flat close is not above its own mean."""
    close = np.full((40, 3), 1.40)
    close[7, 1] = NAN
    panel = Panel.from_long(_frame(close))
    got = evaluate({"above": "close > ts_mean(close, 3)"}, panel)["above"]
    assert_array_equal(got[~np.isnan(close)], 0.0)


def _frame(close: FloatArray) -> pd.DataFrame:
    dates = pd.date_range("2020-01-01", periods=len(close), tz="UTC")
    one = [pd.DataFrame({"timestamp": dates, "symbol": c, "close": close[:, j]})
           for j, c in enumerate("abc")]  # fmt: skip
    return pd.concat(one).dropna()
