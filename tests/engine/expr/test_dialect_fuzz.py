"""Random typed formulas of each dialect: none crashes, and no value depends on what comes after.

A formula is drawn word by word from the dialect's own tables, in its own spelling: signs, named
arguments, lines, windows in days. What is read is computed on all rows, on rows cut off, with
one thread and three, in blocks of a few rows; bits are compared.
"""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest

from engine import FormulaError, Panel
from engine.expr import executor
from engine.expr.dialects import FOREIGN
from engine.expr.executor import evaluate
from engine.expr.facts import to_text
from engine.expr.ops import QLIB, TABLE, Op
from engine.expr.parser import parse
from engine.expr.qlib import ALPHAGEN, IN_DAYS

DIALECTS = ("paper", "qlib", *FOREIGN)
FIELDS = ("open", "high", "low", "close", "volume", "vwap", "returns")
WINDOWS = {"d": (2, 9), "lag": (0, 3), "lookback": (1, 9)}  # of parameters that are rows
CONSTANTS = {"m": "1", "k": "3", "constant": "1", "lower": "-1", "upper": "1", "weight": "2"}
SIGNS = {
    "paper": ("+", "-", "*", "/", "<", ">=", "&&", "||"),
    "qlib": ("+", "-", "*", "/"),
    "brain": ("+", "-", "*", "/", "<", "!=", "&&", "||"),
    "gtja": ("+", "-", "*", "/", ".*", "./", "=", "<>", "&", "|"),
    "tdx": ("+", "-", "*", "/", "=", "<>", " AND ", " OR "),
    "python": ("+", "-", "*", "/", "&", "|"),
}
ALONE = frozenset({"sequence", "ts_step", "bucket"})  # read by other words, or with texts
BATCH = 50


def bars() -> Panel:
    draw = np.random.default_rng(12)
    days, symbols = 40, 5
    close = 20.0 * np.exp(np.cumsum(0.03 * draw.normal(size=(days, symbols)), axis=0))
    close[5:9] = close[4]  # stands still
    fields = {"open": close * 1.01, "high": close * 1.02, "low": close * 0.97, "close": close,
              "volume": np.round(np.exp(draw.normal(4.0, 1.0, close.shape)))}  # fmt: skip
    none = draw.random(close.shape) < 0.08
    none[:12, 1] = none[30:, 2] = True
    for array in fields.values():
        array[none] = np.nan
    member = np.ones(close.shape, bool)
    member[15:22, 3] = False
    return Panel(
        dates=pd.date_range("2024-01-01", periods=days, tz="UTC"),
        symbols=tuple("ABCDE"),
        fields=fields,
        groups={"sector": tuple("xxyyx")},
        member=member,
    )


PANEL = bars()


class Drawer:
    """Draws formulas of one dialect."""

    def __init__(self, dialect: str, seed: int) -> None:
        self.dialect, self.pick = dialect, random.Random(seed)
        self.own = list(QLIB.values() if dialect == "qlib" else TABLE.values())
        table = {**ALPHAGEN, **IN_DAYS} if dialect == "qlib" else {}
        table = FOREIGN[dialect].words if dialect in FOREIGN else table
        self.words = [(n, word) for n, words in table.items() if n not in ALONE for word in words]

    def text(self) -> str:
        made = self.formula(self.pick.randint(1, 3))
        if self.dialect in {"brain", "tdx"} and self.pick.random() < 0.2:
            sign = "=" if self.dialect == "brain" else ":="
            return f"aa {sign} {made}; aa - {self.formula(1)}"
        return made

    def formula(self, depth: int) -> str:
        if depth == 0 or self.pick.random() < 0.1:
            return self.leaf()
        kind = self.pick.random()
        if kind < 0.25:
            sign = self.pick.choice(SIGNS[self.dialect])
            return f"({self.formula(depth - 1)}{sign}{self.formula(depth - 1)})"
        if kind < 0.3 and self.dialect in {"paper", "brain", "gtja"}:
            c, x, y = (self.formula(depth - 1) for _ in range(3))
            return f"({c} > {x} ? {x} : {y})"
        if self.words and self.pick.random() < 0.75:
            return self.word(depth)
        return self.operator(self.pick.choice(self.own), depth)

    def leaf(self) -> str:
        if self.pick.random() < 0.15:
            return self.pick.choice(("1", "0.5", "3"))
        dollar = "$" if self.dialect == "qlib" else ""
        return dollar + self.pick.choice(FIELDS)

    def window(self, least: int, most: int) -> str:
        d = str(self.pick.randint(least, most))
        return d + "d" * (self.dialect in {"brain", "gtja", "python"} and self.pick.random() < 0.2)

    def operator(self, op: Op, depth: int) -> str:
        if op.infix:
            return self.leaf()
        given = {"d": lambda: self.window(1, 9), "g": lambda: "sector",
                 "n": lambda: "0.5" if op.bounds[0] < 1 else "3"}  # fmt: skip
        args = [given.get(kind, lambda: self.formula(depth - 1))() for kind in op.args]
        return f"{op.qlib if self.dialect == 'qlib' else op.name}({', '.join(args)})"

    def word(self, depth: int) -> str:
        name, word = self.pick.choice(self.words)
        args = []
        for parameter, default in word.parameters:
            if default is not None and self.pick.random() < 0.5:
                break
            made = self.argument(parameter, default, depth)
            named = default is not None and self.dialect in {"brain", "python"}
            args.append(f"{parameter}={made}" if named else made)
        if word.many:
            args[:1] = [args[0], self.formula(depth - 1)]
        days = self.dialect == "qlib" and name in IN_DAYS
        return f"{name}({', '.join(args)}{'d' * days})"

    def argument(self, parameter: str, default: str | None, depth: int) -> str:
        if parameter == "g":
            return "sector"
        if parameter in WINDOWS:
            least, most = WINDOWS[parameter]
            made = self.pick.randint(least, most)
            return str(made) if default or self.dialect == "qlib" else self.window(least, most)
        if default is not None:
            return default
        if parameter in CONSTANTS:
            return CONSTANTS[parameter]
        return self.formula(depth - 1)


def check(dialect: str, count: int, seed: int) -> float:
    """Draw so many formulas, and compare their values; return the share that was read."""
    drawer, read = Drawer(dialect, seed), 0
    for _ in range(0, count, BATCH):
        nodes = {}
        for i in range(BATCH):
            text = drawer.text()
            try:
                nodes[f"f{i}"] = parse(text, dialect)
            except FormulaError:
                continue
            assert parse(to_text(nodes[f"f{i}"]), "paper") == nodes[f"f{i}"], text
        read += len(nodes)
        cut = drawer.pick.randint(2, 38)
        whole = evaluate(nodes, PANEL, threads=1)
        many = evaluate(nodes, PANEL, threads=3)
        short = evaluate(nodes, PANEL.between(0, cut), threads=1)
        for name, values in whole.items():
            text = to_text(nodes[name])
            assert not np.isinf(values).any(), text
            assert values.tobytes() == many[name].tobytes(), text
            assert values[:cut].tobytes() == short[name].tobytes(), (cut, text)
    return read / count


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 16 rows, so that there are several."""
    monkeypatch.setattr(executor, "BLOCK", 16 * 5 * 8)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_some_random_formulas_of_a_dialect(dialect):
    assert check(dialect, 300, seed=1) > 0.85


@pytest.mark.long
@pytest.mark.parametrize("dialect", DIALECTS)
def test_20000_random_formulas_of_a_dialect(dialect):
    assert check(dialect, 20_000, seed=2) > 0.85
