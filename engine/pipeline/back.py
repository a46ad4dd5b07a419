"""The results of stages, read back from what they left in a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from engine.bars import Findings
from engine.core.errors import DataError
from engine.core.groups import Dated, Grouping
from engine.core.kinds import Factor, Regime
from engine.core.panel import FloatArray, Panel, laid
from engine.forecasts import Forecasts
from engine.pipeline.market import Bars
from engine.pipeline.rest import REST
from engine.store import Artifacts


def bars(folder: Path) -> Bars:
    """The panel, from ``bars.parquet`` and ``panel.npz``."""
    files = Artifacts(folder)
    try:
        with np.load(folder / f"{REST}.npz", allow_pickle=False) as file:
            rest = {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / REST}.npz: cannot be read; run the bundle again") from error
    dates = pd.DatetimeIndex(rest["dates"].view(f"M8[{rest['unit']}]"), tz="UTC")
    symbols = tuple(rest["symbols"].tolist())
    shape = (len(dates), len(symbols))
    panel = Panel.from_long(files.table("bars"), dates=dates, symbols=symbols)
    panel = replace(
        panel,
        groups={name: _grouping(rest, name) for name in _named(rest, "labels")},
        series={name: rest[f"series.{name}"] for name in _named(rest, "series")},
        member=np.unpackbits(rest["member"], count=shape[0] * shape[1]).reshape(shape).astype(bool),
        periods_per_year=float(rest["numbers"][0]),
        quorum=float(rest["numbers"][1]),
    )
    if panel.fingerprint != files.manifest.source.fingerprint:
        raise DataError(f"{folder}/bars.parquet: not the bars of this run; run the bundle again")
    findings = Findings.of(files.plain("bars"))
    return Bars(panel, findings, dict(files.manifest.source.facts))


def _named(rest: Mapping[str, object], what: str) -> list[str]:
    return [name.partition(".")[2] for name in rest if name.partition(".")[0] == what]


def _grouping(rest: Mapping[str, np.ndarray], name: str) -> Grouping:
    labels = tuple(rest[f"labels.{name}"].tolist())
    codes = rest.get(f"codes.{name}")
    return labels if codes is None else Dated(labels, codes)


def factors(folder: Path, definitions: Mapping[str, Factor], bars: Bars) -> dict[str, FloatArray]:
    """The factors, where there is a bar."""
    made = laid(Artifacts(folder).table("factors"), bars.panel.dates, bars.panel.symbols)
    return {name: made[name] for name in definitions}


def regimes(folder: Path, regime: Regime) -> FloatArray:
    """The probabilities, shape (T, S)."""
    table = Artifacts(folder).table("regimes")
    return np.ascontiguousarray(table[[*regime.states]].to_numpy(float))


def forecasts(folder: Path, bars: Bars) -> Forecasts:
    """The forecasts, with what is told of each training."""
    files, panel = Artifacts(folder), bars.panel
    name = files.plain("forecasts")["forecast"]
    made = laid(files.table("forecasts")[["timestamp", "symbol", name, "split"]],
                panel.dates, panel.symbols)  # fmt: skip
    split = np.nanmax(made["split"], axis=1).astype(np.int64)
    return Forecasts(name, made[name], split, ())


def signal(folder: Path, bars: Bars) -> FloatArray:
    """The score, where there is a bar."""
    made = laid(Artifacts(folder).table("signal"), bars.panel.dates, bars.panel.symbols)
    return made["mf_score"]
