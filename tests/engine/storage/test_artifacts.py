"""A finished run is typed once: the dataclasses hold all that a real run writes, and no more."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.core.errors import DataError
from engine.storage import (
    Artifacts,
    Data,
    Manifest,
    Metrics,
    Trainings,
    data,
    forecasts,
    manifest,
    metrics,
)
from engine.storage.typed import key_of

WORDS = [
    "+bundle=ai_tech_core_ml",
    "universe=all",
    "source.n_symbols=12",
    "source.n_days=1000",
    "source.suspended=1.0",  # the data check finds gaps, and gives examples
    "too_good.ic=0.0",  # each IC is beyond it
    "validation.learning_curve=[1]",
    "report=none",
]
FILES = {"metrics": Metrics, "manifest": Manifest, "data": Data, "forecasts": Trainings}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("artifacts") / "run"
    engine.run(WORDS, path=path)
    return path


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    """A copy to break; the JSON files alone."""
    for name in FILES:
        shutil.copy(run / f"{name}.json", tmp_path)
    return tmp_path


def plain(value: Any, seen: set[type]) -> Any:
    """A dataclass as the JSON that it was read from; `seen` collects the classes."""
    if is_dataclass(value):
        seen.add(type(value))
        return {key_of(each): plain(getattr(value, each.name), seen) for each in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item, seen) for key, item in value.items()}
    return [plain(item, seen) for item in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize(
    ("name", "module"),
    [("metrics", metrics), ("manifest", manifest), ("data", data), ("forecasts", forecasts)],
)
def test_a_run_writes_exactly_the_keys_of_the_dataclasses(
    run: Path, name: str, module: object
) -> None:
    seen: set[type] = set()
    written = json.loads((run / f"{name}.json").read_text("utf-8"))
    assert plain(getattr(Artifacts(run), name), seen) == written
    classes = [each for each in vars(module).values() if is_dataclass(each)]
    own = {each for each in classes if each.__module__ == f"engine.storage.{name}"}
    assert {each for each in seen if each.__module__ == f"engine.storage.{name}"} == own


def rewritten(folder: Path, name: str, change: Any) -> Artifacts:
    file = folder / f"{name}.json"
    content = json.loads(file.read_text("utf-8"))
    change(content)
    file.write_text(json.dumps(content))
    return Artifacts(folder)


@pytest.mark.parametrize(
    ("name", "change", "lacking"),
    [
        ("metrics", lambda made: made.pop("turnover"), "turnover"),
        ("metrics", lambda made: made["performance"]["net"].pop("cagr"), "performance.net.cagr"),
        ("metrics", lambda made: made["factors"]["rv_20"].pop("icir"), "factors.rv_20.icir"),
        ("manifest", lambda made: [made.pop(key) for key in ("seed", "config")], "config, seed"),
        ("manifest", lambda made: made["plugins"][0].pop("from"), "plugins.0.from"),
        ("data", lambda made: made.pop("coverage"), "coverage"),
        ("data", lambda made: made["findings"][1].pop("key"), "findings.1.key"),
    ],
)
def test_what_another_version_wrote_is_one_line(
    folder: Path, name: str, change: Any, lacking: str
) -> None:
    made = rewritten(folder, name, change)
    with pytest.raises(DataError) as told:
        getattr(made, name)
    assert str(told.value) == (
        f"{folder / name}.json: lacks {lacking}, so another version wrote it; run the bundle again"
    )


def test_what_earlier_versions_lack_has_a_default(folder: Path) -> None:
    made = rewritten(folder, "metrics", lambda made: made.pop("too_good"))
    assert made.metrics.too_good == {}
    made = rewritten(folder, "manifest", lambda made: made["splits"][0].pop("importances"))
    assert made.manifest.splits[0].importances is None


def test_keys_of_later_versions_are_left_alone(folder: Path) -> None:
    made = rewritten(folder, "manifest", lambda made: made.update(moon="full"))
    assert made.manifest == Artifacts(folder).manifest
    assert made.read_plain("manifest")["moon"] == "full"


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_or_broken_is_one_line(folder: Path, name: str) -> None:
    file = folder / f"{name}.json"
    file.write_bytes(b"{\xff")
    with pytest.raises(DataError, match=rf"{name}\.json: cannot be read \(.*\); run the bundle"):
        getattr(Artifacts(folder), name)
    file.unlink()
    with pytest.raises(DataError, match=rf"{name}\.json: not there"):
        getattr(Artifacts(folder), name)


def test_no_file_of_another_run_is_read(folder: Path) -> None:
    """What was read before stays; the manifest tells runs apart."""
    made = Artifacts(folder)
    total = made.metrics.total_cost
    rewritten(folder, "manifest", lambda content: content["timings"][0].update(seconds=99.0))
    with pytest.raises(DataError, match="another run has come into this folder since"):
        made.data  # noqa: B018
    assert made.metrics.total_cost == total


def test_studies_and_costs_are_found_by_name(run: Path) -> None:
    made = Artifacts(run).metrics
    assert [*made.evidence][:2] == ["mf_score", "ml_alpha_ridge_20d"]
    assert made.evidence["rv_20"] is made.factors["rv_20"]
    assert sum(value or 0.0 for value in made.cost_parts.values()) == pytest.approx(made.total_cost)
    assert "total" not in made.cost_parts
