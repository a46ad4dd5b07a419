"""Factors of a set that are classes, and the formulas that name them."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from builders import panel_of
from numpy.testing import assert_array_equal

import engine
from engine import Factor, FloatArray, Formula, FormulaError, Panel
from engine.cli.prompt import main
from engine.expr.executor import evaluate
from engine.factors.sets import lookbacks, ready
from engine.plugin.registry import Registry


@dataclass(frozen=True)
class Gap(Factor):
    """A multiple of high less low; it keeps count of its calls."""

    name: ClassVar[str] = "gap"
    times: float = engine.option(1.0, "multiplier")
    calls: ClassVar[list[float]] = []

    @property
    def lookback(self) -> int:
        return 3

    def compute(self, panel: Panel) -> FloatArray:
        self.calls.append(self.times)
        return self.times * (panel["high"] - panel["low"])


@dataclass(frozen=True)
class Tomorrow(Factor):
    """The next row's close."""

    name: ClassVar[str] = "tomorrow"

    def compute(self, panel: Panel) -> FloatArray:
        return np.vstack([panel["close"][1:], np.full((1, panel.shape[1]), np.nan)])


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    Gap.calls.clear()


def panel(**more: list[list[float]]) -> Panel:
    return panel_of(
        [[1.0, 3.0], [2.0, 12.0], [4.0, 6.0]],
        high=[[2.0, 4.0], [5.0, 13.0], [4.5, 9.0]],
        low=[[1.0, 1.0], [1.0, 11.0], [4.0, 3.0]],  # the gaps: 1 3, 4 2, 0.5 6
        **more,
    )


def computed(factors: dict[str, Factor], given: Panel) -> dict[str, FloatArray]:
    found = ready(factors, given)
    return found.values | evaluate(found.formulas, found.panel)


def test_a_formula_reads_the_values_of_a_class_that_it_names():
    made = computed(
        {
            "first": Formula("delay(GAP, 1) + 10"),
            "Gap": Gap(),
            "second": Formula("Delta($gap, 1)"),
            "third": Formula("rank(first)"),
        },
        panel(),
    )
    assert_array_equal(made["Gap"], [[1, 3], [4, 2], [0.5, 6]])
    assert_array_equal(made["first"], [[np.nan] * 2, [11, 13], [14, 12]])
    assert_array_equal(made["second"], [[np.nan] * 2, [3, -1], [-3.5, 4]])
    assert_array_equal(made["third"], [[np.nan] * 2, [0.5, 1], [1, 0.5]])
    assert Gap.calls == [1.0]


def test_what_the_bars_know_goes_first():
    given = panel(gap=[[7.0, 8.0]] * 3)
    names = ("gap", "vwap", "returns", "adv2")
    classes = {name: Gap(times=2.0) for name in names}
    formulas = {f"{name} again": Formula(f"{name} * 1") for name in names if name != "adv2"}
    made = computed({**classes, **formulas}, given)
    assert_array_equal(made["gap again"], given["gap"])
    assert_array_equal(made["vwap again"], (given["high"] + given["low"] + given["close"]) / 3.0)
    assert_array_equal(made["returns again"], given.returns)
    assert_array_equal(made["gap"], 2.0 * (given["high"] - given["low"]))
    assert ready({**classes, **formulas}, given).panel is given


def test_an_equal_spelling_goes_before_capitals():
    both = {"x": Formula("gap"), "GAP": Gap(), "gap": Formula("-close")}
    assert_array_equal(computed(both, panel())["x"], -panel()["close"])
    both = {"x": Formula("gap"), "GAP": Formula("-close"), "gap": Gap()}
    assert_array_equal(computed(both, panel())["x"], [[1, 3], [4, 2], [0.5, 6]])


def test_a_class_is_computed_where_it_is_wanted_or_named():
    factors = {"close": Gap(times=1.0), "gap": Gap(times=2.0), "x": Formula("gap + close")}
    found = ready(factors, panel(), aside={"close", "gap"})
    assert Gap.calls == [2.0]
    assert_array_equal(evaluate(found.formulas, found.panel)["x"], [[3, 9], [10, 16], [5, 18]])


def test_a_class_that_a_formula_may_do_without_is_not_missing(caplog):
    made = computed({"cap": Gap(), "x": Formula("cap * 2", missing="warn")}, panel())
    assert_array_equal(made["x"], [[2, 6], [8, 4], [1, 12]])
    assert caplog.text == ""


def test_a_formula_looks_ahead_where_the_class_that_it_names_does():
    """What a cut of the data shows of the class, it shows of the formula."""
    factors = {"tomorrow": Tomorrow(), "x": Formula("rank(tomorrow)")}
    whole, cut = (computed(factors, panel().cut(stop))["x"] for stop in (3, 2))
    assert_array_equal(whole[:2], [[0.5, 1], [0.5, 1]])
    assert_array_equal(cut, [[0.5, 1], [np.nan] * 2])


def test_a_circle_is_told_before_anything_is_computed():
    with pytest.raises(FormulaError, match="factor 'a' names itself: a → b → a;"):
        ready({"gap": Gap(), "a": Formula("b"), "b": Formula("a + 1")}, panel())
    assert Gap.calls == []


