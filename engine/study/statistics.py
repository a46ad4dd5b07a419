"""The statistics of a run as rows: which tables each makes, and of what.

A statistic is a pure function. Its parameters are named after what it needs of `Evidence`, which
no account has a part in, or of `Holding`; it returns its tables by name. To add one, write the
function (here, where it is short), a row, and a contract.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine.bars import Outcomes
from engine.core.panel import BoolArray, FloatArray, Panel
from engine.schemas.calibration import calibration_schema, slopes_schema
from engine.schemas.capacity import capacity_schema
from engine.schemas.holdings import names_schema, positions_schema, sectors_schema
from engine.schemas.knowledge import (
    breakdown_schema,
    correlations_schema,
    coverage_schema,
    decay_schema,
    ic_schema,
    persistence_schema,
)
from engine.schemas.quantiles import (
    deciles_schema,
    quantile_returns_schema,
    quantiles_schema,
    regime_quantiles_schema,
    signal_turnover_schema,
)
from engine.study.breakdown import Parts, breakdown_table
from engine.study.calibration import calibration_tables
from engine.study.capacity import capacity_table
from engine.study.holdings import positions
from engine.study.ic import RankedOutcome, rank_finite
from engine.study.knowledge import knowledge_tables
from engine.study.metrics import Study, study, tables
from engine.study.quantiles import by_regime, decile_table, turnover_table

if TYPE_CHECKING:
    from engine.schemas.contract import Contract


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a signal knew: members with a bar, on rows on which a decision can be taken.

    Parameters
    ----------
    panel : Panel
    score : float array, shape (T, N)
        The bundle's.
    forecasts : mapping of str to float array, shape (T, N)
        Of the model; empty without one.
    factors : mapping of str to float array, shape (T, N)
        Those of the bundle.
    outcome, target : float array, shape (T, N)
        Forward returns over `horizon` rows, and what the model was to learn.
    horizon : int
    forward : callable
        Rows to the forward return over them, shape (T, N).
    regimes : float array, shape (T, S)
    states : sequence of str, length S
    """

    panel: Panel
    score: FloatArray
    forecasts: Mapping[str, FloatArray]
    factors: Mapping[str, FloatArray]
    outcome: FloatArray
    target: FloatArray
    horizon: int
    forward: Callable[[int], FloatArray]
    regimes: FloatArray
    states: Sequence[str]

    @property
    def dates(self) -> pd.DatetimeIndex:
        """UTC, shape (T,)."""
        return self.panel.dates

    @cached_property
    def known(self) -> BoolArray:
        """Where a value could be, shape (T, N): members with a bar, on full rows."""
        known: BoolArray = self.panel.member & self.panel.present & self.panel.full[:, None]
        return known

    def select(self, values: FloatArray) -> FloatArray:
        """The values that statistics look at, shape (T, N); NaN elsewhere."""
        return np.where(self.known, values, np.nan)

    @cached_property
    def predicted(self) -> dict[str, FloatArray]:
        """The forecasts, judged."""
        return {name: self.select(values) for name, values in self.forecasts.items()}

    @cached_property
    def studied(self) -> dict[str, FloatArray]:
        """The factors, judged."""
        return {name: self.select(values) for name, values in self.factors.items()}

    @cached_property
    def selected(self) -> dict[str, FloatArray]:
        """Score, forecasts and factors, judged."""
        return {"mf_score": self.select(self.score), **self.predicted, **self.studied}

    @cached_property
    def ranked(self) -> RankedOutcome:
        """What came after, judged and ranked."""
        return RankedOutcome.of(self.select(self.outcome))

    @cached_property
    def studies(self) -> dict[str, Study]:
        """How score, forecasts and factors related to what came after them."""
        return {
            name: study(values, self.ranked, self.horizon, ranks=self.ranks[name])
            for name, values in self.selected.items()
        }

    @cached_property
    def parts(self) -> Parts:
        """Sectors, sizes, regimes and years."""
        return Parts(self.panel, self.known, self.regimes, self.states)

    @cached_property
    def ranks(self) -> dict[str, FloatArray]:
        """Ranks per date of score, forecasts and factors, each of shape (T, N)."""
        return {name: rank_finite(values) for name, values in self.selected.items()}


@dataclass(frozen=True, eq=False)
class Holding:
    """What an account held.

    Parameters
    ----------
    panel : Panel
    realised, targets, traded : float array, shape (T, N)
        Weights at each close, weights decided (NaN holds), and what was traded, as fractions of
        equity.
    ended : Outcomes
        Which names were delisted, and what their holders got.
    """

    panel: Panel
    realised: FloatArray
    targets: FloatArray
    traded: FloatArray
    ended: Outcomes


