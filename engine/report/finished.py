"""A finished run, read back from its folder: what `engine.run` returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from engine.core.errors import DataError
from engine.report import summary
from engine.report.notebook import card, plot
from engine.store import read_json, read_table, refuse_unfinished, stamp

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

T = TypeVar("T")


@dataclass(frozen=True)
class Report:
    """A finished run, read back from its folder; never another run that came into it since."""

    path: Path

    def __post_init__(self) -> None:
        refuse_unfinished(self.path)
        object.__setattr__(self, "_written", stamp(self.path))

    def table(self, name: str) -> pd.DataFrame:
        """An artifact as a long frame."""
        return self._same(read_table, name)

    def _same(self, reader: Callable[[Path, str], T], name: str) -> T:
        """Read a file, and see that it was this run's before and after."""
        try:
            content = reader(self.path, name)
        except DataError:
            self._refuse_other()
            raise
        self._refuse_other()
        return content

    def _refuse_other(self) -> None:
        if stamp(self.path) != vars(self)["_written"]:
            raise DataError(
                f"{self.path}: another run has come into this folder since: read it with "
                "engine.Report, and give each run a folder of its own"
            )

    def _wide(self, name: str, column: str) -> pd.DataFrame:
        long = self.table(name)
        return long.pivot(index="timestamp", columns="symbol", values=column).astype(float)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Metrics, by block; each block names its units."""
        return self._same(read_json, "metrics")

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Configuration, versions, fingerprint, seeds and timings."""
        return self._same(read_json, "manifest")

    @cached_property
    def returns(self) -> pd.DataFrame:
        """One row per date: net and gross return, equity, turnover, costs."""
        return self.table("returns").set_index("timestamp")

    @cached_property
    def weights(self) -> pd.DataFrame:
        """Target weights, dates × symbols; NaN holds."""
        return self._wide("weights", "weight")

    @cached_property
    def signal(self) -> pd.DataFrame:
        """The bundle's score, dates × symbols."""
        return self._wide("signal", "mf_score")

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
        return summary.text(self.path, self.metrics, self.manifest)

    def plot(self) -> Figure:
        """Equity and drawdown as a plotly figure."""
        self._refuse_other()
        return plot(self.path)

    def _repr_html_(self) -> str:
        self._refuse_other()
        return card(self.path)
