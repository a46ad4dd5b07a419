"""A run goes on from a finished one, and gives the bytes of a whole one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from builders import Shared, digests

import engine
from engine.cli.prompt import main
from engine.pipeline.manifest import read_told
from engine.pipeline.market import bars_back
from engine.pipeline.stages import STAGES
from engine.storage import Artifacts

WORDS = ["+bundle=ai_tech_core_ml", "universe=all", "source.n_symbols=30", "source.n_days=1500",
         "report=none"]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return engine.run(WORDS, path=tmp_path_factory.mktemp("finished")).path


def keys(folder: Path) -> dict[str, str]:
    made: dict[str, str] = json.loads((folder / "manifest.json").read_text("utf-8"))["keys"]
    return made


@pytest.mark.parametrize("stage", [row.name for row in STAGES[1:]])
def test_from_any_stage_it_is_the_same_run(stage: str, run: Path, tmp_path: Path) -> None:
    assert main(["run", "--from", stage, str(run), f"hydra.run.dir={tmp_path}/again"]) == 0
    assert digests(tmp_path / "again") == digests(run)
    assert keys(tmp_path / "again") == keys(run)


def test_an_override_of_a_later_stage_is_as_in_a_whole_run(run: Path, tmp_path: Path) -> None:
    whole = engine.run([*WORDS, "portfolio.quantile=0.3", "costs.fees_bps=7"],
                       path=tmp_path / "whole").path  # fmt: skip
    words = ["portfolio.quantile=0.3", "costs.fees_bps=7", f"hydra.run.dir={tmp_path}/again"]
    assert main(["run", "--from", "signal", str(run), *words]) == 0
    assert digests(tmp_path / "again") == digests(whole)
    manifest = json.loads((tmp_path / "again" / "manifest.json").read_text("utf-8"))
    assert manifest["config"]["portfolio"]["quantile"] == 0.3
    rows = json.loads((tmp_path / "again" / "timings.json").read_text("utf-8"))["stages"]
    assert [row["stage"] for row in rows if row["how"] == "computed"] == [
        "seasoning", "label", "signal", "ingredients", "knowledge", "account", "metrics"
    ]  # fmt: skip


@pytest.mark.long
def test_real_bars_with_series_that_end_and_dates_of_few(shared: Shared, tmp_path: Path) -> None:
    file = shared("data/cross_asset_2000_2019.parquet")
    words = ["+bundle=ai_tech_core", "universe=all", "source=parquet", f"source.path={file}",
             "backtest=next_open", "report=none"]  # fmt: skip
    one = engine.run([*words, "portfolio.quantile=0.3"], path=tmp_path / "one").path
    two = engine.run([*words, "portfolio.quantile=0.2"], path=tmp_path / "two").path
    more = ["portfolio.quantile=0.2", f"hydra.run.dir={tmp_path}/again"]
    assert main(["run", "--from", "account", str(one), *more]) == 0
    assert digests(tmp_path / "again") == digests(two)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--from", "signal", "RUN", "model.alpha=3"],
            "engine: --from signal RUN: model.alpha=3 was 1000.0, which the stage 'forecasts' "
            "reads: type --from forecasts\n",
        ),
        (
            ["--from", "account", "RUN", "source.n_days=1400"],
            "engine: --from account RUN: source.n_days=1400 was 1500, which the stage 'source' "
            "reads: run the whole bundle\n",
        ),
        (["--from", "sgnal", "RUN"], "engine: --from sgnal: no such stage; did you mean 'signal'?"),
        (["--from", "source", "RUN"], "engine: --from source: it is the first stage: leave out"),
        (["--from", "signal"], "engine: --from wants a stage and a run, as in --from signal "),
        (["--from", "signal", "nowhere"], "engine: nowhere: no such folder; name one that a run"),
    ],
)
def test_what_cannot_be_gone_on_with_is_one_line(
    words: list[str], said: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    named = [word.replace("RUN", str(run)) for word in words]
    assert main(["run", *named, "hydra.run.dir=again"]) == 2
    error = capfd.readouterr().err
    assert error.startswith(said.replace("RUN", str(run)))
    assert len(error.splitlines()) == 1


def test_a_file_that_the_configuration_names_counts_by_its_content(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Members and mends: an edit of either would change what is not made again."""
    members, mends = tmp_path / "members.csv", tmp_path / "mends.csv"
    members.write_text("symbol,start,end\nA00,,\n")
    words = ["+bundle=ai_tech_core", "universe=all", "source.n_symbols=12", "source.n_days=320",
             "report=none"]  # fmt: skip
    names = pd.read_parquet(engine.run(words, path=tmp_path / "all").path / "bars.parquet")
    symbols = sorted(names["symbol"].astype(str).unique())
    members.write_text("symbol,start,end\n" + "".join(f"{name},,\n" for name in symbols))
    mends.write_text(f"symbol,date,field,value\n{symbols[0]},2014-03-03,close,77\n")
    words += [f"universe.members_file={members}", f"bars.mends={mends}"]
    one = engine.run(words, path=tmp_path / "one=1").path
    assert main(["run", "--from", "signal", str(one), f"hydra.run.dir={tmp_path}/two"]) == 0
    for file in (members, mends):
        text = file.read_text()
        late = text.replace(f"{symbols[1]},,", f"{symbols[1]},2014-06-02,")
        file.write_text(late.replace(",77", ",78"))
        assert main(["run", "--from", "signal", str(one), f"hydra.run.dir={tmp_path}/three"]) == 2
        assert "a file or a library of the stage 'source' has changed" in capfd.readouterr().err
        file.write_text(text)


