"""Sweeps: jobs are found again, one that fails ends no other, and a line says how far it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from engine.cli.prompt import main
from engine.config import Outcome, compose_config, showing
from engine.config.places import write_yaml
from engine.config.secrets import Hidden
from engine.config.tally import Tally
from engine.pipeline import keys as keying

WORDS = ["run", "-m", "+bundle=ai_tech_core", "universe=all", "source.n_symbols=12",
         "source.n_days=320", "report=none", "backtest.engine=fast"]  # fmt: skip


def sweep(folder: Path, *words: str) -> int:
    return main([*WORDS, f"hydra.sweep.dir={folder}", *words])


def finished(folder: Path) -> dict[str, int]:
    """When each job's run has finished, by its quantile."""
    made = {}
    for file in folder.glob("*/manifest.json"):
        if not (file.parent / "INCOMPLETE").exists():
            config = OmegaConf.load(file.parent / ".hydra" / "config.yaml")
            made[str(config.portfolio.quantile)] = file.stat().st_mtime_ns
    return made


def changed(before: dict[str, int], now: dict[str, int]) -> set[str]:
    return {name for name, at in now.items() if before.get(name) != at}


def test_an_interrupted_sweep_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(tmp_path, "portfolio.quantile=0.1,0.2,0.3") == 0
    assert "had finished before" not in capsys.readouterr().out
    before = finished(tmp_path)
    assert {*before} == {"0.1", "0.2", "0.3"}
    (tmp_path / "1" / "INCOMPLETE").write_text("killed\n")
    assert sweep(tmp_path, "portfolio.quantile=0.1,0.2,0.3") == 0
    assert changed(before, finished(tmp_path)) == {"0.2"}
    assert "2 of 3 jobs had finished before, and were not run again" in capsys.readouterr().out


def test_jobs_are_known_by_their_configuration_and_not_by_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(tmp_path, "portfolio.quantile=0.1,0.2") == 0
    before = finished(tmp_path)
    assert sweep(tmp_path, "portfolio.quantile=0.15,0.1,0.2") == 0
    now = finished(tmp_path)
    assert changed(before, now) == {"0.15"}
    assert {*now} == {"0.15", "0.1", "0.2"}
    found = keying._version
    monkeypatch.setattr(keying, "_version", lambda name: "9" if name == "numba" else found(name))
    assert sweep(tmp_path, "portfolio.quantile=0.15,0.1,0.2") == 0
    assert changed(now, finished(tmp_path)) == {"0.15", "0.1", "0.2"}


@pytest.mark.parametrize("launcher", [(), ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")])
def test_a_job_that_cannot_be_composed_ends_no_other(
    launcher: Sequence[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert (
        sweep(tmp_path, "costs=nosuch,free,neither", "portfolio.quantile=0.1,0.9", *launcher) == 2
    )
    error = capfd.readouterr().err
    assert "engine: costs=nosuch: no such costs; " in error
    assert re.findall(r"^engine: costs=.*\((\d) jobs\)$", error, re.MULTILINE) == ["2", "2"]
    assert "engine: portfolio.quantile=0.9: choose more than 0.0, at most 0.5\n" in error
    assert {*finished(tmp_path)} == {"0.1"}


def test_the_line_tells_how_far_a_sweep_is() -> None:
    shown: list[str] = []
    with showing(lambda line, done, total: shown.append(line)):
        tally = Tally([["b=1", f"a={score}"] for score in (0.5, None, 0.25)])
        for score, error in ((0.5, ""), (None, "it failed"), (0.25, "")):
            tally.begin()
            tally.end(Outcome(Path(), ("b=1", f"a={score}"), error, score=score))
    assert shown == [
        "0 of 3 done, 1 running, 0 failed",
        "1 of 3 done, 0 running, 0 failed, best Sharpe 0.50: a=0.5",
        "1 of 3 done, 1 running, 0 failed, best Sharpe 0.50: a=0.5",
        "2 of 3 done, 0 running, 1 failed, best Sharpe 0.50: a=0.5",
        "2 of 3 done, 1 running, 1 failed, best Sharpe 0.50: a=0.5",
        "3 of 3 done, 0 running, 1 failed, best Sharpe 0.50: a=0.5",
    ]


def test_a_configuration_is_written_as_omegaconf_writes_it() -> None:
    words = ["+bundle=ai_tech_core_ml", "+factors.x={name: formula, formula: 'rank(close)'}",
             "+factors.y='1e5'", "+factors.z='ä ☃: #'", "+factors.w=' yes'"]  # fmt: skip
    config = compose_config(words)
    assert write_yaml(config, Hidden()) == OmegaConf.to_yaml(config)
