"""The table of stages: what each reads, what it is made of, and what it leaves.

    source → bars → data
                  → factors → seasoning ──────────────┐
                  → label ──────────────┐             │
                  → regimes ────────────┼→ forecasts →│
                       │                │             ▼
                       └────────────────┼──────────→ signal → account ──┐
                                        │ ingredients │                 ▼
                                        └──────┴──────┴→ knowledge → metrics

Everything about a stage follows from its row: its place in the order, what its function sees, its
contracts, its artifacts, what observers and the progress bar are told, and its key.
"""

from __future__ import annotations

from engine.pipeline import decisions, evidence, market
from engine.pipeline.settings import Settings
from engine.pipeline.stage import Stage
from engine.schemas.bars import bars_schema
from engine.schemas.factors import factors_schema
from engine.schemas.forecasts import forecasts_schema
from engine.schemas.holdings import holdings_schema
from engine.schemas.orders import delistings_schema, orders_schema, round_trips_schema
from engine.schemas.regimes import regimes_schema
from engine.schemas.returns import returns_schema
from engine.schemas.signal import signal_schema
from engine.schemas.weights import weights_schema
from engine.study import OF_ACCOUNT, OF_SIGNAL

NUMERIC = ("numpy", "numba", "llvmlite")
SOLVERS = ("scipy", "scikit-learn", "skfolio", "cvxpy-base", "clarabel")  # of portfolios
WIDE = ("processor",)  # sums of numpy and BLAS, whose order goes by the vectors there are

STAGES = (
    Stage(
        "source",
        market.load,
        reads={"source": "source", "universe": "universe", "mends": "bars.mends"},
        data=lambda made: str(made.fingerprint),
        libraries=("numpy", "pandas", "pyarrow", "exchange-calendars"),
    ),
    Stage(
        "bars",
        market.lay_out,
        reads={"universe": "universe", "policy": "bars", "time": "time", "share": "decision.share"},
        of=("source",),
        tables={"bars": bars_schema},
        notes=("panel", "bars"),
        tells=market.tell_bars,
        back=market.bars_back,
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
        tables={"factors": factors_schema},
        leaves=market.leave_factors,
        tells=market.tell_factors,
        back=market.factors_back,
        libraries=(*NUMERIC, "scipy"),
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
        tables={"regimes": regimes_schema},
        leaves=decisions.leave_regimes,
        back=decisions.regimes_back,
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
            "delisting": "delisting",
            "share": "decision.seasoning",
        },
        of=("bars", "factors", "seasoning", "label", "regimes"),
        tables={"forecasts": forecasts_schema},
        notes=("forecasts",),
        leaves=decisions.leave_forecasts,
        back=decisions.forecasts_back,
        libraries=(*NUMERIC, *WIDE, "scipy", "scikit-learn", "xgboost-cpu", "lightgbm"),
        wanted=lambda settings: settings.needs_model,
    ),
    Stage(
        "signal",
        decisions.signal,
        reads={"bundle": "bundle", "definitions": "factors", "share": "decision.seasoning"},
        of=("bars", "factors", "seasoning", "forecasts"),
        tables={"signal": signal_schema},
        leaves=decisions.leave_signal,
        back=decisions.signal_back,
        libraries=(*NUMERIC, *WIDE),
    ),
    Stage(
        "ingredients",
        evidence.ingredients,
        reads={"bundle": "bundle"},
        of=("seasoning",),
        libraries=("numpy",),
    ),
    Stage(
        "knowledge",
        evidence.knowledge,
        reads={
            "chosen": "label",
            "seed": "seed",
            "regime": "regime",
            "delisting": "delisting",
        },
        of=("bars", "ingredients", "label", "regimes", "forecasts", "signal"),
        tables={name: make for row in OF_SIGNAL for name, make in row.makes.items()},
        notes=("knowledge",),
        leaves=evidence.leave_knowledge,
        back=evidence.knowledge_back,
        libraries=(*NUMERIC, *WIDE, "scipy"),
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
        tables={
            "weights": weights_schema,
            "returns": returns_schema,
            "holdings": holdings_schema,
            "orders": orders_schema,
            "delistings": delistings_schema,
            "round_trips": round_trips_schema,
        },
        notes=("state",),
        leaves=decisions.leave_account,
        tells=decisions.tell_account,
        libraries=(*NUMERIC, *WIDE, *SOLVERS, "vectorbt"),
    ),
    Stage(
        "metrics",
        evidence.metrics,
        reads={
            "chosen": "label",
            "regime": "regime",
            "backtest": "backtest",
            "delisting": "delisting",
            "limits": "too_good",
        },
        of=("bars", "regimes", "knowledge", "account"),
        tables={name: make for row in OF_ACCOUNT for name, make in row.makes.items()},
        notes=("metrics",),
        leaves=evidence.leave_metrics,
        libraries=(*NUMERIC, *WIDE, "scipy"),
    ),
)
LAST = "account"  # the last stage that decides
CONTRACTS = {name: contract for stage in STAGES for name, contract in stage.tables.items()}


def list_deciding(settings: Settings | None = None) -> list[Stage]:
    """The account and the stages that it is made of, in their order.

    With `settings`, only those that they ask for, and what these are made of.
    """
    wanted, found = {LAST}, []
    for stage in reversed(STAGES):
        if stage.name in wanted and (settings is None or stage.wanted(settings)):
            wanted |= {*stage.of}
            found.append(stage)
    return found[::-1]
