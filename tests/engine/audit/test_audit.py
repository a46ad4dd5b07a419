"""The audit, on plugins that look ahead in small ways, and on those that do not."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from builders import SMALL, digests
from leaky import RareDate
from leaky_others import FITS, Remembers

import engine
from engine.__main__ import COMMANDS
from engine.audit import Request, conduct
from engine.cli import main
from engine.plugin import find_audit, record_audit
from engine.plugin.registry import Registry
from engine.plugins.models import Ridge


@dataclass(frozen=True)
class Honest(engine.Factor):
    """Yesterday's return."""

    name: ClassVar[str] = "honest"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return np.asarray(panel.returns)


@dataclass(frozen=True)
class Peek(engine.Factor):
    """The return of the next row."""

    name: ClassVar[str] = "peek"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        later = np.full(panel.shape, np.nan)
        later[:-1] = panel.returns[1:]
        return later


@dataclass(frozen=True)
class Standard(engine.Factor):
    """Volume as a z-score of the whole sample."""

    name: ClassVar[str] = "standard"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        volume = panel["volume"]
        scores: engine.FloatArray = (volume - np.nanmean(volume)) / np.nanstd(volume)
        return scores


@dataclass(frozen=True)
class Level(engine.Factor):
    """The price itself."""

    name: ClassVar[str] = "level"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return panel["close"].copy()


@dataclass(frozen=True)
class Place(engine.Factor):
    """The number of the column."""

    name: ClassVar[str] = "place"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return np.broadcast_to(np.arange(panel.shape[1], dtype=float), panel.shape).copy()


@dataclass(frozen=True)
class Shaky(engine.Factor):
    """The sign of what is left of a mean when it is taken away: rounding alone."""

    name: ClassVar[str] = "shaky"

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        returns = np.nan_to_num(panel.returns)
        left = np.add.reduce(returns - returns.mean(axis=1, keepdims=True), axis=1)
        total: engine.FloatArray = np.sign(left)[:, None] * np.ones(panel.shape)
        return total


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("leaks")
    factors = [Honest, Peek, RareDate, Standard, Level, Place, Shaky]
    module.register_factors = engine.hookimpl(lambda: factors)  # type: ignore[attr-defined]
    module.register_models = engine.hookimpl(lambda: [Remembers])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "leaks", module)
    made = Registry([*entry_points(group="engine"), EntryPoint("leaks", "leaks", "engine")])
    assert not made.failures
    for place in ("engine.plugin", "engine.pipeline.run", "engine.audit.conducting"):
        monkeypatch.setattr(f"{place}.installed", lambda: made)


WORDS = [*SMALL, "source.n_days=520", "store=none"]  # 2014-01-02 to 2016-01-29
LEARNING = ["+bundle=ai_tech_core_ml", *WORDS[1:], "validation.min_train=300"]
ONE = Request(cuts=1)
YEAR = Request(dates=["2015-12-31"])


def told(tmp_path: Path, *words: str, request: Request | None = None) -> Mapping[str, Any]:
    where = f"hydra.run.dir={tmp_path / 'audit'}"
    found, _ = conduct([*words, where], request or ONE)
    return found


def verdict(told: Mapping[str, Any], stage: str, name: str = "") -> Mapping[str, Any]:
    rows = [row for row in told["verdicts"] if (row["stage"], row["name"]) == (stage, name)]
    (row,) = rows
    return row


def test_what_looks_a_row_ahead_is_named_with_date_symbol_and_both_values(tmp_path: Path) -> None:
    found = told(tmp_path, *WORDS, "+factors.bad={name: peek}", "+factors.good={name: honest}")
    assert found["verdict"] == "leak"
    row = verdict(found, "factors", "bad")
    cut = next(each for each in found["variants"] if each["kind"] == "cut")
    assert (row["verdict"], row["plugin"]) == ("leak", "factor peek")
    assert row["variant"] == f"on the rows up to {cut['date']}"
    first = row["first"]
    assert (first["date"], first["variant"]) == (cut["date"], "none")
    assert first["column"]
    assert float(first["run"])
    assert found["said"].startswith(f"LOOK-AHEAD in factors.bad: bad on {cut['date']}")
    assert verdict(found, "factors", "good")["verdict"] == "clean"
    assert [r["stage"] for r in found["verdicts"] if r["verdict"] == "leak"] == ["factors"]


