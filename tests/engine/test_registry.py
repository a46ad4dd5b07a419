"""From entry points to plugins, and from configuration nodes to instances."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import ClassVar

import pytest
from omegaconf import OmegaConf

import engine
from engine.registry import Registry, installed


@dataclass(frozen=True)
class Twice(engine.Factor):
    """Twice the close."""

    name: ClassVar[str] = "twice"
    times: float = engine.option(2.0, "multiplier", ge=0, le=10)
    how: str = engine.option("plain", "a choice", choices=("plain", "fancy"))

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return panel["close"] * self.times


def plugin_module(name: str, *classes: type) -> EntryPoint:
    module = ModuleType(name)

    @engine.hookimpl
    def register_factors() -> list[type]:
        return list(classes)

    module.register_factors = register_factors  # type: ignore[attr-defined]
    sys.modules[name] = module
    return EntryPoint(name=name, value=name, group="engine")


@pytest.fixture
def registry() -> Registry:
    return Registry([plugin_module("twice_plugin", Twice)])


def build(registry: Registry, **node: object) -> object:
    return registry.build("factor", OmegaConf.create(node), "factors.mine")


def test_a_node_becomes_an_instance(registry: Registry) -> None:
    assert build(registry, name="twice", times=3) == Twice(times=3.0)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"name": "twise"}, "factors.mine.name=twise: no such factor; did you mean 'twice'?"),
        ({"name": "twice", "tims": 3}, "factors.mine.tims: no such field; did you mean 'times'?"),
        ({"name": "twice", "times": 11}, "factors.mine.times=11.0: choose from 0 to 10"),
        ({"name": "twice", "how": "fanci"}, "factors.mine.how=fanci: did you mean 'fancy'?"),
        ({"times": 3}, "factors.mine: write `name: …`"),
    ],
)
def test_a_mistake_names_key_value_and_remedy(
    registry: Registry, node: dict[str, object], message: str
) -> None:
    with pytest.raises(engine.ConfigError) as caught:
        build(registry, **node)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_type_names_the_field(registry: Registry) -> None:
    with pytest.raises(engine.ConfigError, match=r"factors\.mine\.times.*'many'"):
        build(registry, name="twice", times="many")


def test_a_taken_name_is_refused_naming_both() -> None:
    @dataclass(frozen=True)
    class Other(Twice):
        """Another one."""

    points = [plugin_module("one_plugin", Twice), plugin_module("two_plugin", Other)]
    with pytest.raises(engine.PluginError, match=r"two plugins .*one_plugin.*two_plugin"):
        Registry(points)


def test_results_do_not_depend_on_the_order_of_entry_points() -> None:
    @dataclass(frozen=True)
    class Other(Twice):
        """Another one."""

        name: ClassVar[str] = "other"

    points = [plugin_module("one_plugin", Twice), plugin_module("two_plugin", Other)]
    forward, backward = Registry(points), Registry(points[::-1])
    assert list(forward.entries("factor")) == list(backward.entries("factor")) == ["other", "twice"]


@pytest.mark.parametrize("name", ["Twice", "two times", "", "2x", None])
def test_an_odd_name_is_refused(name: str | None) -> None:
    odd = dataclass(frozen=True)(type("Odd", (Twice,), {"name": name}))
    with pytest.raises(engine.PluginError, match="use lower case letters, digits and _ only"):
        Registry([plugin_module("odd_plugin", odd)])


def test_a_class_that_is_no_dataclass_is_refused() -> None:
    class Bare(Twice):
        name: ClassVar[str] = "bare"

    with pytest.raises(engine.PluginError, match="is no dataclass"):
        Registry([plugin_module("bare_plugin", Bare)])


def test_a_class_of_another_kind_is_refused() -> None:
    @dataclass(frozen=True)
    class NoFactor:
        name: ClassVar[str] = "no_factor"
        values: list[int] = field(default_factory=list)

    with pytest.raises(engine.PluginError, match=r"is not an engine\.Factor"):
        Registry([plugin_module("wrong_plugin", NoFactor)])


def test_a_broken_import_names_the_plugin() -> None:
    with pytest.raises(engine.PluginError, match="plugin gone .*cannot be imported"):
        Registry([EntryPoint(name="gone", value="no_such_module_anywhere", group="engine")])


def test_an_unknown_hook_is_refused() -> None:
    module = ModuleType("hooky")
    module.register_fators = engine.hookimpl(list)  # type: ignore[attr-defined]
    sys.modules["hooky"] = module
    with pytest.raises(engine.PluginError, match="register_fators"):
        Registry([EntryPoint(name="hooky", value="hooky", group="engine")])


def test_built_ins_come_in_by_the_door() -> None:
    assert {"linear", "ridge", "lasso", "elastic_net", "random_forest", "xgboost"} <= set(
        installed().entries("model")
    )
