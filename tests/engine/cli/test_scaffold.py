"""``engine plugins new``, and its author's session in a fresh environment."""

from __future__ import annotations

import importlib.util
import json
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest
from builders import ROOT, call

from engine.cli.prompt import main

FILES = {
    ".gitignore",
    "README.md",
    "my_factors/__init__.py",
    "my_factors/calm_reversal.py",
    "my_factors/value_composite.py",
    "my_factors_conf/__init__.py",
    "my_factors_conf/bundle/my_bundle.yaml",
    "my_factors_conf/factors/my_set.yaml",
    "pyproject.toml",
    "tests/test_plugins.py",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def texts(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def test_new_writes_a_project_and_says_what_to_type(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plugins", "new", "my-factors"]) == 0
    out = capsys.readouterr().out
    assert out.endswith(
        "next:\n  cd my-factors\n  pip install -e . && pytest\n  engine plugins list\n"
    )
    written = texts(here / "my-factors")
    assert set(written) == FILES
    assert all(f"  {name}\n" in out for name in FILES)
    assert not [name for name, text in written.items() if b"@MODULE@" in text or b"@NAME@" in text]
    project = tomllib.loads(written["pyproject.toml"].decode())["project"]
    assert project["name"] == "my-factors"
    assert project["entry-points"] == {
        "engine": {"my_factors": "my_factors"},
        "engine.conf": {"my_factors": "my_factors_conf"},
    }


def test_here_names_the_folder_to_write_into_and_the_bytes_are_the_same(here: Path) -> None:
    (here / "a b").mkdir()
    assert main(["plugins", "new", "--here", str(here / "a b"), "my-factors"]) == 0
    assert main(["plugins", "new", "my-factors"]) == 0
    assert texts(here / "a b" / "my-factors") == texts(here / "my-factors")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "plugins new: name it, such as `engine plugins new my-factors`"),
        (["My-Factors"], "type `engine plugins new my-factors`"),
        (["my factors"], "type `engine plugins new my-factors`"),
        (["my_factors"], "type `engine plugins new my-factors`"),
        (["my", "factors"], "'my factors' are 2 names: type `engine plugins new my-factors`"),
        (["2fast"], "type `engine plugins new fast`"),
        (["../up"], "type `engine plugins new up`"),
        (["é"], "type `engine plugins new my-factors`"),
        ([""], "type `engine plugins new my-factors`"),
        (["a--b"], "type `engine plugins new a-b`"),
        (["engine"], "'engine' is a name of the engine or of Python"),
        (["alpha-engine"], "'alpha-engine' is a name of the engine or of Python"),
        (["tests"], "type `engine plugins new tests-factors`"),
        (["json"], "'json' is a name of the engine or of Python"),
        (["class"], "'class' is a name of the engine or of Python"),
        (["numpy"], "a module 'numpy' is installed already: type `engine plugins new numpy-fa"),
        (["a", "--there", "b"], "plugins new --there: no such switch; did you mean '--here'?"),
        (["a", "--here"], "plugins new --here needs a value: type --here DIR"),
        (["a", "--here", "absent"], "--here absent: no such folder; make it, or name another"),
        (["taken"], "taken exists: choose another name, or --here DIR"),
        (["taken-file"], "taken-file exists: choose another name, or --here DIR"),
    ],
)
def test_a_name_that_cannot_be_used_writes_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    (here / "taken").mkdir()
    (here / "taken" / "README.md").write_text("mine")
    (here / "taken-file").write_text("mine")
    before = texts(here.parent)
    assert main(["plugins", "new", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert texts(here.parent) == before


@pytest.mark.skipif(importlib.util.find_spec("ruff") is None, reason="ruff is not installed")
@pytest.mark.parametrize("name", ["my-factors", "a", "zeta-2-factors"])
def test_the_project_is_clean(here: Path, name: str) -> None:
    assert main(["plugins", "new", name]) == 0
    for words in (["check"], ["format", "--check"]):
        call([sys.executable, "-m", "ruff", *words, "--isolated", "."], here / name)


@pytest.mark.long
def test_the_authors_session(tmp_path: Path) -> None:
    """Engine's wheel and the new project in a fresh environment; then what its README says.

    Dependencies are borrowed from this environment by a path file. Without the package
    `editables` there, which hatchling needs for ``pip install -e``, a plain install is tested.
    """
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    python, prompt = tmp_path / "env" / "bin" / "python", tmp_path / "env" / "bin" / "engine"
    site = next((tmp_path / "env").glob("lib/python*/site-packages"))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    install = [*pip, "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    call([*install, "--ignore-installed", ROOT], tmp_path)

    call([prompt, "plugins", "new", "my-factors"], tmp_path)
    project = tmp_path / "my-factors"
    editable = ["-e"] if importlib.util.find_spec("editables") else []
    call([*install, *editable, project], tmp_path)

    assert "3 passed" in call([python, "-m", "pytest", "-q"], project)
    listed = call([prompt, "plugins", "list"], project)
    assert "my-factors 0.1.0" in listed
    assert "bundle/my_bundle, factors/my_set" in listed
    assert "cannot be used" not in listed
    shown = call([prompt, "plugins", "show", "value_composite"], project)
    home = project if editable else site
    assert f"source   {home / 'my_factors' / 'value_composite.py'}:" in shown
    assert f"source   {site}" in call([prompt, "plugins", "show", "simulated"], project)
    checked = call([prompt, "plugins", "check", "value_composite"], project)
    assert "FAILED" not in checked
    assert "ok  blindness" in checked
    run = ["run", "+bundle=my_bundle", "hydra.run.dir=run", "report=none"]
    assert "my_bundle" in call([prompt, *run], project)
    manifest = json.loads((project / "run" / "manifest.json").read_text())
    used = {row["name"]: row["from"] for row in manifest["plugins"]}
    assert used["value_composite"] == used["calm_reversal"] == "my-factors 0.1.0"