def test_what_looks_ahead_on_the_last_session_of_a_year_alone_is_found(tmp_path: Path) -> None:
    row = verdict(told(tmp_path, *WORDS, "+factors.bad={name: last_of_december}"), "factors", "bad")
    assert row["verdict"] == "leak"
    assert row["first"]["date"] == "2015-12-31"


def test_what_follows_from_a_culprit_is_not_accused(tmp_path: Path) -> None:
    words = [*WORDS, "+factors.bad={name: peek}", "+factors.then='rank(bad)'"]
    words.append("bundle.factors=[{name: then, weight: 1.0, direction: positive}]")
    found = told(tmp_path, *words)
    assert verdict(found, "factors", "bad")["verdict"] == "leak"
    for part in (("factors", "then"), ("signal", "")):
        assert verdict(found, *part)["verdict"] == "not checked"
        assert "differs already" in verdict(found, *part)["why"]
    assert verdict(found, "regimes")["verdict"] == "clean"


def test_a_score_of_the_whole_sample_is_found_on_its_first_date(tmp_path: Path) -> None:
    row = verdict(told(tmp_path, *WORDS, "+factors.bad={name: standard}"), "factors", "bad")
    assert (row["verdict"], row["first"]["date"]) == ("leak", "2014-01-02")


def test_what_reads_a_level_depends_on_later_splits_and_is_no_leak(tmp_path: Path) -> None:
    found = told(tmp_path, *WORDS, "+factors.level={name: level}")
    row = verdict(found, "factors", "level")
    assert row["verdict"] == "depends on later adjustments"
    assert float(row["first"]["run"]) == 2 * float(row["first"]["variant"])
    assert found["verdict"] == "depends on later adjustments"


def test_what_goes_by_the_place_of_a_column_is_found(tmp_path: Path) -> None:
    row = verdict(
        told(tmp_path, *WORDS, "+factors.bad={name: place}", request=YEAR), "factors", "bad"
    )
    assert (row["verdict"], row["variant"]) == ("leak", "with the columns in another order")


def test_what_rounds_otherwise_in_another_order_is_not_accused(tmp_path: Path) -> None:
    row = verdict(told(tmp_path, *WORDS, "+factors.f={name: shaky}", request=YEAR), "factors", "f")
    assert row["verdict"] == "clean"
    assert "in 4 of 5 variants" in row["why"]


def test_a_model_that_keeps_memory_between_fits_is_found(tmp_path: Path) -> None:
    FITS.clear()
    row = verdict(told(tmp_path, *LEARNING, "model.name=remembers", "~model.alpha"), "forecasts")
    assert (row["verdict"], row["plugin"]) == ("leak", "model remembers")
    assert row["variant"].startswith("in a repeat on ")


@pytest.mark.parametrize("regime", ["threshold", "hmm"])
def test_built_ins_are_clean(tmp_path: Path, regime: str) -> None:
    found = told(tmp_path, *LEARNING, f"regime={regime}")
    by = {(row["stage"], row["name"]): row["verdict"] for row in found["verdicts"]}
    assert {v for (stage, _), v in by.items() if stage == "factors"} == {"clean"}
    for part in ("bars", "seasoning", "label", "regimes", "forecasts", "signal"):
        assert by[part, ""] == "clean"
    assert by["account", "portfolio"] == by["account", "costs"] == "clean"
    assert {by[part, ""] for part in ("data", "knowledge", "metrics")} == {"not checked"}
    assert found["schedule"] == "the schedule of trainings is the run's own"


