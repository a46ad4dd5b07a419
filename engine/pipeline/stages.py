"""One function per stage: do the work, check the hand-over, leave the artifact."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine.bars import Findings, lay, outcomes, read
from engine.bars.inspect import line, look, record
from engine.core.contracts import array, check
from engine.core.errors import ConfigError
from engine.core.panel import FloatArray, Panel
from engine.expr import evaluate
from engine.factors import lookbacks, ready, spans
from engine.forecasts import Forecasts, Labels, walk_forward
from engine.pipeline.folder import RunFolder
from engine.pipeline.sessions import told
from engine.pipeline.settings import Settings
from engine.plugin import calling, lent, owned
from engine.signal import score, seasoned, young
from engine.study import (
    benchmark,
    by_regime,
    calibration_tables,
    capacity_table,
    collect,
    knowledge_tables,
    positions,
    ranked,
    study,
    tables,
    too_good_line,
)

if TYPE_CHECKING:
    from engine.account import Account

log = logging.getLogger(__name__)
GROSS_LIMIT = 20.0  # |weight| above this is a mistake, not leverage


@dataclass
class Made:
    """What the stages have made so far; each stage fills its field."""

    factors: dict[str, FloatArray] = dataclasses.field(default_factory=dict)
    windows: dict[str, int] = dataclasses.field(default_factory=dict)  # rows of the longest ones
    seasoned: dict[str, FloatArray] = dataclasses.field(default_factory=dict)  # what may be used
    labels: Labels = None  # type: ignore[assignment]  # the label stage fills it
    regimes: FloatArray = None  # type: ignore[assignment]
    forecasts: Forecasts | None = None
    signal: FloatArray = None  # type: ignore[assignment]
    account: Account = None  # type: ignore[assignment]


def bars(settings: Settings, folder: RunFolder) -> tuple[Panel, Findings]:
    """Bars, looked over, checked by the policy and laid out as a panel."""
    from engine.schemas.bars import bars_schema

    source = settings.source
    with calling(source, f"source {source.name!r}"):
        universe = lent(settings.universe, source)
        frame, series = source.load(universe), source.series(universe)
    rows = read(frame, settings.universe, settings.bars.mends)
    del frame
    number = settings.time.number
    panel, findings = lay(
        rows, settings.universe, settings.bars, series, number, settings.decision.share
    )
    seen = look(rows, settings.universe, settings.bars, settings.check, number)
    folder.note("data", record(seen, findings))
    del rows
    for each in findings.lines():
        log.info("bars: %s", each)
    odd = line(seen.findings)
    if odd:
        log.warning("data: %s; see data.json in the run folder", odd)
    spacing = told(settings, panel)
    if spacing:
        log.warning(spacing)
    schema = bars_schema(list(panel.fields), keep=settings.bars.kept)
    _hand_over(folder, "bars", schema, panel.long(panel.fields))
    return panel, findings


def facts(settings: Settings) -> dict[str, Any]:
    """What the source knows of its data."""
    source = settings.source
    with calling(source, f"source {source.name!r}"):
        return dict(source.facts(lent(settings.universe, source)))


def factors(settings: Settings, panel: Panel, folder: RunFolder) -> dict[str, FloatArray]:
    """Every factor of the set: classes one by one, then formulas as one graph."""
    from engine.schemas.factors import factors_schema

    found = ready(settings.factors, panel)
    done = found.values | evaluate(found.formulas, found.panel)
    columns = {n: array(done[n], panel.shape, f"factors.{n}") for n in settings.factors}
    for name in empty(columns):
        log.info("factor %s has no value at all: the bars have too little history for it", name)
    _hand_over(folder, "factors", factors_schema(list(columns)), panel.long(columns))
    return columns


def season(settings: Settings, panel: Panel, made: Made) -> None:
    """Fill `windows` and `seasoned`: the factors without the values of names that are too young."""
    made.windows = spans(settings.factors, panel)
    made.seasoned = seasoned(made.factors, made.windows, panel, settings.decision.seasoning)


def empty(columns: Mapping[str, FloatArray]) -> list[str]:
    """Names of the arrays without a single finite value."""
    return [name for name, values in columns.items() if not np.isfinite(values).any()]


def label(settings: Settings, panel: Panel, days: int | None = None) -> Labels:
    """Forward returns from the bar after the decision, and when each is known.

    Over the label's own horizon, or, for the report, the returns over so many `days`.
    """
    chosen = settings.label
    if days is not None:
        chosen = dataclasses.replace(chosen, horizon=days, target="return")
    return chosen.compute(panel, settings.seed, settings.delisting)


def regimes(settings: Settings, panel: Panel, folder: RunFolder) -> FloatArray:
    """Filtered probability of each market state, shape (T, S)."""
    from engine.schemas.regimes import regimes_schema

    states = settings.regime.states
    shape = (panel.shape[0], len(states))
    who = f"regime {settings.regime.name!r}"
    with calling(settings.regime, who):
        made = settings.regime.probabilities(lent(panel, settings.regime))
        probabilities = owned(array(made, shape, who), settings.regime)
    frame = pd.DataFrame(
        {"timestamp": panel.dates, **{s: probabilities[:, i] for i, s in enumerate(states)}}
    )
    _hand_over(folder, "regimes", regimes_schema(states), frame)
    return probabilities


def forecasts(settings: Settings, panel: Panel, made: Made, folder: RunFolder) -> Forecasts | None:
    """Out-of-sample forecasts of the model; None when the bundle holds none."""
    from engine.schemas.forecasts import forecasts_schema

    if not settings.needs_model:
        return None
    states = settings.regime.states
    result = walk_forward(
        made.seasoned,
        made.labels,
        settings.model,
        settings.validation,
        seed=settings.seed,
        where=panel.member & panel.present,
        regimes={s: made.regimes[:, i] for i, s in enumerate(states)},
        progress=lambda split, count: folder.announce("forecasts", split.index + 1, count),
    )
    early = young(panel, settings.decision.seasoning * max(made.windows.values()))
    result = dataclasses.replace(result, values=np.where(early, np.nan, result.values))
    split = np.broadcast_to(result.split[:, None], panel.shape)
    schema = forecasts_schema(result.name)
    own = panel.long({result.name: result.values, "split": split})
    with folder.contract():
        check(schema, own, "forecasts")
    # the factors and the label go along, so that the file serves as a factor source elsewhere
    rest = panel.long({made.labels.name: made.labels.values, **made.factors})
    folder.table("forecasts", own.join(rest.drop(columns=["timestamp", "symbol"])))
    folder.note("forecasts", _metadata(settings, panel, result))
    return result


def signal(settings: Settings, panel: Panel, made: Made, folder: RunFolder) -> FloatArray:
    """The bundle's score: `mf_score`, shape (T, N)."""
    from engine.schemas.signal import signal_schema

    columns = dict(made.seasoned)
    if made.forecasts is not None:
        columns[made.forecasts.name] = made.forecasts.values
    _check_bundle(settings, panel, made, columns)
    values = score(settings.bundle, columns, panel)
    if made.forecasts is not None:  # no trade before the first training has ended
        values = np.where(made.forecasts.split[:, None] >= 0, values, np.nan)
    _check_score(settings, panel, columns, values)
    _hand_over(folder, "signal", signal_schema(), panel.long({"mf_score": values}))
    return values


