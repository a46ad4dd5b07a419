"""What a bundle from somebody else may not do: run code, write elsewhere, take a folder that is
somebody's; and what is wrong with a file of the user's own, in one line with its place."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import CORE, SMALL

import engine
from engine.cli.prompt import main
from engine.config.compose import compose_config

GLOBAL = "# @package _global_\n"
Refused = Callable[..., str]


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Refused:
    """Type a command that must fail, and leave no file; return its one line."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def typed(*words: str) -> str:
        before = sorted(str(file) for file in tmp_path.rglob("*"))
        assert main(["run", *words]) == 2
        error = capfd.readouterr().err
        assert len(error.splitlines()) == 1, error
        assert "unforeseen" not in error
        assert sorted(str(file) for file in tmp_path.rglob("*")) == before
        return error

    return typed


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("bundle.name=../../x", "bundle.name=../../x: write a name without /"),
        ("bundle.name=.hidden", "bundle.name=.hidden: "),
        ("bundle.name=''", "bundle.name=: "),
        ("hydra.output_subdir=../../x", "hydra.output_subdir=../../x: it is always .hydra"),
        ("hydra.run.dir=''", "hydra.run.dir=: write a folder, such as hydra.run.dir=outputs/mine"),
        ("hydra.run.dir='outputs/${universe.name}'", "hydra.run.dir=outputs/../../x: a name in it"),
        ("+hydra.callbacks.x._target_=pathlib.Path.write_text", "hydra.callbacks={"),
        ("+hydra.job.env_set.PATH=x", "hydra.job.env_set={"),
        ("+hydra.job.env_copy=[HOME]", "hydra.job.env_copy=['HOME']"),
        ("hydra.launcher._target_=os.system", "hydra.launcher._target_=os.system: "),
        ("hydra.sweeper._target_=os.system", "hydra.sweeper._target_=os.system: "),
        ("+hydra.job_logging.handlers.x={class: os.system}", "hydra.job_logging.handlers.x.class"),
        ("hydra.job_logging.handlers.file.filename=/tmp/x", "hydra.job_logging.handlers.file.file"),
        ("hydra.job_logging.root.level=LOUD", "hydra.job_logging.root.level=LOUD"),
        ("hydra.job_logging=null", "hydra.job_logging=null"),
        ("hydra.verbose=[1]", "hydra.verbose=[1]"),
        ("hydra.mode=LOUD", "hydra.mode=LOUD"),
    ],
)
def test_what_the_hydra_node_may_not_say(refused: Refused, word: str, named: str) -> None:
    more = ["universe.name=../../x"] if "universe.name" in word else []
    assert named in refused(CORE, word, *more)


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("hydra.sweep.subdir=../../x", "hydra.sweep.subdir=../../x: write a folder inside"),
        ("hydra.sweep.subdir=/tmp/x", "hydra.sweep.subdir=/tmp/x: write a folder inside"),
        ("hydra.sweep.dir=''", "hydra.sweep.dir=: write a folder"),
    ],
)
def test_what_a_sweep_may_not_say(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    word: str,
    named: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "-m", *SMALL, "seed=1,2", word]) == 2
    assert named in capfd.readouterr().err
    assert list(tmp_path.rglob("manifest.json")) == []


@pytest.mark.parametrize(
    ("node", "named"),
    [
        ("callbacks: {x: {_target_: pathlib.Path.write_text, _args_: [TARGET, x]}}", "callbacks="),
        ("job_logging: {handlers: {x: {'()': pathlib.Path.touch, self: TARGET}}}", "handlers.x.()"),
        ("launcher: {_target_: os.system, command: touch TARGET}", "launcher"),
    ],
)
def test_a_bundle_from_somebody_writes_nothing(refused: Refused, node: str, named: str) -> None:
    evil = Path("../conf/bundle/evil.yaml").resolve()
    evil.parent.mkdir(parents=True)
    target = Path("stolen").resolve()
    hydra = node.replace("TARGET", str(target))
    evil.write_text(f"{GLOBAL}hydra:\n  {hydra}\nbundle: {{name: evil}}\n")
    assert named in refused(f"--config-dir={evil.parents[1]}", "+bundle=evil")
    assert not target.exists()


def test_the_folder_may_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", *SMALL, "hydra.run.dir=mine"]) == 0
    assert main(["run", *SMALL, "hydra.run.dir=mine"]) == 0  # it is a run's: it serves again
    assert (tmp_path / "mine" / ".hydra" / "overrides.yaml").is_file()


@pytest.mark.parametrize("folder", [".", "..", "other"])
def test_a_folder_that_is_no_runs_is_left_as_it_is(refused: Refused, folder: str) -> None:
    for place in (".", "..", "other"):
        Path(place).mkdir(exist_ok=True)
        Path(place, "notes.txt").write_text("mine")
    error = refused(CORE, f"hydra.run.dir={folder}")
    assert "which no run wrote; choose an empty folder" in error


def test_a_report_never_reads_another_run(tmp_path: Path) -> None:
    first = engine.run([*SMALL, "seed=1"], path=tmp_path / "run")
    assert first.metrics["units"]
    engine.run([*SMALL, "seed=2"], path=tmp_path / "run")
    with pytest.raises(engine.DataError, match="another run has come into this folder since"):
        first.table("returns")