@dataclass(frozen=True)
class Statistic:
    """A row.

    Parameters
    ----------
    makes : mapping of str to callable
        The tables, and what makes the contract of each from the facts.
    work : callable
        Its parameters are attributes of `Evidence`, or of `Holding`; returns the tables by name.
    facts : callable
        What the contracts of the tables have to know of them.
    """

    makes: Mapping[str, Callable[..., Contract]]
    work: Callable[..., Mapping[str, pd.DataFrame]]
    facts: Callable[[Any], dict[str, Any]] = lambda evidence: {}

    @property
    def needs(self) -> tuple[str, ...]:
        """What of the evidence it looks at."""
        return tuple(inspect.signature(self.work).parameters)

    def tables(self, evidence: Evidence | Holding) -> Mapping[str, pd.DataFrame]:
        """Its tables, by name."""
        return self.work(**{need: getattr(evidence, need) for need in self.needs})


def _regime_quantiles(
    studies: Mapping[str, Study], regimes: FloatArray, states: Sequence[str]
) -> dict[str, pd.DataFrame]:
    return {"regime_quantiles": by_regime(studies, regimes, states)}


def _breakdown(
    studies: Mapping[str, Study],
    ranks: Mapping[str, FloatArray],
    ranked: RankedOutcome,
    parts: Parts,
    horizon: int,
) -> dict[str, pd.DataFrame]:
    return {"breakdown": breakdown_table(studies, ranks, ranked, parts, horizon)}


def _deciles(
    ranks: Mapping[str, FloatArray], ranked: RankedOutcome, horizon: int
) -> dict[str, pd.DataFrame]:
    return {"deciles": decile_table(ranks, ranked, horizon)}


def _turnover(
    dates: pd.DatetimeIndex, ranks: Mapping[str, FloatArray], predicted: Mapping[str, FloatArray]
) -> dict[str, pd.DataFrame]:
    decided = {name: ranks[name] for name in ("mf_score", *predicted)}
    return {"signal_turnover": turnover_table(dates, decided)}


def _capacity(panel: Panel, traded: FloatArray) -> dict[str, pd.DataFrame]:
    return {"capacity": capacity_table(panel, traded)}


def _list_studies(evidence: Evidence) -> dict[str, Any]:
    return {"names": [*evidence.studies]}


OF_SIGNAL = (
    Statistic({"ic": ic_schema, "quantiles": quantiles_schema}, tables, _list_studies),
    Statistic(
        {"regime_quantiles": regime_quantiles_schema},
        _regime_quantiles,
        lambda evidence: {**_list_studies(evidence), "states": evidence.states},
    ),
    Statistic(
        {
            "decay": decay_schema,
            "correlations": correlations_schema,
            "persistence": persistence_schema,
            "coverage": coverage_schema,
            "quantile_returns": quantile_returns_schema,
        },
        knowledge_tables,
        _list_studies,
    ),
    Statistic(
        {"calibration": calibration_schema, "slopes": slopes_schema},
        calibration_tables,
        lambda evidence: {"names": [*evidence.predicted]},
    ),
    Statistic(
        {"breakdown": breakdown_schema},
        _breakdown,
        lambda evidence: {**_list_studies(evidence), "parts": evidence.parts.names},
    ),
    Statistic({"deciles": deciles_schema}, _deciles, _list_studies),
    Statistic(
        {"signal_turnover": signal_turnover_schema},
        _turnover,
        lambda evidence: {"names": ["mf_score", *evidence.predicted]},
    ),
)
OF_ACCOUNT = (
    Statistic(
        {"names": names_schema, "positions": positions_schema, "sectors": sectors_schema},
        positions,
    ),
    Statistic({"capacity": capacity_schema}, _capacity),
)


def work_out(
    evidence: Evidence | Holding, statistics: Sequence[Statistic]
) -> Iterator[tuple[str, pd.DataFrame, dict[str, Any]]]:
    """Work out each statistic: its tables, by name, with what their contracts have to know."""
    for statistic in statistics:
        made = statistic.tables(evidence)
        if set(made) != set(statistic.makes):
            raise TypeError(
                f"a statistic makes {sorted(made)}, and its row says {sorted(statistic.makes)}"
            )
        yield from ((name, frame, statistic.facts(evidence)) for name, frame in made.items())
