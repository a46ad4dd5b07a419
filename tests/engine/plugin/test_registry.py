"""From entry points to plugins, and from configuration nodes to instances."""

from __future__ import annotations

import re
import socket
import sys
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, PathDistribution
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest
from builders import distribution
from omegaconf import OmegaConf

import engine
from engine.core.kinds import KINDS
from engine.plugin.registry import Registry, installed


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
    with pytest.raises(engine.ConfigError, match=r"factors\.mine\.times=many: write a "):
        build(registry, name="twice", times="many")


def only_failure(points: list[EntryPoint]) -> str:
    """What the registry says of plugins that cannot be used; it never raises."""
    registry = Registry(points)
    (failure,) = [*registry.failures, *registry.find_contested()]
    return failure.message


def other(name: str = "other") -> type:
    return dataclass(frozen=True)(type("Other", (Twice,), {"name": name, "__doc__": "Other."}))


def test_a_taken_name_is_nobodys_and_the_message_names_both() -> None:
    points = [plugin_module("one_plugin", Twice), plugin_module("two_plugin", other("twice"))]
    assert re.search(
        r"two plugins .*one_plugin.*two_plugin.*plugins\.disable", only_failure(points)
    )
    with pytest.raises(engine.PluginError, match="two plugins are called factor 'twice'"):
        Registry(points).find("factor", "twice", "factors.mine")
    assert "twice" in Registry(points).limit(disable=["two_plugin"]).entries("factor")


def test_results_do_not_depend_on_the_order_of_entry_points() -> None:
    points = [plugin_module("one_plugin", Twice), plugin_module("two_plugin", other())]
    forward, backward = Registry(points), Registry(points[::-1])
    assert list(forward.entries("factor")) == list(backward.entries("factor")) == ["other", "twice"]


@pytest.mark.parametrize("name", ["Twice", "two times", "", "2x", None])
def test_an_odd_name_is_refused(name: str | None) -> None:
    message = only_failure([plugin_module("odd_plugin", other(name))])  # type: ignore[arg-type]
    assert "use lower case letters, digits and _ only" in message


def test_a_class_that_is_no_dataclass_is_refused() -> None:
    class Bare(Twice):
        name: ClassVar[str] = "bare"

    assert "is no dataclass" in only_failure([plugin_module("bare_plugin", Bare)])


def test_a_class_without_its_method_is_refused_and_a_run_that_needs_it_says_so() -> None:
    @dataclass(frozen=True)
    class Half(engine.Factor):
        """Lacks compute."""

        name: ClassVar[str] = "half"

    registry = Registry([plugin_module("half_plugin", Half, Twice)])
    assert list(registry.entries("factor")) == ["twice"]
    with pytest.raises(engine.PluginError, match="lacks the method 'compute'"):
        registry.find("factor", "half", "factors.mine")


def test_a_field_of_an_unknown_type_is_refused() -> None:
    @dataclass(frozen=True)
    class Odd(Twice):
        """Holds a socket."""

        name: ClassVar[str] = "odd"
        line: socket.socket | None = None

    assert "cannot be configured" in only_failure([plugin_module("odd_plugin", Odd)])


def test_a_class_of_another_kind_is_refused() -> None:
    @dataclass(frozen=True)
    class NoFactor:
        name: ClassVar[str] = "no_factor"
        values: list[int] = field(default_factory=list)

    assert "is not an engine.Factor" in only_failure([plugin_module("wrong_plugin", NoFactor)])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError"),
        ("import sys; sys.exit(3)", "calls sys.exit while it is imported"),
        (
            "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: list = []",
            "mutable default",
        ),
        ("import engine\n@engine.hookimpl\ndef register_fators(): return []", "register_fators"),
        ("import engine\n@engine.hookimpl\ndef register_factors(panel): return []", "panel"),
        (
            "import engine\n@engine.hookimpl\ndef register_factors(): return 1/0",
            "ZeroDivisionError",
        ),
        ("import engine\n@engine.hookimpl\ndef register_factors(): return 'x'", "returned no list"),
    ],
)
def test_a_broken_plugin_is_listed_and_the_others_go_on(
    code: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"broken_{abs(hash(code))}"
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    points = [EntryPoint(name, name, "engine"), plugin_module("twice_plugin", Twice)]
    assert message in only_failure(points)
    registry = Registry(points)
    assert list(registry.entries("factor")) == ["twice"]
    with pytest.raises(engine.ConfigError, match=f"{name} failed to load"):
        registry.find("factor", "unknown", "factors.mine")


def test_plugins_are_limited_by_distribution() -> None:
    points = [plugin_module("one_plugin", Twice), plugin_module("two_plugin", other())]
    registry = Registry(points)
    assert list(registry.limit(disable=["one_plugin"]).entries("factor")) == ["other"]
    assert list(registry.limit(only=["one_plugin"]).entries("factor")) == ["twice"]
    with pytest.raises(engine.ConfigError, match="did you mean 'one_plugin'"):
        registry.limit(disable=["one_plugni"])


def test_a_plugin_that_wants_another_engine_is_listed(tmp_path: Path) -> None:
    info = distribution(tmp_path, "future", about="Requires-Dist: alpha-engine>=99\n")
    registry = Registry(PathDistribution(info).entry_points)
    assert "future 1.0 wants alpha-engine>=99" in registry.failures[0].message


def test_an_environment_variable_starts_without_third_parties(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ENGINE_NO_PLUGINS", "1")
    assert {e.dist for e in installed.__wrapped__().entries("model").values()} == {"alpha-engine"}


def test_built_ins_come_in_by_the_door() -> None:
    assert {"linear", "ridge", "lasso", "elastic_net", "random_forest", "xgboost"} <= set(
        installed().entries("model")
    )


def kind_of(**words: str) -> type[engine.Kind]:
    """A kind with these class variables."""
    return type("Alarm", (engine.Kind,), {"kind_name": "alarm", "config_key": "alarm", **words})


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (engine.Factor, "has the config_key ''"),
        (type("Ridge", (engine.Model,), {}), "is no kind: derive it from engine.Kind itself"),
        (kind_of(kind_name="Alarm"), "has the kind_name 'Alarm': use lower case"),
        (kind_of(config_key=""), "has the config_key ''"),
        (kind_of(kind_name="model"), "the engine has a kind 'model' already"),
        (kind_of(config_key="costs"), "the conf group 'costs' is another kind's"),
    ],
)
def test_what_is_no_kind_is_a_failure_and_nothing_else_is(
    kind: type[engine.Kind], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("strange_kinds")
    hook = engine.hookimpl(lambda: [kind])
    hook.__name__ = "register_kinds"
    module.register_kinds = hook  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "strange_kinds", module)
    registry = Registry([EntryPoint("strange", "strange_kinds", "engine")])
    assert [message in failure.message for failure in registry.failures] == [True]
    assert registry.kinds == dict(KINDS)
