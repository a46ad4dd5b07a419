"""The table of stages: a row declares all that its functions see, and all that they leave."""

from __future__ import annotations

import typing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from builders import ROOT

import engine
from engine import api
from engine.pipeline.folder import RunFolder
from engine.pipeline.settings import Settings
from engine.pipeline.stage import Stage, list_parameters
from engine.pipeline.stages import STAGES
from engine.report.active import DATED, UNDATED
from engine.study.statistics import OF_ACCOUNT, OF_SIGNAL, Evidence, Holding

NAMES = [stage.name for stage in STAGES]
BEYOND = {
    "report",
    "audit",
    "store",
    "trials",
    "observers",
    "strict_observers",
}  # of the settings, that no stage reads


@pytest.mark.parametrize("stage", STAGES, ids=NAMES)
def test_a_row_declares_what_its_functions_see_and_no_more(stage: Stage) -> None:
    seen = {*list_parameters(stage.work)} - {"pieces"}
    if stage.leaves is not None:
        seen |= {*list_parameters(stage.leaves)} - {"made"}
    assert seen == {*stage.reads, *stage.of}
    if stage.back is not None:
        assert {*list_parameters(stage.back)} <= seen | {"files", "told"}
    if stage.tells is not None:
        assert {*list_parameters(stage.tells)} <= seen | {"made"}
    assert not {*stage.reads} & {*stage.of}


@pytest.mark.parametrize("stage", STAGES, ids=NAMES)
def test_nothing_flows_back(stage: Stage) -> None:
    assert {*stage.of} <= {*NAMES[: NAMES.index(stage.name)]}


@pytest.mark.parametrize("stage", STAGES, ids=NAMES)
def test_no_function_sees_the_settings_the_folder_or_all_that_was_made(stage: Stage) -> None:
    for function in filter(None, (stage.work, stage.leaves, stage.back)):
        hints = typing.get_type_hints(function)
        assert "return" in hints
        for name in list_parameters(function):
            assert hints[name] not in {Settings, RunFolder, Any, object}, name


def test_each_key_of_the_configuration_is_read_by_a_stage() -> None:
    read = {key.split(".")[0] for stage in STAGES for key in stage.reads.values()}
    assert {field.name for field in fields(Settings)} - read == BEYOND | {
        "guests"
    }  # of kinds that a run does nothing with


def test_a_stage_that_leaves_something_says_how() -> None:
    for stage in STAGES:
        assert bool(stage.tables or stage.notes) == (stage.leaves is not None)


def test_each_result_is_read_or_left() -> None:
    read = {name for stage in STAGES for name in stage.of}
    assert {stage.name for stage in STAGES} - read == {"data", "metrics"}


def test_an_artifact_is_left_by_one_stage() -> None:
    tables = [name for stage in STAGES for name in stage.tables]
    assert len(tables) == len({*tables})


def test_a_statistic_needs_what_there_is_and_makes_tables_of_its_own() -> None:
    makes = [name for statistic in (*OF_SIGNAL, *OF_ACCOUNT) for name in statistic.makes]
    assert len(makes) == len({*makes})
    for rows, source in ((OF_SIGNAL, Evidence), (OF_ACCOUNT, Holding)):
        for statistic in rows:
            assert statistic.needs
            assert all(hasattr(source, need) or need in source.__annotations__
                       for need in statistic.needs)  # fmt: skip


WORDS = ["+bundle=ai_tech_core_ml", "universe=all", "source.n_symbols=30", "source.n_days=1500",
         "report=none"]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return engine.run(WORDS, path=tmp_path_factory.mktemp("run")).path


def test_a_run_leaves_what_the_rows_say(run: Path) -> None:
    tables = {name for stage in STAGES for name in stage.tables}
    assert {file.stem for file in run.glob("*.parquet")} == tables
    notes = {name for stage in STAGES for name in stage.notes} | {"manifest", "timings"}
    assert {file.stem for file in (*run.glob("*.json"), *run.glob("*.npz"))} == notes


def test_the_report_needs_what_stages_leave() -> None:
    assert {*DATED, *UNDATED} <= {name for stage in STAGES for name in stage.tables}


def test_a_stage_that_reads_what_it_has_not_declared_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(bars: object, portfolio: object) -> None:
        raise AssertionError("it must not be called")

    rows = [
        replace(row, work=greedy, leaves=None) if row.name == "label" else row for row in STAGES
    ]
    monkeypatch.setattr("engine.pipeline.run.STAGES", tuple(rows))
    with pytest.raises(KeyError, match="portfolio"):
        engine.run(["+bundle=ai_tech_core", "source.n_symbols=12", "source.n_days=320"],
                   path=tmp_path)  # fmt: skip


def test_what_finishes_a_run_is_handed_to_it() -> None:
    assert [finisher.name for finisher in api.FINISHERS] == ["trials", "audit", "report"]


def test_the_picture_in_the_architecture_is_the_tables() -> None:
    rows = ["| stage | reads | is made of | leaves |", "|---|---|---|---|"]
    for stage in STAGES:
        left = (
            sorted({*stage.tables, *stage.notes})
            if len(stage.tables) < 8
            else [stage.notes[0], "…"]
        )
        cells = (sorted({*stage.reads.values()}), stage.of, left)
        rows.append(f"| `{stage.name}` | " + " | ".join(", ".join(cell) for cell in cells) + " |")
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    assert "\n".join(rows) in page
