"""New rows from what the rows before have left: the bits of all rows at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from builders import NAN
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from test_kernel_properties import FEW, PLAIN
from twins import fast_of

from engine import Panel, evaluate
from engine.core.panel import FloatArray
from engine.expr import Node, list_resumed, parse, plan_new, resuming
from engine.expr.ops import TABLE, Op
from engine.expr.resuming import find_last

WIDE = st.sampled_from([NAN, NAN, -1.7e308, -2.5, -0.0, 0.1, 0.3, 1.0, 1e300, 1.7e308])
RESUMING = [op for op in TABLE.values() if op.resumes]


def test_which_operators_that_reach_back_without_end_can_be_gone_on_from() -> None:
    endless = {op.name: op.resumes for op in TABLE.values() if op.reach == "all"}
    assert endless == {
        "smooth": True,
        "adapt": True,
        "ema": True,
        "trade_when": False,  # no first argument sets what it holds
        "hump": False,  # NaN where its argument is, whatever it holds
        "bars_since": False,  # a count, which no argument sets
        "thin": False,  # the rows since the last 1
        "ewma": False,  # two numbers: a mean and a weight
    }
    assert {op.reach for op in RESUMING} == {"all"}


@pytest.mark.parametrize("op", RESUMING, ids=[op.name for op in RESUMING])
@pytest.mark.parametrize("values", [PLAIN, WIDE], ids=["plain", "wide"])
def test_the_last_row_in_place_of_the_first_argument_is_gone_on_from(
    op: Op, values: st.SearchStrategy[float]
) -> None:
    @FEW
    @given(arrays(np.float64, (2, 8, 6), elements=values), st.integers(1, 12))
    def check(both: FloatArray, d: int) -> None:
        x, y = both
        rest = {"x": y, "d": d, "n": min(1.5, d)}

        def run(x: FloatArray, since: int) -> FloatArray:
            others = [rest[kind] for kind in op.args[1:]]
            return fast_of(op, [x, *(o[since:] if np.ndim(o) == 2 else o for o in others)])

        whole = run(x, 0)
        for row in range(1, len(x)):
            after = run(np.concatenate([whole[row - 1 : row], x[row:]]), row - 1)
            assert same(after[1:], whole[row:])

    check()


def same(one: FloatArray, other: FloatArray) -> bool:
    """Whether all bits are the same; NaN is NaN."""
    alike = one.view(np.int64) == other.copy().view(np.int64)
    return bool((alike | (np.isnan(one) & np.isnan(other))).all())


def test_in_float32_a_kernel_keeps_more_than_its_values_say() -> None:
    x = np.random.default_rng(1).normal(0, 1, (9, 200)).astype(np.float32)
    whole = fast_of(TABLE["ema"], [x, 4])
    after = fast_of(TABLE["ema"], [np.concatenate([whole[4:5], x[5:]]), 4])
    assert (after[1:] != whole[5:]).any()


def make_panel(rows: int = 90) -> Panel:
    """Bars with holes, one symbol that comes late, one that pauses, one without any."""
    draw = np.random.default_rng(3)
    close = 50.0 + draw.normal(0, 1, (rows, 7)).cumsum(axis=0)
    close[draw.random(close.shape) < 0.1] = NAN
    close[:20, 3], close[:, 4], close[30:80, 5] = NAN, NAN, NAN
    close[::17, :6] = NAN  # no full row
    volume = np.where(draw.random(close.shape) < 0.1, NAN, draw.uniform(1e3, 1e4, close.shape))
    return Panel(
        dates=pd.bdate_range("2020-01-01", periods=rows, tz="UTC"),
        symbols=tuple("ABCDEFG"),
        fields={"close": close, "high": close + 1.0, "low": close - 1.0, "volume": volume},
        member=draw.random(close.shape) < 0.9,
    )


PANEL = make_panel()
FORMULAS = {
    "plain": "ema(close, 4)",
    "nested": "ts_mean(ema(ema(returns, 3), 5) - market, 10)",
    "windows": "smooth(smooth(close, 3, 1) / delay(smooth(volume, 5, 2), 7), 9, 1)",
    "weights": "adapt(close, rank(volume))",
    "diverging": "adapt(close, -volume)",
    "twice": "ema(ema(close, 4), 4) - ema(close, 4)",
    "no part": "rank(delta(close, 5))",
    "returns": "returns",
    "market": "market",
    "names": "ema(vwap, 3) / ema(adv5, 3)",
    "number": "smooth(3, 3, 1) * close",
}
NODES: dict[str, Node] = {name: parse(text) for name, text in FORMULAS.items()}


def read(parts: Sequence[Node], rows: slice) -> FloatArray:
    made = evaluate({f"part {k}": part for k, part in enumerate(parts)}, PANEL)
    return np.stack([array[rows] for array in made.values()])


@pytest.mark.parametrize("days", [1, 3])
def test_new_rows_are_those_of_all_rows_at_once(days: int) -> None:
    whole = evaluate(NODES, PANEL)
    for start in range(1, len(PANEL.dates) - days + 1):
        stop = start + days
        plan = plan_new(NODES, PANEL.cut(stop), start, read)
        skipped = stop - len(plan.panel.dates)
        made = plan.values(slice(start - skipped, stop - skipped))
        for name, array in made.items():
            assert same(array, whole[name][start:stop]), (name, start)


def test_what_is_read_is_the_lookback_and_one_row_more() -> None:
    seen: list[slice] = []

    def note(parts: Sequence[Node], rows: slice) -> FloatArray:
        seen.append(rows)
        return read(parts, rows)

    one = {"one": parse("ts_mean(ema(delta(close, 3), 5), 10)")}
    assert len(plan_new(one, PANEL, 60, note).panel.dates) == 90 - 60 + 9
    two = {"two": parse("ema(close, 5)")}
    assert len(plan_new(two, PANEL, 60, note).panel.dates) == 90 - 60 + 1
    assert seen == [slice(51, 60), slice(59, 60)]


def test_parts_are_listed_with_nested_ones_first() -> None:
    inner, outer = parse("ema(close, 3)"), parse("ema(ema(close, 3), 5)")
    assert list_resumed(parse("rank(ema(ema(close, 3), 5)) + ema(close, 3)")) == (inner, outer)
    assert list_resumed(parse("rank(close) + returns")) == ()
    assert list_resumed(parse("ema(close, 3) + ewma(close, 3)")) is None
    assert list_resumed(parse("ema(ewma(close, 3), 3)")) is None
    assert list_resumed(parse("ts_mean(close, 100000)")) is None


@pytest.mark.parametrize("full", [False, True])
def test_last_closes_are_found_from_the_last_row_back(
    full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "STEP", 2)
    closes = np.where(PANEL.full[:, None], PANEL["close"], NAN) if full else PANEL["close"]
    assert not PANEL.full.all()
    for stop in range(len(closes) + 1):
        known = [column[np.isfinite(column)][-1:] for column in closes[:stop].T]
        wanted = np.array([each[0] if len(each) else NAN for each in known])
        assert same(find_last(PANEL, stop, full), wanted)


def test_whether_a_row_is_full_is_told_by_the_twenty_rows_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resuming, "STEP", 1)
    close = np.full((21, 4), NAN)
    close[:20, 0] = 5.0  # trades daily, and not on the last row
    close[[0, 20], 1:] = [[6.0], [7.0]]  # trade each twenty rows
    panel = Panel(PANEL.dates[:21], tuple("ABCD"), {"close": close})
    assert panel.full[20]
    np.testing.assert_array_equal(find_last(panel, 21, True), [5.0, 7.0, 7.0, 7.0])


def test_an_exponential_mean_beyond_all_numbers_starts_again() -> None:
    x = np.array([[1.7e308], [-1.7e308], [2.0], [4.0]])
    np.testing.assert_array_equal(fast_of(TABLE["ema"], [x, 3]).ravel(), [1.7e308, NAN, 2.0, 3.0])
    made = fast_of(TABLE["adapt"], [x, np.full_like(x, 0.5)]).ravel()
    np.testing.assert_array_equal(made, [1.7e308, NAN, 2.0, 3.0])
