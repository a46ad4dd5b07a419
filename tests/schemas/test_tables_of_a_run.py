"""Every table that a run writes has a contract and keeps it, and no other table has one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import engine
from engine.account.second import no_trips
from engine.core.contracts import validate
from engine.pipeline.stages import CONTRACTS

FORECAST = "ml_alpha_ridge_20d"
NAMES = ["mf_score", FORECAST, "returns_12m", "trend_strength_200", "rv_20", "planted"]
STATES = ["calm", "normal", "turbulent"]
SIZES = ["small", "medium", "large"]
YEARS = ["2014", "2015", "2016"]
COSTS = ["commission", "impact", "slippage", "spread", "borrow"]
FEW = ["universe=all", "source.n_symbols=12", "source.n_days=620", "report=none"]
LEARNT = ["validation.min_train=252"]
STUDIED = (
    "ic",
    "quantiles",
    "quantile_returns",
    "coverage",
    "decay",
    "correlations",
    "persistence",
    "deciles",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """The tables of a run with a model."""
    return tables(tmp_path_factory.mktemp("ml"), ["+bundle=ai_tech_core_ml", *FEW, *LEARNT])


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """The tables of a run without a model, without vectorbt."""
    path = tmp_path_factory.mktemp("bare")
    return tables(path, ["+bundle=ai_tech_core", *FEW, "backtest.engine=fast"])


def tables(path: Path, overrides: list[str]) -> dict[str, pd.DataFrame]:
    engine.run(overrides, path=path / "run")
    return {file.stem: pd.read_parquet(file) for file in (path / "run").glob("*.parquet")}


def facts(run: Mapping[str, pd.DataFrame], names: list[str]) -> dict[str, dict[str, Any]]:
    """What each contract hangs on, beside the names of what was studied."""
    factors = list(run["factors"].columns[2:])
    forecasts = [name for name in names if name.startswith("ml_alpha")]
    return {
        "bars": {"columns": list(run["bars"].columns[2:])},
        "factors": {"columns": factors},
        "regimes": {"states": STATES},
        "forecasts": {"column": FORECAST, "others": ["fwd_return_20d", *factors]},
        "weights": {"max_abs": 1.0},
        "returns": {"columns": [f"cost_{name}" for name in COSTS]},
        **{table: {"names": names} for table in STUDIED},
        "regime_quantiles": {"names": names, "states": STATES},
        "breakdown": {"names": names, "parts": parts(run)},
        "signal_turnover": {"names": ["mf_score", *forecasts]},
        "calibration": {"names": forecasts},
        "slopes": {"names": forecasts},
    }


def parts(run: Mapping[str, pd.DataFrame]) -> list[tuple[str, str]]:
    """Sectors, sizes, regimes and years."""
    sectors = sorted(set(run["names"]["sector"]))
    every = {"sector": sectors, "size": SIZES, "regime": STATES, "year": YEARS}
    return [(by, part) for by, each in every.items() for part in each]


def test_each_table_of_a_run_has_a_contract_and_no_other_table_has(
    run: Mapping[str, pd.DataFrame],
) -> None:
    assert set(run) == set(CONTRACTS)


@pytest.mark.parametrize("table", CONTRACTS)
def test_a_run_keeps_the_contract_of_each_table(
    run: Mapping[str, pd.DataFrame], table: str
) -> None:
    validate(CONTRACTS[table](**facts(run, NAMES).get(table, {})), run[table], table)


@pytest.mark.parametrize("table", sorted({*CONTRACTS} - {"forecasts", "round_trips"}))
def test_so_does_a_run_without_a_model(bare: Mapping[str, pd.DataFrame], table: str) -> None:
    names = [name for name in NAMES if name != FORECAST]
    validate(CONTRACTS[table](**facts(bare, names).get(table, {})), bare[table], table)


def test_it_has_no_forecasts_and_without_vectorbt_no_round_trips(
    bare: Mapping[str, pd.DataFrame],
) -> None:
    assert set(CONTRACTS) - set(bare) == {"forecasts"}
    empty = {name for name, table in bare.items() if table.empty}
    assert empty == {"calibration", "slopes", "round_trips", "delistings"}


def test_the_table_of_no_round_trips_keeps_its_contract() -> None:
    """As it is handed over: read back from its file, `symbol` has lost its type."""
    validate(CONTRACTS["round_trips"](), no_trips(), "round_trips")
