"""Formulas that name other factors of their set."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from builders import panel_of
from numpy.testing import assert_array_equal

from engine import DataError, Formula, FormulaError, Panel
from engine.expr import cells
from engine.expr.executor import evaluate
from engine.expr.formula import trees
from engine.expr.naming import write_out
from engine.expr.nodes import Field
from engine.expr.parser import parse


def panel(**more: list[list[float]]) -> Panel:
    return panel_of([[1.0, 3.0], [2.0, 12.0], [4.0, 6.0]], sectors="xy", **more)


def out(**formulas: str) -> dict[str, object]:
    nodes = {name: parse(text) for name, text in formulas.items()}
    return write_out(nodes, lambda name: name in {"close", "open"})


def test_a_name_stands_for_its_formula():
    made = evaluate({"b": "rank(Move) * 2", "move": "close / delay(close, 1)"}, panel())
    assert list(made) == ["b", "move"]
    assert_array_equal(made["move"], [[np.nan] * 2, [2, 4], [2, 0.5]])
    assert_array_equal(made["b"], [[np.nan] * 2, [1, 2], [2, 1]])


def test_names_of_names_are_written_out_whatever_the_order():
    made = out(c="b - A", b="log(a)", a="close * 2")
    assert made["c"] == parse("log(close * 2) - close * 2")
    assert made["b"] == parse("log(close * 2)")


def test_capitals_of_a_factor_do_not_count_and_the_same_spelling_goes_first():
    assert out(KMID="close", x="kmid + 1")["x"] == parse("close + 1")
    assert out(A="close", a="open", x="a")["x"] == Field("open")


@pytest.mark.parametrize("name", ["close", "returns", "market", "vwap", "adv3"])
def test_what_the_bars_know_goes_first(name):
    texts = {name: "close * 100", "x": f"{name} + 1"}
    assert out(**texts)["x"] == parse(f"{name} + 1")


def test_a_factor_may_be_called_as_the_field_that_it_is():
    given = panel(eps=[[1.0, 2.0]] * 3)
    assert_array_equal(evaluate({"eps": "EPS * 2"}, given)["eps"], 2.0 * given["eps"])


def test_a_grouping_is_not_a_factor():
    made = evaluate({"sector": "close", "x": "indneutralize(close, sector)"}, panel())
    assert_array_equal(made["x"], np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("formulas", "circle"),
    [
        ({"a": "b + 1", "b": "rank(a)"}, "factor 'a' names itself: a → b → a;"),
        ({"x": "a", "a": "b", "b": "C", "C": "a"}, "factor 'a' names itself: a → b → C → a;"),
        ({"a": "a + 1"}, "factor 'a' names itself: a → a;"),
    ],
)
def test_a_circle_is_refused_and_named(formulas, circle):
    with pytest.raises(FormulaError) as caught:
        evaluate(formulas, panel())
    assert str(caught.value).startswith(circle)


def test_an_unknown_name_is_compared_with_factors_too():
    with pytest.raises(DataError, match="no field 'mmove'; did you mean 'move'"):
        evaluate({"move": "-close", "x": "mmove"}, panel())
    with pytest.raises(DataError, match="no field 'clsoe'; did you mean 'close'"):
        evaluate({"clsoe": "clsoe"}, panel())


def test_shared_parts_are_computed_once(monkeypatch):
    calls = []
    log = cells.log
    monkeypatch.setattr(cells, "log", lambda x, out: calls.append(1) or log(x, out))
    evaluate({"a": "log(close)", "b": "a + rank(a)", "c": "rank(log(close)) - b"}, panel())
    assert len(calls) == 1


def test_a_chain_of_names_may_be_long_but_not_deep():
    chain = {"f0": "close"} | {f"f{i}": f"f{i - 1}" for i in range(1, 5000)}
    assert out(**chain)["f4999"] == Field("close")
    deep = {"f0": "close"} | {f"f{i}": f"-f{i - 1}" for i in range(1, 300)}
    with pytest.raises(FormulaError, match="factor 'f200': nested deeper than 200 with the"):
        out(**deep)
    wide = {"f0": "close"} | {f"f{i}": f"f{i - 1} + f{i - 1}" for i in range(1, 60)}
    with pytest.raises(FormulaError, match="factor 'f16': more than 100000 parts with the"):
        out(**wide)


def test_a_factor_without_its_field_is_nan_for_those_that_name_it(caplog):
    formulas = {
        "a": Formula(formula="eps / close", missing="warn"),
        "b": Formula(formula="rank(a)", missing="warn"),
    }
    with caplog.at_level(logging.WARNING):
        made = evaluate(trees(formulas, panel()), panel())
    assert np.isnan(made["b"]).all()
    assert [r.message.partition(":")[0] for r in caplog.records] == ["the bars have no field 'eps'"]
    assert "(a)" in caplog.text
