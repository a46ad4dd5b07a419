"""The rules of the house, as tests."""

from __future__ import annotations

import ast
import dataclasses
import os
import re
from importlib.metadata import EntryPoint
from pathlib import Path

import grimp
import pytest
from builders import ABSENT, ROOT
from omegaconf import OmegaConf

from engine.core.kinds import KINDS, groups
from engine.core.nesting import find_nests
from engine.pipeline.stages import CONTRACTS
from engine.plugin import hookspecs
from engine.plugin.registry import Registry, installed

CODE = [p for room in ("engine", "plugins", "schemas") for p in (ROOT / room).rglob("*.py")]
TESTS = [p for p in (ROOT / "tests").rglob("*.py") if "outsider" not in p.parts]


@pytest.mark.parametrize("path", CODE, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_each_hook_is_documented_and_has_a_kind() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("register_")}
    assert hooks == {
        "register_kinds",
        "register_commands",
        *(kind.kind_hook() for kind in KINDS.values()),
    }
    for name in hooks:
        assert getattr(hookspecs, name).__doc__


@pytest.mark.parametrize("kind", KINDS)
def test_each_built_in_plugin_has_a_docstring_and_a_test(kind: str) -> None:
    tests = "\n".join(p.read_text("utf-8") for p in (ROOT / "tests").rglob("test_*.py"))
    for name, entry in installed().entries(kind).items():
        assert entry.line, f"{kind} {name} has no docstring"
        assert name in tests, f"{kind} {name} has no test"


@pytest.mark.parametrize("kind", KINDS)
def test_each_option_says_what_it_means(kind: str) -> None:
    for name, entry in installed().entries(kind).items():
        for field in dataclasses.fields(entry.cls):  # type: ignore[arg-type]
            assert field.metadata.get("help"), f"{kind} {name}: field {field.name} has no help"


@pytest.mark.parametrize("kind", KINDS)
def test_each_plugin_file_stands_in_its_rooms_list(kind: str) -> None:
    room = ROOT / "plugins" / f"{kind}s"
    files = {p.stem for p in room.glob("*.py") if not p.stem.startswith("_")}
    modules = {
        entry.cls.__module__.rpartition(".")[2] for entry in installed().entries(kind).values()
    }
    assert files <= modules


@pytest.mark.parametrize("table", CONTRACTS)
def test_each_contract_has_a_test_that_breaks_it(table: str) -> None:
    """That every check of it can fail is shown there."""
    tests = [path.read_text("utf-8") for path in (ROOT / "tests" / "schemas").glob("*.py")]
    broken = (ROOT / "tests" / "schemas" / "broken.py").read_text("utf-8")
    own = any(f"{table}_schema(" in text and "SchemaErrors" in text for text in tests)
    assert own or f'("{table}", ' in broken


@pytest.mark.parametrize("group", groups())
def test_each_yaml_names_a_plugin_and_fits_its_fields(group: str) -> None:
    files = sorted((ROOT / "conf" / group).glob("*.yaml"))
    assert files
    for path in files:
        node = OmegaConf.create({"seed": 7, group: OmegaConf.load(path)})[group]
        cls = installed().find(groups()[group], node.name, group).cls
        inside = find_nests(cls)
        plain = {key: value for key, value in node.items() if key not in {"name", "defaults"}}
        if node.name not in ABSENT:
            installed().build_plain(cls, plain, group)
        fields = {f.name for f in dataclasses.fields(cls)} - {*inside}  # type: ignore[arg-type]
        assert set(plain) == fields, f"{path.name} does not show every field"
        assert ("defaults" in node) == bool(inside)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "conf" / "bundle").glob("*.yaml")), ids=lambda p: p.stem
)
def test_each_bundle_starts_with_its_command(path: Path) -> None:
    assert path.read_text().startswith(f"# @package _global_\n# engine run +bundle={path.stem}\n")


def test_only_the_second_book_imports_vectorbt() -> None:
    users = [
        path.name
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Import) and any(a.name.startswith("vectorbt") for a in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vectorbt"))
    ]
    assert set(users) == {"second.py"}


def test_nothing_evaluates_or_unpickles() -> None:
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec"}, path
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = {a.name for a in node.names} | {getattr(node, "module", None)}
                assert not names & {"pickle", "cloudpickle", "dill"}, path


def test_no_csv_is_written() -> None:
    """A spreadsheet would run a cell such as =HYPERLINK(…); tables are parquet, and pages HTML."""
    for path in CODE:
        assert "to_csv" not in path.read_text("utf-8"), path
        assert "csv.writer" not in path.read_text("utf-8"), path


FINISHED = {"metrics", "manifest", "data"}  # what a run leaves as JSON


def keyed(node: ast.AST) -> str | None:
    """What a literal key is looked up in, by its last name: ``run.metrics["a"]`` is metrics."""
    match node:
        case ast.Subscript(value=holder, slice=ast.Constant(value=str())):
            pass
        case ast.Call(func=ast.Attribute(value=holder, attr="get"), args=[ast.Constant(), *_]):
            pass
        case _:
            return None
    return getattr(holder, "attr", getattr(holder, "id", None))


