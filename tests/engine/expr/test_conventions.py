"""Ranks, scores and buckets by the conventions of pandas and zipline, as the table tells them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from builders import NAN
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from engine import Panel
from engine.core.errors import FormulaError
from engine.expr.executor import evaluate
from engine.expr.parser import parse
from engine.study.ic import rank_ic

ROWS = st.lists(
    st.sampled_from([NAN, -2.5, -1.0, 0.0, 1.0, 1.5, 2.0, 7.0]), min_size=2, max_size=30
)


def _of(text: str, row: list[float]) -> np.ndarray:
    """A formula of one date; symbols are in the order of the row."""
    symbols = [f"s{place:02}" for place in range(len(row))]
    frame = pd.DataFrame({"symbol": symbols, "close": 1.0, "x": row})
    frame.insert(0, "timestamp", pd.Timestamp("2020-01-01", tz="UTC"))
    return evaluate({"f": text}, Panel.from_long(frame))["f"][0]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=40, unique=True), st.integers(1, 12))
def test_qcut_is_that_of_pandas(values, q):
    """Scaled, so that pandas meets no edge that rounding has moved."""
    values = np.array(values) * 1.0
    edges = np.quantile(values, np.arange(1, q) / q)
    near = np.abs(values[:, None] - edges) < 1e-9
    if len(values) < 2 or (near & (values[:, None] != edges)).any():
        return
    expected = pd.qcut(values, q, labels=False, duplicates="drop") + 1.0
    assert_array_equal(_of(f"qcut(x, {q})", list(values)), expected)


def test_a_value_on_an_edge_is_in_the_lower_bucket():
    assert_array_equal(_of("qcut(x, 2)", [1, 2, 3, 4, 5]), [1, 1, 1, 2, 2])
    assert_array_equal(_of("bucket(x, 2)", [1, 2, 3, 4, 5]), [1, 1, 2, 2, 2])


@settings(max_examples=50, deadline=None, derandomize=True)
@given(ROWS)
def test_a_score_over_n_is_that_of_zipline(row):
    """Its zscore is ``(row - nanmean(row)) / nanstd(row)``."""
    values = np.array(row)
    with np.errstate(all="ignore"):
        known = values[~np.isnan(values)]
        constant = len(known) < 2 or np.ptp(known) == 0.0
        expected = values * NAN if constant else (values - known.mean()) / known.std()
    assert_allclose(_of("zscore(x, 0)", row), expected, rtol=1e-12, atol=1e-14)
    assert_array_equal(_of("zscore(x, 1)", row), _of("zscore(x)", row))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(ROWS)
def test_ranks_are_average_or_dense(row):
    series = pd.Series(row)
    assert_allclose(_of("rank(x)", row), series.rank(pct=True), rtol=1e-15)
    assert_allclose(_of("dense_rank(x)", row), series.rank(method="dense", pct=True), rtol=1e-15)


def test_a_score_over_anything_else_is_refused():
    with pytest.raises(FormulaError, match="the number of zscore2 is 2: choose from 0 to 1"):
        parse("zscore(close, 2)")


def test_a_rank_ic_ranks_the_cells_that_both_have():
    """As pandas and alphalens do: what one lacks takes no rank of the other."""
    factor, outcome = [5.0, 1.0, NAN, 3.0, 2.0], [1.0, 2.0, 9.0, 0.0, NAN]
    both = pd.DataFrame({"f": factor, "o": outcome}).dropna()
    expected = both.rank().corr().iloc[0, 1]
    assert rank_ic(np.array([factor]), np.array([outcome]))[0] == pytest.approx(expected)
