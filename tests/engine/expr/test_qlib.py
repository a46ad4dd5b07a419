"""Qlib's dialect: its words and signs, and its operators against pandas as Qlib calls it."""

from __future__ import annotations

import contextlib
import random

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from engine import ConfigError, FormulaError, Panel
from engine.expr.executor import evaluate
from engine.expr.facts import lookback, to_text
from engine.expr.ops import QLIB
from engine.expr.parser import parse

TREES = {
    "$close": "close",
    "$Close + $VWAP": "(close + vwap)",
    "Ref($close, 5)/$close": "(delay(close, 5) / close)",
    # over time, whatever the second argument; Greater and Less are cell by cell
    "Max($high, 5)": "ts_max(high, 5)",
    "Min($low, 1)": "ts_min(low, 1)",
    "Greater($open, 5)": "maximum(open, 5)",
    "Less($open, $close)": "minimum(open, close)",
    "Rank($close, 5)": "ts_rank(close, 5)",
    "Count($close, 5)": "ts_known(close, 5)",
    "EMA($close, 5)": "ewma(close, 5)",
    "IdxMax($high, 5)": "ts_idxmax(high, 5)",
    "Quantile($close, 5, 0.8)": "ts_quantile(close, 5, 0.8)",
    "If($close > $open, 1, -1)": "where((close > open), 1, -1)",
    "Not(Eq($close, 1))": "neither((close == 1))",
    # signs bind as in Python
    "($close > 1) & ($open < 2) | ($low == 3)": "(((close > 1) && (open < 2)) || (low == 3))",
    "$close > 1 & $open": "(close > (1 && open))",
    "$close ** 2 * 3": "((close ^ 2) * 3)",
    "-$close ** 2": "neg((close ^ 2))",
    "2*$close-$high-$low": "(((2 * close) - high) - low)",
    # all rows so far
    "Mean($close, 0)": "ts_mean(close, 100000)",
    # NaN where the deviation is 2e-5 or less
    "Rsquare($close, 5)": "(rsquare(close, 5) / (stddev(close, 5) > 0.00002))",
    "Corr($close, $open, 5)": (
        "(correlation(close, open, 5) / ((stddev(close, 5) > 0.00002) && "
        "(stddev(open, 5) > 0.00002)))"
    ),
}

ERRORS = {
    "mean($close, 5)": ("unknown operator 'mean' of Qlib; did you mean 'Mean'?", 0),
    "$close + Mask($close, 5)": ("unknown operator 'Mask' of Qlib", 9),
    "Mean(close, 5) + $open": ("'close' is no number: Qlib writes a field as $close", 5),
    "Ref($close, -1)/$close - 1": ("delay by -1 looks ahead: write the rows back, such as 1", 12),
    "Delta($close, -2)": ("delta by -2 looks ahead", 14),
    "Ref($close, 0)": ("the window of delay is 0: choose from 1 to 100000", 12),
    "WMA($close, 0)": ("the window of decay_linear is 0: choose from 1", 12),
    "EMA($close, 0)": ("the window of ewma is 0: choose from 1", 12),
    "Mean($close, -5)": ("the window of ts_mean is -5: choose from 1", 13),
    "$close ^ 2": ("unexpected character '^'", 7),
    "$close > 1 > $open": ("two comparisons in a row: write (a > b) & (b > c)", 11),
    "$close ? 1 : 2": ("unexpected character '?'", 7),
    "Mean($close)": ("Mean takes 2 arguments, not 1", 0),
    "$$roe_q": ("unexpected character '$'", 0),
}


@pytest.mark.parametrize("text", TREES)
def test_a_formula_of_qlib_is_this_formula_of_ours(text):
    assert parse(text) == parse(TREES[text], "paper")
    assert parse(to_text(parse(text))) == parse(text)


@pytest.mark.parametrize("text", ERRORS)
def test_an_error_says_what_and_points_there(text):
    message, column = ERRORS[text]
    with pytest.raises(FormulaError) as caught:
        parse(text)
    first, _, caret = str(caught.value).split("\n")
    assert message in first
    assert caret == "  " + " " * column + "^"


