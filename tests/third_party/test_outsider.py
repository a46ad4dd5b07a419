"""A stranger's distribution: built, installed into a fresh environment, run from the prompt.

Both wheels are really installed. The engine's dependencies are borrowed from this environment
by a path file, since installing them again would test pip, not the engine.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import CLEAN, ROOT, call, distribution

from engine.core.places import user_cache

OUTSIDER = Path(__file__).parent / "outsider"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
BUILT_IN = [
    "run",
    "+bundle=ai_tech_core",
    "source.n_days=300",
    "~factors",
    "+factors={week: 'delta(close, 5) / close'}",
    "bundle.factors=[{name: week, weight: 1, direction: negative}]",
    "report=none",
    "hydra.run.dir=run",
]
THEIRS = {
    "source": "waves",
    "operator": "ts_range",
    "factor": "week_reversal range_position",
    "regime": "storm",
    "model": "robust",
    "portfolio": "rank_weights",
    "cost": "flat",
    "observer": "tracker",
    "alarm": "drawdown",
}


def engine(
    env: Path, words: Sequence[str], cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The command line of an environment, in a folder of the user's."""
    return subprocess.run(
        [env / "bin" / "python", "-m", "engine", *words],
        cwd=cwd,
        env=CLEAN | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def own_cache(folder: Path) -> str:
    """A cache folder of one's own, but for the kernels, which everybody shares."""
    home = folder / "cache" / "alpha-engine"
    home.mkdir(parents=True)
    (home / "kernels").symlink_to(user_cache() / "kernels")
    return str(folder / "cache")


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a command that failed as it should."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def site(env: Path) -> Path:
    return next(env.glob("lib/python*/site-packages"))


def manifest(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run" / "manifest.json").read_text("utf-8"))
    return content


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with both wheels; no test changes it."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    home = site(folder / "env")
    (home / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    wheels = folder / "wheels"
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    for project in (ROOT, OUTSIDER):
        call([*PIP, "wheel", *offline, "--wheel-dir", wheels, project], folder)
    install = ["install", "--no-deps", "--no-index", "--target", home]
    call([*PIP, *install, *sorted(wheels.glob("*.whl"))], folder)
    return folder / "env"


@pytest.fixture
def changed(fresh: Path, tmp_path: Path) -> Path:
    """A copy of that environment, to be changed."""
    return Path(shutil.copytree(fresh, tmp_path / "env", symlinks=True))


@pytest.fixture(scope="module")
def week(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working directory after a run of the outsider's bundle."""
    folder = tmp_path_factory.mktemp("week")
    words = ["run", "+bundle=outsider_week", "hydra.run.dir=run"]
    done = engine(fresh, words, folder, XDG_CACHE_HOME=own_cache(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "outsider_week" in done.stdout
    return folder


@pytest.mark.parametrize(("kind", "names"), THEIRS.items())
def test_the_manifest_names_each_plugin_its_version_and_its_code(
    kind: str, names: str, week: Path
) -> None:
    rows = {(row["kind"], row["name"]): row for row in manifest(week)["plugins"]}
    for name in names.split():
        code = (OUTSIDER / "outsider" / f"{name}.py").read_bytes()
        assert rows[kind, name]["from"] == "engine-outsider 1.2.3"
        assert rows[kind, name]["sha256"] == hashlib.sha256(code).hexdigest()


def test_the_run_is_marked_as_simulated_and_draws_its_report(week: Path) -> None:
    assert manifest(week)["simulated"] is True
    assert (week / "run" / "report.html").is_file()


def test_a_run_says_which_code_the_kit_has_not_checked(
    week: Path, fresh: Path, tmp_path: Path
) -> None:
    told = [line for line in manifest(week)["warnings"] if line.startswith("plugins: ")]
    assert len(told) == 1
    assert "the conformance kit has not checked" in told[0]
    assert "of engine-outsider 1.2.3" in told[0]
    cache = {"XDG_CACHE_HOME": own_cache(tmp_path)}
    done = engine(fresh, ["plugins", "check", "week_reversal"], tmp_path, **cache)
    assert done.returncode == 0, done.stdout + done.stderr
    words = ["run", "+bundle=outsider_week", "hydra.run.dir=run", "report=none"]
    assert engine(fresh, words, tmp_path, **cache).returncode == 0
    rows = {row["name"]: row["checked_by"] for row in manifest(tmp_path)["plugins"]}
    assert rows["week_reversal"] == "0.1.0"
    assert rows["waves"] is None


def test_the_observer_was_told_of_each_stage(week: Path) -> None:
    told = [json.loads(line) for line in (week / "run" / "tracked.jsonl").read_text().splitlines()]
    assert [row["stage"] for row in told] == [row["stage"] for row in manifest(week)["timings"]]
    assert {row["run"] for row in told} == {"run"}
    assert all(row["seconds"] >= 0 for row in told)


def test_the_rooms_come_from_the_wheel(fresh: Path, tmp_path: Path) -> None:
    code = (
        "import engine.plugins as p, engine.schemas as s, engine.cli as c; "
        "print(p.__file__, s.__file__, c.__file__)"
    )
    assert call([fresh / "bin" / "python", "-c", code], tmp_path).count(str(fresh)) == 3


def test_the_list_names_the_outsider(fresh: Path, tmp_path: Path) -> None:
    done = engine(fresh, ["plugins", "list"], tmp_path)
    assert done.returncode == 0, done.stderr
    for names in THEIRS.values():
        for name in names.split():
            line = next(row for row in done.stdout.splitlines() if name in row.split())
            assert "engine-outsider" in line
    assert "bundle/outsider_week" in done.stdout


def test_a_kind_of_its_own_is_a_kind_like_any_other(fresh: Path, tmp_path: Path) -> None:
    """Listed, shown, checked, composed; its options keep their rules, its name is looked up."""
    listed = engine(fresh, ["plugins", "list", "alarm"], tmp_path).stdout
    assert "alarm  drawdown  engine-outsider 1.2.3  Rings below a share" in listed
    page = engine(fresh, ["plugins", "yaml", "drawdown"], tmp_path).stdout
    file = OUTSIDER / "outsider_conf" / "alarm" / "drawdown.yaml"
    assert page.splitlines()[1:] == file.read_text("utf-8").splitlines()[1:]
    done = engine(fresh, ["plugins", "check", "drawdown"], tmp_path)
    assert "ok  quiet" in done.stdout
    for word, said in (
        ("alarm.depth=2", "alarm.depth=2.0: choose more than 0, at most 1"),
        ("alarm.name=drawdwn", "did you mean 'drawdown'?"),
    ):
        words = ["run", "+bundle=outsider_week", word]
        assert said in refusal(engine(fresh, words, tmp_path))
    words = ["run", "+bundle=ai_tech_core", "alarm.depth=1", "--cfg", "job"]
    assert "alarm" in refusal(engine(fresh, words, tmp_path))


def test_its_command_is_a_command_like_any_other(week: Path, fresh: Path, tmp_path: Path) -> None:
    """Listed with its origin, run, refused in one line; and gone where it is left out."""
    line = "  engine tracked RUN [--top N]              the slowest stages of a run\n"
    said = engine(fresh, ["--help"], tmp_path).stdout
    assert f"{line}{'':44}(of engine-outsider 1.2.3)\n" in said
    listed = engine(fresh, ["plugins", "list"], tmp_path).stdout
    assert re.search(r"^command +tracked +engine-outsider 1.2.3 +the slowest stages", listed, re.M)
    done = engine(fresh, ["tracked", str(week / "run"), "--top", "2"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in (week / "run" / "tracked.jsonl").read_text().splitlines()]
    slowest = sorted(rows, key=lambda row: -row["seconds"])[:2]
    assert [line.split()[0] for line in done.stdout.splitlines()] == [r["stage"] for r in slowest]
    assert engine(fresh, ["tracked", "."], tmp_path).returncode == 1
    for words, told in (
        (["tracked"], "engine: tracked: missing argument 'RUN'; see engine tracked --help"),
        (["tracked", ".", "--tpo"], "engine: tracked --tpo: no such switch; did you mean '--top'?"),
        (["tracked", ".", "--top", "x"], "engine: tracked: invalid value for '--top': 'x' is not"),
        (["trackd"], "engine: no such command 'trackd': did you mean 'tracked'?"),
    ):
        assert refusal(engine(fresh, words, tmp_path)).startswith(told)
    alone = {"ENGINE_NO_PLUGINS": "1"}
    assert "no such command" in refusal(engine(fresh, ["tracked", "."], tmp_path, **alone))
    assert "tracked" not in engine(fresh, ["--help"], tmp_path, **alone).stdout
    ask = {"COMP_WORDS": "engine tra", "COMP_CWORD": "1", "_ENGINE_COMPLETE": "bash_complete"}
    assert engine(fresh, [], tmp_path, **ask).stdout == "plain,tracked\n"


def test_its_bundle_fails_in_one_line_when_it_is_disabled(fresh: Path, tmp_path: Path) -> None:
    words = ["run", "+bundle=outsider_week", "plugins.disable=[engine-outsider]"]
    assert "source.name=waves: no such source" in refusal(engine(fresh, words, tmp_path))


def test_without_plugins_there_are_the_built_ins_alone(fresh: Path, tmp_path: Path) -> None:
    alone = {"ENGINE_NO_PLUGINS": "1"}
    words = ["run", "+bundle=outsider_week"]
    assert "no such bundle" in refusal(engine(fresh, words, tmp_path, **alone))
    done = engine(fresh, [*BUILT_IN, "--cfg", "job"], tmp_path, **alone)
    assert "name: ai_tech_core" in done.stdout
    done = engine(fresh, ["plugins", "list"], tmp_path, **alone)
    assert done.returncode == 0, done.stderr
    assert "ridge" in done.stdout
    assert "outsider" not in done.stdout


def test_a_conf_folder_beside_the_user_is_found(fresh: Path, tmp_path: Path) -> None:
    mine = tmp_path / "conf" / "bundle"
    mine.mkdir(parents=True)
    (mine / "mine.yaml").write_text(
        "# @package _global_\n"
        "bundle: {name: mine, factors: [{name: rv_20, weight: 1, direction: negative}]}\n"
    )
    done = engine(fresh, ["run", "+bundle=mine", "--cfg", "job"], tmp_path)
    assert "name: mine" in done.stdout


def installed(env: Path, name: str, points: str, **files: str) -> None:
    """Install a distribution by hand, with these files."""
    distribution(site(env), name, points)
    for path, text in files.items():
        file = site(env) / path.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(text)


RIVAL = """\
from dataclasses import dataclass
from typing import ClassVar
import engine

@dataclass(frozen=True)
class Rival(engine.Formula):
    name: ClassVar[str] = "week_reversal"
    formula: str = "close"

@engine.hookimpl
def register_factors():
    return [Rival]
"""


@pytest.mark.long
def test_broken_neighbours_are_listed_and_nobody_else_is_harmed(
    changed: Path, tmp_path: Path
) -> None:
    installed(
        changed,
        "engine-broken",
        "[engine]\nbroken = broken_on_import\n",
        broken_on_import_dot_py="import no_such_module\n",
    )
    installed(
        changed,
        "engine-bare",
        "[engine.conf]\nbare = bare_conf\n",
        bare_conf__bundle__bare_dot_yaml="# @package _global_\nbundle: {name: bare}\n",
    )
    installed(
        changed, "engine-rival", "[engine]\nrival = rival_factor\n", rival_factor_dot_py=RIVAL
    )

    done = engine(changed, BUILT_IN, tmp_path)
    assert done.returncode == 0, done.stderr

    line = refusal(engine(changed, ["run", "+bundle=outsider_week"], tmp_path))
    for part in ("week_reversal", "engine-outsider 1.2.3", "engine-rival 1.0", "plugins.disable="):
        assert part in line
    line = refusal(engine(changed, ["run", "+bundle=bare"], tmp_path))
    assert "no such bundle" in line
    assert "conf package 'bare_conf' has no __init__.py: add one" in line
    line = refusal(engine(changed, [*BUILT_IN, "model.name=no_such"], tmp_path))
    assert "engine-broken failed to load: see engine plugins list" in line

    done = engine(changed, ["plugins", "list"], tmp_path)
    assert done.returncode == 0, done.stderr
    for part in ("No module named 'no_such_module'", "bare_conf", "two plugins are called factor"):
        assert part in done.stdout + done.stderr


def test_an_uninstalled_outsider_leaves_nothing_behind(changed: Path, tmp_path: Path) -> None:
    python = changed / "bin" / "python"
    call([*PIP, "--python", python, "uninstall", "--yes", "engine-outsider"], tmp_path)
    line = refusal(engine(changed, ["run", "+bundle=outsider_week"], tmp_path))
    assert "bundle=outsider_week: no such bundle" in line
    assert not list(site(changed).glob("*outsider*"))
