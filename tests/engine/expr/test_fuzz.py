"""Any text is read, or refused with a FormulaError, at once; and what is read can be used."""

from __future__ import annotations

import gc
import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from engine.core.errors import FormulaError
from engine.expr import canonical
from engine.expr.explanation import explain
from engine.expr.facts import fields, lookback, to_text
from engine.expr.ops import NAMES, QLIB
from engine.expr.parser import parse

PAPER = (
    "rank(decay_linear(correlation(vwap, volume, 4), 2)) * -1",
    "neutralize(delta(close, 3) / close, log(volume), returns) ^ 2",
    "0 < ts_min(delta(close, 1), 5) ? delta(close, 1) : -min(close, open) && x1 != .5e-3",
    "indneutralize(ts_rank(close, 9.7), IndClass.industry) <= scale(sum(adv20, 5))",
)
THEIRS = (
    "Corr($close/Ref($close, 1), Log($volume + 1), 20) ** 2",
    "(Mean($close > Ref($close, 1), 5) - Std(Abs($open), 60)) / ($high - $low + 1e-12)",
    "If(($close > 1) & ($open < 2) | Not($low), Quantile($close, 5, 0.8), -Less($open, 3))",
)
SIGNS = (*"+-*/^?:(),<>$&|!=.", "**", "&&", "||", "<=", ">=", "==", "!=", " ", "\n", "\t")
LEAVES = ("close", "$close", "volume", "sector", "0", "1", "2.5", "-3", "1e9", "1e400", "1e-400")
WORDS = (*NAMES, *(f"{name}(" for name in QLIB), *SIGNS, *SIGNS, *LEAVES, *LEAVES)


def _characters(pick: random.Random) -> str:
    wide = pick.random() < 0.3
    return "".join(
        chr(pick.randrange(0x11_0000) if wide and pick.random() < 0.3 else pick.randrange(128))
        for _ in range(pick.randint(0, 80))
    )


def _words(pick: random.Random) -> str:
    return "".join(pick.choices(WORDS, k=pick.randint(0, 60)))


def _mutated(texts: tuple[str, ...]) -> Callable[[random.Random], str]:
    def made(pick: random.Random) -> str:
        text = pick.choice(texts)
        for _ in range(pick.randint(1, 4)):
            at, upto = sorted(pick.choices(range(len(text) + 1), k=2))
            what = pick.randrange(5)
            if what == 0:
                text = text[:at] + pick.choice(WORDS) + text[at:]
            elif what == 1:
                text = text[:at] + text[at + 1 :]
            elif what == 2:
                text = text[:at] + text[at:upto] * 2 + text[upto:]
            elif what == 3:
                text = text[:at] + pick.choice(texts) + text[upto:]
            else:
                text = text[:at] + pick.choice("0123456789()$,.- ") + text[at + 1 :]
        return text[:2_000]

    return made


KINDS = {
    "characters": _characters,
    "words": _words,
    "paper": _mutated(PAPER),
    "qlib": _mutated(THEIRS),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1_000, pytest.param(5_000, marks=pytest.mark.long)])
def test_texts_are_formulas_or_formula_errors(kind, count):
    pick, outcomes, slowest = random.Random(101), Counter(), (0.0, "")
    for text in ("f(close)", "f($close)"):  # grammars and plugins are read once
        assert _outcome(text) == "refused"
    gc.collect()
    gc.disable()  # its pauses are not the parser's
    try:
        for _ in range(count):
            text, start = KINDS[kind](pick), time.thread_time()
            outcome = _outcome(text)
            slowest = max(slowest, (time.thread_time() - start, text))
            outcomes[outcome] += 1
    finally:
        gc.enable()
    assert slowest[0] < 0.05, slowest
    if kind != "characters":
        assert outcomes["read"] > count / 100  # not all is refused


def _outcome(text: str) -> str:
    try:
        parse(text)
    except FormulaError as error:
        shown = str(error).split("\n")
        if text:  # a message, the text, a caret
            assert len(shown) == 3, (text, shown)
            assert set(shown[2]) == {" ", "^"}, (text, shown)
        return "refused"
    return "read"


@pytest.mark.parametrize("kind", ["words", "paper", "qlib"])
def test_what_is_read_survives_all_that_is_asked_of_it(kind):
    pick = random.Random(103)
    for _ in range(1_500):
        try:
            node = parse(KINDS[kind](pick))
        except FormulaError:
            continue
        assert parse(to_text(node), "paper") == node
        assert canonical(canonical(node)) == canonical(node)
        assert fields(parse(canonical(node), "paper")) == fields(node)
        assert lookback(parse(canonical(node), "paper")) == lookback(node)
        assert explain(node)