def test_the_dollar_makes_the_dialect_and_so_does_its_name():
    assert parse("rank(close)") != parse("Rank($close, 1)")
    assert parse("Abs(1)", "qlib") == parse("abs(1)", "paper")
    with pytest.raises(FormulaError, match="Qlib writes a field as"):
        parse("Abs(close)", "qlib")
    with pytest.raises(FormulaError, match="unexpected character"):
        parse("$close", "paper")
    with pytest.raises(ConfigError, match="dialect=qlip: no such dialect; did you mean 'qlib'"):
        parse("close", "qlip")


def test_any_text_is_a_formula_or_a_formula_error():
    pick = random.Random(5)
    signs = [*"+-*/^?:(),<>$&|", "**", "<=", "==", "!=", " ", "1", "2.5", "0", "-1", "1e400"]
    words = [*QLIB, *signs, "$close", "$Volume", "close", "$", "mean"]
    for _ in range(3_000):
        text = "$x" + "".join(pick.choice(words) for _ in range(pick.randint(0, 20)))
        with contextlib.suppress(FormulaError):
            node = parse(text)
            assert parse(to_text(node), "paper") == node, text


@pytest.mark.parametrize(
    "text", ["-" * 9_999 + "$a", "**".join(["$a"] * 5_000), "$a" + "&$a" * 5_000]
)
def test_depth_is_refused_and_not_run_into(text):
    with pytest.raises(FormulaError, match="nested deeper than 200: shorten it"):
        parse(text)


def test_a_window_of_0_rows_reads_everything():
    assert lookback(parse("Mean($close, 0)")) is None
    assert lookback(parse("Mean($close, 10)")) == 9


# --- values, from the first row on --------------------------------------------------------


def _idxmax(window):
    return window.argmax() + 1.0


def _line(window, what):
    """NaN for one value, as in Qlib, where it is 0 / 0."""
    if len(window) < 2:
        return np.nan
    place = np.arange(1.0, len(window) + 1)
    fit = np.polyval(np.polyfit(place, window, 1), place)
    explained = 1 - ((window - fit) ** 2).sum() / ((window - window.mean()) ** 2).sum()
    return {"slope": fit[1] - fit[0], "resi": window[-1] - fit[-1], "rsquare": explained}[what]


ORACLES = {
    "Ref($close, 2)": lambda x, y, r: x.shift(2),
    "Delta($close, 2)": lambda x, y, r: x - x.shift(2),
    "Mean($close, 5)": lambda x, y, r: r.mean(),
    "Sum($close, 5)": lambda x, y, r: r.sum(),
    "Std($close, 5)": lambda x, y, r: r.std(),
    "Var($close, 5)": lambda x, y, r: r.var(),
    "Skew($close, 5)": lambda x, y, r: r.skew(),
    "Kurt($close, 5)": lambda x, y, r: r.kurt(),
    "Max($close, 5)": lambda x, y, r: r.max(),
    "Min($close, 5)": lambda x, y, r: r.min(),
    "Med($close, 5)": lambda x, y, r: r.median(),
    "Mad($close, 5)": lambda x, y, r: r.apply(lambda w: abs(w - w.mean()).mean(), raw=True),
    "Quantile($close, 5, 0.2)": lambda x, y, r: r.quantile(0.2),
    "Count($close, 5)": lambda x, y, r: r.count(),
    "Rank($close, 5)": lambda x, y, r: r.rank(pct=True),
    "IdxMax($close, 5)": lambda x, y, r: r.apply(_idxmax, raw=True),
    "IdxMin($close, 5)": lambda x, y, r: (-x).rolling(5, min_periods=1).apply(_idxmax, raw=True),
    "Slope($close, 5)": lambda x, y, r: r.apply(_line, raw=True, args=("slope",)),
    "Rsquare($close, 5)": lambda x, y, r: r.apply(_line, raw=True, args=("rsquare",)),
    "Resi($close, 5)": lambda x, y, r: r.apply(_line, raw=True, args=("resi",)),
    "Corr($close, $open, 5)": lambda x, y, r: r.corr(y),
    "Cov($close, $open, 5)": lambda x, y, r: r.cov(y),
    "EMA($close, 5)": lambda x, y, r: x.ewm(span=5, min_periods=1).mean(),
    "Mean($close, 0)": lambda x, y, r: x.expanding().mean(),
    "IdxMax($close, 0)": lambda x, y, r: x.expanding().apply(_idxmax, raw=True),
    "Quantile($close, 0, 0.8)": lambda x, y, r: x.expanding().quantile(0.8),
    "Rsquare($close, 0)": lambda x, y, r: x.expanding().apply(_line, raw=True, args=("rsquare",)),
    "Greater($close, $open)": lambda x, y, r: np.maximum(x, y),
    "Less($close, $open)": lambda x, y, r: np.minimum(x, y),
    "Power($close, 2)": lambda x, y, r: x**2,
    "Sign(Log($close) - Abs(3))": lambda x, y, r: np.sign(np.log(x) - 3),
    "If(Gt($close, $open), $close, $open)": lambda x, y, r: np.where(x > y, x, y),
    "Or(Le($close, 20), Not(Ge($open, 20)))": lambda x, y, r: ((x <= 20) | (y < 20)) * 1.0,
    "And(Lt($close, 20), Ne($open, 20))": lambda x, y, r: ((x < 20) & (y != 20)) * 1.0,
    "Div(Mul(Add($close, 1), 2), Sub($open, 1))": lambda x, y, r: (x + 1) * 2 / (y - 1),
    "Eq($close, $close)": lambda x, y, r: x * 0 + 1,
}