def test_a_finished_run_is_typed() -> None:
    """`engine.storage` reads the three files, once: elsewhere they have attributes, not keys."""
    assert [keyed(ast.parse(code, mode="eval").body) for code in (
        "run.metrics['a']", "data['a']", "manifest.get('a', {})", "run.metrics.active", "data[key]"
    )] == ["metrics", "data", "manifest", None, None]  # fmt: skip
    for path in (ROOT / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            assert keyed(node) not in FINISHED, f"{path}:{getattr(node, 'lineno', 0)}"


def test_private_names_of_others_are_reached_through_one_file_each() -> None:
    """They may change with any release; each stands there with the reason for it."""
    for room, private in (("config", "hydra._internal"), ("kernels", "numba.core")):
        for path in CODE:
            text = path.read_text("utf-8")
            if path == ROOT / "engine" / room / "private.py":
                imports = text.split("__all__")[0].split("annotations\n")[1].split("\n")
                names = [n for n in imports if n.strip(" )") and not n.endswith("(")]
                assert len(names) >= 7
                assert all("  # " in name for name in names)
            else:
                assert f"from {private}" not in text, path
                assert f"import {private}" not in text, path


def test_no_modules_import_one_another_in_a_circle() -> None:
    """Neither when they run, nor for types, nor inside functions."""
    graph = grimp.build_graph("engine")
    left = {m: graph.find_modules_directly_imported_by(m) for m in graph.modules}
    while free := {module for module, read in left.items() if not read & {*left}}:
        left = {module: read for module, read in left.items() if module not in free}
    assert not left


IRREGULAR = (
    "bound|broken|built|chosen|done|drawn|driven|found|frozen|given|gone|grown|held|hidden|kept|known|"
    "laid|left|lent|lost|made|meant|met|paid|said|sent|shown|sold|spent|spoken|taken|told|written"
)
PARTICIPLE = re.compile(rf"_*([a-z]*[^e\W_]ed|{IRREGULAR})(_(beside|in|out|over|up))?")
NO_VERBS = {
    "_chained": "a rule of the grammar has that name",
    "_named": "a rule of the grammar has that name",
    "_unsorted": "a finding in the bars has that name",
    "installed": "is read as a noun: installed().find(…)",
    "ranked": "engine.Book's, which portfolios of others call",
    "sorted": "engine.Book's, which portfolios of others call",
    "written": "engine.reading.Reader's, which sources of others may override",
}


def participles(code: str) -> set[str]:
    """Functions, but for properties, called after what came of them: `told`, `_laid_out`."""
    return {
        node.name
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.FunctionDef)
        and PARTICIPLE.fullmatch(node.name)
        and not any("property" in ast.unparse(each) for each in node.decorator_list)
    }


def test_functions_are_verbs() -> None:
    """They say what they do: `choose`, not `chosen`; properties and values are nouns."""
    sample = "def _told(): ...\ndef laid_out(): ...\ndef feed(): ...\ndef is_held(): ...\n"
    assert participles(sample + "@property\ndef known(self): ...\n") == {"_told", "laid_out"}
    assert set().union(*(participles(path.read_text("utf-8")) for path in CODE)) == {*NO_VERBS}


def test_the_root_holds_the_front_door_and_rooms() -> None:
    root = ROOT / "engine"
    files = {path.name for path in root.iterdir() if not path.is_dir()}
    assert files == {"__init__.py", "__main__.py", "api.py", "py.typed"}
    links = {path.name: os.readlink(path) for path in root.iterdir() if path.is_symlink()}
    assert links == {name: f"../{name}" for name in ("conf", "plugins", "schemas")}


def test_tests_mirror_the_rooms() -> None:
    for path in (ROOT / "tests" / "engine").iterdir():
        assert path.name == "__pycache__" or (ROOT / "engine" / path.name).is_dir(), path


def test_places_have_one_address() -> None:
    """`builders` says where the checkout and the real data are; tests ask it."""
    own = re.compile(r"Path\(__file__\)(\.resolve\(\))?\.parent(s|\.parent)|ALPHA_ENGINE_SHARED")
    for path in TESTS:
        if path.name not in {"builders.py", "conftest.py", "test_house.py"}:
            assert not own.search(path.read_text("utf-8")), path


def test_what_tests_share_is_written_once() -> None:
    """No helper of a test stands in two files, and none bears the name of a shared one."""
    seen: dict[str, Path] = {}
    shared = {node.name for node in helpers(ROOT / "tests" / "builders.py")}
    for path in TESTS:
        for node in helpers(path):
            assert seen.setdefault(ast.unparse(node), path) == path, (node.name, path)
            assert node.name not in shared or path.name == "builders.py", (node.name, path)


def helpers(path: Path) -> list[ast.FunctionDef | ast.ClassDef]:
    body = ast.parse(path.read_text("utf-8")).body
    found = [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [node for node in found if not node.name.lower().startswith("test")]


def test_plugins_import_the_front_door_only() -> None:
    for path in (ROOT / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            own = "engine.plugins."
            assert not [n for n in names if n.startswith("engine.") and own not in n], path


def test_the_readmes_plugin_works_and_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = (ROOT / "README.md").read_text("utf-8").split("```python\n")[1:]
    code = next(b.split("```")[0] for b in blocks if "hookimpl" in b)
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    (tmp_path / "readme_plugin.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry([EntryPoint("readme", "readme_plugin", "engine")])
    node = OmegaConf.create({"name": "week_reversal"})
    assert registry.build("factor", node, "factors.x").lookback == 5


@pytest.mark.parametrize("group", sorted(p.name for p in (ROOT / "conf").iterdir() if p.is_dir()))
def test_the_readme_lists_every_choice(group: str) -> None:
    if group in {
        "hydra",
        "label",
        "validation",
        "report",
        "check",
        "scoring",
    }:  # one choice, or Hydra's own
        return
    row = next(
        line for line in (ROOT / "README.md").read_text("utf-8").splitlines()
        if line.startswith(f"| `{group}` |")
    )  # fmt: skip
    for path in (ROOT / "conf" / group).glob("*.yaml"):
        assert f"`{path.stem}`" in row
