"""A finished run, read back from its folder: what `engine.run` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from engine.report import summary
from engine.report.active import Run
from engine.report.notebook import card, plot
from engine.storage import Artifacts, refuse_unfinished

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class Report:
    """A finished run, read back from its folder; never another run that came into it since.

    `metrics` and `manifest` are plain dicts, as they stand in the files; `artifacts` has them,
    and ``data.json``, as dataclasses: ``report.artifacts.metrics.performance.net.sharpe``.
    """

    path: Path
    artifacts: Artifacts = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        refuse_unfinished(self.path)
        object.__setattr__(self, "artifacts", Artifacts(self.path))

    def table(self, name: str) -> pd.DataFrame:
        """An artifact as a long frame."""
        return self.artifacts.table(name)

    def _pivot(self, name: str, column: str) -> pd.DataFrame:
        long = self.table(name)
        return long.pivot(index="timestamp", columns="symbol", values=column).astype(float)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Metrics, by block; each block names its units."""
        return self.artifacts.read_plain("metrics")

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Configuration, versions, fingerprint, seeds and timings."""
        return self.artifacts.read_plain("manifest")

    @cached_property
    def returns(self) -> pd.DataFrame:
        """One row per date: net and gross return, equity, turnover, costs."""
        return self.table("returns").set_index("timestamp")

    @cached_property
    def weights(self) -> pd.DataFrame:
        """Target weights, dates × symbols; NaN holds."""
        return self._pivot("weights", "weight")

    @cached_property
    def signal(self) -> pd.DataFrame:
        """The bundle's score, dates × symbols."""
        return self._pivot("signal", "mf_score")

    @cached_property
    def factors(self) -> pd.DataFrame:
        """Long frame: timestamp, symbol, one column per factor."""
        return self.table("factors")

    @cached_property
    def forecasts(self) -> pd.DataFrame:
        """Long frame: forecast, split, label and the factors that the model saw."""
        return self.table("forecasts")

    @cached_property
    def regimes(self) -> pd.DataFrame:
        """One row per date: probability of each state."""
        return self.table("regimes").set_index("timestamp")

    def summary(self) -> str:
        """What a run prints at its end."""
        return summary.text(self.artifacts)

    def plot(self) -> Figure:
        """Equity and drawdown as a plotly figure."""
        return plot(Run.of(self.artifacts))

    def _repr_html_(self) -> str:
        return card(Run.of(self.artifacts), self.path)
