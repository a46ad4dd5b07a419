"""Every key of every configuration file with values that it does not expect: each is read, or
is refused in a line that names the key. Nothing else may be raised."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
from builders import CONF
from omegaconf import DictConfig, ListConfig, OmegaConf

from engine import EngineError
from engine.config.compose import compose_config
from engine.pipeline.run import job
from engine.pipeline.settings import choose_plugins, read
from engine.plugin.registry import installed

GROUPS = ("source", "universe", "regime", "model", "portfolio", "costs", "backtest", "validation")
ODD: dict[str, Any] = {
    "null": None, "true": True, "text": "x", "no": "no", "empty": "", "path": "../../x",
    "nan": math.nan, "inf": math.inf, "minus inf": -math.inf, "zero": 0, "minus": -1, "half": 0.5,
    "23 digits": 12345678901234567890123, "1e300": 1e300, "tiny": -1e-300,
    "list": [], "list of 1": [1], "list of null": [None], "mapping": {}, "mapping of 1": {"a": 1},
    "lost": "${nope}", "environment": "${oc.env:NOPE}", "missing": "???", "deep": [[[{"a": [1]}]]],
}  # fmt: skip
SPELT = ("could not be converted", "DictConfig", "ListConfig", "Traceback", "omegaconf", "None:")


def keys(node: Any, above: str = "") -> Iterator[str]:
    """All keys of a configuration; of a list, and of labels by symbol, the first alone."""
    names = list(node) if isinstance(node, DictConfig) else list(range(len(node)))
    for name in names[:1] if isinstance(node, ListConfig) or "tags" in above else names:
        place = f"{above}.{name}".lstrip(".")
        yield place
        child = node._get_node(name)
        if isinstance(child, (DictConfig, ListConfig)) and not child._is_none():
            yield from keys(child, place)


def try_each(words: list[str], within: str, every: int) -> list[str]:
    """What was raised and is no line for a user; each `every`-th pair of key and value."""
    base, wrong, count = job(compose_config(words)), [], 0
    places = [key for key in keys(base) if key.startswith(within)]
    for place in places:
        if place.startswith("factors.") and place.count(".") > 1 and "rv_20" not in place:
            continue
        for label, value in ODD.items():
            count += 1
            if count % every:
                continue
            config = copy.deepcopy(base)
            OmegaConf.update(config, place, value, merge=False)
            try:
                read(config, choose_plugins(config, installed()))
            except EngineError as error:
                said = str(error).split("\n  ")[0]  # a formula's caret is its own
                if "\n" in said or any(word in said for word in SPELT):
                    wrong.append(f"{place}={label}: {said}")
                elif place.split(".")[-1] not in said and place.split(".")[0] not in said:
                    wrong.append(f"{place}={label} is not named: {said}")
            except Exception as error:
                wrong.append(f"{place}={label}: {type(error).__name__}: {error}")
    assert count > 10
    return wrong


def test_some_values_of_each_key() -> None:
    assert try_each(["+bundle=ai_tech_core_ml"], "", every=97) == []


@pytest.mark.long
@pytest.mark.parametrize("node", job(compose_config(["+bundle=ai_tech_core_ml"])))
def test_all_values_of_each_key(node: str) -> None:
    assert try_each(["+bundle=ai_tech_core_ml"], node, every=1) == []


CHOICES = [
    f"{group}={file.stem}" for group in GROUPS for file in sorted((CONF / group).glob("*.yaml"))
]


@pytest.mark.long
@pytest.mark.parametrize("choice", CHOICES)
def test_all_values_of_each_choice(choice: str) -> None:
    group = choice.partition("=")[0]
    assert try_each(["+bundle=ai_tech_core", choice], f"{group}.", every=1) == []