def test_two_runs_in_one_second_have_a_folder_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.core.folders import take

    monkeypatch.chdir(tmp_path)
    config = compose_config([CORE])
    folders = []
    for _ in range(3):
        folder, lock = take(config, "run")
        folders.append(folder.name)
        lock.release()
    assert folders == [folders[0], f"{folders[0]}-2", f"{folders[0]}-3"]


FILES = {
    "bracket": ("bundle:\n  name: [a, b\n  x: 1\n", "line 3, column 4: did not find expected"),
    "tab": ("bundle:\n\tname: a\n", "line 2, column 1: a tab: indent with blanks"),
    "twice": ("bundle:\n  name: a\n  name: b\n", "line 3, column 3: found duplicate key name"),
    "alias": ("bundle:\n  name: *nope\n", "line 2, column 9: found undefined alias"),
    "self": ("bundle: &a\n  b: *a\n", "line 2, column 6: *a stands inside itself"),
    "tag": ("bundle: !!python/object/apply:os.system [ls]\n", "line 1, column 9: the tag !!python"),
    "path": ("bundle: !!python/object/apply:pathlib.Path [a]\n", "line 1, column 9: the tag"),
    "control": ("bundle:\n  name: a\0b\n", "line 2, column 10: a control character"),
    "documents": ("a: 1\n---\nb: 2\n", "line 2, column 1: but found another document"),
    "half": ("bundle:\n  name: ${\n", "line 2, column 9: bundle.name: no viable alternative"),
    "digits": (f"bundle:\n  name: {'9' * 6000}\n", "line 2, column 9: a number of 6000 digits"),
    "deep": ("bundle: " + "[" * 100_000, "line 1, column 57: more than 50 levels"),
    "steps": ("\n".join("  " * i + "a:" for i in range(3000)), "more than 50 levels"),
    "bomb": (
        "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)),
        "more than 200000 values",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_mistake_in_a_file(refused: Refused, name: str) -> None:
    text, message = FILES[name]
    file = Path("conf/bundle") / f"{name}.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    compose_config([CORE])  # what Hydra does at its first use takes its time
    start = time.perf_counter()
    error = refused(f"+bundle={name}")
    assert time.perf_counter() - start < 30.0  # a file of that kind may take for ever
    assert error.startswith(f"engine: {file.resolve()}, line ")
    assert message in error


def test_a_file_that_is_not_utf8(refused: Refused) -> None:
    file = Path("conf/bundle/latin.yaml")
    file.parent.mkdir(parents=True)
    file.write_bytes("bundle:\n  name: Müller\n".encode("latin-1"))
    assert "latin.yaml, line 2, column 10: the byte 0xfc is not UTF-8" in refused("+bundle=latin")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model=null"], "model=null: name a file of model; choose from: best_of"),
        (["model=[1]"], "model=[1]: Hydra would merge these files into one; choose one, model=1"),
        (["universe=../x"], "universe=../x: no such universe"),
        (["bars=null"], "bars=null: it has keys of its own: write bars.KEY=VALUE"),
        (["bars=[1]"], "bars=[1]: it has keys of its own"),
        (["observers=3"], "observers=3: it has keys of its own"),
        (["+foo=1"], "foo: no such key"),
        (["strict_observers=no"], "strict_observers=no: write true or false"),
        (["time.periods_per_year=null"], "periods_per_year=null: write a number or text (rows a"),
        (["time.periods_per_year=[1]"], "periods_per_year=[1]: write a number or text (rows a"),
        (["time.periods_per_year=true"], "periods_per_year=true: write a number or text (rows a"),
        (["delisting.after=1.5"], "delisting.after=1.5: write a whole number (rows without a bar"),
        (["label.horizon=12345678901234567890123"], "label.horizon=12345678901234567890123: write"),
        (["label.horizon=???"], "label.horizon: it needs a value: write label.horizon=…"),
        (["label.horizon=${nope}"], "label.horizon: Interpolation key 'nope' not found"),
        (["~seed"], "source.seed: Interpolation key 'seed' not found"),
        (["bundle.factors.0.weight=[1]"], "bundle.factors.0.weight=[1]: write a number"),
        (["plugins.disable=3"], "plugins.disable=3: write a list, such as [a, b]"),
        (["--nope"], "unrecognized arguments: --nope; see engine run --help"),
    ],
)
def test_a_value_of_the_wrong_kind(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", CORE, *words]) == 2
    error = capfd.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_mappings_of_data_take_keys_without_a_plus() -> None:
    config = compose_config(
        [CORE, "source=csv", "source.columns.close=Last", "source.market.vix.path=vix.csv",
         "universe.tags.sector.FOO=Energy"]
    )  # fmt: skip
    assert config.source.columns == {"close": "Last"}
    assert config.source.market.vix.path == "vix.csv"
    assert config.universe.tags.sector.FOO == "Energy"
    with pytest.raises(engine.ConfigError, match=r"source\.colums: no such key; did you mean"):
        compose_config([CORE, "source=csv", "source.colums.close=Last"])
