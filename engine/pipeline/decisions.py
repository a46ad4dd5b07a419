"""The stages from labels to the account: what is decided, and what became of it."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from engine.account import Account, Backtest, Plan, simulate
from engine.bars import Delisting, outcomes
from engine.core.contracts import array
from engine.core.errors import ConfigError
from engine.core.kinds import Cost, Factor, Model, Portfolio, Regime
from engine.core.nesting import describe
from engine.core.panel import FloatArray, Panel, arrange
from engine.core.progress import progress
from engine.factors import lookbacks
from engine.forecasts import (
    CAUTION,
    Forecasts,
    Label,
    Labels,
    Validation,
    list_horizons,
    walk_forward,
)
from engine.pipeline.manifest import versions
from engine.pipeline.market import Bars, Seasoned
from engine.pipeline.stage import Artifact, Note, Table
from engine.pipeline.trainings import trainings
from engine.plugin import calling, lend, take_over
from engine.signal import Bundle, is_young, score
from engine.storage import Artifacts
from engine.study import benchmark

log = logging.getLogger(__name__)

GROSS_LIMIT = 20.0  # |weight| above this is a mistake, not leverage


def label(chosen: Label, seed: int, delisting: Delisting, bars: Bars) -> Labels:
    """Forward returns from the bar after the decision, and when each is known."""
    return chosen.compute(bars.panel, seed, delisting)


def regimes(regime: Regime, bars: Bars) -> FloatArray:
    """Filtered probability of each market state, shape (T, S)."""
    shape = (bars.seen.shape[0], len(regime.states))
    who = f"regime {regime.name!r}"
    with calling(regime, who):
        made = regime.probabilities(lend(bars.seen, regime))
        return take_over(array(made, shape, who), regime)


def regimes_back(files: Artifacts, regime: Regime) -> FloatArray:
    """Read the probabilities back."""
    return np.ascontiguousarray(files.table("regimes")[[*regime.states]].to_numpy(float))


def leave_regimes(made: FloatArray, regime: Regime, bars: Bars) -> Iterator[Artifact]:
    """Leave the probabilities, one column a state."""
    columns = {state: made[:, i] for i, state in enumerate(regime.states)}
    frame = pd.DataFrame({"timestamp": bars.panel.dates, **columns})
    yield Table("regimes", frame, {"states": regime.states})


def forecasts(
    model: Model,
    validation: Validation,
    chosen: Label,
    regime: Regime,
    seed: int,
    delisting: Delisting,
    share: float,
    bars: Bars,
    seasoning: Seasoned,
    label: Labels,
    regimes: FloatArray,
) -> Forecasts:
    """Out-of-sample forecasts of the model."""
    panel = bars.panel
    further = {
        each: dataclasses.replace(chosen, horizon=each).compute(panel, seed, delisting)
        for each in list_horizons(model)
        if each != chosen.horizon
    }
    if validation.trains_on_later:
        log.warning(f"validation.scheme={validation.scheme}: {CAUTION}")
    result = walk_forward(
        seasoning.values.columns,
        label,
        model,
        validation,
        seed=seed,
        where=panel.member & panel.present,
        hidden=seasoning.values.find_young(),
        regimes={state: regimes[:, i] for i, state in enumerate(regime.states)},
        further=further,
        progress=lambda split, count: progress(split.index + 1, count),
    )
    early = is_young(panel, share * max(seasoning.windows.values()))
    apart = {name: np.where(early, np.nan, each) for name, each in result.apart.items()}
    return dataclasses.replace(result, values=np.where(early, np.nan, result.values), apart=apart)


def forecasts_back(files: Artifacts, bars: Bars) -> Forecasts:
    """Read the forecasts back, without what is told of each training."""
    told = files.read_plain("forecasts")
    name, apart = told["forecast"], told.get("apart", [])
    long = files.table("forecasts")[["timestamp", "symbol", name, *apart, "split"]]
    made = arrange(long, bars.panel.dates, bars.panel.symbols)
    split = np.nanmax(made["split"], axis=1).astype(np.int64)
    return Forecasts(name, made[name], split, (), apart={each: made[each] for each in apart})


def leave_forecasts(
    made: Forecasts,
    model: Model,
    chosen: Label,
    validation: Validation,
    seed: int,
    bars: Bars,
    factors: Mapping[str, FloatArray],
    label: Labels,
) -> Iterator[Artifact]:
    """Leave the forecasts, with factors and label, so that the file is a factor source too."""
    panel = bars.panel
    split = np.broadcast_to(made.split[:, None], panel.shape)
    columns = {**made.columns, "split": split, label.name: label.values, **factors}
    own = ("timestamp", "symbol", *made.columns, "split")  # the rest are tables of their own
    facts = {"column": made.name, "apart": [*made.apart]}
    yield Table("forecasts", panel.rows(columns), facts, own, noisy=True)
    content = {
        "forecast": made.name,
        "apart": [*made.apart],
        "model": describe(model),
        "label": dataclasses.asdict(chosen),
        "validation": dataclasses.asdict(validation),
        "seed": seed,
        "features": list(factors),
        "trains_on_later": validation.trains_on_later,
        **trainings(made, label.horizon, panel),
        "fingerprint": panel.fingerprint,
        "versions": versions(),
    }
    yield Note("forecasts", content)


def signal(
    bundle: Bundle,
    definitions: Mapping[str, Factor],
    share: float,
    bars: Bars,
    factors: Mapping[str, FloatArray],
    seasoning: Seasoned,
    forecasts: Forecasts | None,
) -> FloatArray:
    """The bundle's score: `mf_score`, shape (T, N)."""
    panel, columns = bars.seen, seasoning.values
    if forecasts is not None:
        for name, values in forecasts.columns.items():
            columns = columns.add(name, values)
    _refuse_single_names(panel)
    for name in (b.name for b in bundle.factors if not np.isfinite(columns[b.name]).any()):
        what = _explain_missing(name, definitions, share, panel, factors, seasoning)
        raise ConfigError(
            f"bundle.factors: {name} has no value on any of the {len(panel.dates)} dates: {what}; "
            "use a longer sample, or take the factor out"
        )
    values = score(bundle, columns, panel)
    if forecasts is not None:  # no trade before the first training has ended
        values = np.where(forecasts.split[:, None] >= 0, values, np.nan)
    _refuse_constant(bundle, panel, columns, values)
    return values


