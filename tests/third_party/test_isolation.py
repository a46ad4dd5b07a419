"""Plugins and files that misbehave while a run goes on: who stops, who does not, what is said."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from builders import digests

import engine
from engine.cli.prompt import main
from engine.config.compose import _package
from engine.core.sealed import seal_all
from engine.expr import guests
from engine.plugin.registry import Registry

SMALL = ["+bundle=ai_tech_core", "universe=all", "source.n_symbols=12", "source.n_days=400",
         "report=none"]  # fmt: skip


def returned(shape: tuple[int, ...], how: str) -> Any:
    """What a plugin must not hand over."""
    return {
        "shape": np.ones((3, 3)),
        "dtype": np.ones(shape, np.float32),
        "inf": np.full(shape, np.inf),
        "list": [1.0, 2.0],
    }[how]


@dataclass(frozen=True)
class OddFactor(engine.Factor):
    """A factor that returns something else."""

    name: ClassVar[str] = "odd_factor"
    how: str = engine.option("shape", "what is wrong")

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return returned(panel.shape, self.how)


@dataclass(frozen=True)
class OddRegime(engine.Regime):
    """A regime that returns something else."""

    name: ClassVar[str] = "odd_regime"
    how: str = engine.option("shape", "what is wrong")
    states: ClassVar[tuple[str, ...]] = ("calm", "normal")  # type: ignore[misc]

    def probabilities(self, panel: engine.Panel) -> engine.FloatArray:
        return returned((panel.shape[0], 2), self.how)


@dataclass(frozen=True)
class OddPortfolio(engine.Portfolio):
    """A portfolio that returns something else."""

    name: ClassVar[str] = "odd_portfolio"
    how: str = engine.option("shape", "what is wrong")

    def weights(
        self, signal: engine.FloatArray, panel: engine.Panel, exposure: engine.FloatArray
    ) -> engine.FloatArray:
        return returned(panel.shape, self.how)


@dataclass(frozen=True)
class OddCost(engine.Cost):
    """A cost that returns something else."""

    name: ClassVar[str] = "odd_cost"
    how: str = engine.option("shape", "what is wrong")

    def trading(
        self, panel: engine.Panel, orders: engine.FloatArray
    ) -> Mapping[str, engine.FloatArray]:
        return {"fee": returned(panel.shape, self.how)}

    def carry(
        self, weights: engine.FloatArray, days: engine.FloatArray
    ) -> Mapping[str, engine.FloatArray]:
        return {}


@dataclass(frozen=True)
class OddOperator(engine.Operator):
    """An operator that returns something else."""

    name: ClassVar[str] = "odd_operator"
    args: ClassVar[str] = "xn"

    def kernel(self, x: engine.FloatArray, how: float) -> engine.FloatArray:
        if how == 4:
            x[0] = 0.0  # somebody else's array
        if how == 5:
            sys.exit(3)
        return returned(x.shape, ["shape", "dtype", "inf", "list"][int(how)])

    def slow(self, x: engine.FloatArray, how: float) -> engine.FloatArray:
        return x


@dataclass(frozen=True)
class Clumsy(engine.Observer):
    """An observer that fails on one stage."""

    name: ClassVar[str] = "clumsy"

    def on_stage(self, stage: engine.Stage) -> None:
        if stage.name == "signal":
            raise RuntimeError("the tracker is down")


@dataclass(frozen=True)
class Meddler(engine.Observer):
    """An observer that writes into all that it is given, by every door it finds."""

    name: ClassVar[str] = "meddler"

    def on_stage(self, stage: engine.Stage) -> None:
        spoil(stage.result)


def spoil(value: Any) -> None:
    """Write zeros wherever that is possible."""
    if isinstance(value, np.ndarray):
        with suppress(ValueError, TypeError):  # what it should say
            value.flags.writeable = True
            value[...] = 0
    elif isinstance(value, (pd.DataFrame, pd.Series)):
        value.iloc[:] = 0
    elif isinstance(value, dict):
        spoil(list(value.values()))
        value.clear()
    elif isinstance(value, (list, tuple)):
        for item in value:
            spoil(item)
    elif hasattr(value, "__dataclass_fields__"):
        spoil(list(vars(value).values()))
        for field in fields(value):
            object.__setattr__(value, field.name, None)


def returning(classes: list[type]) -> Any:
    """A hook: a function without arguments."""
    return lambda: classes


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """What is installed, and the plugins above."""
    module = ModuleType("odd_plugins")
    hooks: dict[str, list[type]] = {
        "factors": [OddFactor, Boom],
        "regimes": [OddRegime],
        "portfolios": [OddPortfolio],
        "costs": [OddCost],
        "operators": [OddOperator],
        "observers": [Clumsy, Meddler],
    }
    for kind, classes in hooks.items():
        setattr(module, f"register_{kind}", engine.hookimpl(returning(classes)))
    monkeypatch.setitem(sys.modules, "odd_plugins", module)
    points = [*entry_points(group="engine"), EntryPoint("odd", "odd_plugins", "engine")]
    made = Registry(points)
    assert not made.failures
    monkeypatch.setattr("engine.plugin.installed", lambda: made)
    monkeypatch.setattr("engine.pipeline.run.installed", lambda: made)
    return made


@dataclass(frozen=True)
class Boom(engine.Factor):
    """A factor that raises."""

    name: ClassVar[str] = "boom"
    exits: bool = engine.option(False, "whether it ends the process")

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        if self.exits:
            sys.exit(3)
        raise ValueError("no\nluck")


def stopped(tmp_path: Path, *overrides: str) -> str:
    """The message of a run that must not end well; it stands in the folder too."""
    with pytest.raises(engine.PluginError) as caught:
        engine.run([*SMALL, *overrides], path=tmp_path / "run")
    assert str(caught.value) in (tmp_path / "run" / "INCOMPLETE").read_text("utf-8")
    return str(caught.value)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("shape", "returned shape (3, 3), not (400, 12)"),
        ("dtype", "returned float32, not a float64 array"),
        ("inf", "returned infinite values"),
        ("list", "returned list, not a float64 array"),
    ],
)
def test_a_factor_that_hands_over_something_else_stops_with_its_name(
    how: str, said: str, tmp_path: Path
) -> None:
    message = stopped(tmp_path, f"+factors.mine={{name: odd_factor, how: {how}}}")
    assert message.startswith("stage factors: factors.mine returned ")
    assert said in message


@pytest.mark.parametrize(
    ("exits", "said"), [("false", "ValueError: no luck"), ("true", "SystemExit: 3")]
)
def test_a_plugin_that_raises_stops_with_its_name(exits: str, said: str, tmp_path: Path) -> None:
    message = stopped(tmp_path, f"+factors.mine={{name: boom, exits: {exits}}}")
    assert message == f"stage factors: factors.mine failed: {said}; --debug shows where"


def test_operators_of_a_disabled_distribution_are_gone(tmp_path: Path) -> None:
    with pytest.raises(engine.FormulaError, match="unknown operator 'odd_operator'"):
        engine.run(
            [*SMALL, "+factors.mine='odd_operator(close, 0)'", "plugins.disable=[odd_plugins]"],
            path=tmp_path / "run",
        )


@pytest.mark.parametrize(
    ("override", "who"),
    [
        ("regime={name: odd_regime, how: HOW}", "regime 'odd_regime'"),
        ("portfolio={name: odd_portfolio, how: HOW}", "portfolio 'odd_portfolio'"),
        ("costs={name: odd_cost, how: HOW}", "costs 'odd_cost'"),
    ],
)
@pytest.mark.parametrize("how", ["shape", "inf"])
def test_so_does_every_other_kind(override: str, who: str, how: str, tmp_path: Path) -> None:
    group, _, node = override.replace("HOW", how).partition("=")
    message = stopped(tmp_path, f"~{group}", f"+{group}={node}")
    assert who in message


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (0, "returned shape (3, 3)"),
        (1, "returned float32"),
        (2, "returned infinite values"),
        (3, "returned list"),
        (4, "failed: ValueError: assignment destination is read-only"),
        (5, "failed: SystemExit: 3"),
    ],
)
def test_an_operator_that_hands_over_something_else_stops_with_its_name(
    how: int, said: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "_try", lambda entry: None)  # past its trial
    dates = pd.date_range("2020-01-01", periods=4, tz="UTC")
    panel = engine.Panel(dates, ("A", "B"), {"close": np.ones((4, 2))})
    with pytest.raises(engine.PluginError) as caught:
        engine.evaluate({"mine": f"odd_operator(close + 1, {how})"}, panel)
    assert "operator 'odd_operator' of odd_plugins" in str(caught.value)
    assert said in str(caught.value)


def test_an_operator_is_tried_before_a_formula_may_use_it() -> None:
    with pytest.raises(engine.PluginError, match="odd_operator"):
        engine.parse("odd_operator(close, 0)")


def test_a_run_offers_the_operators_of_its_own_registry_and_knows_which_were_used(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "_try", lambda entry: None)
    with guests.using(registry) as used:
        engine.Formula("odd_operator(close, 2)").lookback  # noqa: B018  # a look is a use
    assert used == {"odd_operator"}
    with (
        guests.using(registry.limit(disable=["odd_plugins"])),
        pytest.raises(engine.FormulaError, match="unknown operator 'odd_operator'"),
    ):
        engine.parse("odd_operator(close, 0)")


def test_an_observer_that_fails_is_reported_and_the_run_goes_on(tmp_path: Path) -> None:
    report = engine.run(
        [*SMALL, "+observers.mine={name: clumsy}", "+observers.other={name: meddler}"],
        path=tmp_path / "run",
    )
    said = "observer clumsy failed on signal: RuntimeError: the tracker is down"
    assert report.manifest["warnings"].count(said) == 1


def test_an_observer_that_fails_stops_a_strict_run(tmp_path: Path) -> None:
    said = stopped(tmp_path, "+observers.mine={name: clumsy}", "strict_observers=true")
    assert said.startswith("observer clumsy failed on signal: RuntimeError: the tracker is down")
    assert "strict_observers=false" in said


def test_an_observer_cannot_change_the_results(tmp_path: Path) -> None:
    """With and without an observer that overwrites all it gets, the tables are the same bytes."""
    engine.run(SMALL, path=tmp_path / "alone")
    engine.run([*SMALL, "+observers.mine={name: meddler}"], path=tmp_path / "meddled")
    alone = digests(tmp_path / "alone")
    assert "returns.parquet" in alone
    assert digests(tmp_path / "meddled") == alone


def test_what_an_observer_gets_is_sealed_down_to_what_is_cached() -> None:
    dates = pd.date_range("2020-01-01", periods=3, tz="UTC")
    panel = engine.Panel(dates, ("A",), {"close": np.array([[1.0], [2.0], [4.0]])})
    before = panel.returns.copy()
    frame = pd.DataFrame({"a": [1.0]})
    spoil(seal_all((panel, {"frame": frame}, np.array(["2020-01-01"], "M8[ns]"))))
    np.testing.assert_array_equal(panel.returns, before)
    assert frame["a"].tolist() == [1.0]
    assert panel["close"][2, 0] == 4.0


def test_bundles_that_include_one_another_end_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "conf" / "bundle"
    folder.mkdir(parents=True)
    for name, other in (("hen", "egg"), ("egg", "hen")):
        (folder / f"{name}.yaml").write_text(
            f"# @package _global_\ndefaults:\n  - {other}\nbundle: {{name: {name}}}\n"
        )
    monkeypatch.chdir(tmp_path)
    assert main(["run", "+bundle=hen"]) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1
    assert "include one another" in said


def test_a_conf_package_inside_a_package_is_found_without_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "explosive" / "conf"
    folder.mkdir(parents=True)
    (tmp_path / "explosive" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    found = _package("explosive", "explosive.conf")
    assert (found.problem, found.folder) == ("", folder)
    assert "is not there" in _package("explosive", "explosive.config").problem


def test_an_unknown_key_is_one_line_from_python_too() -> None:
    with pytest.raises(engine.ConfigError, match=r"source\.n_dayz: no such key.*'n_days'"):
        engine.run(["+bundle=ai_tech_core", "source.n_dayz=5"])
