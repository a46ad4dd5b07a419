"""The formula language: text in, canonical text or an error with a caret out."""

from __future__ import annotations

import contextlib
import random
import time

import pytest

from engine.core.errors import FormulaError
from engine.expr.facts import fields, lookback, to_text
from engine.expr.nodes import Call, Field, Number
from engine.expr.ops import OVERLOADED, TABLE
from engine.expr.parser import parse

TREES = {
    # precedence, from ^ over - * + compare && || to ?:
    "a + b * c": "(a + (b * c))",
    "(a + b) * c": "((a + b) * c)",
    "a - b - c": "((a - b) - c)",
    "a / b / c": "((a / b) / c)",
    "a + b < c * d": "((a + b) < (c * d))",
    "(a < b) == c": "((a < b) == c)",
    "a || b && c": "(a || (b && c))",
    "a < b && c >= d": "((a < b) && (c >= d))",
    "a || b ? c : d": "where((a || b), c, d)",
    # signs bind less than powers, powers bind to the right
    "-a ^ 2": "neg((a ^ 2))",
    "-2 ^ 2": "neg((2 ^ 2))",
    "(-2) ^ 2": "((-2) ^ 2)",
    "2 ^ 3 ^ 2": "(2 ^ (3 ^ 2))",
    "a ^ -b": "(a ^ neg(b))",
    "2 * -3": "(2 * -3)",
    "--a": "neg(neg(a))",
    "--1": "1",
    "+a": "a",
    # choices nest to the right
    "a ? b : c ? d : e": "where(a, b, where(c, d, e))",
    "a ? b ? c : d : e": "where(a, where(b, c, d), e)",
    "x < 0 ? -1 : 1": "where((x < 0), -1, 1)",
    # numbers
    "1e3 + .5 + 2. + 1.5E-1": "(((1000 + 0.5) + 2) + 0.15)",
    # names: any case, aliases, the class of a grouping
    "Mean(CLOSE, 5)": "ts_mean(close, 5)",
    "sma(a, 5) - mean(a, 5)": "(ts_mean(a, 5) - ts_mean(a, 5))",
    "Ref(a, 1)": "delay(a, 1)",
    "pow(a, 2)": "(a ^ 2)",
    "if(a, b, c)": "where(a, b, c)",
    "indneutralize(a, IndClass.Sector)": "indneutralize(a, sector)",
    "\ta\n+\u00a0b ": "(a + b)",
    # min and max: over time with a constant, cell by cell with anything else
    "min(a, 3)": "ts_min(a, 3)",
    "max(a, 3)": "ts_max(a, 3)",
    "min(a, b)": "minimum(a, b)",
    "max(a, 0)": "maximum(a, 0)",  # no window has no rows
    "min(a, -3)": "minimum(a, -3)",
    "max(a, 3 + b)": "maximum(a, (3 + b))",
    # windows: fractions are floored, as in the paper; defaults are filled in
    "ts_mean(a, 5.9)": "ts_mean(a, 5)",
    "ts_rank(a, (3))": "ts_rank(a, 3)",
    "delay(a, 100000)": "delay(a, 100000)",
    "scale(a)": "scale(a, 1)",
    "winsorize(a, 2)": "winsorize(a, 2)",
    # as many arrays to be neutral to as there are
    "neutralize(a, b)": "neutralize(a, b)",
    "neutralize(a, b, c)": "neutralize2(a, b, c)",
    "neutralize(a, b, c, d)": "neutralize3(a, b, c, d)",
    "cs_quantile(a, 5)": "bucket(a, 5)",
    "group_rank(a, IndClass.sector)": "group_rank(a, sector)",
    "group_rank(a, bucket(rank(b), 10))": "group_rank_by(a, bucket(rank(b), 10))",
    "group_neutralize(a, b + c)": "indneutralize_by(a, (b + c))",
    "group_median(a, bucket(b, 3))": "group_median_by(a, bucket(b, 3))",
}

