"""What the report draws from: a run's tables, from the first position to the end or to ruin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from engine.core.periods import spell
from engine.report.audit import read_said
from engine.storage import Artifacts, Data, Manifest, Metrics, Trainings, Trials
from engine.study import until_ruin

DATED = ("returns", "regimes", "ic", "quantile_returns", "coverage", "positions", "sectors")
UNDATED = ("quantiles", "deciles", "breakdown", "regime_quantiles", "decay", "correlations",
           "persistence", "calibration", "slopes", "names", "capacity", "delistings",
           "round_trips")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Run:
    """What the report draws from: a view of a run's artifacts, over its active span.

    `engine.Report` is the other view of `Artifacts`: the user's, whole and read when asked for.
    Both have ``returns`` and ``metrics``, and mean different things by them, so they stay two.

    Parameters
    ----------
    manifest : Manifest
    metrics : Metrics
    data : Data
    written : mapping
        ``manifest.json`` as it stands: the page unfolds it.
    returns, regimes, ic : pandas.DataFrame
        One row per date; the index is ``timestamp``. From the account's first position, so
        that the market gets no head start, to the end, or to ruin.
    quantile_returns, coverage : pandas.DataFrame
        See `engine.study.knowledge_tables`; from the first position too.
    quantiles : pandas.DataFrame
        ``name``, ``quantile``, ``mean``, ``standard_error``.
    deciles, breakdown : pandas.DataFrame
        See `engine.study.quantiles.decile_table` and `engine.study.breakdown.breakdown_table`.
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
    audited : str
        What its audit says; "" where it has none.
    trainings : Trainings, optional
        None without a model.
    trials : Trials, optional
        What the trial ledger said; None where the run was not counted.
    """

    manifest: Manifest
    metrics: Metrics
    data: Data
    written: Mapping[str, Any]
    returns: pd.DataFrame
    regimes: pd.DataFrame
    ic: pd.DataFrame
    quantile_returns: pd.DataFrame
    coverage: pd.DataFrame
    quantiles: pd.DataFrame
    deciles: pd.DataFrame
    breakdown: pd.DataFrame
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
    audited: str = ""
    trainings: Trainings | None = None
    trials: Trials | None = None

    @property
    def horizon(self) -> str:
        """How long outcomes are, in words."""
        return spell(self.metrics.horizon, self.metrics.annual.rows_per_year)

    @property
    def bundle(self) -> str:
        """Name of the bundle that ran."""
        return self.manifest.bundle

    @classmethod
    def read(cls, folder: Path) -> Run:
        """Read a run folder; DataError names the file that is missing."""
        return cls.of(Artifacts(folder))

    @classmethod
    def of(cls, made: Artifacts) -> Run:
        """Read all that is drawn of a run; DataError names the file that is missing."""
        metrics, manifest, data = made.metrics, made.manifest, made.data
        start = metrics.active.start
        daily = {name: made.table(name).set_index("timestamp") for name in DATED}
        every = daily["returns"].iloc[: until_ruin(daily["returns"]["net"].to_numpy(float))]
        active = {name: table.loc[start:].loc[: every.index[-1]] for name, table in daily.items()}
        before = len(every) - len(active["returns"]) - 1
        return cls(
            manifest=manifest,
            metrics=metrics,
            data=data,
            written=made.read_plain("manifest"),
            **{name: made.table(name) for name in UNDATED},
            **active,
            eve=every.index[before] if before >= 0 else None,
            audited=read_said(made),
            trainings=made.forecasts if manifest.splits else None,
            trials=made.trials,
        )
