"""Forecasts of a run as files for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.core.errors import DataError
from engine.core.plain import write_json
from engine.core.whole import writing_whole
from engine.storage.artifacts import Artifacts, refuse_unfinished
from engine.storage.forecasts import Trainings


def export_forecasts(run: Path, folder: Path) -> Iterator[Path]:
    """Write each forecast of a finished run, and yield the files.

    Parameters
    ----------
    run : pathlib.Path
        The run's folder.
    folder : pathlib.Path
        Made where there is none.

    Yields
    ------
    pathlib.Path
        ``{forecast}_{universe}_{frequency}.parquet``: ``timestamp`` (UTC), ``symbol``, the
        forecast, the forward return and the factors; NaN where nothing was forecast. Then the same
        name with ``_metadata.json``.

    Raises
    ------
    DataError
        The run had no model, or is not finished.
    """
    refuse_unfinished(run)
    files = Artifacts(run)
    if not (run / "forecasts.json").is_file():
        raise DataError(f"{run}: no forecasts.json: the run had no model; choose a bundle with one")
    told, frame = files.forecasts, files.table("forecasts")
    names = (told.forecast, *told.apart)
    universe = str((files.manifest.config.get("universe") or {}).get("name", "all"))
    frequency = name_frequency(pd.DatetimeIndex(frame["timestamp"].unique()))
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        others = [each for each in (*names, "split") if each != name]
        place = folder / f"{name}_{universe}_{frequency}.parquet"
        with writing_whole(place) as part:
            frame.drop(columns=others).to_parquet(part, index=False)
        yield place
        beside = place.with_name(f"{place.stem}_metadata.json")
        write_json(beside, {"forecast": name, "run": str(run), **_describe(told, files)})
        yield beside


def name_frequency(stamps: pd.DatetimeIndex) -> str:
    """Return how far bars lie apart, as the files are named: ``1d``, ``1h``, ``5min``."""
    if len(stamps) < 2:
        return "1d"
    minutes = round(float(np.median(np.diff(stamps.as_unit("s").asi8)))) // 60
    if minutes >= 1200:  # a week-end or a short session away from a day
        return f"{max(round(minutes / 1440), 1)}d"
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}min"


def _describe(told: Trainings, files: Artifacts) -> dict[str, Any]:
    plain = files.read_plain("forecasts")
    kept = ("model", "label", "validation", "seed", "features", "trains_on_later", "mean_errors")
    return {
        **{key: plain[key] for key in kept},
        "mean_test_rank_ic": told.mean_test_rank_ic,
        "splits": [
            {key: split[key] for key in ("index", "train_start", "train_stop", "test_start")}
            | {key: split[key] for key in ("test_stop", "n_train", "train_ic", "test_ic")}
            for split in plain["splits"]
        ],
        "bundle": files.manifest.bundle,
        "fingerprint": told.fingerprint,
        "versions": plain["versions"],
    }
