"""No built-in looks ahead; what of them depends on later adjustments of prices is listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import ABSENT, CONF

from engine.audit import Request, conduct
from engine.cli import main
from engine.pipeline import list_deciding

SMALL = [
    "+bundle=ai_tech_core",
    "universe=all",
    "report=none",
    "store=none",
    "backtest.engine=fast",
]
SIZE = ["source.n_symbols=12", "source.n_days=420"]
PLAIN = [
    *SMALL, *SIZE, "~factors", "+factors={x: returns, z: 'delta(close, 5) / close'}",
    "bundle.factors=[{name: z, weight: 1.0, direction: negative}]",
]  # fmt: skip
LEARNING = ["label.horizon=5", "validation.min_train=200", "validation.n_splits=3"]
ONE = Request(dates=("2014-12-31",))
DECIDING = {stage.name for stage in list_deciding()} - {"source"}
FEW = {"threshold", "ridge", "xgboost", "stacking", "quantile_long_short", "core_ta_price"}


def list_choices(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def mark(names: Iterable[str]) -> list[Any]:
    """Parameters, of which all but a few are tried by the long tests alone."""
    return [pytest.param(name, marks=[pytest.mark.long] * (name not in FEW)) for name in names]


REGIMES = {
    "threshold": ["regime.window=20", "regime.min_history=60"],
    "hmm": ["regime.n_init=1", "regime.max_iter=5", "regime.min_train=120"],
}
QUICKLY = ["model@model.models.xgboost=lasso", "model.folds=2"]
MODELS = {
    "linear": [], "ridge": [], "lasso": [], "elastic_net": [],
    "huber": [], "pls": [], "pcr": [], "spline_gam": [],
    "random_forest": ["model.trees=5", "model.min_leaf=20"],
    "extra_trees": ["model.trees=5", "model.min_leaf=20"],
    "hist_gradient_boosting": ["model.trees=5"], "xgboost": ["model.trees=5"],
    "lightgbm": ["model.trees=5"], "mlp": ["model.epochs=3"], "factor_rotation": [],
    "ensemble": [*QUICKLY, "model.weights=softmax"], "stacking": QUICKLY, "best_of": QUICKLY,
    "regime_switch": ["model@model.model=ridge", "model.min_rows=100"],
    "distilled": ["model@model.teacher=lasso", "model.folds=2"],
    "each": ["model@model.models.xgboost=lasso"], "logistic": [],
    "selected": ["model.by=permutation", "model.features=2", "model.folds=2"],
    "online": [], "multi_horizon": ["model.horizons=[1,5,10]", "model.folds=2"],
    "xgboost_rank": ["model.trees=5"], "svr": ["model.max_rows=500", "model.folds=2"],
}  # fmt: skip
# What ranks volumes or prices of different names, or adds a number to them, knows their levels.
ALPHA101 = """
    003 004 005 008 009 010 011 012 013 015 016 017 018 020 022 023 024 025 027 028 029 031 032
    034 036 037 039 040 041 042 044 045 046 047 049 050 051 052 055 057 058 059 060 061 062 063
    064 065 066 067 068 069 070 071 073 074 075 076 077 078 079 080 081 082 083 084 086 087 088
    089 090 091 092 093 094 095 096 097 098 100 101
"""
GTJA191 = """
    003 007 008 009 010 011 012 013 014 016 017 021 024 025 026 029 032 033 035 036 037 038 039
    041 042 043 045 054 055 056 059 060 061 062 064 068 074 077 081 083 084 086 087 089 090 091
    092 093 094 097 098 099 100 101 104 105 106 107 108 111 113 114 116 119 120 121 122 124 125
    126 129 130 131 134 137 138 140 141 142 147 148 151 153 154 155 156 157 160 161 163 164 167
    169 170 173 174 175 176 178 179 180 184 187 189 191
