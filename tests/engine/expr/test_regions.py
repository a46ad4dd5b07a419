"""How a set of formulas is cut into regions, and that the cut never shows in the results."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from engine import Panel
from engine.expr import evaluate, executor, parse
from engine.expr.graph import Graph

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
    return Panel(
        dates=pd.date_range("2024-01-01", periods=days, tz="UTC"),
        symbols=tuple("ABCDEFG"[:symbols]),
        fields={name: np.where(lost, np.nan, array) for name, array in made.items()},
        groups={"sector": tuple("xyxyzzz"[:symbols])},
        member=random.random(close.shape) > 0.1,
    )


def graph(**formulas: str) -> Graph:
    fields = {"close", "volume", "high", "low"}
    nodes = {name: parse(text) for name, text in formulas.items()}
    return Graph.of(nodes, lambda name: name in fields)


def test_one_axis_is_one_region():
    made = graph(a="ts_mean(close / delay(close, 1), 3) - 1")
    (region,) = made.regions().values()
    assert region.axis == "series"
    assert [made.parts[i].op.name for i in region.steps] == ["delay", "div", "ts_mean", "sub"]
    assert [made.parts[i].args for i in region.inputs] == [("close",)]


def test_each_change_of_the_axis_begins_a_region():
    made = graph(a="rank(decay_linear(correlation(vwap, volume, 4), 2)) * -1")
    regions = list(made.regions().values())
    assert [r.axis for r in regions] == ["series", "dates"]
    assert [made.parts[i].op.name for i in regions[1].steps] == ["rank", "mul"]


def test_what_has_two_readers_is_computed_once():
    made = graph(a="ts_mean(log(close), 3)", b="rank(log(close))")
    logs = [i for i, part in enumerate(made.parts) if part.op and part.op.name == "log"]
    regions = made.regions()
    assert len(logs) == 1
    assert logs[0] in regions
    assert sum(logs[0] in region.steps for region in regions.values()) == 1


def test_equal_parts_are_one_part_however_they_are_written():
    assert len(graph(a="SMA(close, 3.7)", b="ts_mean( close,3 )").regions()) == 1
    assert len(graph(a="vwap", b="(high + low + close) / 3").regions()) == 1


@pytest.fixture(scope="module")
def whole() -> dict[str, np.ndarray]:
    return evaluate(FORMULAS, bars(), threads=1)


def test_the_formulas_have_values(whole):
    assert min(np.isfinite(array).mean() for array in whole.values()) > 0.3


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("block", [1, 2000, 5000])
def test_blocks_and_threads_do_not_show(monkeypatch, whole, threads, block):
    monkeypatch.setattr(executor, "BLOCK", block)
    made = evaluate(FORMULAS, bars(), threads=threads)
    for name in FORMULAS:
        assert_array_equal(made[name], whole[name], err_msg=name)


@pytest.mark.parametrize("stop", [1, 6, 33, 89])
def test_what_comes_after_does_not_show(whole, stop):
    made = evaluate(FORMULAS, bars().cut(stop))
    for name in FORMULAS:
        assert_array_equal(made[name], whole[name][:stop], err_msg=name)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_other_formulas_do_not_show(whole, name):
    assert_array_equal(evaluate({name: FORMULAS[name]}, bars())[name], whole[name])
