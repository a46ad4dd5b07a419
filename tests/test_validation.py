"""How a model is validated, from the prompt's words to the files: folds, pinned dates, caution."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import digests

import engine
from engine.core.errors import ConfigError

CAUTION = "trained on later dates, too: measures a model, and is no backtest"
WORDS = ["+bundle=ai_tech_core_ml", "universe=all", "source.n_symbols=16", "source.n_days=900",
         "validation.min_train=252"]  # fmt: skip


def trainings(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "forecasts.json").read_text("utf-8"))
    return content


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"store.path={tmp_path_factory.mktemp('store')}"


@pytest.fixture(scope="module")
def combined(tmp_path_factory: pytest.TempPathFactory, store: str) -> engine.Report:
    words = [*WORDS, store, "validation=combinatorial", "validation.learning_curve=[1,2]"]
    return engine.run(words, path=tmp_path_factory.mktemp("combined") / "run")


def test_all_paths_are_told_and_the_signal_has_the_first(combined: engine.Report) -> None:
    told = trainings(combined.path)
    assert len(told["splits"]) == 15
    assert [path["path"] for path in told["paths"]] == [1, 2, 3, 4, 5]
    assert all(0.0 <= path["hit_rate"] <= 1.0 for path in told["paths"])
    assert [point["years"] for point in told["learning_curve"]] == [1, 2]
    split = combined.forecasts.groupby("timestamp")["split"].first()
    assert sorted(split.unique()) == [0, 1, 2, 3, 4]
    assert split.is_monotonic_increasing


def test_training_on_later_dates_is_told_everywhere(combined: engine.Report) -> None:
    warning = f"validation.scheme=combinatorial: {CAUTION}"
    assert warning in combined.manifest["warnings"]
    assert combined.artifacts.manifest.trains_on_later
    assert trainings(combined.path)["trains_on_later"] is True
    assert f"the model was {CAUTION}" in combined.summary()
    page = (combined.path / "report.html").read_text("utf-8")
    assert f"Splits, {CAUTION}" in page
    assert "on the past alone" not in page
    assert ">Paths of the forecasts<" in page


def test_what_is_reused_tells_the_same(combined: engine.Report, store: str, tmp_path: Path) -> None:
    words = [*WORDS, store, "validation=combinatorial", "validation.learning_curve=[1,2]"]
    again = engine.run([*words, "portfolio.quantile=0.3", "report=none"], path=tmp_path / "again")
    stages = json.loads((again.path / "timings.json").read_text("utf-8"))["stages"]
    assert {row["how"] for row in stages if row["stage"] == "forecasts"} == {"reused"}
    assert again.manifest["warnings"] == combined.manifest["warnings"]
    assert again.manifest["splits"] == combined.manifest["splits"]
    assert trainings(again.path) == trainings(combined.path)


def test_pinned_to_its_own_starts_a_run_is_the_same(tmp_path: Path) -> None:
    """The audit cuts a run so: the first dates of its trainings hold, whatever is cut."""
    words = [*WORDS, "report=none", "store=none"]
    free = engine.run([*words, "validation.n_splits=4"], path=tmp_path / "free")
    starts = ",".join(split["test_start"] for split in free.manifest["splits"])
    pinned = engine.run([*words, f"validation.dates=[{starts}]"], path=tmp_path / "pinned")
    tables = {name: sha for name, sha in digests(free.path).items() if name.endswith(".parquet")}
    assert tables.items() <= digests(pinned.path).items()
    assert tables
    assert trainings(pinned.path)["splits"] == trainings(free.path)["splits"]
    assert not free.artifacts.manifest.trains_on_later
    for split in trainings(free.path)["splits"]:
        assert [fit["what"] for fit in split["fits"]] == ["medians", "scaler", "model"]
        assert max(fit["latest"] for fit in split["fits"]) < split["test_start"]
    assert "fits" not in free.manifest["splits"][0]


def test_a_date_that_allows_no_training_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^validation.dates: 1999-01-01 is before 20\d\d-"):
        engine.run([*WORDS, "validation.dates=[1999-01-01]"], path=tmp_path / "run")
