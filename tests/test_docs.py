"""docs/ tells the truth: its code and commands run, and nothing that it should tell is missing."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import shlex
import tomllib
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

import pytest
from builders import ROOT, SMALL, Shared
from omegaconf import OmegaConf
from stories import FILES

import engine
from engine.core.command import Command
from engine.core.kinds import KINDS, Kind
from engine.expr.parser import DIALECTS
from engine.pipeline.settings import factor_set
from engine.plugin import hookspecs
from engine.plugin.registry import Registry, installed
from engine.signal.scores import Bundle

PAGE = (ROOT / "docs" / "plugins.md").read_text("utf-8")
STORY_PAGE = (ROOT / "docs" / "files.md").read_text("utf-8")
STORIES = dict(
    re.findall(r"^## (.*?)\n.*?^```sh\n(.*?)^```$", STORY_PAGE, re.DOTALL | re.MULTILINE)
)
HOOKS = [name for name in vars(hookspecs) if name.startswith("register_")]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


CODE = blocks("python")


def loaded(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, Registry]:
    """A block as a module of its own, and a registry that found it behind an entry point."""
    name = f"documented_{CODE.index(code)}"
    (folder / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    registry = Registry([*entry_points(group="engine"), EntryPoint(name, name, "engine")])
    return importlib.import_module(name), registry


def build_own(module: ModuleType, registry: Registry) -> list[Kind]:
    """The plugins of a module with their defaults."""
    return [
        registry.build_plain(entry.cls, {}, kind)
        for kind in registry.kinds
        for entry in registry.entries(kind).values()
        if entry.cls.__module__ == module.__name__
    ]


BY_HOOK = {kind.kind_hook(): kind for kind in KINDS.values()}


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_has_a_section_with_its_signature_and_an_example(hook: str) -> None:
    kind = Kind if hook == "register_kinds" else BY_HOOK.get(hook, Command)
    one = "engine.Command" if kind is Command else f"type[engine.{kind.__name__}]"
    heading = f"`{hook}() -> list[{one}]`"
    section = next(part for part in PAGE.split("\n## ") if heading in part.split("\n")[0])
    assert f"def {hook}()" in section
    assert f"engine.{kind.__name__}(" in section or f"(engine.{kind.__name__})" in section


def test_the_sections_stand_in_the_order_of_a_run() -> None:
    assert re.findall(r"^## .*`(register_\w+)", PAGE, re.MULTILINE) == HOOKS


@pytest.mark.parametrize(
    "code",
    [c for c in CODE if "register_commands" not in c],
    ids=lambda c: re.findall(r"register_\w+", c)[0],
)
def test_each_example_is_a_plugin_that_builds_from_its_defaults(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, registry = loaded(code, tmp_path, monkeypatch)
    assert registry.failures == registry.find_contested() == []
    built = build_own(module, registry)
    assert built
    for plugin in built:
        assert inspect.getdoc(type(plugin))
        assert all(field.metadata["help"] for field in dataclasses.fields(plugin))
        assert vars(module)[type(plugin).__name__] is type(plugin)


def test_the_example_of_a_command_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from engine.cli.prompt import main

    (code,) = [c for c in CODE if "register_commands" in c]
    name = "my_factors"
    (tmp_path / name).mkdir()
    hook, command = code.split("# my_factors/halves.py\n")
    (tmp_path / name / "__init__.py").write_text(hook)
    (tmp_path / name / "halves.py").write_text(command)
    monkeypatch.syspath_prepend(str(tmp_path))
    (row, _), *_ = Registry([EntryPoint(name, name, "engine")]).commands
    run = engine.run(SMALL, path=tmp_path / "run").path
    assert main([row.name, str(run)], [row]) == 0
    assert (
        len(re.findall(r"^20\d\d-\d\d-\d\d on: [+-]\d+\.\d%$", capsys.readouterr().out, re.M)) == 2
    )
    assert main([row.name, str(tmp_path)], [row]) == 2
    assert "not a finished run" in capsys.readouterr().err
    assert main([row.name, "--help"], [row]) == 0
    assert "Usage: engine halves" in capsys.readouterr().out


@pytest.mark.parametrize(
    "code",
    [c for c in CODE if not re.search("register_(observers|commands)", c)],
    ids=lambda c: re.findall(r"register_\w+", c)[0],
)
def test_each_example_keeps_the_contract_of_its_kind(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.testing import verdicts

    for plugin in build_own(*loaded(code, tmp_path, monkeypatch)):
        assert [str(v) for v in verdicts(plugin) if not v.ok] == []


def test_the_example_of_a_test_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = [c for c in CODE if "def test_" in c]
    module, _ = loaded(code, tmp_path, monkeypatch)
    tests = [value for name, value in vars(module).items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


def wide_prose(text: str) -> list[str]:
    """Lines over 100 characters; tables, headings, fenced code and lone links cannot be wrapped."""
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    exempt = re.compile(r"\s*(\||#|([-*] )?!?\[[^]]*\]\([^)]*\)$)")
    return [line for line in prose.splitlines() if len(line) > 100 and not exempt.match(line)]


def test_what_is_too_wide_is_found() -> None:
    long, code = "word " * 21, f"```\n{'x' * 101}\n```\n"
    assert wide_prose(f"{code}| {long} |\n# {long}\n- [{long}](a.md)\nshort\n{long}") == [long]


@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]),
    ids=lambda path: path.name,
)
def test_prose_is_wrapped_at_100_columns(path: Path) -> None:
    assert wide_prose(path.read_text("utf-8")) == []


def test_the_bundle_and_the_factor_set_are_what_they_say() -> None:
    _, bundle, factors, dialects = blocks("yaml")
    assert bundle.startswith("# @package _global_\n# engine run +bundle=my_bundle\n")
    node = OmegaConf.create(bundle)
    assert set(node.bundle) <= {field.name for field in dataclasses.fields(Bundle)}
    assert sum(factor.weight for factor in node.bundle.factors) == 1.0
    assert "smooth" in OmegaConf.create(factors)
    spoken = factor_set(OmegaConf.create(dialects), installed())
    assert {name: factor.dialect for name, factor in spoken.items()} == {
        "strength": "gtja",
        "value": "brain",
        "kdj": "tdx",
    }


def test_each_dialect_has_a_row() -> None:
    for name in DIALECTS:
        assert f"\n| `{name}` | " in PAGE


def test_the_distribution_registers_code_and_configuration() -> None:
    (text,) = blocks("toml")
    content = tomllib.loads(text)
    points = content["project"]["entry-points"]
    named = {value for group in ("engine", "engine.conf") for value in points[group].values()}
    assert named == set(content["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


def test_each_choice_of_a_command_exists(capsys: pytest.CaptureFixture[str]) -> None:
    from engine.cli.prompt import main

    assert main(["--help"]) == 0
    known = capsys.readouterr().out
    for command in re.findall(r"engine (plugins \w+)", PAGE):
        assert f"engine {command}" in known


def _told(story: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a story's commands in a folder, as a reader would type them."""
    from engine.cli.prompt import main

    monkeypatch.chdir(folder)
    for line in STORIES[story].splitlines():
        word, *rest = shlex.split(line)
        assert word == "engine"
        assert main(rest) == 0, line
    (report,) = re.findall(
        r"outputs/\w+/report.html", STORY_PAGE.split(f"## {story}\n")[1].split("## ")[0]
    )
    assert (folder / report).stat().st_size > 100_000


def test_each_story_has_its_files() -> None:
    assert set(STORIES) == set(FILES)


@pytest.mark.parametrize("story", FILES)
def test_a_story_goes_from_file_to_report(
    story: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    FILES[story](tmp_path)
    _told(story, tmp_path, monkeypatch)
    assert "4000 rows, 10 symbols" in capsys.readouterr().out


@pytest.mark.long
def test_the_real_files_of_quantconnect_go_from_file_to_report(
    shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lean").symlink_to(shared("data/lean_raw"))
    _told("Traded prices from QuantConnect", tmp_path, monkeypatch)
