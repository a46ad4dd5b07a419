"""Every built-in plugin keeps its kind's contract."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from builders import ABSENT
from omegaconf import OmegaConf

import engine
from engine.core.fields import structure
from engine.core.kinds import KINDS
from engine.expr.ops import TABLE
from engine.plugin.registry import HOME, installed
from engine.testing import check, check_operator, small_panel, verdicts

BUILT_IN = [
    (kind, name)
    for kind in KINDS
    for name, entry in installed().entries(kind).items()
    if entry.dist == HOME
]
ONLINE = {"yahoo"}
FOREST = {"name": "random_forest", "trees": 3, "threads": 1, "min_leaf": 20}
TWO = {"ridge": {"name": "ridge"}, "forest": FOREST}
QUICK: dict[str, dict[str, Any]] = {  # fields that make a plugin quick, or that it needs
    "ensemble": {"models": TWO, "weights": "softmax", "folds": 2, "risk_aversion": 0.5},
    "stacking": {"models": TWO, "final": {"name": "ridge"}, "folds": 2},
    "best_of": {"models": TWO, "folds": 2},
    "each": {"models": TWO},
    "selected": {"model": {"name": "ridge"}, "by": "permutation", "features": 1, "folds": 2},
    "xgboost_rank": {"trees": 10, "threads": 1},
    "svr": {"max_rows": 300, "folds": 2},
    "multi_horizon": {"model": {"name": "ridge"}, "horizons": [1, 5, 10], "folds": 2},
    "online": {"half_life": 20.0},
    "regime_switch": {"model": {"name": "ridge"}, "min_rows": 100},
    "distilled": {"teacher": FOREST, "student": {"name": "ridge"}, "folds": 2},
    "random_forest": {"trees": 10, "threads": 1},
    "xgboost": {"trees": 30, "threads": 1},
    "extra_trees": {"trees": 10, "threads": 1},
    "hist_gradient_boosting": {"trees": 30, "threads": 1},
    "lightgbm": {"trees": 30, "threads": 1},
    "mlp": {"epochs": 5},
    "hmm": {"n_init": 1, "max_iter": 20, "min_train": 300, "refit_every": 100},
    "simulated": {"n_days": 260, "n_symbols": 8},
    "sample": {"start": "2020-01-01"},
    "formula": {"formula": "rank(correlation(returns, volume, 20)) * decay_linear(close, 5)"},
}


def bars() -> pd.DataFrame:
    panel = small_panel(days=40)
    frame = panel.long(dict(panel.fields)).astype({"symbol": "str"})
    return frame.assign(sector="Tech")


def on_files(name: str, folder: Path) -> dict[str, Any]:
    """Fields of the plugins that read files."""
    frame, figures = bars(), folder / "figures.parquet"
    frame.to_csv(folder / "bars.csv", index=False)
    frame.to_parquet(folder / "bars.parquet")
    pd.DataFrame({"symbol": ["S00"], "known": ["2019-01-10"], "sales": [3.0]}).to_parquet(figures)
    panel = small_panel()
    panel.long({"alpha": panel["close"]}).to_parquet(folder / "alpha.parquet")
    with zipfile.ZipFile(folder / "x_daily.zip", "w") as archive:
        archive.writestr("x.csv", "20200102 00:00,1000000,1100000,900000,1000000,50")
    (folder / "x_factor.csv").write_text("20200102,0.98,0.5,100\n20501231,1,1,0\n")
    (folder / "x_map.csv").write_text("20200102,x,Q\n20501231,x,Q\n")
    table = f"read_parquet('{folder / 'bars.parquet'}')"
    return {
        "sql": {
            "query": f"select * from {table}",
            "root": str(folder),
            "columns": {"timestamp": "timestamp"},
        },
        "lean": {"path": str(folder)},
        "csv": {"path": str(folder / "bars.csv")},
        "parquet": {"path": str(folder / "bars.parquet")},
        "file": {"path": str(folder / "alpha.parquet"), "column": "alpha"},
        "merge": {
            "bars": {"name": "parquet", "path": str(folder / "bars.parquet")},
            "joins": {"sales": {"path": str(figures), "known": "known"}},
        },
    }.get(name, {})


@pytest.mark.parametrize(("kind", "name"), BUILT_IN)
def test_a_built_in_keeps_its_contract(kind: str, name: str, tmp_path: Path) -> None:
    if name in ONLINE:
        pytest.skip(f"{name} asks the network: its own tests hand it canned answers")
    if (kind, name) == ("source", "panel"):
        pytest.skip("panel is a name for bars handed over in Python: see test_handed.py")
    if name in ABSENT:
        pytest.skip(f"{name} is not installed: pip install 'alpha-engine[{name}]'")
    fields = {**QUICK.get(name, {}), **on_files(name, tmp_path)}
    check(installed().build(kind, OmegaConf.create({"name": name, **fields}), kind))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("long_only_top", {"rebalance": "daily", "max_turnover": 0.2, "tranches": 3}),
        ("quantile_long_short", {"weighting": "inverse_vol", "no_trade_band": 0.05}),
        ("quantile_long_short", {"sector_neutral": True, "quantile": 0.5, "rebalance": "weekly"}),
        ("long_only_top", {"weighting": "score", "rebalance": "every_n", "every": 7}),
    ],
)
def test_portfolios_of_other_settings_keep_it_too(name: str, fields: dict[str, Any]) -> None:
    check(structure(installed().entries("portfolio")[name].cls, fields, "portfolio"))


@dataclass(frozen=True)
class TableOperator(engine.Operator):
    """An operator of the table in the dress of a plugin."""

    name: ClassVar[str] = "table_operator"
    args: ClassVar[str] = "xxd"
    reach: ClassVar[str] = "window"

    def kernel(self, x: engine.FloatArray, y: engine.FloatArray, d: int) -> engine.FloatArray:
        from engine.expr.kernels import correlation

        out = np.empty_like(x)
        correlation(x, y, d, out)
        return out

    def slow(self, x: engine.FloatArray, y: engine.FloatArray, d: int) -> engine.FloatArray:
        from engine.expr.slow import correlation

        array: engine.FloatArray = correlation(x, y, d)
        return array


@dataclass(frozen=True)
class GroupMean(engine.Operator):
    """Mean of the group, over the symbols of one date."""

    name: ClassVar[str] = "group_mean"
    args: ClassVar[str] = "xg"
    cross: ClassVar[bool] = True

    def kernel(self, x: engine.FloatArray, labels: Any) -> engine.FloatArray:
        out = np.full(x.shape, np.nan)
        for label in np.unique(labels):
            part = x[:, labels == label]
            count = np.isfinite(part).sum(axis=1)
            total = np.nansum(part, axis=1)
            mean = np.full(len(x), np.nan)
            np.divide(total, count, out=mean, where=count > 0)
            out[:, labels == label] = mean[:, None]
        return out

    def slow(self, x: engine.FloatArray, labels: Any) -> engine.FloatArray:
        return pd.DataFrame(x).T.groupby(labels).transform("mean").T.to_numpy()


@pytest.mark.parametrize("operator", [TableOperator(), GroupMean()], ids=lambda o: o.name)
def test_operators_over_time_and_over_symbols_keep_it(operator: engine.Operator) -> None:
    assert "correlation" in TABLE
    check_operator(operator)


def test_each_property_gives_one_verdict() -> None:
    properties = [v.property for v in verdicts(engine.Formula("rank(close)"))]
    assert properties == [
        "config",
        "shape",
        "dtype",
        "finite",
        "answers",
        "purity",
        "quiet",
        "determinism",
        "blindness",
        "missing data",
        "odd panels",
        "symbol order",
        "no bars, no value",
        "lookback",
        "files",
    ]
