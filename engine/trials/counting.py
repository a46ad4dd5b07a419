"""A run is counted when its bars are laid out, and told what the ledger says when it has finished.

What befalls the ledger costs no run: a warning says that the run is not counted.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from engine.core.panel import FloatArray, Panel
from engine.core.plain import to_plain, write_json
from engine.pipeline import Running, make_strategy_key, read_origin
from engine.storage import Artifacts
from engine.trials.database import Database
from engine.trials.faults import LedgerError
from engine.trials.trial import NULL, REAL, SIMULATED, Place, Result, Start, to_number
from engine.trials.verdict import judge

log = logging.getLogger(__name__)
_UNCOUNTED: set[Path] = set()  # folders of runs at work whose beginning could not be written
HANDED = "bars handed over in Python"


def begin(running: Running, panel: Panel) -> None:
    """Count a run, before anything is computed of its bars."""
    file = running.settings.trials.file
    assert file is not None
    try:
        with Database(file) as database:
            database.begin(_describe(running, panel))
    except LedgerError as error:
        _UNCOUNTED.add(running.path)
        log.warning("trials: this run is NOT counted as a trial: %s", error)


def finish(running: Running) -> None:
    """Write what became of a run into its ledger, and what that says now into ``trials.json``."""
    file = running.settings.trials.file
    assert file is not None
    if running.path in _UNCOUNTED:  # which was said when it began
        _UNCOUNTED.remove(running.path)
        return
    try:
        with Database(file) as database:
            trial = database.finish(_tell_folder(running), read_result(running.path))
            if trial is None:
                raise LedgerError(f"{file}: somebody has taken this run out of it; run it again")
            made = judge(database, database.read(trial))
    except LedgerError as error:
        log.warning("trials: the result of this run is NOT in the trial ledger: %s", error)
        return
    write_json(running.path / "trials.json", to_plain(asdict(made)))


def _tell_folder(running: Running) -> str:
    return str(running.path.absolute())


def _describe(running: Running, panel: Panel) -> Start:
    key = make_strategy_key(running.config, running.settings, running.registry, running.secrets)
    first, last = (to_number(panel.dates[at].date()) for at in (0, -1))
    place = Place(_tell_kind(running), _tell_source(running), panel.symbols, first, last)
    return Start(
        key,
        place,
        _tell_folder(running),
        running.settings.bundle.name,
        running.overrides,
        datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
    )


def _tell_kind(running: Running) -> str:
    settings = running.settings
    if settings.needs_model and settings.label.shuffle:
        return NULL
    return SIMULATED if settings.source.simulated else REAL


def _tell_source(running: Running) -> str:
    """Where bars come from: the source alone, for universes overlap by their symbols."""
    if running.origin is None:
        return HANDED
    nodes = read_origin(running.config, running.registry, running.secrets)
    return json.dumps(nodes["source"], sort_keys=True)


def read_result(folder: Path) -> Result | None:
    """Return the daily returns that a run has left; None where it never held a position."""
    made = Artifacts(folder)
    active, annual = made.metrics.active, made.metrics.annual
    if active.start is None or active.end is None:
        return None
    rows = made.table("returns").set_index("timestamp")
    rows = rows.loc[_stamp(active.start) : _stamp(active.end)]
    days, starts = np.unique(_to_days(pd.DatetimeIndex(rows.index)), return_index=True)
    net, cash = (_compound(rows[name].to_numpy(float), starts) for name in ("net", "risk_free"))
    return Result(days, net, net - cash, annual.years)


def _stamp(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def _to_days(dates: pd.DatetimeIndex) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    days = dates.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[D]")
    return days.astype(np.int32)


def _compound(returns: FloatArray, starts: np.ndarray[tuple[int], np.dtype[np.intp]]) -> FloatArray:
    """Returns of days from those of their rows; a day that is one row keeps its return."""
    if len(starts) == len(returns):
        return returns
    grown: FloatArray = np.multiply.reduceat(1.0 + returns, starts) - 1.0
    return grown
