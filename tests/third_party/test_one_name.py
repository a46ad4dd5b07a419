"""A distribution puts one name into site-packages, so that it stands beside any project."""

from __future__ import annotations

import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import nbformat
import pytest
from builders import CLEAN, ROOT, SMALL, call
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from packaging.requirements import Requirement

THEIRS = ("schemas", "plugins", "conf", "tests", "core")
CODE = f"""
import {", ".join(THEIRS)}
import engine
report = engine.run({SMALL!r}, path={{folder!r}})
assert [module.OWN for module in ({", ".join(THEIRS)})] == {[*THEIRS]}
assert report.metrics["performance"]["net"]["sharpe"] is not None
print("one name is enough")
"""


def build(tree: Path, what: str, folder: Path) -> Path:
    """The distribution of a tree, built as pip and PyPI build it."""
    call([sys.executable, "-m", "hatchling", "build", "-t", what, "-d", str(folder)], tree)
    return next(folder.iterdir())


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel of this tree, and that of its sdist."""
    folder = tmp_path_factory.mktemp("dist")
    with tarfile.open(build(ROOT, "sdist", folder / "sdist")) as archive:
        archive.extractall(folder / "tree", filter="data")
    unpacked = next((folder / "tree").iterdir())
    return build(ROOT, "wheel", folder / "one"), build(unpacked, "wheel", folder / "two")


@pytest.fixture(scope="module")
def python(wheels: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel of the sdist in it."""
    folder = tmp_path_factory.mktemp("fresh") / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    home = next(folder.glob("lib/python*/site-packages"))
    (home / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python"]
    call([*pip, "install", "--no-deps", "--no-index", "--ignore-installed", wheels[1]], folder)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with packages of the names that everybody uses."""
    folder = tmp_path_factory.mktemp("project")
    for name in THEIRS:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f"OWN = {name!r}\n")
    code = CODE.format(folder="pytest").replace("\n", "\n    ")
    (folder / "tests" / "test_theirs.py").write_text(f"def test_theirs():{code}\n")
    return folder


def test_both_wheels_hold_the_same_files_each_once(wheels: tuple[Path, Path]) -> None:
    one, two = (zipfile.ZipFile(wheel).namelist() for wheel in wheels)
    assert len({*one}) == len(one)
    assert sorted(one) == sorted(two)
    assert {name.split("/")[0] for name in one} == {"engine", "alpha_engine-0.1.0.dist-info"}
    for name in ("plugins/sources/sample.py", "schemas/bars.py", "conf/config.yaml"):
        assert f"engine/{name}" in one
    assert not [name for name in one if "__pycache__" in name or name.startswith("engine/tests")]


def test_the_contents_are_those_of_the_tree(wheels: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(wheels[1]) as wheel:
        for name in wheel.namelist():
            if name.startswith("engine/"):
                assert wheel.read(name) == (ROOT / name).read_bytes(), name


def test_the_prompt(python: Path, project: Path) -> None:
    prompt = python.parent / "engine"
    assert "report: " in call([prompt, "run", *SMALL, "hydra.run.dir=prompt"], project)
    assert "report: " in call([python, "-m", "engine", "report", "prompt"], project)


def test_a_script(python: Path, project: Path) -> None:
    done = call([python, "-c", CODE.format(folder="script")], project)
    assert done == "one name is enough\n"


@pytest.mark.long
def test_their_tests(python: Path, project: Path) -> None:
    assert "1 passed" in call([python, "-m", "pytest", "-q", "tests"], project)


def test_a_notebook(python: Path, project: Path) -> None:
    cell = nbformat.v4.new_code_cell(CODE.format(folder="notebook"))
    notebook = nbformat.v4.new_notebook(cells=[cell])
    kernel = KernelManager()
    kernel.kernel_spec.argv[0] = str(python)
    client = NotebookClient(notebook, km=kernel, resources={"metadata": {"path": str(project)}})
    client.execute(env=CLEAN)
    assert notebook.cells[0].outputs[0]["text"] == "one name is enough\n"


@pytest.mark.long
def test_an_uninstalled_engine_leaves_nothing(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    """No compiled kernels, no configuration, no folder."""
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    home = next((tmp_path / "env").glob("lib/python*/site-packages"))
    (home / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    before = {*home.rglob("*")}
    python = tmp_path / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python]
    call([*pip, "install", "--no-deps", "--no-index", "--ignore-installed", wheels[0]], tmp_path)
    words = ["factors", "compute", "delta(close, 1)", "source=simulated", "universe=all",
             "source.n_symbols=3", "source.n_days=30", "--out", "values.parquet"]  # fmt: skip
    call([python, "-m", "engine", *words], tmp_path)
    call([*pip, "uninstall", "--yes", "alpha-engine"], tmp_path)
    assert {*home.rglob("*")} == before


def test_no_module_of_ours_stands_under_two_names(tmp_path: Path) -> None:
    code = f"""
import os, sys, engine
engine.run({SMALL!r}, path={str(tmp_path / "run")!r})
files = [os.path.realpath(m.__file__) for m in sys.modules.values() if getattr(m, "__file__", 0)]
tops = [os.path.relpath(file, {str(ROOT.resolve())!r}).split(os.sep)[0] for file in files]
ours = [file for file, top in zip(files, tops) if top in {{"engine", "plugins", "schemas", "conf"}}]
assert len(ours) > 100
print([file for file in {{*ours}} if ours.count(file) > 1])
"""
    assert call([sys.executable, "-c", code], ROOT) == "[]\n"


def test_what_it_needs_puts_no_common_name_there_either() -> None:
    common = {
        "app",
        "common",
        "conf",
        "config",
        "core",
        "data",
        "docs",
        "examples",
        "lib",
        "plugins",
        "schemas",
        "scripts",
        "src",
        "test",
        "tests",
        "tools",
        "utils",
    }
    waiting, seen = ["alpha-engine"], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        found = distribution(name)
        tops = {file.parts[0] for file in found.files or ()}
        assert not tops & common, name
        for text in found.requires or ():
            wish = Requirement(text)
            if wish.marker is None or wish.marker.evaluate({"extra": ""}):
                waiting.append(wish.name)
    assert len(seen) > 20
