"""What the report reads of a run: its tables, from the first position to the end or to ruin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from engine.core.errors import DataError
from engine.core.periods import spell
from engine.store import read_json, read_table
from engine.study import until_ruin

NEEDED = {
    "metrics": ("active", "annual", "performance", "regimes", "turnover", "exposure", "costs",
                "interest", "delisting", "fills", "signal", "forecasts", "factors", "horizon"),
    "manifest": ("command", "config", "simulated", "source", "empty_factors", "findings",
                 "plugins", "versions", "seed", "timings", "splits", "account", "bankrupt_on",
                 "warnings"),
    "data": ("symbols", "coverage", "calendar", "late_listings", "delistings", "findings"),
}  # fmt: skip
DATED = ("returns", "regimes", "ic", "quantile_returns", "coverage", "positions", "sectors")
UNDATED = ("quantiles", "regime_quantiles", "decay", "correlations", "persistence", "calibration",
           "slopes", "names", "capacity", "delistings", "round_trips")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Run:
    """What the report reads.

    Parameters
    ----------
    manifest, metrics, data : dict
        Of ``manifest.json``, ``metrics.json`` and ``data.json``.
    returns, regimes, ic : pandas.DataFrame
        One row per date; the index is ``timestamp``. From the account's first position, so
        that the market gets no head start, to the end, or to ruin.
    quantile_returns, coverage : pandas.DataFrame
        See `engine.study.knowledge_tables`; from the first position too.
    quantiles : pandas.DataFrame
        ``name``, ``quantile``, ``mean``, ``standard_error``.
    regime_quantiles, decay, correlations, persistence : pandas.DataFrame
        See `engine.study.quantiles.by_regime` and `engine.study.knowledge_tables`.
    calibration, slopes : pandas.DataFrame
        See `engine.study.calibration_tables`; empty without a model.
    positions, sectors, names : pandas.DataFrame
        See `engine.study.holdings.positions`; the first two from the first position too.
    capacity : pandas.DataFrame
        See `engine.study.capacity_table`.
    delistings, round_trips : pandas.DataFrame
        See `payouts` and `round_trips` of `engine.account.Account`.
    eve : pandas.Timestamp, optional
        The close before the first position.
    """

    manifest: dict[str, Any]
    metrics: dict[str, Any]
    data: dict[str, Any]
    returns: pd.DataFrame
    regimes: pd.DataFrame
    ic: pd.DataFrame
    quantile_returns: pd.DataFrame
    coverage: pd.DataFrame
    quantiles: pd.DataFrame
    regime_quantiles: pd.DataFrame
    decay: pd.DataFrame
    correlations: pd.DataFrame
    persistence: pd.DataFrame
    calibration: pd.DataFrame
    slopes: pd.DataFrame
    positions: pd.DataFrame
    sectors: pd.DataFrame
    names: pd.DataFrame
    capacity: pd.DataFrame
    delistings: pd.DataFrame
    round_trips: pd.DataFrame
    eve: pd.Timestamp | None = None

    @property
    def horizon(self) -> str:
        """How long outcomes are, in words."""
        return spell(self.metrics["horizon"], self.metrics["annual"]["rows_per_year"])

    @property
    def bundle(self) -> str:
        """Name of the bundle that ran."""
        return str((self.manifest["config"].get("bundle") or {}).get("name", "run"))

    @classmethod
    def read(cls, folder: Path) -> Run:
        """Read a run folder; DataError names the file that is missing."""
        metrics, manifest, data = (
            _complete(folder, name) for name in ("metrics", "manifest", "data")
        )
        start = metrics["active"]["start"]
        daily = {name: read_table(folder, name).set_index("timestamp") for name in DATED}
        every = daily["returns"].iloc[: until_ruin(daily["returns"]["net"].to_numpy(float))]
        active = {name: table.loc[start:].loc[: every.index[-1]] for name, table in daily.items()}
        before = len(every) - len(active["returns"]) - 1
        return cls(
            manifest=manifest,
            metrics=metrics,
            data=data,
            **{name: read_table(folder, name) for name in UNDATED},
            **active,
            eve=every.index[before] if before >= 0 else None,
        )


def _complete(folder: Path, name: str) -> dict[str, Any]:
    content = read_json(folder, name)
    lacking = sorted({*NEEDED[name]} - {*content})
    if lacking:
        raise DataError(
            f"{folder / name}.json: lacks {', '.join(lacking)}, so another version wrote it; "
            "run the bundle again"
        )
    return content