def signal_back(files: Artifacts, bars: Bars) -> FloatArray:
    """Read the score back, where there is a bar."""
    return arrange(files.table("signal"), bars.panel.dates, bars.panel.symbols)["mf_score"]


def leave_signal(made: FloatArray, bars: Bars) -> Iterator[Artifact]:
    """Leave the score, long."""
    yield Table("signal", bars.seen.rows({"mf_score": made}), noisy=True)


def _refuse_single_names(panel: Panel) -> None:
    most = int((panel.present & panel.member).sum(axis=1).max())
    if most < 2:
        raise ConfigError(
            f"universe: at most {most} symbol has a bar on a date, and a cross-section needs 2; "
            "choose a wider universe, or another source"
        )


def _explain_missing(
    name: str,
    definitions: Mapping[str, Factor],
    share: float,
    panel: Panel,
    factors: Mapping[str, FloatArray],
    seasoning: Seasoned,
) -> str:
    """What a factor that never has a value lacks."""
    if np.isfinite(factors.get(name, np.nan)).any():
        return (
            f"its longest window has {seasoning.windows[name]} rows, of which a symbol needs "
            f"decision.seasoning={share:g} in bars; lower that"
        )
    rows = lookbacks(definitions, panel).get(name)
    need = f"it reads {rows} rows back" if rows else "it needs more history or other fields"
    factor = definitions.get(name)
    if factor is not None:
        with calling(factor, f"factors.{name}"):
            need = factor.complaint(lend(panel, factor)) or need
    return need


def _refuse_constant(
    bundle: Bundle, panel: Panel, columns: Mapping[str, FloatArray], score: FloatArray
) -> None:
    """Refuse a score that prefers no symbol on any date: names would be taken by the alphabet."""
    if _differs(score):
        return
    here, names = panel.member & panel.present, [b.name for b in bundle.factors]
    same = [name for name in names if not _differs(np.where(here, columns[name], np.nan))]
    if np.isfinite(score).any() or len(same) == len(names):
        why = f"{', '.join(same)} never" if same else "after bundle.neutralize no factor"
        raise ConfigError(
            f"bundle.factors: the signal is constant, {why} differs between symbols on any date: "
            "take a factor that tells them apart"
        )


def _differs(values: FloatArray) -> bool:
    """Whether two symbols have different values on some date."""
    known = np.isfinite(values)
    high = np.max(values, axis=1, where=known, initial=-np.inf)
    low = np.min(values, axis=1, where=known, initial=np.inf)
    return bool((high > low).any())


def exposure_of(
    exposure: Mapping[str, float], states: Sequence[str], probabilities: FloatArray
) -> FloatArray:
    """Expected exposure over the states, shape (T,); 1 while the regime is not known."""
    by_state = np.array([exposure[state] for state in states])
    expected = (probabilities * by_state).sum(axis=1)  # BLAS rounds a row by its place
    filled: FloatArray = np.where(np.isfinite(expected), expected, 1.0)
    return filled


def account(
    portfolio: Portfolio,
    costs: Cost,
    backtest: Backtest,
    delisting: Delisting,
    exposure: Mapping[str, float],
    regime: Regime,
    ties: str,
    bars: Bars,
    regimes: FloatArray,
    signal: FloatArray,
) -> Account:
    """Target weights, decided at each close by what is held; what became of the money."""
    plan = Plan(portfolio, signal, exposure_of(exposure, regime.states, regimes), ties)
    return simulate(plan, bars.panel, costs, backtest, delisting)


def leave_account(
    made: Account, backtest: Backtest, delisting: Delisting, bars: Bars
) -> Iterator[Artifact]:
    """Leave what was decided, held, ordered and earned, and the state that goes on from it."""
    panel = bars.panel
    targets = panel.long({"weight": made.targets}, also=np.isfinite(made.targets))
    yield Table("weights", targets, {"max_abs": GROSS_LIMIT})
    frame = made.frame()
    frame["benchmark"] = market(made, backtest, delisting, panel)
    yield Table("returns", frame, {"columns": [n for n in frame.columns if n.startswith("cost_")]})
    yield Table("holdings", panel.rows({"weight": made.realised}, also=made.realised != 0.0))
    yield Table("orders", made.orders)
    yield Table("delistings", made.payouts)
    yield Table("round_trips", made.round_trips)
    yield made.state


def tell_account(made: Account) -> dict[str, Any]:
    """How much was ordered, and whether the money lasted."""
    bankrupt = made.bankrupt_on
    return {
        "account": {
            "orders": len(made.orders),
            "pending": made.pending,
            "dropped": made.dropped,
            "delistings": len(made.payouts),
        },
        "bankrupt_on": None if bankrupt is None else str(bankrupt.date()),
    }


def market(account: Account, backtest: Backtest, delisting: Delisting, panel: Panel) -> FloatArray:
    """The benchmark's returns from the account's first fill on, shape (T,)."""
    filled = np.flatnonzero(account.traded.any(axis=1))
    first = int(filled[0]) if len(filled) else None
    return benchmark(panel, outcomes(panel, delisting), first, backtest.fill)