def test_other_data_of_the_source_are_refused(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where the source is asked again, as the inspection of its rows has to."""
    bars = pd.read_parquet(run / "bars.parquet")
    bars.to_parquet(tmp_path / "bars.parquet")
    words = ["+bundle=ai_tech_core", "universe=all", "source=merge", "report=none",
             f"source.bars={{name: parquet, path: {tmp_path}/bars.parquet}}"]  # fmt: skip
    one = engine.run(words, path=tmp_path / "one").path
    bars["close"] *= 1.5
    bars.to_parquet(tmp_path / "bars.parquet")
    for stage in ("bars", "data"):
        assert main(["run", "--from", stage, str(one), f"hydra.run.dir={tmp_path}/two"]) == 2
        assert "the source has other data now: run the whole bundle" in capfd.readouterr().err
    assert main(["run", "--from", "factors", str(one), f"hydra.run.dir={tmp_path}/three"]) == 0


def test_a_file_that_a_source_names_counts_by_its_content(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bars = pd.read_parquet(run / "bars.parquet")
    bars.to_parquet(tmp_path / "bars.parquet")
    words = ["+bundle=ai_tech_core", "universe=all", "source=parquet", "report=none",
             f"source.path={tmp_path}/bars.parquet"]  # fmt: skip
    one = engine.run(words, path=tmp_path / "one").path
    bars["close"] *= 1.5
    bars.to_parquet(tmp_path / "bars.parquet")
    assert main(["run", "--from", "signal", str(one), f"hydra.run.dir={tmp_path}/two"]) == 2
    assert "a file or a library of the stage 'source' has changed" in capfd.readouterr().err


def test_a_finished_run_is_not_written_over(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = digests(run)
    assert main(["run", "--from", "signal", str(run), f"hydra.run.dir={run}"]) == 2
    assert "the run to go on from is in it; choose another folder" in capfd.readouterr().err
    assert digests(run) == before


def test_what_was_said_of_the_data_is_said_again(tmp_path: Path) -> None:
    words = ["+bundle=ai_tech_core", "universe=all", "source.n_symbols=12", "source.n_days=320",
             "check.sigmas=3", "check.smallest=0.01", "report=none"]  # fmt: skip
    one = engine.run(words, path=tmp_path / "one")
    said = [line for line in one.manifest["warnings"] if line.startswith("data: ")]
    assert said
    assert main(["run", "--from", "signal", str(one.path), f"hydra.run.dir={tmp_path}/two"]) == 0
    again = json.loads((tmp_path / "two" / "manifest.json").read_text("utf-8"))["warnings"]
    assert [line for line in again if line.startswith("data: ")] == said


def test_files_that_somebody_changed_are_refused(run: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(run, tmp_path / "changed"))
    shutil.copy(run / "signal.parquet", other / "bars.parquet")
    with pytest.raises(engine.EngineError):
        bars_back(Artifacts(other), read_told(Artifacts(run).read_plain("manifest"))["bars"])


@pytest.mark.long
def test_a_sweep_starts_from_a_finished_run_too(run: Path, tmp_path: Path) -> None:
    words = ["portfolio.quantile=0.1,0.3", f"hydra.sweep.dir={tmp_path}/sweep"]
    assert main(["run", "-m", "--from", "account", str(run), *words]) == 0
    for job in ("0", "1"):
        assert keys(tmp_path / "sweep" / job)["signal"] == keys(run)["signal"]
        assert keys(tmp_path / "sweep" / job)["account"] != keys(run)["account"]