def test_an_audit_is_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = (told(tmp_path / name, *WORDS) for name in ("one", "two"))
    assert {**one, "command": ""} == {**two, "command": ""}


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        ("2030-01-01", "--dates 2030-01-01: there is no bar on it: choose a date with bars, from"),
        ("2015-01-01", "--dates 2015-01-01: there is no bar on it"),
        ("soon", "--dates soon: no date: write 2016-12-30"),
    ],
)
def test_a_date_without_bars_is_refused(
    tmp_path: Path, dates: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["audit", *WORDS, f"hydra.run.dir={tmp_path / 'a'}", f"--dates={dates}"]
    assert main(words, COMMANDS) == 2
    assert message in capsys.readouterr().err


def test_a_leak_ends_with_1_and_a_clean_audit_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["audit", *WORDS, "--dates", "2015-12-31", "+factors.x={name: last_of_december}"]
    assert main([*words, f"hydra.run.dir={tmp_path / 'bad'}"], COMMANDS) == 1
    said = capsys.readouterr().out
    assert "factors.x (factor last_of_december)" in said
    assert "LEAK" in said
    assert f"audit: {tmp_path / 'bad' / 'audit.html'}" in said
    assert json.loads((tmp_path / "bad" / "audit.json").read_text())["verdict"] == "leak"
    words[-1] = "+factors.x={name: honest}"
    assert main([*words, f"hydra.run.dir={tmp_path / 'good'}"], COMMANDS) == 0
    page = (tmp_path / "good" / "audit.html").read_text()
    assert "No look-ahead was found on 1 date" in page


def test_dates_and_a_number_of_cuts_exclude_one_another(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *WORDS, "--dates=2015-12-31", "--cuts=2"], COMMANDS) == 2
    assert "audit --dates and --cuts: the dates say how many" in capsys.readouterr().err
    assert main(["audit", "ai_tech_core"], COMMANDS) == 2
    assert "audit ai_tech_core: no override: type +bundle=NAME" in capsys.readouterr().err


def test_a_run_that_audits_itself_says_so_everywhere(tmp_path: Path) -> None:
    words = [*WORDS, "audit=quick", "report=full", "+factors.bad={name: peek}"]
    report = engine.run(words, path=tmp_path / "run")
    found = json.loads((tmp_path / "run" / "audit.json").read_text())
    assert found["verdict"] == "leak"
    assert [each["kind"] for each in found["variants"]] == ["cut", "cut"]
    assert "audit: LOOK-AHEAD in factors.bad: bad on " in report.summary()
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Audit: LOOK-AHEAD in factors.bad: bad on " in page
    by = {row["name"]: row["audited"] for row in report.manifest["plugins"]}
    assert (by["peek"], by["threshold"]) == ("leak", None)
    assert not [*(tmp_path / "run").glob(".variant-*")]


def test_an_audit_changes_no_table_of_the_run(tmp_path: Path) -> None:
    one = engine.run(WORDS, path=tmp_path / "one")
    two = engine.run([*WORDS, "audit=quick"], path=tmp_path / "two")
    assert digests(two.path).pop("audit.json")
    assert {**digests(two.path), "audit.json": ""} == {**digests(one.path), "audit.json": ""}


def test_bars_that_were_handed_over_are_cut_too(tmp_path: Path) -> None:
    close = 50 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.02, (520, 8)), axis=0))
    days = pd.bdate_range("2014-01-02", periods=520)
    frame = pd.DataFrame(close, days, columns=[f"S{i}" for i in range(8)])
    words = ["+bundle=ai_tech_core", "universe=all", "factors=core_price_only", "report=none"]
    bundle = "bundle.factors=[{name: returns_12m, weight: 1.0, direction: positive}]"
    words += [bundle, "audit=quick", "store=none", "costs=free"]
    run = engine.run(words, path=tmp_path / "run", bars=frame)
    found = json.loads((run.path / "audit.json").read_text())
    assert found["said"].startswith("No look-ahead was found on 2 dates")
    assert verdict(found, "source", "members")["verdict"] == "cannot be known"


def test_what_audits_found_is_kept_for_the_code_and_a_leak_stays_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert find_audit(Peek) is None
    record_audit(Peek, "clean", "leak")
    assert find_audit(Peek) == "clean"
    record_audit(Peek, "leak", "leak")
    record_audit(Peek, "clean", "leak")
    assert find_audit(Peek) == "leak"
    record_audit(Ridge, "leak", "leak")
    assert find_audit(Ridge) is None  # the engine's own tests judge the engine's own


def test_training_on_folds_is_no_backtest(tmp_path: Path) -> None:
    row = verdict(told(tmp_path, *LEARNING, "validation.scheme=purged_kfold"), "forecasts")
    assert (row["verdict"], row["plugin"]) == ("leak", "")
    assert row["why"].startswith("validation.scheme=purged_kfold: trained on later dates")