ERRORS = {
    # text: (part of the message, column of the caret)
    "rnk(a)": ("unknown operator 'rnk'; did you mean 'rank'?", 0),
    "1 + Corelation(a, b, 5)": ("unknown operator 'Corelation'; did you mean 'correlation'?", 4),
    "a + xyzzyq(a)": ("unknown operator 'xyzzyq'; choose from: abs", 4),
    "a $ b": ("unexpected character '$'", 2),
    "a\n$ b": ("unexpected character '$'", 2),
    "é": ("unexpected character 'é'", 0),
    "!a": ("unexpected character '!'", 0),
    "a = b": ("unexpected character '='", 2),
    "a b": ("unexpected 'b'", 2),
    "1.5.2": ("unexpected '.2'", 3),
    "a ? b": ("the formula ends too early", 5),
    "a + (b ": ("the formula ends too early", 6),
    "   ": ("the formula ends too early", 0),
    "rank()": ("rank takes 1 argument, not 0", 0),
    "1 + sma(a)": ("sma takes 2 arguments, not 1", 4),
    "scale(a, 1, 2)": ("scale takes 1 or 2 arguments, not 3", 0),
    "min(a, b, c)": ("min takes 2 arguments, not 3", 0),
    "max(a)": ("max takes 2 arguments, not 1", 0),
    "ts_mean(a, 0)": ("the window of ts_mean is 0: choose from 1 to 100000", 11),
    "ts_mean(a, 0.5)": ("the window of ts_mean is 0.5: choose from 1 to 100000", 11),
    "delay(a, -1)": ("delay by -1 looks ahead: write the rows back, such as 1", 9),
    "delta(a, -5)": ("delta by -5 looks ahead: write the rows back, such as 1", 9),
    "delay(a, 0)": ("the window of delay is 0: choose from 1 to 100000", 9),
    "delay(a, 100001)": ("the window of delay is 100001: choose from 1 to 100000", 9),
    "ts_mean(a, b)": ("argument 2 of ts_mean must be a number", 11),
    "ts_mean(a, 2 + 1)": ("argument 2 of ts_mean must be a number", 11),
    "scale(a, b)": ("argument 2 of scale must be a number", 9),
    "ts_quantile(a, 5, 1.5)": ("the number of ts_quantile is 1.5: choose from 0 to 1", 18),
    "quantile(a, 5, -0.1)": ("the number of ts_quantile is -0.1: choose from 0 to 1", 15),
    "winsorize(a, -1)": ("the number of winsorize is -1: choose from 0 to inf", 13),
    "indneutralize(a, 3)": ("indneutralize: write a grouping such as sector", 17),
    "a + 1e400": ("1e400 is too large a number", 4),
}

DEEP = {
    "signs": "-" * 10_000 + "a",
    "spaced signs": "- " * 9_999 + "a",
    "sums": "+".join(["a"] * 5_000),
    "powers": "^".join(["a"] * 10_000),
    "choices": "a?b:" * 4_999 + "c",
    "inner choices": "a?" * 4_000 + "b" + ":c" * 4_000,
    "calls": "abs(" * 3_999 + "a" + ")" * 3_999,
    "bracketed sums": "a+(" * 4_999 + "a" + ")" * 4_999,
}


@pytest.mark.parametrize("text", TREES)
def test_a_formula_has_this_canonical_text(text: str) -> None:
    assert to_text(parse(text)) == TREES[text]


@pytest.mark.parametrize("text", TREES)
def test_canonical_text_is_the_same_formula(text: str) -> None:
    assert parse(to_text(parse(text))) == parse(text)


@pytest.mark.parametrize("text", ERRORS)
def test_an_error_says_what_and_points_there(text: str) -> None:
    message, column = ERRORS[text]
    with pytest.raises(FormulaError) as caught:
        parse(text)
    shown = str(caught.value).split("\n")
    assert message in shown[0]
    assert shown[2] == "  " + " " * column + "^"
    assert len(shown) == 3


def test_the_tree_is_numbers_fields_and_calls() -> None:
    close = Field("close")
    tree = Call("div", (close, Call("delay", (close, Number(5.0)))))
    assert parse("close / delay(close, 5)") == tree
    assert tree.depth == 3


def test_the_longest_formula_has_20000_characters() -> None:
    assert parse("a" * 20_000) == Field("a" * 20_000)
    with pytest.raises(FormulaError, match="the formula has 20001 characters: at most 20000"):
        parse("a" * 20_001)


def test_a_long_text_is_pointed_at_where_it_is_too_long() -> None:
    with pytest.raises(FormulaError, match="has 100000 characters: at most 20000") as caught:
        parse("close + " * 12_500)
    assert len(str(caught.value)) < 300
    assert str(caught.value).endswith("\n" + " " * 62 + "^")


