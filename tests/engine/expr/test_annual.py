"""`annual` in a formula: the panel's rows a year, as if the number had been typed."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

import engine
from engine.core.errors import DataError, FormulaError
from engine.core.panel import Panel
from engine.expr.annual import bind
from engine.expr.canonical import canonical, key
from engine.expr.executor import evaluate
from engine.expr.explanation import explain
from engine.expr.formula import Formula
from engine.expr.nodes import Number
from engine.expr.parser import parse
from engine.expr.pieces import evaluate_pieces
from engine.factors.sets import lookbacks, ready

RV = "stddev(returns, 5) * annual ^ 0.5"


def market(freq="B", rows=90, **more):
    dates = pd.date_range("2020-01-01", periods=rows, freq=freq, tz="UTC")
    steps = np.random.default_rng(4).normal(0.0, 0.02, (rows, 3))
    return Panel(dates, ("A", "B", "C"), {"close": 50.0 * np.exp(steps.cumsum(axis=0))}, **more)


@pytest.mark.parametrize(("freq", "number"), [("B", 252), ("D", 365), ("W", 52), ("ME", 12)])
@pytest.mark.parametrize(
    "text",
    [RV, "(ts_mean(minimum(returns, 0) ^ 2, 6) * annual) ^ 0.5", "-ANNUAL * close", "annual",
     "close > annual ? 1 : -annual", "max(close, annual * 1)", "$close / $annual",
     "scale(close, annual)"],
)  # fmt: skip
def test_it_is_the_number_that_could_have_been_typed(text, freq, number):
    typed = text.replace("$annual", str(number)).replace("annual", str(number))
    typed = typed.replace("ANNUAL", str(number))
    panel = market(freq)
    one, other = evaluate({"x": text}, panel)["x"], evaluate({"x": typed}, panel)["x"]
    assert one.tobytes() == other.tobytes()
    assert key(bind(parse(text), number)) == key(typed)
    assert bind(parse(text), float(number)) == parse(typed)


def test_max_with_it_is_cell_by_cell_for_it_is_no_window():
    assert canonical("max(close, annual)") == "maximum(close, annual)"
    assert canonical("max(close, 252)") == "ts_max(close, 252)"


def test_a_panel_with_its_own_number_is_annualised_by_it():
    by_260 = evaluate({"x": RV}, market(periods_per_year=260.0))["x"]
    typed = evaluate({"x": RV.replace("annual", "260")}, market())["x"]
    assert by_260.tobytes() == typed.tobytes()


def test_a_frame_is_annualised_by_its_dates_or_by_what_is_said():
    frame = market("ME").wide(market("ME")["close"])
    assert (engine.evaluate({"x": "annual"}, frame)["x"] == 12.0).all().all()
    said = engine.evaluate({"x": "annual"}, frame, periods_per_year=4.0)["x"]
    assert (said == 4.0).all().all()
    panel = engine.evaluate({"x": "annual"}, market("ME"), periods_per_year=4.0)["x"]
    assert (panel == 4.0).all()


@pytest.mark.parametrize(
    "text", ["ts_mean(close, annual)", "delay(close, Annual)", "Ref($close, $annual)"]
)
def test_it_is_no_window(text):
    with pytest.raises(FormulaError, match=r"annual is no window of .*: write a whole number of"):
        parse(text)


def test_an_operators_bounds_hold_for_it():
    with pytest.raises(
        FormulaError, match=r"factor 'x': the number of ts_quantile is annual, 252: choose"
    ):
        evaluate({"x": "ts_quantile(close, 5, annual)"}, market())


@pytest.mark.parametrize("name", ["annual", "Annual"])
def test_a_column_of_that_name_is_refused(name):
    frame = pd.DataFrame({"timestamp": market().dates, "symbol": "A", "close": 1.0, name: 2.0})
    with pytest.raises(DataError, match=rf"a field '{name}', .* \+source.columns.yearly={name}$"):
        engine.evaluate({"x": "close"}, frame)


def test_a_factor_of_that_name_does_not_stand_in_for_it():
    made = evaluate({"annual": "close * 0", "x": "annual * 1"}, market())
    assert (made["x"] == 252.0).all()


def test_a_set_knows_the_number_and_reads_no_row_for_it():
    factors = {"rv": Formula(RV), "days": Formula("close * annual", missing="warn")}
    panel = market("W")
    assert ready(factors, panel).keys["rv"] == key(RV.replace("annual", "52"))
    assert lookbacks(factors, panel)["days"] == Formula("close * annual").lookback == 0


def test_a_cut_after_the_rows_that_were_read_changes_no_bit():
    """60 dates are read; later dates come every day, and change nothing."""
    weeks = market("W", 60).dates
    dates = weeks.append(pd.date_range(weeks[-1], periods=200, tz="UTC")[1:])
    steps = np.random.default_rng(4).normal(0.0, 0.02, (len(dates), 2))
    close = np.exp(steps.cumsum(axis=0))
    whole = evaluate({"x": RV}, Panel(dates, ("A", "B"), {"close": close}))["x"]
    for stop in (60, 61, 100, 258):
        part = evaluate({"x": RV}, Panel(dates[:stop], ("A", "B"), {"close": close[:stop]}))["x"]
        assert part.tobytes() == whole[:stop].tobytes()


def test_a_piece_has_the_number_of_the_whole():
    panel = market("D")
    whole = evaluate({"x": RV}, panel)["x"]
    parts = [values["x"] for _, values in evaluate_pieces({"x": RV}, panel, 7)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_it_is_told_as_a_number():
    lines = explain(parse("close * annual")).split("\n")
    assert lines[:5] == [
        "formula    (close * 252)",
        "canonical  (252 * close)",
        f"key        {key('close * 252')}",
        "fields     close",
        "groupings  none",
    ]
    assert lines[5].startswith("annual     252 rows a year, of daily bars; ")
    assert "annual" not in explain(parse("close * 252"))


def test_it_is_a_ratio_among_units():
    assert explain(parse("close + annual")).count("warning") == 0


def test_a_tree_without_it_stays_the_same_object():
    tree = parse("rank(close)")
    assert bind(tree, 252.0) is tree
    assert bind(parse("-annual"), 12.0) == Number(-12.0)


@pytest.mark.parametrize(("freq", "told"), [("B", False), ("D", False), ("W", True), ("h", True)])
def test_names_that_speak_of_months_are_told_of_where_a_row_is_no_day(caplog, freq, told):
    names = ["returns_12m", "high_52w", "mean_3_months", "vol_2y", "rv_20", "beta_252", "kd15max"]
    with caplog.at_level(logging.WARNING):
        ready({name: Formula("close") for name in names}, market(freq))
    lines = [r.getMessage() for r in caplog.records if "names speak of" in r.getMessage()]
    assert len(lines) == told
    if told:
        assert lines[0].endswith(": returns_12m, high_52w, mean_3_months, vol_2y")
