"""No built-in looks ahead; what of them depends on later adjustments of prices is listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import CONF

from engine.audit import Request, conduct

SMALL = ["+bundle=ai_tech_core", "universe=all", "report=none", "store=none", "backtest.engine=fast"]
SIZE = ["source.n_symbols=12", "source.n_days=420"]
PLAIN = [
    *SMALL, *SIZE, "~factors", "+factors={x: returns, z: 'delta(close, 5) / close'}",
    "bundle.factors=[{name: z, weight: 1.0, direction: negative}]",
]  # fmt: skip
LEARNING = ["label.horizon=5", "validation.min_train=200", "validation.n_splits=3"]
ONE = Request(dates=("2014-12-31",))
REGIMES = {
    "threshold": ["regime.window=20", "regime.min_history=60"],
    "hmm": ["regime.n_init=1", "regime.max_iter=5", "regime.min_train=120"],
}
MODELS = {
    "linear": [], "ridge": [], "lasso": [], "elastic_net": [],
    "random_forest": ["model.trees=5"], "xgboost": ["model.trees=5"],
}  # fmt: skip
PORTFOLIOS = sorted(path.stem for path in (CONF / "portfolio").glob("*.yaml"))
# of each set: a factor that a score is made of, and what reads levels of adjusted prices
SETS: Mapping[str, tuple[str, Sequence[str]]] = {
    "core_ta_price": ("rv_20", ()),
    "core_price_only": ("rv_20", ()),
}
LONG: Mapping[str, tuple[str, Sequence[str]]] = {
    "alpha101": ("alpha101", ()),
    "alpha158": ("ROC5", ()),
    "alpha360": ("CLOSE1", ()),
    "gtja191": ("gtja014", ()),
}


def verdicts(folder: Path, *words: str) -> dict[str, str]:
    """By part, of those that decide."""
    found, _ = conduct([*words, f"hydra.run.dir={folder / 'audit'}"], ONE)
    rows: list[dict[str, Any]] = found["verdicts"]
    return {
        f"{row['stage']}.{row['name']}".rstrip("."): row["verdict"]
        for row in rows
        if row["stage"] not in ("source", "data", "knowledge", "metrics")
    }


@pytest.mark.parametrize("regime", sorted(path.stem for path in (CONF / "regime").glob("*.yaml")))
def test_a_regime_is_clean(regime: str, tmp_path: Path) -> None:
    told = verdicts(tmp_path, *PLAIN, f"regime={regime}", *REGIMES[regime])
    assert told.pop("label") == "not checked"
    assert set(told.values()) == {"clean"}


@pytest.mark.parametrize("model", sorted(path.stem for path in (CONF / "model").glob("*.yaml")))
def test_a_model_is_clean(model: str, tmp_path: Path) -> None:
    bundle = f"bundle.factors=[{{name: ml_alpha_{model}_5d, weight: 1.0, direction: positive}}]"
    words = [f"model={model}", *LEARNING, *MODELS[model]]
    told = verdicts(tmp_path, *PLAIN, *words, bundle)
    assert set(told.values()) == {"clean"}
    assert "forecasts" in told


@pytest.mark.parametrize("portfolio", PORTFOLIOS)
def test_a_portfolio_is_clean(portfolio: str, tmp_path: Path) -> None:
    told = verdicts(tmp_path, *PLAIN, f"portfolio={portfolio}")
    assert told.pop("label") == "not checked"
    assert set(told.values()) == {"clean"}


def check_set(name: str, one: str, later: Sequence[str], folder: Path) -> None:
    bundle = f"bundle.factors=[{{name: {one}, weight: 1.0, direction: positive}}]"
    told = verdicts(folder, *SMALL, *SIZE, f"factors={name}", bundle)
    del told["label"]
    assert set(told.values()) <= {"clean", "depends on later adjustments"}
    named = [part for part, verdict in told.items() if verdict != "clean"]
    assert named == [f"factors.{each}" for each in later]


@pytest.mark.parametrize("name", SETS)
def test_a_factor_set_is_clean(name: str, tmp_path: Path) -> None:
    check_set(name, *SETS[name], tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", LONG)
def test_a_library_of_factors_looks_at_levels_at_most(name: str, tmp_path: Path) -> None:
    check_set(name, *LONG[name], tmp_path)


def test_no_set_is_left_out() -> None:
    assert sorted({*SETS, *LONG}) == sorted(path.stem for path in (CONF / "factors").glob("*.yaml"))