"""
# of each set: a factor that a score is made of, and what depends on later adjustments
SETS: Mapping[str, tuple[str, Sequence[str]]] = {
    "core_ta_price": ("rv_20", ()),
    "core_price_only": ("rv_20", ()),
    "alpha101": ("alpha101", [f"alpha{number}" for number in ALPHA101.split()]),
    "alpha158": ("ROC5", ["CORR5", "CORR10", "CORR20"]),  # of log(volume + 1)
}
LONG: Mapping[str, tuple[str, Sequence[str]]] = {
    "alpha360": ("CLOSE1", ()),
    "gtja191": ("gtja014", [f"gtja{number}" for number in GTJA191.split()]),
}


def verdicts(folder: Path, *words: str) -> dict[str, str]:
    """By part, of those that decide."""
    found, _ = conduct([*words, f"hydra.run.dir={folder / 'audit'}"], ONE)
    rows: list[dict[str, Any]] = found["verdicts"]
    return {
        f"{row['stage']}.{row['name']}".rstrip("."): row["verdict"]
        for row in rows
        if row["stage"] in DECIDING
    }


@pytest.mark.parametrize("regime", mark(list_choices("regime")))
def test_a_regime_is_clean(regime: str, tmp_path: Path) -> None:
    told = verdicts(tmp_path, *PLAIN, f"regime={regime}", *REGIMES[regime])
    assert told.pop("label") == "not checked"
    assert set(told.values()) == {"clean"}


@pytest.mark.parametrize("model", mark(MODELS))
def test_a_model_is_clean(model: str, tmp_path: Path) -> None:
    if model in ABSENT:
        pytest.skip(f"{model} is not installed: pip install 'alpha-engine[{model}]'")
    bundle = f"bundle.factors=[{{name: ml_alpha_{model}_5d, weight: 1.0, direction: positive}}]"
    words = [f"model={model}", *LEARNING, *MODELS[model]]
    told = verdicts(tmp_path, *PLAIN, *words, bundle)
    assert set(told.values()) == {"clean"}
    assert "forecasts" in told


def test_no_model_is_left_out() -> None:
    assert sorted([*MODELS, "file"]) == list_choices("model")


def test_what_forecasts_made_elsewhere_knew_cannot_be_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are the same whatever the date on which the rows end."""
    words = [f"hydra.run.dir={tmp_path / 'run'}", *PLAIN, "model=ridge", *LEARNING]
    bundle = "bundle.factors=[{{name: ml_alpha_{}_5d, weight: 1.0, direction: positive}}]"
    assert main(["run", *words, bundle.format("ridge"), "report=none"]) == 0
    made = tmp_path / "run" / "forecasts.parquet"
    capsys.readouterr()
    taken = ["model=file", f"model.path={made}", "model.column=ml_alpha_ridge_5d", *LEARNING]
    again = [f"hydra.run.dir={tmp_path / 'taken'}", *PLAIN, *taken, bundle.format("file")]
    assert main(["run", *again]) == 0
    line = "the forecasts were made elsewhere: what they had seen cannot be known"
    assert line in capsys.readouterr().out.splitlines()
    told = verdicts(tmp_path, *PLAIN, *taken, bundle.format("file"))
    assert told.pop("forecasts") == "cannot be known"
    assert set(told.values()) == {"clean"}


@pytest.mark.parametrize("portfolio", mark(list_choices("portfolio")))
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


@pytest.mark.parametrize("name", mark(SETS))
def test_a_factor_set_is_clean(name: str, tmp_path: Path) -> None:
    check_set(name, *SETS[name], tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", LONG)
def test_a_library_of_factors_looks_at_levels_at_most(name: str, tmp_path: Path) -> None:
    check_set(name, *LONG[name], tmp_path)


def test_no_set_is_left_out() -> None:
    assert sorted({*SETS, *LONG}) == sorted(path.stem for path in (CONF / "factors").glob("*.yaml"))
