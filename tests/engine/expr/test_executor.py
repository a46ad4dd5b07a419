"""Formulas on small panels: literal in, literal out; one computation per shared part."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from builders import NAN, panel_of
from numpy.testing import assert_allclose, assert_array_equal

from engine import DataError, Formula, FormulaError, Panel
from engine.core.panel import FloatArray
from engine.expr import cells, kernels
from engine.expr.executor import evaluate
from engine.expr.facts import fields, lookback
from engine.expr.nodes import Call, Field, Number
from engine.expr.parser import parse


def bars(days: int = 40, symbols: int = 6, seed: int = 0) -> Panel:
    """Random bars with holes, and a membership that changes."""
    random = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(0.02 * random.normal(size=(days, symbols)), axis=0))
    lost = random.random(close.shape) < 0.1
    up = close * (1.0 + 0.01 * random.random(close.shape))
    volume = np.exp(random.normal(10.0, 1.0, close.shape))
    made = {"close": close, "high": up, "low": close * 0.98, "volume": volume}
    return panel_of(
        sectors="xyxyzz"[:symbols],
        member=random.random(close.shape) > 0.1,
        **{name: np.where(lost, NAN, array) for name, array in made.items()},
    )


def one(formula: str, on: Panel) -> FloatArray:
    return evaluate({"f": formula}, on)["f"]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("close", [[1, 2], [2, 8], [4, 4]]),
        ("7", [[7, 7], [7, 7], [7, 7]]),
        ("close / delay(close, 1) - 1", [[NAN, NAN], [1, 3], [1, -0.5]]),
        ("close > 2 ? 1 : -close", [[-1, -2], [-2, 1], [1, 1]]),
        ("(close - 2) / (close - 2)", [[1, NAN], [NAN, 1], [1, 1]]),
        ("10 ^ (close * 100)", [[1e100, 1e200], [1e200, NAN], [NAN, NAN]]),
        ("rank(close) + rank(-close)", [[1.5, 1.5], [1.5, 1.5], [1.5, 1.5]]),
        ("rank(3)", [[0.75, 0.75], [0.75, 0.75], [0.75, 0.75]]),
        ("ts_sum(1, 2)", [[1, 1], [2, 2], [2, 2]]),
        ("indneutralize(close, sector)", [[0, 0], [0, 0], [0, 0]]),
        ("returns", [[NAN, NAN], [1, 3], [1, -0.5]]),
        ("market", [[NAN, NAN], [2, 2], [0.25, 0.25]]),
        ("adv2", [[10, 40], [15, 100], [30, 100]]),
        ("vwap", [[5 / 3, 10 / 3], [11 / 3, 28 / 3], [14 / 3, 7]]),
    ],
)
def test_a_formula_on_three_days_of_two_symbols(formula, expected):
    small = panel_of(
        [[1, 2], [2, 8], [4, 4]],
        sectors="xy",
        high=[[3, 4], [6, 12], [7, 9]],
        low=[[1, 4], [3, 8], [3, 8]],
        volume=[[10, 20], [10, 20], [10, 10]],
    )
    assert_allclose(one(formula, small), expected, rtol=1e-15)


def test_a_field_of_the_bars_goes_before_a_derived_one():
    small = panel_of([[1.0]], high=[[1.0]], low=[[1.0]], vwap=[[9.0]], returns=[[0.5]])
    assert one("vwap + returns", small) == 9.5


def test_capitals_of_a_field_do_not_count():
    made = panel_of([[1.0, 2.0]], PE_ratio=[[3.0, 4.0]])
    for text in ("PE_ratio * 2", "pe_ratio * 2"):
        assert_array_equal(evaluate({"x": text}, made)["x"], [[6.0, 8.0]])


def test_who_is_no_member_takes_no_part_in_cross_sections():
    inside = [[True, True, True], [True, False, True]]
    small = panel_of([[1, 2, 3], [1, 2, 3]], sectors="xyx", member=inside)
    assert_allclose(one("rank(close)", small), [[1 / 3, 2 / 3, 1], [0.5, NAN, 1]])
    assert_array_equal(one("indneutralize(close, sector)", small), [[-1, 0, 1], [-1, NAN, 1]])
    assert_array_equal(one("delta(close, 1)", small)[1], [0, 0, 0])


def test_what_is_not_finite_is_missing():
    small = panel_of([[1.0, 2.0]], volume=[[np.inf, 0.0]])
    results = evaluate({"root": "volume", "part": "close / volume", "log": "log(volume)"}, small)
    assert_array_equal(results["root"], [[NAN, 0.0]])
    assert_array_equal(results["part"], [[NAN, NAN]])
    assert_array_equal(results["log"], [[NAN, NAN]])


def test_a_shared_part_is_computed_once(monkeypatch):
    calls = []
    for module, name in ((kernels, "ts_mean"), (cells, "log")):
        kernel = getattr(module, name)

        def counted(*args, kernel=kernel, name=name):
            calls.append(name)
            return kernel(*args)

        monkeypatch.setattr(module, name, counted)
    formulas = {
        "a": "log(ts_mean(close, 3))",
        "b": "LOG(sma(close, 3.9)) + log(ts_mean(close, 3))",
        "c": "correlation(log(ts_mean(close, 3)), ts_mean(close, 3), 5)",
        "again": "log(ts_mean(close, 3))",
        "other": "ts_mean(close, 4)",
    }
    results = evaluate(formulas, bars())
    assert sorted(calls) == ["log", "ts_mean", "ts_mean"]
    monkeypatch.undo()
    for name, formula in formulas.items():
        assert_array_equal(results[name], one(formula, bars()))


def test_results_are_the_callers_own():
    given = bars()
    texts = ("close", "close", "returns", "abs(returns)", "abs(returns)", "1", "market", "adv3")
    results = evaluate({str(i): text for i, text in enumerate(texts)}, given)
    before = {name: array.copy() for name, array in results.items()}
    for name, array in results.items():
        assert array.flags.writeable
        assert array.flags.c_contiguous
        assert array.dtype == np.float64
        assert_array_equal(array, before[name])  # as it was, whatever was written to the others
        array[:] = -1.0
    assert_array_equal(given.returns, bars().returns)
    assert_array_equal(given.market, bars().market)
    assert_array_equal(given["close"], bars()["close"])


@pytest.mark.parametrize("field", ["close", "returns", "market", "vwap"])
def test_a_lone_field_is_a_copy(field):
    given = bars()
    one(field, given)[:] = -1.0
    assert_array_equal(one(field, given), one(field, bars()))


def test_arrays_are_freed_when_their_last_reader_has_run():
    wide = panel_of(np.ones((20_000, 5)))
    array = wide["close"].nbytes
    one("-close", wide)
    tracemalloc.start()
    one("-(" * 60 + "close" + ")" * 60, wide)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * array


def test_the_deepest_formula_runs():
    small = panel_of([[1.0], [2.0]])
    assert_array_equal(one("abs(" * 199 + "close" + ")" * 199, small), small["close"])
    total = "+".join(["close"] * 200)
    assert_array_equal(one(total, small), 200.0 * small["close"])


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("rank(clsoe)", "factor 'mine': the bars have no field 'clsoe'; did you mean 'close'?"),
        ("returnz", "factor 'mine': the bars have no field 'returnz'; did you mean 'returns'?"),
        ("adv20", "factor 'mine': the bars have no field 'volume'"),
        ("vwap", "factor 'mine': the bars have no field 'high'"),
        (
            "indneutralize(close, sectr)",
            "factor 'mine': the symbols have no grouping 'sectr'; did you mean 'sector'?",
        ),
    ],
)
def test_what_the_panel_lacks_is_named(formula, message):
    with pytest.raises(DataError) as caught:
        evaluate({"fine": "close", "mine": formula}, panel_of([[1.0]], sectors="x"))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("formula", "message", "column"),
    [
        ("close + rank(CLSOE) * 2", "no field 'clsoe'; did you mean 'close'?", 13),
        ("close1 / 2 + close\n* closee", "no field 'close1'; did you mean 'close'?", 0),
        ("close * rank(Sector)", "'sector' is a grouping, a text: numbers are needed here", 13),
        ("group_mean(close, close)", "no grouping 'close'; close is a field of numbers; ", 11),
        ("indneutralize(close, IndClass.sectr)", "no grouping 'sectr'; did you mean", 30),
        ("$close / $cap", "no field 'cap'; choose from", 10),
    ],
)
def test_what_the_panel_lacks_is_pointed_at(formula, message, column):
    with pytest.raises(DataError) as caught:
        evaluate({"f": formula}, panel_of([[1.0]], sectors="x"))
    first, shown, caret = str(caught.value).split("\n")
    assert message in first
    assert shown == "  " + formula.replace("\n", " ")
    assert caret == "  " + " " * column + "^"


def test_what_a_formula_does_not_spell_out_is_not_pointed_at():
    with pytest.raises(DataError) as caught:
        evaluate({"f": "adv20 + 1"}, panel_of([[1.0]]))
    assert len(str(caught.value).split("\n")) == 1


def test_a_formula_that_cannot_be_read_is_named():
    with pytest.raises(FormulaError) as caught:
        evaluate({"fine": "close", "mine": "rnk(close)"}, panel_of([[1.0]]))
    first, *rest = str(caught.value).split("\n")
    assert first == "factor 'mine': unknown operator 'rnk'; did you mean 'rank'?"
    assert rest == ["  rnk(close)", "  ^"]


def test_a_tree_may_be_given_in_place_of_text():
    small = panel_of([[1, 2], [2, 8]])
    tree = Call("delay", (Field("close"), Number(1.0)))
    assert_array_equal(evaluate({"f": tree}, small)["f"], one("delay(close, 1)", small))


def test_a_paper_style_formula_agrees_with_pandas():
    """Oracle: pandas, without a line of ours."""
    given = bars(days=60)
    high, low, close, volume = (given.wide(given[n]) for n in ("high", "low", "close", "volume"))
    vwap = (high + low + close) / 3.0
    correlation = pd.DataFrame(
        {s: vwap[s].rolling(4, min_periods=2).corr(volume[s]) for s in given.symbols}
    )

    def weighted(window: np.ndarray) -> float:
        weights = np.arange(3.0 - len(window), 3.0)
        known = ~np.isnan(window)
        return (window * weights)[known].sum() / weights[known].sum() if known.any() else NAN

    decayed = correlation.rolling(2, min_periods=0).apply(weighted, raw=True)
    expected = decayed.where(given.member).rank(axis=1, pct=True) * -1.0
    got = one("rank(decay_linear(correlation(vwap, volume, 4), 2)) * -1", given)
    assert np.isfinite(got).mean() > 0.5
    assert_allclose(got, expected.to_numpy(), rtol=1e-12)


@pytest.mark.parametrize("stop", [1, 5, 39])
def test_a_formula_does_not_look_ahead(stop):
    formulas = {
        "a": "rank(decay_linear(correlation(vwap, volume, 4), 2)) * -1",
        "b": "beta(returns, market, 10) / stddev(returns, 5)",
        "c": "indneutralize(zscore(adv5), sector) + scale(ema(close, 5))",
    }
    full, cut = evaluate(formulas, bars()), evaluate(formulas, bars().cut(stop))
    for name in formulas:
        assert_array_equal(cut[name], full[name][:stop])


@pytest.mark.parametrize(
    ("formula", "rows", "names"),
    [
        ("3", 0, set()),
        ("close", 0, {"close"}),
        ("delay(close, 5) + ts_mean(volume, 5)", 5, {"close", "volume"}),
        ("ts_mean(delay(close, 5), 5)", 9, {"close"}),
        ("ts_max(adv20, 3)", 21, {"adv20"}),
        ("rank(delta(vwap, 2))", 2, {"vwap"}),
        ("indneutralize(open, IndClass.sector)", 0, {"open"}),
        ("ema(close, 5)", None, {"close"}),
        ("close * returns", None, {"close", "returns"}),
        ("ts_mean(market, 5)", None, {"market"}),
    ],
)
def test_lookback_and_fields_are_known_before_a_run(formula, rows, names):
    assert lookback(parse(formula)) == rows
    assert fields(parse(formula)) == names
    assert Formula(formula=formula).lookback == rows


def test_a_formula_is_a_factor():
    given = bars()
    factor = Formula(formula="rank(close)")
    assert_array_equal(factor.compute(given), one("rank(close)", given))


@pytest.mark.parametrize("text", ["", "  \n"])
def test_a_formula_must_be_written(text):
    with pytest.raises(FormulaError, match="formula is empty: write one, such as rank"):
        Formula(formula=text)


def test_a_wrong_formula_is_refused_before_the_data_are_read():
    with pytest.raises(FormulaError, match="unknown operator 'rnk'"):
        Formula(formula="rnk(close)")


def test_one_symbol_has_a_market_of_its_own():
    """The panel's arrays are read, never written to, whatever is freed and used again."""
    lone = panel_of([[1.0], [2.0], [3.0], [6.0]])
    texts = {"a": "beta(returns, market, 3)", "b": "ts_mean(close, 2)", "c": "rank(close) + a"}
    assert_array_equal(evaluate(texts, lone)["b"][:, 0], [1, 1.5, 2.5, 4.5])
    assert_array_equal(lone.market, [NAN, 1, 0.5, 1])
