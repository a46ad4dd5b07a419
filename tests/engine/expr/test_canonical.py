"""Formulas that are equal but for how they are written have one text and one key."""

from __future__ import annotations

import importlib
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from engine import Panel
from engine.expr import canonical
from engine.expr.canonical import key
from engine.expr.executor import evaluate
from engine.expr.graph import Graph
from engine.expr.guests import using
from engine.expr.parser import parse
from engine.plugin.registry import Entry, Registry

EQUAL = {
    "ts_mean(close, 5)": ["Mean($close,5)", " sma( CLOSE , 5.7 ) ", "((mean(close,5)))"],
    "(close + open)": ["open+close", "close + open", "Add($open, $close)"],
    "(2 * close)": ["close*2", "2 * +close"],
    "((2 * close) + open)": ["open + close * 2", "close*2+open"],
    "((close + high) + low)": ["low + (high + close)", "close + high + low"],
    "(close < open)": ["open > close", "Gt($open, $close)", "close < open"],
    "(close <= 3)": ["3 >= close"],
    "((1 == close) && (close != open))": ["open != close && close == 1"],
    "((0 < volume) || (close < 0))": ["close < 0 || volume > 0"],
    "-3": ["neg(3)", "--(-3)"],
    "0": ["-0", "0.0"],
    "scale(close, 1)": ["scale(close)"],
    "group_rank(close, sector)": ["group_rank(close, IndClass.Sector)"],
    "where((close < open), 1, -1)": ["open > close ? 1 : -1", "If($open > $close, 1, -1)"],
}
DIFFERENT = [
    "close - open",
    "open - close",
    "close / open",
    "open / close",
    "close < open",
    "open < close",
    "close <= open",
    "(close + open) + low",
    "close + (open + low)",  # sums are not regrouped
    "ts_mean(close, 5)",
    "ts_mean(close, 6)",
    "ts_rank(close, 5)",
    "min(close, open)",
    "min(open, close)",  # of 0 and -0 the first one counts
    "indneutralize(close, sector)",
    "indneutralize(close, industry)",
]


@pytest.mark.parametrize("text", EQUAL)
def test_equal_formulas_have_one_text_and_one_key(text):
    for other in [text, *EQUAL[text]]:
        assert canonical(other) == text
        assert key(other) == key(parse(other)) == sha256(text.encode()).hexdigest()
    assert canonical(canonical(text)) == text


def test_other_formulas_have_other_keys():
    assert len({key(text) for text in DIFFERENT}) == len(DIFFERENT)


def _panel() -> Panel:
    random = np.random.default_rng(2)
    days = pd.date_range("2024-01-01", periods=30, tz="UTC")
    made = {n: random.normal(size=(30, 4)).round(1) for n in ("close", "open", "high", "low")}
    made["volume"] = np.where(random.random((30, 4)) < 0.3, np.nan, made["low"])
    return Panel(days, tuple("ABCD"), made, {"sector": tuple("xxyy")})


@pytest.mark.parametrize("text", EQUAL)
def test_not_a_bit_differs_between_equal_formulas(text):
    expected = evaluate({"f": text}, _panel())["f"]
    for other in EQUAL[text]:
        assert_array_equal(evaluate({"f": other}, _panel())["f"], expected)


def test_commuted_parts_are_computed_once():
    def graph(**texts: str) -> Graph:
        return Graph.of({name: parse(text) for name, text in texts.items()}, lambda name: True)

    made = graph(a="close + open", b="open + close", c="close < open", d="open > close")
    assert [part.op.name for part in made.parts if part.op] == ["add", "lt"]
    assert made.roots == {"a": 2, "b": 2, "c": 3, "d": 3}
    assert len(graph(a="close - open", b="open - close").regions(99)) == 2


OPERATOR = '''
from dataclasses import dataclass
from typing import ClassVar
import engine

@dataclass(frozen=True)
class Times(engine.Operator):
    """x, three times."""

    name: ClassVar[str] = "times"

    def kernel(self, x):
        return 3.0 * x

    def slow(self, x):
        return x * 3.0
'''


@pytest.fixture
def keyed(tmp_path, monkeypatch):
    """The key of a formula where a plugin's operator has that version and that code."""
    monkeypatch.syspath_prepend(tmp_path)

    def found(version: str, code: str, text: str) -> str:
        file = tmp_path / f"times_{len([*tmp_path.glob('*.py')])}.py"
        file.write_text(code, encoding="utf-8")
        importlib.invalidate_caches()
        module = importlib.import_module(file.stem)
        monkeypatch.setattr(Registry, "entries", lambda self, kind: {
            "times": Entry(kind, module.Times, "times-plugin", version)
        })  # fmt: skip
        with using(Registry([])):
            return key(text)

    return found


def test_the_key_of_a_guest_is_that_of_its_code_too(keyed):
    text, code = "rank(Times(close))", sha256(OPERATOR.encode()).hexdigest()
    first = keyed("1.0", OPERATOR, text)
    line = f"rank(times(close))\ntimes times-plugin 1.0 {code}"
    assert first == sha256(line.encode()).hexdigest()
    assert keyed("1.0", OPERATOR, "rank( times(CLOSE) )") == first
    edited = OPERATOR.replace("3.0 * x", "x * 3.0")
    assert len({first, keyed("1.1", OPERATOR, text), keyed("1.0", edited, text)}) == 3
    assert keyed("1.1", edited, "rank(close)") == key("rank(close)")
