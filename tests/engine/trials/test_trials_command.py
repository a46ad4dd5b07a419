"""``engine trials``, and where runs, sweeps and comparisons show what the ledger says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from builders import SMALL
from ledgers import begin, finish, open_new

import engine
from engine.cli import main
from engine.core.errors import EngineError
from engine.trials import compare_counted, tell_now
from engine.trials.trial import NULL


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "outputs" / "trials.sqlite"
    monkeypatch.delenv("ALPHA_ENGINE_TRIALS")
    monkeypatch.chdir(tmp_path)
    return file


def test_the_list_begins_with_the_newest(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_new(ledger.parent, ["aa", "bb"]) as database:
        begin(database, "cc")
        finish(database, "dd", kind=NULL)
        begin(database, "aa", "/runs/again")
    assert main(["trials"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "key", "began", "(UTC)", "bundle", "Sharpe", "status", "kind", "what", "differs"
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[1:5]] == ["aa", "dd", "cc", "bb"]
    assert lines[3].split() == [
        "cc", "2026-01-02", "03:04:05", "mine", "–", "not", "finished", "real", "seed=cc"
    ]  # fmt: skip
    assert lines[5] == f"{ledger}: 3 trials, 1 null control; 1 did not finish, or are still at work"
    assert main(["trials", "list", "--last", "1", "--path", str(ledger)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("aa")
    assert lines[-1] == "3 older trials are not shown: type engine trials list --all"


def test_all_that_is_known_of_one(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_new(ledger.parent, ["key12"]):
        pass
    assert main(["trials", "show", "key"]) == 0
    shown = capsys.readouterr().out
    for line in (
        "key                key12",
        "kind               real",
        "source             file",
        "symbols            4 (A, B, C, D)",
        "dates              1970-01-01 to 1972-09-26",
        "days with returns  1000",
        "run                2026-01-02 03:04:05 UTC, finished, /runs/key12 (deleted)",
        "                   seed=key12",
    ):
        assert f"{line}\n" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show"], "trials: 0 trials are named: name one, by its key or run"),
        (["show", "k1", "k2"], "trials: 2 trials are named: name one, by its key or run"),
        (["show", "k"], "k: 2 keys begin so (k1, k2, …): type more of one"),
        (["explain", "z"], "z: neither a key nor a run that {ledger} has counted; type engine"),
        (["explain", "*"], "*: neither a key nor a run that {ledger} has counted; type engine"),
        (["list", "--path", "no.sqlite"], "no.sqlite: no trial ledger is there yet: runs write it"),
    ],
)
def test_what_is_no_trial_is_told(words: list[str], said: str, ledger: Path) -> None:
    with open_new(ledger.parent, ["k1", "k2"]):
        pass
    with pytest.raises(EngineError) as caught:
        main(["trials", *words, "--debug"])
    assert str(caught.value).startswith(said.format(ledger=ledger))


def test_a_sweep_ends_with_what_the_ledger_says_of_its_best(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*SMALL, "portfolio.quantile=0.2,0.3,0.4", "hydra.sweep.dir=sweep"]
    assert main(["run", "-m", *words]) == 0
    shown = capsys.readouterr().out
    assert "highest Sharpe: best of 3 simulated trials, " in shown
    assert "the best in-sample was below the median out of sample in " in shown
    told = [json.loads((tmp_path / f"sweep/{n}/trials.json").read_text()) for n in range(3)]
    assert [each["counts"]["all"] for each in told] == [1, 2, 3]  # as each run ended
    assert {each["ledger"] for each in told} == {str(ledger)}
    assert main(["compare", "sweep"]) == 0
    shown = capsys.readouterr().out
    assert "\n2: best of 3 simulated trials, " in shown
    assert "which no ledger counts" not in shown
    assert main(["trials", "explain", "sweep/0"]) == 0
    shown = capsys.readouterr().out
    assert "Trials: 3 simulated trials on the same source" in shown  # as of now
    assert tell_now(tmp_path / "sweep/2")[0].startswith("best of 3 simulated trials, ")
    ledger.unlink()
    assert tell_now(tmp_path / "sweep/0")[0].startswith("when it ended: the only simulated trial")


def test_a_run_says_it_at_the_prompt_and_on_its_page(ledger: Path, tmp_path: Path) -> None:
    words = [word for word in SMALL if word != "report=none"]
    report = engine.run(words, path=tmp_path / "1")
    assert "\ntrials at its end: the only simulated trial on these data so far" in report.summary()
    page = (tmp_path / "1" / "report.html").read_text("utf-8")
    assert "Trials when it ended: the only simulated trial on these data so far" in page
    assert "<h2>Trials</h2>" in page
    assert "From trials.json." in page
    assert "tried before is not known here" not in page


def test_runs_on_other_data_are_told_apart(ledger: Path, tmp_path: Path) -> None:
    folders = {}
    for name, words in {
        "a": ["portfolio.quantile=0.2"],
        "b": ["portfolio.quantile=0.3"],
        "other": ["source.seed=8"],
        "out": ["trials.path=null"],
    }.items():
        folders[name] = engine.run([*SMALL, *words], path=tmp_path / name).path
    lines = compare_counted(folders)
    assert sum("best of 2 simulated trials" in line for line in lines) == 1
    assert "other: the only simulated trial on these data so far" in " ".join(lines)
    assert lines[-2:] == [
        "These are of different data, and do not count together: a, b | other.",
        "In no trial ledger that can be read: out.",
    ]
    shutil.rmtree(folders["b"])
    assert tell_now(folders["a"])[0].split(" simulated")[0] in {"best of 2", "worst of 2"}
    assert compare_counted({"out": folders["out"]}) == []
