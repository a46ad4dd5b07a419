"""Options: their rules hold however an instance is built, in the same words."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

import engine
from engine.core.errors import ConfigError
from engine.core.fields import structure
from engine.core.options import Options, describe_bounds, option
from engine.plugins.models import Ridge


@dataclass(frozen=True)
class Knobs(Options):
    """Some of each."""

    config_key: ClassVar[str] = "knobs"

    closed: float = option(0.5, "both ends belong to it", ge=0, le=1)
    half: float = option(0.5, "only the upper end does", gt=0, le=1)
    inner: float | None = option(None, "neither end does", gt=0, lt=1)
    least: int = option(3, "a lower bound alone", ge=2)
    most: int = option(3, "an upper bound alone", lt=9)
    word: str = option("left", "one of a few", choices=("left", "right"))
    either: float | str = option("auto", "a word or a number", choices=("auto",), gt=0)


WRONG = [
    ("closed", 1.5, "choose from 0 to 1"),
    ("half", 0.0, "choose more than 0, at most 1"),
    ("inner", 1.0, "choose more than 0, less than 1"),
    ("least", 1, "choose 2 or more"),
    ("most", 9, "choose less than 9"),
    ("most", 2**53 + 1, "write a smaller number"),
    ("closed", float("nan"), "write a finite number"),
    ("word", "lef", "did you mean 'left'?"),
    ("either", "x", "choose auto, or a number more than 0"),
    ("either", -1.0, "choose auto, or a number more than 0"),
]


@pytest.mark.parametrize(("name", "value", "wanted"), WRONG)
def test_a_rule_holds_in_python_and_in_yaml_with_the_same_words(
    name: str, value: Any, wanted: str
) -> None:
    said = []
    for build in (
        lambda: Knobs(**{name: value}),
        lambda: replace(Knobs(), **{name: value}),
        lambda: structure(Knobs, {name: value}, "knobs"),
    ):
        with pytest.raises(ConfigError) as error:
            build()
        said.append(str(error.value))
    assert said == [f"knobs.{name}={value}: {wanted}"] * 3


def test_values_at_a_closed_end_and_null_are_taken() -> None:
    made = Knobs(closed=1.0, half=1.0, inner=None, least=2, most=8, either=2.5)
    assert structure(Knobs, {"half": 1, "either": 2.5}, "knobs").half == made.half


def test_messages_name_the_place_that_was_read() -> None:
    with pytest.raises(ConfigError, match=r"^source\.knobs\.least=0: choose 2 or more$"):
        structure(Knobs, {"least": 0}, "source.knobs")


def test_rules_come_before_what_a_class_checks_itself() -> None:
    """A class with a `__post_init__` of its own need not call that of its base."""

    @dataclass(frozen=True)
    class Root(Knobs):
        def __post_init__(self) -> None:
            assert self.closed <= 1.0
            assert self.least**0.5 > 1.0

    @dataclass(frozen=True)
    class Leaf(Root):
        extra: int = option(1, "more", ge=1)

    for wrong in ({"closed": 2.0}, {"least": -1}, {"extra": 0}):
        with pytest.raises(ConfigError, match=rf"^knobs\.{next(iter(wrong))}="):
            Leaf(**wrong)


def test_a_model_is_refused_in_python_as_in_yaml() -> None:
    with pytest.raises(ConfigError, match=r"^model\.alpha=-5: choose 0\.0 or more$"):
        Ridge(alpha=-5)


def test_a_plugin_of_many_is_named_by_itself() -> None:
    @dataclass(frozen=True)
    class Mine(engine.Factor):
        name: ClassVar[str] = "mine"
        window: int = engine.option(5, "rows", ge=1)

        def compute(self, panel: engine.Panel) -> engine.FloatArray:
            raise NotImplementedError

    with pytest.raises(ConfigError, match=r"^mine\.window=0: choose 1 or more$"):
        Mine(window=0)


def test_an_error_of_a_worker_is_the_same_in_its_parent() -> None:
    with pytest.raises(ConfigError) as error:
        Ridge(alpha=-5)
    again = pickle.loads(pickle.dumps(error.value))
    assert (type(again), str(again)) == (type(error.value), str(error.value))


def test_no_bounds_have_no_words() -> None:
    assert describe_bounds({}) == ""