@pytest.mark.parametrize("text", ORACLES)
def test_an_operator_agrees_with_qlibs_way_in_pandas(text):
    normal = np.random.default_rng(3).normal
    x, y = (pd.Series(20.0 + normal(size=30).cumsum()) for _ in range(2))
    days = pd.date_range("2024-01-01", periods=30, tz="UTC")
    panel = Panel(
        days, ("A",), {n: a.to_numpy()[:, None] for n, a in {"close": x, "open": y}.items()}
    )
    got = evaluate({"f": text}, panel)["f"][:, 0]
    expected = ORACLES[text](x, y, x.rolling(5, min_periods=1))
    assert_allclose(got, expected, rtol=1e-9, atol=1e-11)


def test_every_operator_of_qlib_is_tested():
    words = " ".join(ORACLES)
    assert {name for name in QLIB if f"{name}(" not in words} == {"WMA"}


def test_wma_is_the_weighted_mean_itself():
    days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    panel = Panel(days, ("A",), {"close": np.array([[1.0], [2.0], [4.0]])})
    assert_allclose(evaluate({"f": "WMA($close, 3)"}, panel)["f"][-1], (1 + 2 * 2 + 3 * 4) / 6)


@pytest.mark.parametrize("text", ["Corr($close, $open, 3)", "Rsquare($close, 3)"])
def test_what_hardly_moves_has_no_correlation(text):
    days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    fields = {"close": np.array([[1.0], [1.00001], [1.00002]]), "open": np.ones((3, 1)).cumsum(0)}
    still = Panel(days, ("A",), fields)
    moving = still.with_fields({"close": fields["close"] * 1e3})
    assert np.isnan(evaluate({"f": text}, still)["f"]).all()
    assert_allclose(evaluate({"f": text}, moving)["f"][1:], 1.0)


def test_a_place_is_counted_from_a_listing_on():
    days = pd.date_range("2024-01-01", periods=5, tz="UTC")
    close = np.array([[np.nan], [np.nan], [3.0], [5.0], [4.0]])
    got = evaluate({"f": "IdxMax($close, 4)"}, Panel(days, ("A",), {"close": close}))["f"]
    assert_allclose(got[:, 0], [np.nan, np.nan, 1, 2, 2])


def test_comparisons_with_nan_are_nan_where_qlib_has_false_or_for_ne_true():
    days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    panel = Panel(days, ("A",), {"close": np.array([[2.0], [1.0], [3.0]])})
    texts = {sign: f"$close {sign} Ref($close, 1)" for sign in ("<", ">", "<=", ">=", "==", "!=")}
    made = evaluate({**texts, "up": "Mean($close>Ref($close, 1), 3)"}, panel)
    assert [float(made[sign][1, 0]) for sign in texts] == [1, 0, 1, 0, 0, 1]
    assert all(np.isnan(made[sign][0, 0]) for sign in texts)
    assert_allclose(made["up"][:, 0], [np.nan, 0.0, 1 / 2])  # Qlib: 0, 0, 1/3
    assert all("NaN (Qlib: 0)" in QLIB[name].doc for name in ("Lt", "Gt", "Le", "Ge", "Eq"))
    assert "NaN (Qlib: 1)" in QLIB["Ne"].doc
