"""``engine plugins list``, ``show`` and ``check``, as they are typed."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
from omegaconf import OmegaConf

import engine
from engine.cli.plugins.catalog import align
from engine.cli.plugins.page import example
from engine.cli.prompt import main
from engine.config.compose import Package
from engine.core.kinds import KINDS
from engine.plugin.registry import Entry, Registry, installed

Prompt = Callable[..., tuple[int, str, str]]


@dataclass(frozen=True)
class Twice(engine.Factor):
    """Twice the close.

    Not for money.
    """

    name: ClassVar[str] = "twice"
    times: float = engine.option(2.0, "multiplier", unit="fraction", ge=0, le=10)
    how: str = engine.option("plain", "a choice", choices=("plain", "fancy"))
    tags: list[str] = engine.option(["a"], "labels")

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return panel["close"] * self.times


@dataclass(frozen=True)
class Peek(engine.Factor):
    """Tomorrow's close."""

    name: ClassVar[str] = "peek"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return np.vstack([panel["close"][1:], panel["close"][-1:]])


@dataclass(frozen=True)
class Fussy(Twice):
    """Cannot be built without a path, nor with an odd one."""

    name: ClassVar[str] = "fussy"
    path: str = engine.option("", "a file")

    def __post_init__(self) -> None:
        raise ValueError(f"odd\npath {self.path}")


@dataclass(frozen=True)
class Half(engine.Factor):
    """Lacks compute."""

    name: ClassVar[str] = "half"


@dataclass(frozen=True)
class TwiceModel(engine.Model):
    """A model of the same name as a factor."""

    name: ClassVar[str] = "twice"

    def estimator(self, seed: int) -> engine.Estimator:
        raise NotImplementedError


@dataclass(frozen=True)
class Spread(engine.Operator):
    """Highest minus lowest of a window."""

    name: ClassVar[str] = "spread"
    args: ClassVar[str] = "xd"
    reach: ClassVar[str] = "window"

    def kernel(self, *args: object) -> engine.FloatArray:
        raise NotImplementedError

    def slow(self, *args: object) -> engine.FloatArray:
        raise NotImplementedError


@dataclass(frozen=True)
class Old(engine.Cost):
    """A cost model that still says what a delisting pays."""

    name: ClassVar[str] = "old"
    delisting_return: float = engine.option(-0.5, "what a delisting pays")

    def trading(self, panel: engine.Panel, orders: engine.FloatArray) -> dict[str, object]:
        raise NotImplementedError

    def carry(self, weights: engine.FloatArray, days: engine.FloatArray) -> dict[str, object]:
        raise NotImplementedError