def _check_bundle(
    settings: Settings, panel: Panel, made: Made, columns: Mapping[str, FloatArray]
) -> None:
    """Refuse cross-sections of one symbol, and factors that never have a value."""
    most = int((panel.present & panel.member).sum(axis=1).max())
    if most < 2:
        raise ConfigError(
            f"universe: at most {most} symbol has a bar on a date, and a cross-section needs 2; "
            "choose a wider universe, or another source"
        )
    for name in empty({b.name: columns[b.name] for b in settings.bundle.factors}):
        rows = lookbacks(settings.factors, panel).get(name)
        need = f"it reads {rows} rows back" if rows else "it needs more history or other fields"
        factor = settings.factors.get(name)
        if factor is not None:
            with calling(factor, f"factors.{name}"):
                need = factor.complaint(lent(panel, factor)) or need
        if np.isfinite(made.factors.get(name, np.nan)).any():
            need = (
                f"its longest window has {made.windows[name]} rows, of which a symbol needs "
                f"decision.seasoning={settings.decision.seasoning:g} in bars; lower that"
            )
        raise ConfigError(
            f"bundle.factors: {name} has no value on any of the {len(panel.dates)} dates: {need}; "
            "use a longer sample, or take the factor out"
        )


def _check_score(
    settings: Settings, panel: Panel, columns: Mapping[str, FloatArray], score: FloatArray
) -> None:
    """Refuse a score that prefers no symbol on any date: names would be taken by the alphabet."""
    if _differs(score):
        return
    here, names = panel.member & panel.present, [b.name for b in settings.bundle.factors]
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


def exposure(settings: Settings, probabilities: FloatArray) -> FloatArray:
    """Expected exposure over the states, shape (T,); 1 while the regime is not known."""
    by_state = np.array([settings.exposure[s] for s in settings.regime.states])
    expected = (probabilities * by_state).sum(axis=1)  # BLAS rounds a row by its place
    filled: FloatArray = np.where(np.isfinite(expected), expected, 1.0)
    return filled


