"""The last stages: what the signal knew, and what the account earned."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from engine.account import Account, Backtest
from engine.bars import Delisting, outcomes
from engine.core.kinds import Regime
from engine.core.panel import FloatArray
from engine.forecasts import Forecasts, Label, Labels
from engine.pipeline.decisions import market
from engine.pipeline.market import Bars, Seasoned
from engine.pipeline.stage import Artifact, Note, Table
from engine.signal import Bundle
from engine.storage import Artifacts
from engine.study import (
    OF_ACCOUNT,
    OF_SIGNAL,
    Evidence,
    Holding,
    TooGood,
    collect,
    summarize,
    too_good_line,
    work_out,
)

log = logging.getLogger(__name__)
KNOWLEDGE = "knowledge"


@dataclass(frozen=True, eq=False)
class Findings:
    """Figures, and the tables of the statistics, each with what its contract has to know.

    What was read back has no tables: they are in the folder.
    """

    figures: Mapping[str, Any]
    tables: Sequence[tuple[str, pd.DataFrame, Mapping[str, Any]]] = ()

    def leave(self, name: str) -> Iterator[Artifact]:
        """Leave the figures under a name, and the tables."""
        yield Note(name, self.figures)
        for each, frame, facts in self.tables:
            yield Table(each, frame, facts)


def ingredients(bundle: Bundle, seasoning: Seasoned) -> dict[str, FloatArray]:
    """The bundle's factors without the values of names that are too young.

    A set has many others, and they are let go of when the signal is made.
    """
    values = seasoning.values
    return {b.name: values[b.name] for b in bundle.factors if b.name in values}


def knowledge(
    chosen: Label,
    seed: int,
    regime: Regime,
    delisting: Delisting,
    bars: Bars,
    ingredients: Mapping[str, FloatArray],
    label: Labels,
    regimes: FloatArray,
    forecasts: Forecasts | None,
    signal: FloatArray,
) -> Findings:
    """What score, forecasts and factors knew of what came after them."""
    panel, factors = bars.panel, {**ingredients}
    planted = bars.facts.get("planted")
    if planted:  # a simulated market tells which field it hid a premium in
        factors[planted["column"]] = panel[planted["column"]]

    def forward(days: int) -> FloatArray:
        same = days == chosen.horizon
        return label.values if same else chosen.forward(panel, days, seed, delisting)

    evidence = Evidence(
        panel=panel,
        score=signal,
        forecasts={} if forecasts is None else forecasts.columns,
        factors=factors,
        outcome=label.values,
        target=label.target,
        horizon=chosen.horizon,
        forward=forward,
        regimes=regimes,
        states=regime.states,
    )
    figures = summarize(evidence.studies, evidence.forecasts, factors)
    return Findings(figures, [*work_out(evidence, OF_SIGNAL)])


def leave_knowledge(made: Findings) -> Iterator[Artifact]:
    """Leave what the signal knew."""
    yield from made.leave(KNOWLEDGE)


def knowledge_back(files: Artifacts) -> Findings:
    """Read the figures back."""
    return Findings(files.read_plain(KNOWLEDGE))


def metrics(
    chosen: Label,
    regime: Regime,
    backtest: Backtest,
    delisting: Delisting,
    limits: TooGood,
    bars: Bars,
    regimes: FloatArray,
    knowledge: Findings,
    account: Account,
) -> Findings:
    """What the account earned, beside what the signal knew."""
    panel = bars.panel
    figures = collect(
        account,
        benchmark=market(account, backtest, delisting, panel),
        regimes=regimes,
        states=regime.states,
        knowledge=knowledge.figures,
        horizon=chosen.horizon,
    )
    beyond = limits.find(figures)
    if beyond:
        log.warning(too_good_line(beyond))
    ended = outcomes(panel, delisting)
    holding = Holding(panel, account.realised, account.targets, account.traded, ended)
    return Findings({**figures, "too_good": beyond}, [*work_out(holding, OF_ACCOUNT)])


def leave_metrics(made: Findings) -> Iterator[Artifact]:
    """Leave what the account earned and held."""
    yield from made.leave("metrics")
