"""YAML files and classes say the same: names, values, meanings."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import ROOT
from omegaconf import OmegaConf

from engine.account import Backtest
from engine.bars import Delisting, Policy
from engine.bars.inspect import Thresholds
from engine.config import compose_config, defaults_lines, to_yaml, yaml_lines
from engine.core.fields import default
from engine.core.kinds import groups
from engine.core.nesting import find_nests
from engine.core.options import option
from engine.core.periods import Time
from engine.forecasts import Label, Validation
from engine.pipeline.settings import Auditing, Choice, Counted, Drawing
from engine.plugin import installed
from engine.signal import Decision
from engine.signal.scores import Scoring
from engine.study import TooGood

CONF = ROOT / "conf"
CLASSES = {
    "audit": Auditing,
    "backtest": Backtest,
    "check": Thresholds,
    "label": Label,
    "report": Drawing,
    "scoring": Scoring,
    "validation": Validation,
}
FILES = sorted(path for group in (*groups(), *CLASSES) for path in (CONF / group).glob("*.yaml"))


def class_of(path: Path, values: dict[str, Any]) -> type:
    group = path.parent.name
    if group in CLASSES:
        return CLASSES[group]
    return installed().entries(groups()[group])[values["name"]].cls


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_file_is_what_its_class_says(path: Path) -> None:
    """Line by line after its head; a value that differs says the class's own beside it."""
    lines = path.read_text("utf-8").splitlines()
    values = yaml.safe_load(path.read_text("utf-8"))
    head = [line for line in lines if line.startswith("# ")][:1]
    while lines and lines[0].startswith("# "):
        lines.pop(0)
    assert head
    assert head[0].startswith(("# engine ", "# @package", "# engine."))
    cls = class_of(path, values)
    named = [f"name: {values.pop('name')}"] if path.parent.name in groups() else []
    assert lines == [*defaults_lines(cls), *named, *yaml_lines(cls, values)]
    values.pop("defaults", None)
    plain = [each for each in fields(cls) if each.name not in find_nests(cls)]
    assert [*values] == [each.name for each in sorted(plain, key=list_of(values))]


def list_of(values: dict[str, Any]) -> Any:
    return lambda each: [*values].index(each.name)


def test_the_root_has_the_defaults_of_its_classes() -> None:
    root = OmegaConf.to_container(OmegaConf.load(CONF / "config.yaml"), resolve=False)
    assert isinstance(root, dict)
    nodes = {
        "time": Time,
        "bars": Policy,
        "decision": Decision,
        "delisting": Delisting,
        "too_good": TooGood,
        "plugins": Choice,
        "trials": Counted,
    }
    for key, cls in nodes.items():
        assert root[key] == {each.name: default(each) for each in fields(cls)}, key


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_field_is_set_without_a_plus(path: Path) -> None:
    values = yaml.safe_load(path.read_text("utf-8"))
    cls, group = class_of(path, values), path.parent.name
    package = {"scoring": "bundle"}.get(group, group)
    words = [f"{package}.{each.name}=null" for each in fields(cls)]
    chosen = [] if group == "scoring" else [f"{group}={path.stem}"]
    config = compose_config(["+bundle=ai_tech_core", *chosen, *words])
    assert all(config[package][each.name] is None for each in fields(cls))


@dataclass
class Part:
    """One of many."""

    path: str = option("", "a file")


@dataclass
class Base:
    """What others share."""

    rows: int = option(20, "of the past", unit="trading days")
    way: str = option("up", "where to", choices=("up", "down"))


@dataclass
class Whole(Base):
    """A class with a base."""

    needed: str = field(default="", metadata={"help": "must be given"})
    parts: dict[str, Part] = option({}, "by any name; of each:")
    odd: str = option("1:30", "text that YAML would read as a number")


def test_the_lines_of_a_class() -> None:
    assert yaml_lines(Whole, {"rows": 5}) == [
        'needed: ""   # must be given',
        "parts: {}    # by any name; of each:",
        '#   path: ""  # a file',
        'odd: "1:30"  # text that YAML would read as a number',
        "rows: 5      # by default 20; of the past [trading days]",
        "way: up      # up | down: where to",
    ]


@pytest.mark.parametrize(
    "value", [None, True, 0.1, 400e6, 1e-9, "", "a b", "no", "2014-01-02", ["x", 1], {"a": None}]
)
def test_a_value_is_read_back(value: Any) -> None:
    assert OmegaConf.create(f"key: {to_yaml(value)}").key == value


def test_long_remarks_go_on_below() -> None:
    @dataclass
    class Wordy:
        """With much to say."""

        key: int = option(1, "word " * 40, unit="bps per year")

    lines = yaml_lines(Wordy)
    assert len(lines) > 2
    assert all(len(line) <= 100 for line in lines)
    assert lines[1].startswith("        # word")
    assert lines[-1].endswith("[bps per year]")