def account(settings: Settings, panel: Panel, made: Made, folder: RunFolder) -> Account:
    """Target weights, decided at each close by what is held; what became of the money."""
    from engine.account import Plan, simulate
    from engine.schemas.returns import returns_schema
    from engine.schemas.weights import weights_schema

    ties = settings.decision.ties
    plan = Plan(settings.portfolio, made.signal, exposure(settings, made.regimes), ties)
    kept = simulate(plan, panel, settings.costs, settings.backtest, settings.delisting)
    targets = panel.long({"weight": kept.targets}, also=np.isfinite(kept.targets))
    _hand_over(folder, "weights", weights_schema(GROSS_LIMIT), targets)
    frame = kept.frame()
    frame["benchmark"] = market(settings, panel, kept)
    costs = [name for name in frame.columns if name.startswith("cost_")]
    _hand_over(folder, "returns", returns_schema(costs), frame)
    held = panel.long({"weight": kept.realised}, also=kept.realised != 0.0)
    folder.table("holdings", held)
    folder.table("orders", kept.orders)
    folder.table("delistings", kept.payouts)
    folder.table("round_trips", kept.round_trips)
    kept.state.save(folder.path)
    return kept


def market(settings: Settings, panel: Panel, account: Account) -> FloatArray:
    """The benchmark's returns from the account's first fill on, shape (T,)."""
    filled = np.flatnonzero(account.traded.any(axis=1))
    first = int(filled[0]) if len(filled) else None
    return benchmark(panel, outcomes(panel, settings.delisting), first, settings.backtest.fill)


def metrics(settings: Settings, panel: Panel, made: Made, folder: RunFolder) -> None:
    """What the account earned and what the signal knew: metrics, ICs, quantile returns.

    Statistics look at members with a bar, on the rows on which a decision can be taken.
    """
    known = panel.member & panel.present & panel.full[:, None]

    def judged(values: FloatArray) -> FloatArray:
        return np.where(known, values, np.nan)

    outcome, horizon = judged(made.labels.values), settings.label.horizon
    studied = {
        b.name: judged(made.seasoned[b.name])
        for b in settings.bundle.factors
        if b.name in made.seasoned
    }
    planted = facts(settings).get("planted")
    if planted:  # a simulated market tells which field it hid a premium in
        studied[planted["column"]] = judged(panel[planted["column"]])
    factors = {name: study(values, outcome, horizon) for name, values in studied.items()}
    predicted = {}
    if made.forecasts is not None:
        predicted[made.forecasts.name] = judged(made.forecasts.values)
    forecasts = {name: study(values, outcome, horizon) for name, values in predicted.items()}
    signal = study(judged(made.signal), outcome, horizon)
    content = collect(
        made.account,
        benchmark=market(settings, panel, made.account),
        regimes=made.regimes,
        states=settings.regime.states,
        signal=signal,
        forecasts=forecasts,
        factors=factors,
        horizon=horizon,
    )
    beyond = settings.too_good.found(content)
    if beyond:
        log.warning(too_good_line(beyond))
    folder.note("metrics", {**content, "too_good": beyond})
    ranks = ranked({"mf_score": made.signal, **predicted, **studied}, known)
    studies = {"mf_score": signal, **forecasts, **factors}
    sheet = {
        **tables(panel.dates, studies),
        "regime_quantiles": by_regime(studies, made.regimes, settings.regime.states),
        **knowledge_tables(
            panel.dates, ranks, lambda days: label(settings, panel, days).values, known
        ),
        **calibration_tables(predicted, ranks, made.labels.target, horizon),
        **positions(
            panel, made.account.realised, made.account.targets, outcomes(panel, settings.delisting)
        ),
        "capacity": capacity_table(panel, made.account.traded),
    }
    for name, frame in sheet.items():
        folder.table(name, frame)


def _hand_over(folder: RunFolder, stage: str, schema: Any, frame: pd.DataFrame) -> None:
    """Check a stage's frame by its contract, and write it."""
    with folder.contract():
        check(schema, frame, stage)
    folder.table(stage, frame)


def _metadata(settings: Settings, panel: Panel, result: Forecasts) -> Mapping[str, Any]:
    """What stands beside ``forecasts.parquet``: enough to know and repeat the experiment."""
    from engine.pipeline.manifest import splits, versions

    return {
        "forecast": result.name,
        "model": {"name": settings.model.name, **dataclasses.asdict(settings.model)},
        "label": dataclasses.asdict(settings.label),
        "validation": dataclasses.asdict(settings.validation),
        "seed": settings.seed,
        "features": list(settings.factors),
        "splits": splits(result, panel),
        "mean_test_rank_ic": float(np.nanmean([s.test_ic for s in result.splits])),
        "fingerprint": panel.fingerprint,
        "versions": versions(),
    }