def plugin_module(name: str, **classes: list[type]) -> EntryPoint:
    """An entry point to a module with one hook per kind: ``factor=[Twice]``."""
    module = ModuleType(name)
    for kind, listed in classes.items():

        def hook(listed: list[type] = listed) -> list[type]:
            return listed

        hook.__name__ = KINDS[kind].kind_hook()
        setattr(module, hook.__name__, engine.hookimpl(hook))
    sys.modules[name] = module
    return EntryPoint(name=name, value=name, group="engine")


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Prompt:
    """Type ``engine plugins …`` with some strangers installed; code, stdout and stderr."""
    points = [
        plugin_module("good", factor=[Twice, Peek, Fussy], model=[TwiceModel], operator=[Spread]),
        plugin_module("poor", factor=[Half]),
        plugin_module("rival_a", factor=[_renamed("claimed")]),
        plugin_module("rival_b", factor=[_renamed("claimed")]),
        EntryPoint("absent", "no_such_module_anywhere", "engine"),
    ]
    registry = Registry(points)
    monkeypatch.setattr("engine.plugin.installed", lambda: registry)
    monkeypatch.setattr("engine.config.packages", list)

    def typed(*words: str) -> tuple[int, str, str]:
        code = main(["plugins", *words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert err.count("\n") == (code == 2 and not out), err
        return code, out, err

    return typed


def _renamed(name: str) -> type:
    return dataclass(frozen=True)(type("Other", (Twice,), {"name": name, "__doc__": "Other."}))


def test_list_tells_kind_name_origin_and_first_line(prompt: Prompt) -> None:
    code, out, _ = prompt("list")
    lines = [line.split(maxsplit=3) for line in out.split("\n\n")[0].splitlines()]
    assert code == 0
    assert lines == [
        ["kind", "name", "from", "what it is"],
        ["operator", "spread", "good", "Highest minus lowest of a window."],
        ["factor", "fussy", "good", "Cannot be built without a path, nor with an odd one."],
        ["factor", "peek", "good", "Tomorrow's close."],
        ["factor", "twice", "good", "Twice the close."],
        ["model", "twice", "good", "A model of the same name as a factor."],
    ]


def test_list_ends_with_what_cannot_be_used_and_why(prompt: Prompt) -> None:
    code, out, _ = prompt("list")
    bad = out.split("cannot be used\n")[1].splitlines()
    assert code == 0
    assert len(bad) == 3
    assert re.search(r"FAILED +no_such_module_anywhere .*ModuleNotFoundError", bad[0])
    assert re.search(r"FAILED +poor .*lacks the method 'compute'", bad[1])
    assert re.search(r"CONTESTED +factor claimed .*rival_a.*rival_b.*plugins\.disable", bad[2])


def test_list_says_what_should_be_mended_and_lets_it_in(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry([plugin_module("dated", cost=[Old])])
    monkeypatch.setattr("engine.plugin.installed", lambda: registry)
    code, out, _ = prompt("list")
    assert code == 0
    assert re.search(r"^cost +old +dated +A cost model", out, re.M)
    (line,) = out.split("can be used, and should be mended\n")[1].splitlines()
    assert line.split(maxsplit=2)[:2] == ["MEND", "dated"]
    assert "Old defines delisting_return, which nothing reads: take it out" in line
    assert "write delisting.long_return" in line
    assert "should be mended" not in prompt("list", "factor")[1]


def test_list_of_one_kind_leaves_out_the_others(prompt: Prompt) -> None:
    _, out, _ = prompt("list", "model")
    assert [line.split()[0] for line in out.split("\n\n")[0].splitlines()] == ["kind", "model"]
    assert "poor" not in out  # a factor
    assert "no_such_module_anywhere" in out  # may have been anything
    assert prompt("list", "cost")[1].startswith("no cost is installed\n")


def test_list_names_conf_packages_their_files_and_their_faults(
    prompt: Prompt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("bundle/mine", "factors/short"):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).with_suffix(".yaml").touch()
    found = [
        Package("good-dist", "good_conf", tmp_path),
        Package("bad-dist", "bad_conf", tmp_path, "conf package 'bad_conf' is not there"),
    ]
    monkeypatch.setattr("engine.config.packages", lambda: found)
    code, out, _ = prompt("list")
    assert code == 0
    assert "files they add\n  good-dist  good_conf  bundle/mine, factors/short\n" in out
    assert re.search(r"FAILED +bad-dist +conf package 'bad_conf' is not there", out)


def test_list_says_when_third_parties_are_left_out(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGINE_NO_PLUGINS", "1")
    assert "ENGINE_NO_PLUGINS is set" in prompt("list")[1]


def test_built_ins_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "list", "source"]) == 0
    assert re.search(r"^source +simulated +built-in +An invented", capsys.readouterr().out, re.M)


def test_show_is_a_page_of_fields_and_yaml(prompt: Prompt) -> None:
    code, out, _ = prompt("show", "factor", "twice")
    assert code == 0
    head, *rest = out.split("\n\n")
    assert head.splitlines()[:2] == ["factor twice", "  from     good"]
    place, line = head.splitlines()[2].removeprefix("  source   ").rsplit(":", 1)
    assert Path(place) == Path(__file__)
    assert "class Twice" in "".join(Path(place).read_text().splitlines()[int(line) - 1 :][:2])
    assert "\n\n".join(rest) == (
        "Twice the close.\n\nNot for money.\n\n"
        "field  type       unit      default  allowed        what it means\n"
        "times  float      fraction  2.0      from 0 to 10   multiplier\n"
        "how    str                  plain    plain | fancy  a choice\n"
        "tags   list[str]            [a]                     labels\n\n"
        "# conf/factors/mine.yaml, for engine run … factors=mine\n"
        "twice:\n"
        "  name: twice\n"
        "  times: 2.0  # multiplier [fraction]\n"
        "  how: plain  # plain | fancy: a choice\n"
        "  tags: [a]   # labels\n"
    )


def test_show_writes_an_operator_into_a_formula(prompt: Prompt) -> None:
    out = prompt("show", "spread")[1]
    assert "no fields" in out
    assert out.endswith('my_factor:\n  name: formula\n  formula: "spread(close, 20)"\n')


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_yaml_of_each_built_in_builds_its_defaults(kind: str) -> None:
    needs = {"file": {"path": "a.parquet", "column": "a"}, "formula": {"formula": "close"}}
    for name, entry in installed().entries(kind).items():
        root = OmegaConf.create(example(entry))
        node = (
            root
            if KINDS[kind].config_key
            else root["observers"][name]
            if kind == "observer"
            else root[name]
        )
        node.update(needs.get(name, {}))
        plain = {key: value for key, value in node.items() if key not in {"name", "defaults"}}
        made = installed().build_plain(entry.cls, plain, kind)
        assert made == installed().build_plain(entry.cls, needs.get(name, {}), kind), name


def test_a_field_without_default_is_marked_in_the_yaml() -> None:
    @dataclass(frozen=True)
    class Bare(engine.Factor):
        """Needs a number."""

        name: ClassVar[str] = "bare"
        number: int

        def compute(self, panel: engine.Panel) -> engine.FloatArray:
            raise NotImplementedError

    node = OmegaConf.create(example(Entry("factor", Bare, "d", "1")))["bare"]
    assert OmegaConf.is_missing(node, "number")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lst"], "plugins lst: no such command; did you mean 'list'?"),
        (["list", "factors"], "'factors' is no kind of plugin; did you mean 'factor'?"),
        (["list", "factor", "model"], "type `engine plugins list`, or add one kind"),
        (["show"], "plugins show: type `engine plugins show NAME`"),
        (["show", "pek"], "pek: no such plugin; did you mean 'peek'?; no_such"),
        (["show", "model", "peek"], "peek: no such model; choose from: twice; no_such"),
        (["show", "modle", "twice"], "'modle' is no kind of plugin; did you mean 'model'?"),
        (
            ["show", "twice"],
            "twice is the name of 2 plugins: type `engine plugins show factor twice` or "
            "`engine plugins show model twice`",
        ),
        (["show", "half"], "factor half: "),
        (["show", "claimed"], "factor claimed: two plugins are called factor 'claimed'"),
        (["check"], "plugins check: type `engine plugins check NAME`"),
        (
            ["check", "factor", "twice", "tims=3"],
            "twice.tims: no such field; did you mean 'times'?",
        ),
        (["check", "factor", "twice", "times=11"], "twice.times=11.0: choose from 0 to 10"),
        (
            ["check", "factor", "twice", "times=many"],
            "twice.times=many: write a number",
        ),
        (["check", "factor", "twice", "tags=[a"], "tags=[a: the value cannot be read as YAML"),
        (["check", "factor", "twice", "tags=${a}"], "tags=${a}: the value cannot be read as YAML"),
        (["check", "fussy"], "fussy needs a value: add path=…"),
        (["check", "fussy", "path=a"], "fussy cannot be built: ValueError: odd path a"),
    ],
)
def test_a_mistake_is_one_line_with_what_to_type(
    prompt: Prompt, words: list[str], message: str
) -> None:
    code, out, err = prompt(*words)
    assert (code, out) == (2, "")
    assert err.startswith(f"engine: {message}") or message in err


