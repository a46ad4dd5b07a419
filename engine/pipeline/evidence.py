"""The last stage: what the account earned, and what the signal knew."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.account import Account, Backtest
from engine.bars import Delisting, outcomes
from engine.core.kinds import Regime
from engine.core.panel import FloatArray
from engine.forecasts import Forecasts, Label, Labels
from engine.pipeline.decisions import market
from engine.pipeline.market import Bars, Seasoned
from engine.pipeline.stage import Artifact, Note, Table
from engine.signal import Bundle
from engine.study import Evidence, TooGood, collect, too_good_line, work_out

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Metrics:
    """Figures, and the evidence that the tables are worked out from."""

    figures: dict[str, Any]
    evidence: Evidence


def metrics(
    bundle: Bundle,
    chosen: Label,
    seed: int,
    regime: Regime,
    backtest: Backtest,
    delisting: Delisting,
    limits: TooGood,
    bars: Bars,
    seasoning: Seasoned,
    label: Labels,
    regimes: FloatArray,
    forecasts: Forecasts | None,
    signal: FloatArray,
    account: Account,
) -> Metrics:
    """What the account earned and what the signal knew."""
    panel, ended = bars.panel, outcomes(bars.panel, delisting)
    names = [b.name for b in bundle.factors if b.name in seasoning.values]
    factors = {name: seasoning.values[name] for name in names}
    planted = bars.facts.get("planted")
    if planted:  # a simulated market tells which field it hid a premium in
        factors[planted["column"]] = panel[planted["column"]]
    evidence = Evidence(
        panel=panel,
        score=signal,
        forecasts={} if forecasts is None else {forecasts.name: forecasts.values},
        factors=factors,
        outcome=label.values,
        target=label.target,
        horizon=chosen.horizon,
        forward=lambda days: chosen.forward(panel, days, seed, delisting),
        forward_by=repr((chosen, seed, delisting)),
        regimes=regimes,
        states=regime.states,
        realised=account.realised,
        targets=account.targets,
        traded=account.traded,
        ended=ended,
    )
    studies = evidence.studies
    figures = collect(
        account,
        benchmark=market(account, backtest, delisting, panel),
        regimes=regimes,
        states=regime.states,
        signal=studies["mf_score"],
        forecasts={name: studies[name] for name in evidence.forecasts},
        factors={name: studies[name] for name in factors},
        horizon=chosen.horizon,
    )
    beyond = limits.find(figures)
    if beyond:
        log.warning(too_good_line(beyond))
    return Metrics({**figures, "too_good": beyond}, evidence)


def leave_metrics(made: Metrics) -> Iterator[Artifact]:
    """Leave the figures, and each statistic's tables."""
    yield Note("metrics", made.figures)
    for name, frame, facts in work_out(made.evidence):
        yield Table(name, frame, facts)
