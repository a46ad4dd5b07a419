"""The key of a stage changes with what may change its result, and with nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import distribution
from omegaconf import DictConfig, OmegaConf

from engine.config.compose import compose_config
from engine.config.secrets import find_secrets
from engine.pipeline import keys as keying
from engine.pipeline.keys import Keys
from engine.pipeline.run import job
from engine.pipeline.stages import STAGES
from engine.plugin.registry import Registry, installed

NAMES = [stage.name for stage in STAGES]
DECIDED = {"signal", "knowledge", "account", "metrics"}
LEARNT = {"forecasts"} | DECIDED
ALL = {*NAMES}
# What a change of each node may change; the longest key that fits counts.
MAY = {
    "source": ALL,
    "universe": ALL,
    "bars": ALL - {"source"},
    "bars.mends": ALL,
    "time": ALL - {"source"},
    "check": {"data"},
    "decision.share": ALL - {"source"},
    "decision.seasoning": {"seasoning", "ingredients"} | LEARNT,
    "decision.ties": {"account", "metrics"},
    "factors": {"factors", "seasoning", "ingredients"} | LEARNT,
    "label": {"label"} | LEARNT,
    "regime": {"regimes"} | LEARNT,
    "exposure": {"account", "metrics"},
    "model": LEARNT,
    "validation": LEARNT,
    "bundle": {"ingredients"} | DECIDED,
    "portfolio": {"account", "metrics"},
    "costs": {"account", "metrics"},
    "backtest": {"account", "metrics"},
    "delisting": {"label"} | LEARNT,
    "too_good": {"metrics"},
    "trials": set(),
    "seed": {"label"} | LEARNT,
    "report": set(),
    "audit": set(),
    "store": set(),
    "plugins": set(),
    "observers": set(),
    "strict_observers": set(),
}


@pytest.fixture(scope="module")
def config() -> DictConfig:
    made = job(compose_config(["+bundle=ai_tech_core_ml"]))
    OmegaConf.resolve(made)
    return made


def leaves(node: Any, above: str = "") -> Iterator[str]:
    for name in node if isinstance(node, DictConfig) else range(len(node)):
        place = f"{above}.{name}".lstrip(".")
        child = node[name]
        if OmegaConf.is_config(child) and len(child):
            yield from leaves(child, place)
        else:
            yield place


def changed(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """The stages whose keys differ, in the order of the table."""
    return [name for name in new if old[name] != new[name]]


def may(place: str) -> set[str]:
    parts = place.split(".")
    fits = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return MAY[next(key for key in fits if key in MAY)]


def test_a_key_of_the_configuration_changes_the_keys_of_those_that_read_it(
    config: DictConfig,
) -> None:
    registry = installed()
    before = Keys(STAGES, config, registry).of("data")
    places = [place for place in leaves(config) if not place.endswith(".name")]
    assert len(places) > 150
    for place in places:
        other = copy.deepcopy(config)
        OmegaConf.update(other, place, "something else", merge=False)
        now = {*changed(before, Keys(STAGES, other, registry).of("data"))}
        assert now == may(place), place


def test_another_plugin_is_another_key(config: DictConfig) -> None:
    before = Keys(STAGES, config, installed()).of("data")
    for place, name in (("model", "linear"), ("portfolio", "hrp"), ("regime", "hmm")):
        other = copy.deepcopy(config)
        other[place] = {"name": name}
        assert {*changed(before, Keys(STAGES, other, installed()).of("data"))} == MAY[place]


def test_other_data_change_every_key(config: DictConfig) -> None:
    one, two = (Keys(STAGES, config, installed()).of(data) for data in ("one", "two"))
    assert changed(one, two) == NAMES


def test_a_stage_that_is_not_wanted_counts_for_nothing(config: DictConfig) -> None:
    made = Keys(STAGES, config, installed(), {"forecasts"}).of("data")
    assert made["forecasts"] == ""
    other = copy.deepcopy(config)
    other.model.l2 = 123.0
    assert Keys(STAGES, other, installed(), {"forecasts"}).of("data") == made


@pytest.mark.parametrize(
    ("library", "stages"),
    [
        ("scikit-learn", {"regimes"} | LEARNT),
        ("xgboost-cpu", LEARNT),
        ("skfolio", {"account", "metrics"}),
        ("numba", {"factors", "seasoning", "ingredients", "label", "regimes"} | LEARNT),
        ("numpy", ALL),
        ("processor", {"label", "regimes"} | LEARNT),
    ],
)
def test_a_library_changes_the_keys_of_those_that_use_it(
    config: DictConfig, monkeypatch: pytest.MonkeyPatch, library: str, stages: set[str]
) -> None:
    before = Keys(STAGES, config, installed()).of("data")
    found = keying._version
    monkeypatch.setattr(keying, "_version", lambda name: "9" if name == library else found(name))
    assert {*changed(before, Keys(STAGES, config, installed()).of("data"))} == stages


def test_a_secret_is_in_no_key(config: DictConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for password in ("first-secret", "second-secret"):
        monkeypatch.setenv("WORD", password)
        other = copy.deepcopy(config)
        other.source.url = "postgres://me:${oc.env:WORD}@db/prices"
        secrets = find_secrets(other)
        OmegaConf.resolve(other)
        made.append(Keys(STAGES, other, installed(), secrets=secrets).of("data"))
    assert made[0] == made[1]


PLUGIN = """
from dataclasses import dataclass
from typing import ClassVar
import engine
from keyed.helper import twice

@dataclass(frozen=True)
class Mine(engine.Factor):
    \"\"\"A factor.\"\"\"
    name: ClassVar[str] = "mine"
    rows: int = engine.option(5, "rows")
    table: str = engine.option("", "a file", file=True)

    def compute(self, panel):
        return twice(panel["close"])

@engine.hookimpl
def register_factors():
    return [Mine]
"""


def test_a_plugin_is_all_of_its_package_and_the_files_it_reads(
    config: DictConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A helper module, a data file of the package, a default, a file named by an option."""
    import importlib
    import sys
    from importlib.metadata import entry_points

    site = tmp_path / "site"
    distribution(site, "keyed")
    (site / "keyed").mkdir()
    (site / "keyed" / "__init__.py").write_text(PLUGIN)
    (site / "keyed" / "helper.py").write_text("def twice(x):\n    return 2.0 * x\n")
    (site / "keyed" / "words.txt").write_text("one")
    table = tmp_path / "table.csv"
    table.write_text("1")
    monkeypatch.syspath_prepend(str(site))
    node = {"name": "mine", "rows": 5, "table": str(table)}

    def made() -> dict[str, str]:
        for name in [name for name in sys.modules if name.split(".")[0] == "keyed"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        registry = Registry(entry_points(group="engine"))
        other = copy.deepcopy(config)
        OmegaConf.set_struct(other, False)
        other.factors.mine = node
        return Keys(STAGES, other, registry).of("data")

    before = made()
    assert made() == before
    for file, text in (
        (site / "keyed" / "helper.py", "def twice(x):\n    return 2 * x\n"),
        (site / "keyed" / "words.txt", "two"),
        (site / "keyed" / "__init__.py", PLUGIN.replace("option(5,", "option(6,")),
        (table, "2"),
    ):
        old = file.read_text()
        file.write_text(text)
        assert {*changed(before, made())} == MAY["factors"], file
        file.write_text(old)
    assert made() == before
