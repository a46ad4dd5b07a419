"""How a set of formulas is cut into regions, and that the cut never shows in the results."""

from __future__ import annotations

import numpy as np
import pytest
from builders import NAN, panel_of
from numpy.testing import assert_array_equal

from engine import Panel
from engine.expr import executor
from engine.expr.executor import evaluate
from engine.expr.graph import Graph
from engine.expr.parser import parse

FORMULAS = {
    "paper": "rank(decay_linear(correlation(vwap, volume, 4), 2)) * -1",
    "nested": "ts_rank(rank(close), 5) - rank(ts_max(rank(volume), 3)) ^ 2",
    "mixed": "(rank(close) > 0.5 ? ts_mean(close, 7) : delta(close, 2)) / adv5",
    "shared": "rank(close) + ts_sum(rank(close), 4) + log(adv5)",
    "states": "ema(returns, 5) + stddev(returns, 6) + ts_skew(returns, 9) + product(low, 3)",
    "groups": "indneutralize(zscore(close), sector) + scale(ts_argmin(low, 8))",
    "left": "neutralize(delta(close, 3), close, filter(volume, low > 40)) * bucket(volume, 3)",
    "in groups": "group_mean(close, sector) - group_rank(ts_mean(low, 4), sector)",
    "order": "ts_quantile(close, 11, 0.3) + resid_std(returns, market, 12) + ts_kurt(close, 20)",
    "powers": "signedpower(delta(close, 1), 0.5) + exp(-log(volume)) + sqrt(abs(returns))",
}


def bars(days: int = 90, symbols: int = 7) -> Panel:
    random = np.random.default_rng(1)
    close = 50.0 * np.exp(np.cumsum(0.02 * random.normal(size=(days, symbols)), axis=0))
    lost = random.random(close.shape) < 0.1
    volume = np.exp(random.normal(10.0, 1.0, close.shape))
    made = {"close": close, "high": 1.01 * close, "low": 0.98 * close, "volume": volume}
    return panel_of(
        sectors="xyxyzzz"[:symbols],
        member=random.random(close.shape) > 0.1,
        **{name: np.where(lost, NAN, array) for name, array in made.items()},
    )


def graph(**formulas: str) -> Graph:
    fields = {"close", "volume", "high", "low"}
    nodes = {name: parse(text) for name, text in formulas.items()}
    return Graph.of(nodes, lambda name: name in fields)


def steps(made: Graph, limit: int) -> list[list[tuple[str, int]]]:
    """The operators of each region, and for how many rows before a block each is computed."""
    regions = made.regions(limit).values()
    return [[(made.parts[i].op.name, rows) for i, rows in r.steps.items()] for r in regions]


def test_parts_with_one_reader_are_one_region():
    made = graph(a="rank(decay_linear(correlation(vwap, volume, 4), 2)) * -1")
    assert steps(made, 10) == [
        [("add", 4), ("add", 4), ("div", 4), ("correlation", 1), ("decay_linear", 0), ("rank", 0),
         ("mul", 0)]
    ]  # fmt: skip
    (region,) = made.regions(10).values()
    assert [made.parts[i].args for i in region.inputs] == [
        ("high",), ("low",), ("close",), ("volume",)
    ]  # fmt: skip


def test_what_would_be_computed_for_too_many_rows_is_stored():
    made = graph(a="ts_mean(close / delay(close, 1), 3) - rank(ts_sum(log(volume), 20))")
    assert steps(made, 19) == [
        [("delay", 2), ("div", 2), ("ts_mean", 0), ("log", 19), ("ts_sum", 0), ("rank", 0),
         ("sub", 0)]
    ]  # fmt: skip
    assert steps(made, 18) == [
        [("log", 0)],
        [("delay", 2), ("div", 2), ("ts_mean", 0), ("ts_sum", 0), ("rank", 0), ("sub", 0)],
    ]
    assert len(steps(made, 1)) == 3


def test_what_reaches_back_without_end_is_computed_at_once():
    made = graph(a="rank(ema(log(close), 5))")
    assert steps(made, 99) == [[("log", 0)], [("ema", 0)], [("rank", 0)]]
    assert [region.whole for region in made.regions(99).values()] == [False, True, False]


def test_what_has_two_readers_is_computed_once():
    made = graph(a="ts_mean(log(close), 3)", b="rank(log(close))")
    logs = [i for i, part in enumerate(made.parts) if part.op and part.op.name == "log"]
    regions = made.regions(99)
    assert len(logs) == 1
    assert logs[0] in regions
    assert sum(logs[0] in region.steps for region in regions.values()) == 1


def test_equal_parts_are_one_part_however_they_are_written():
    assert len(graph(a="SMA(close, 3.7)", b="ts_mean( close,3 )").regions(99)) == 1
    assert len(graph(a="vwap", b="(high + low + close) / 3").regions(99)) == 1


def test_what_is_shared_is_soon_freed():
    """Three formulas on each of two sums: one sum is done with before the other one is begun."""
    made = graph(
        a="ts_sum(close, 5) + 1", b="ts_sum(volume, 5) + 1", c="ts_sum(close, 5) * 2",
        d="ts_sum(volume, 5) * 2", e="ts_sum(close, 5) - 3", f="ts_sum(volume, 5) - 3",
    )  # fmt: skip
    assert made.order(made.regions(10)) == ["a", "c", "e", "b", "d", "f"]


def test_results_come_in_the_order_of_the_formulas():
    formulas = {"b": "ts_sum(volume, 5) + 1", "a": "rank(close)", "c": "ts_sum(volume, 5) * 2"}
    assert [*evaluate(formulas, bars())] == ["b", "a", "c"]


@pytest.fixture(scope="module")
def whole() -> dict[str, np.ndarray]:
    return evaluate(FORMULAS, bars(), threads=1)


def test_the_formulas_have_values(whole):
    assert min(np.isfinite(array).mean() for array in whole.values()) > 0.3


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("block", [1, 300, 2000])
@pytest.mark.parametrize("share", [1, 8])
def test_blocks_and_threads_do_not_show(monkeypatch, whole, threads, block, share):
    """Blocks of one, 5 and 35 dates; computed for up to as many before them, and an eighth."""
    monkeypatch.setattr(executor, "BLOCK", block)
    monkeypatch.setattr(executor, "SHARE", share)
    made = evaluate(FORMULAS, bars(), threads=threads)
    for name in FORMULAS:
        assert_array_equal(made[name], whole[name], err_msg=name)


@pytest.mark.parametrize("stop", [1, 6, 33, 89])
def test_what_comes_after_does_not_show(whole, stop):
    made = evaluate(FORMULAS, bars().cut(stop))
    for name in FORMULAS:
        assert_array_equal(made[name], whole[name][:stop], err_msg=name)


@pytest.mark.parametrize("name", FORMULAS)
def test_single_precision_is_close(whole, name):
    made = evaluate({name: FORMULAS[name]}, bars(), dtype="float32")[name]
    assert made.dtype == np.float32
    both = np.isfinite(made) & np.isfinite(whole[name])
    assert both.mean() > 0.98 * np.isfinite(whole[name]).mean()
    spread = whole[name][both].std()
    assert np.median(np.abs(made[both] - whole[name][both])) < 1e-5 * spread


@pytest.mark.parametrize("name", FORMULAS)
def test_the_other_formulas_do_not_show(whole, name):
    assert_array_equal(evaluate({name: FORMULAS[name]}, bars())[name], whole[name])
