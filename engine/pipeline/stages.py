"""The table of stages: what each reads, what it is made of, and what it leaves.

    source → bars → data
                  → factors → seasoning ──────────────┐
                  → label ──────────────┐             │
                  → regimes ────────────┼→ forecasts →│
                       │                │             ▼
                       └────────────────┼──────────→ signal → account → metrics

Everything about a stage follows from its row: its place in the order, what its function sees, its
contracts, its artifacts, what observers and the progress bar are told, and its key.
"""

from __future__ import annotations

from engine.pipeline import back, decisions, evidence, market
from engine.pipeline.stage import Stage
from engine.study import STATISTICS

NUMERIC = ("numpy", "numba", "llvmlite")
WIDE = ("processor",)  # sums of numpy and BLAS, whose order goes by the vectors there are

STAGES = (
    Stage(
        "source",
        market.load,
        reads={"source": "source", "universe": "universe", "mends": "bars.mends"},
        data=lambda made: str(made.fingerprint),
        libraries=("numpy", "pandas", "pyarrow"),
    ),
    Stage(
        "bars",
        market.lay_out,
        reads={"universe": "universe", "policy": "bars", "time": "time", "share": "decision.share"},
        of=("source",),
        tables=("bars",),
        notes=("panel", "bars"),
        back=back.bars,
        leaves=market.leave_bars,
        libraries=("numpy", "pandas", "exchange-calendars"),
    ),
    Stage(
        "data",
        market.look_over,
        reads={"universe": "universe", "policy": "bars", "check": "check", "time": "time"},
        of=("source", "bars"),
        notes=("data",),
        leaves=market.leave_data,
        libraries=("numpy", "pandas", "exchange-calendars"),
    ),
    Stage(
        "factors",
        market.compute,
        reads={"definitions": "factors"},
        of=("bars",),
        tables=("factors",),
        leaves=market.leave_factors,
        back=back.factors,
        libraries=NUMERIC,
    ),
    Stage(
        "seasoning",
        market.season,
        reads={"definitions": "factors", "share": "decision.seasoning"},
        of=("bars", "factors"),
        libraries=("numpy",),
    ),
    Stage(
        "label",
        decisions.label,
        reads={"chosen": "label", "seed": "seed", "delisting": "delisting"},
        of=("bars",),
        libraries=(*NUMERIC, *WIDE),
    ),
    Stage(
        "regimes",
        decisions.regimes,
        reads={"regime": "regime"},
        of=("bars",),
        tables=("regimes",),
        leaves=decisions.leave_regimes,
        back=back.regimes,
        libraries=(*NUMERIC, *WIDE, "scipy", "scikit-learn", "hmmlearn"),
    ),
    Stage(
        "forecasts",
        decisions.forecasts,
        reads={
            "model": "model",
            "validation": "validation",
            "chosen": "label",
            "regime": "regime",
            "seed": "seed",
            "share": "decision.seasoning",
        },
        of=("bars", "factors", "seasoning", "label", "regimes"),
        tables=("forecasts",),
        notes=("forecasts",),
        leaves=decisions.leave_forecasts,
        back=back.forecasts,
        libraries=(*NUMERIC, *WIDE, "scipy", "scikit-learn", "xgboost-cpu"),
        wanted=lambda settings: settings.needs_model,
    ),
    Stage(
        "signal",
        decisions.signal,
        reads={"bundle": "bundle", "definitions": "factors", "share": "decision.seasoning"},
        of=("bars", "factors", "seasoning", "forecasts"),
        tables=("signal",),
        leaves=decisions.leave_signal,
        back=back.signal,
        libraries=(*NUMERIC, *WIDE),
    ),
    Stage(
        "account",
        decisions.account,
        reads={
            "portfolio": "portfolio",
            "costs": "costs",
            "backtest": "backtest",
            "delisting": "delisting",
            "exposure": "exposure",
            "regime": "regime",
            "ties": "decision.ties",
        },
        of=("bars", "regimes", "signal"),
        tables=("weights", "returns", "holdings", "orders", "delistings", "round_trips"),
        notes=("state",),
        leaves=decisions.leave_account,
        libraries=(*NUMERIC, *WIDE, "scipy", "skfolio", "vectorbt"),
    ),
    Stage(
        "metrics",
        evidence.metrics,
        reads={
            "bundle": "bundle",
            "chosen": "label",
            "seed": "seed",
            "regime": "regime",
            "backtest": "backtest",
            "delisting": "delisting",
            "limits": "too_good",
        },
        of=("bars", "seasoning", "label", "regimes", "forecasts", "signal", "account"),
        tables=tuple(name for statistic in STATISTICS for name in statistic.makes),
        notes=("metrics",),
        leaves=evidence.leave_metrics,
        libraries=(*NUMERIC, *WIDE, "scipy"),
    ),
)
BY_NAME = {stage.name: stage for stage in STAGES}