def test_the_lookback_of_a_formula_is_that_of_what_it_names_too():
    factors = {
        "a": Formula("ts_mean(close, 5)"),
        "b": Formula("delay(A, 10)"),
        "gap": Gap(),
        "c": Formula("rank(gap) + b"),
        "d": Formula("delay(gap, 20)"),
        "e": Formula("tomorrow"),
        "tomorrow": Tomorrow(),
        "f": Formula("returns"),
        "g": Formula("ts_mean(eps, 2)"),
    }
    rows = {"a": 4, "b": 14, "gap": 3, "c": 14, "d": 23, "e": None, "tomorrow": None}
    assert lookbacks(factors, panel()) == {**rows, "f": None, "g": 1}
    assert lookbacks(factors, panel(returns=[[0.0, 0.0]] * 3))["f"] == 0
    assert factors["b"].lookback == 10  # by itself it knows no set


def test_windows_longer_than_the_bars_are_told_in_one_line(caplog):
    factors = {
        "short": Formula("delay(close, 3) + ts_mean(returns, 3)"),
        "long": Formula("rank(ts_mean(close, 20))"),
        "endless": Formula("Mean($close, 0) + $close * 0"),
        "named": Formula("long - 1"),
        "dollars": Formula("adv30"),
        "gap": Gap(),
    }
    with caplog.at_level(logging.WARNING):
        ready(factors, panel())
    assert [record.message for record in caplog.records] == [
        "windows of up to 30 rows, and the bars have 3 dates: take more dates, or do without "
        "long, named, dollars"
    ]
    caplog.clear()
    ready({"dollars": factors["dollars"]}, panel(adv30=[[1.0, 2.0]] * 3))  # their own column
    assert caplog.text == ""


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed, and the classes above."""
    module = ModuleType("gaps")
    module.register_factors = engine.hookimpl(lambda: [Gap])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gaps", module)
    made = Registry([*entry_points(group="engine"), EntryPoint("gaps", "gaps", "engine")])
    assert not made.failures
    monkeypatch.setattr("engine.plugin.installed", lambda: made)
    monkeypatch.setattr("engine.pipeline.run.installed", lambda: made)


@pytest.fixture
def bars(tmp_path: Path) -> str:
    """270 days of 3 symbols."""
    random = np.random.default_rng(4)
    close = 50.0 * np.exp(np.cumsum(0.02 * random.normal(size=(270, 3)), axis=0)).ravel()
    frame = pd.DataFrame(
        {
            "timestamp": np.repeat(pd.date_range("2023-01-01", periods=270, tz="UTC"), 3),
            "symbol": ["A", "B", "C"] * 270,
            "open": close,
            "high": close + random.random(810),
            "low": close - random.random(810),
            "close": close,
            "volume": 1e6,
        }
    )
    frame.to_parquet(tmp_path / "bars.parquet")
    return str(tmp_path / "bars.parquet")


WORDS = [
    "core_ta_price.mine",
    "+factors.gap={name: gap, times: 2}",
    "+factors.mine='Gap - delay(gap, 1)'",
]


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("how", [[], ["--chunk=70"], ["--chunk=200", "--parallel=local"]])
def test_a_class_is_named_at_the_prompt_in_pieces_and_in_other_processes(bars, tmp_path, how):
    out = tmp_path / "f.parquet"
    words = [*WORDS, "rank(gap)", "source=parquet", f"source.path={bars}", "--out", str(out), *how]
    assert main(["factors", "compute", *words]) == 0
    made, given = pd.read_parquet(out), pd.read_parquet(bars)
    assert list(made)[2:] == ["mine", "rank(gap)"]
    gap = 2.0 * (given["high"] - given["low"])
    yesterday = gap.groupby(given["symbol"]).shift(1)
    assert_array_equal(made["mine"], gap - yesterday)
    assert_array_equal(made["rank(gap)"], gap.groupby(given["timestamp"]).rank(pct=True))
    assert Gap.calls == [2.0]


RUN = [
    "+bundle=ai_tech_core",
    "universe=all",
    "source=parquet",
    "report=none",
    "portfolio.quantile=0.4",
]


@pytest.mark.usefixtures("_installed")
def test_a_class_is_named_in_a_run_and_long_windows_are_in_its_manifest(bars, tmp_path):
    more = ["gap={name: gap, times: 2}", "mine='rank(gap)'", "slow='ts_mean(close, 300)'"]
    words = [*RUN, f"source.path={bars}", *(f"+factors.{text}" for text in more)]
    report = engine.run(words, path=tmp_path / "run")
    made, given = report.table("factors"), pd.read_parquet(bars)
    gap = 2.0 * (given["high"] - given["low"])
    assert_array_equal(made["mine"], gap.groupby(given["timestamp"]).rank(pct=True))
    assert Gap.calls == [2.0]
    told = "windows of up to 300 rows, and the bars have 270 dates: take more dates, or do without"
    assert f"{told} slow" in report.manifest["warnings"]


def test_a_run_that_lacks_history_tells_how_much_the_named_factor_reads(bars, tmp_path):
    words = [*RUN, f"source.path={bars}", "+factors.base='delay(close, 290)'"]
    with pytest.raises(engine.ConfigError, match="no value on any of the 270 dates: it reads 295 "):
        engine.run([*words, "factors.rv_20.formula='delay(base, 5)'"], path=tmp_path / "run")