def test_check_prints_a_line_per_property_of_a_plugin_that_holds(prompt: Prompt) -> None:
    code, out, _ = prompt("check", "factor", "twice", "times=3")
    head, *lines, count = out.splitlines()
    assert code == 0, out
    assert head == "factor twice, good"
    assert {line.split()[0] for line in lines} == {"ok"}
    assert count == f"{len(lines)} of {len(lines)} properties hold"


def test_check_names_what_fails_and_exits_with_2(prompt: Prompt) -> None:
    code, out, _ = prompt("check", "peek")
    assert code == 2
    assert re.search(r"^  FAILED +\S.*looks ahead: on \d{4}-\d\d-\d\d ", out, re.M)
    held, total = map(int, re.search(r"(\d+) of (\d+) properties hold", out).groups())  # type: ignore[union-attr]
    assert 0 < held < total


def test_check_takes_the_text_of_a_formula_as_it_stands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As YAML, ``a ? b : c`` would be a mapping."""
    code = main(["plugins", "check", "formula", "formula=close > open ? 1 : volume"])
    assert code == 0, capsys.readouterr()


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert align([("a", "bb", ""), ("ccc", "d", "e")], " ") == " a    bb\n ccc  d   e"


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--help"]) == main(["--help"]) == 0
    out = capsys.readouterr().out
    for command in ("list", "show", "check", "new"):
        assert out.count(f"engine plugins {command}") == 2


def test_an_unknown_command_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugin"]) == 2
    assert capsys.readouterr().err == (
        "engine: no such command 'plugin': did you mean 'plugins'? (or type `engine --help`)\n"
    )


def test_debug_lets_the_error_through() -> None:
    with pytest.raises(engine.ConfigError, match="no such command"):
        main(["plugins", "lst", "--debug"])