def test_depth_is_pointed_at_where_it_is_too_deep() -> None:
    with pytest.raises(FormulaError) as caught:
        parse("abs(" * 250 + "rank(a)" + ")" * 250)
    assert caught.value.column == 4 * (250 - 199)  # brackets are counted from within


def test_the_deepest_formula_has_200_levels() -> None:
    assert parse("abs(" * 199 + "a" + ")" * 199).depth == 200
    with pytest.raises(FormulaError, match="nested deeper than 200"):
        parse("abs(" * 200 + "a" + ")" * 200)


@pytest.mark.parametrize("kind", DEEP)
def test_depth_is_refused_and_not_run_into(kind: str) -> None:
    with pytest.raises(FormulaError, match="nested deeper than 200: shorten it"):
        parse(DEEP[kind])


def test_brackets_alone_are_no_depth() -> None:
    assert parse("(" * 9_999 + "a" + ")" * 9_999) == Field("a")
    with pytest.raises(FormulaError, match="ends too early"):
        parse("(" * 20_000)


def test_the_deepest_tree_can_be_read_by_everything() -> None:
    node = parse("delay(" * 199 + "a" + ", 1)" * 199)
    assert lookback(node) == 199
    assert fields(node) == {"a"}
    assert parse(to_text(node)) == node


TOKENS = (
    *TABLE,
    *OVERLOADED,
    *"+-*/^?:(),<>",
    *("&&", "||", "<=", "==", "!=", " ", "\n", "close", "Volume", "sector", "1", "2.5", "1e9", "0"),
)


def _sentence(pick: random.Random) -> str:
    return "".join(pick.choice(TOKENS) for _ in range(pick.randint(0, 40)))


def _characters(pick: random.Random) -> str:
    kinds = (128, 0x11_0000)
    codes = [pick.randrange(pick.choice(kinds)) for _ in range(pick.randint(0, 40))]
    return "".join(map(chr, codes))


def _formula(pick: random.Random, depth: int = 0) -> str:
    """A random formula that is meant to be right."""
    if depth > 4 or pick.random() < 0.2:
        return pick.choice(("close", "Volume", "adv20", "2.5", "-1", "x_1"))
    op = pick.choice(list(TABLE.values()))
    kinds = {
        "d": lambda: str(pick.randint(1, 250)),
        "n": lambda: "0.5" if op.bounds[0] < 1 else "5",
        "g": lambda: "sector",
    }
    args = [kinds.get(k, lambda: _formula(pick, depth + 1))() for k in op.args]
    if op.infix:
        return f"({args[0]} {op.infix} {args[1]})"
    return f"{pick.choice((op.name, *op.aliases))}({', '.join(args)})"


@pytest.mark.parametrize("make", [_sentence, _characters])
def test_any_text_is_a_formula_or_a_formula_error(make) -> None:
    pick, slowest = random.Random(7), 0.0
    parse("a")  # the grammar is read once
    for _ in range(2_500):
        text, start = make(pick), time.process_time()
        with contextlib.suppress(FormulaError):
            node = parse(text)
            assert parse(to_text(node)) == node, text
        slowest = max(slowest, time.process_time() - start)
    assert slowest < 0.5  # 3 ms where it was measured; what must not pass is an explosion


def test_random_formulas_survive_the_trip_to_text_and_back() -> None:
    pick = random.Random(11)
    for _ in range(500):
        text = _formula(pick)
        node = parse(text)
        assert parse(to_text(node)) == node, text


@pytest.mark.parametrize(
    ("text", "told", "at"),
    [
        ("0.2 < rank(close) < 0.8", "two comparisons in a row: write a < b && b < c", 18),
        ("close == open == high >= low", "two comparisons in a row: write a == b && b == c", 14),
        ("$close > 1 > 0.5", "two comparisons in a row: write (a > b) & (b > c)", 11),
    ],
)
def test_comparisons_do_not_follow_one_another(text, told, at):
    """It would compare 0 or 1 with the third; with brackets that may be meant."""
    with pytest.raises(FormulaError) as error:
        parse(text)
    assert str(error.value).split("\n")[0] == told
    assert error.value.column == at
    assert parse("(open < close) == (low < high)")
