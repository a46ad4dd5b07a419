"""Each model through the engine's walk-forward: what a plain purged loop forecasts, too."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import ABSENT
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNet as Net
from sklearn.linear_model import HuberRegressor, LinearRegression
from sklearn.linear_model import Lasso as AbsoluteNet
from sklearn.linear_model import Ridge as SquaredNet
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

import engine
from engine.forecasts import Labels, Validation, walk_forward
from engine.plugins.models.elastic_net import ElasticNet
from engine.plugins.models.extra_trees import ExtraTrees
from engine.plugins.models.hist_gradient_boosting import HistGradientBoosting
from engine.plugins.models.huber import Huber
from engine.plugins.models.lasso import Lasso
from engine.plugins.models.lightgbm import LightGBM
from engine.plugins.models.linear import Linear
from engine.plugins.models.mlp import MLP
from engine.plugins.models.pcr import PCR
from engine.plugins.models.pls import PLS
from engine.plugins.models.random_forest import RandomForest
from engine.plugins.models.ridge import Ridge
from engine.plugins.models.spline_gam import SplineGAM
from engine.plugins.models.xgboost import XGBoost

T, N, HORIZON, EMBARGO = 260, 10, 5, 2
VALIDATION = Validation(n_splits=3, min_train=120, embargo=EMBARGO, tail=0.25)
Rows = tuple[np.ndarray, np.ndarray]
Naive = Callable[[Rows, Rows, np.ndarray], np.ndarray]


def make_world(seed: int = 0) -> tuple[dict[str, engine.FloatArray], Labels]:
    """Features with holes, one of them constant, and a target that holds an interaction."""
    random = np.random.default_rng(seed)
    a, b, c = (random.normal(size=(T, N)) for _ in range(3))
    target = 0.01 * a + 0.02 * np.sign(a * b) + random.normal(0, 0.03, (T, N))
    target[-HORIZON - 1 :] = np.nan
    end = np.arange(T, dtype=np.int64) + HORIZON + 1
    dates = pd.bdate_range("2020-01-01", periods=T, tz="UTC")
    symbols = tuple(f"S{i:02d}" for i in range(N))
    c[random.random((T, N)) < 0.1] = np.nan
    features = {"a": a, "b": 3.0 + b, "c": c, "flat": np.full((T, N), 2.0)}
    return features, Labels("fwd_return_5d", HORIZON, symbols, target, target, end, dates)


def forecast_naively(learn: Naive, wants_tail: bool) -> engine.FloatArray:
    """A purged loop that shares no code with the engine: scale, train, forecast, split by split."""
    features, labels = make_world()
    X, y = np.stack([features[name] for name in sorted(features)], axis=-1), labels.target
    out = np.full((T, N), np.nan)
    starts = [120, 166, 213, T]
    for s, stop in pairwise(starts):
        dates = [t for t in range(T) if t + 1 + HORIZON + EMBARGO < s]
        held: list[int] = []
        if wants_tail:
            begin = dates[-round(0.25 * len(dates))]
            held = [t for t in dates if t >= begin]
            dates = [t for t in dates if t + 1 + HORIZON + EMBARGO < begin]
        train = X[dates].reshape(-1, 4)
        median = np.nanmedian(train, axis=0)
        train = np.where(np.isfinite(train), train, median)
        mean, deviation = train.mean(axis=0), train.std(axis=0)
        scale = np.array([0.0 if d < 1e-12 else 1 / d for d in deviation])
        unit = y[dates].std()

        def prepare(rows: Any, median=median, mean=mean, scale=scale) -> np.ndarray:
            values = X[rows].reshape(-1, 4)
            return np.asfortranarray((np.where(np.isfinite(values), values, median) - mean) * scale)

        fit, tail = ((prepare(rows), y[rows].ravel() / unit) for rows in (dates, held))
        ahead = learn(fit, tail, prepare(slice(s, stop)))
        out[s:stop] = ahead.reshape(-1, N) * unit
    return out


def plainly(make: Callable[[], Any]) -> Naive:
    """Fit an estimator of scikit-learn's, and predict."""

    def learn(fit: Rows, tail: Rows, ahead: np.ndarray) -> np.ndarray:
        return make().fit(*fit).predict(ahead)

    return learn


def boost(fit: Rows, tail: Rows, ahead: np.ndarray) -> np.ndarray:
    booster = HistGradientBoostingRegressor(
        max_iter=40, learning_rate=0.1, max_depth=4, min_samples_leaf=20, max_features=0.5,
        l2_regularization=1.0, early_stopping=True, n_iter_no_change=5, tol=0.0, random_state=3,
    )  # fmt: skip
    booster.fit(*fit, X_val=tail[0], y_val=tail[1])
    best = max(1, int(np.argmax(booster.validation_score_)))
    return next(islice(booster.staged_predict(ahead), best - 1, None))


def boost_extremely(fit: Rows, tail: Rows, ahead: np.ndarray) -> np.ndarray:
    from xgboost import XGBRegressor

    booster = XGBRegressor(
        n_estimators=40, learning_rate=0.1, max_depth=4, min_child_weight=20, subsample=0.5,
        colsample_bytree=0.5, reg_lambda=1.0, tree_method="hist", random_state=3,
        base_score=float(fit[1].mean()), early_stopping_rounds=5,
    )  # fmt: skip
    return booster.fit(*fit, eval_set=[tail], verbose=False).predict(ahead)


def boost_lightly(fit: Rows, tail: Rows, ahead: np.ndarray) -> np.ndarray:
    import lightgbm

    options = {
        "objective": "l2", "learning_rate": 0.1, "num_leaves": 7, "max_depth": 4, "seed": 3,
        "min_data_in_leaf": 20, "min_sum_hessian_in_leaf": 0.0, "bagging_fraction": 0.5,
        "bagging_freq": 1, "feature_fraction": 0.5, "lambda_l2": 1.0, "deterministic": True,
        "force_row_wise": True, "verbosity": -1, "num_threads": 1,
    }  # fmt: skip
    data = lightgbm.Dataset(*fit)
    booster = lightgbm.train(
        options, data, 40, [data.create_valid(*tail)],
        callbacks=[lightgbm.early_stopping(5, verbose=False)],
    )  # fmt: skip
    return booster.predict(ahead, num_iteration=booster.best_iteration)


def learn_by_passes(fit: Rows, tail: Rows, ahead: np.ndarray) -> np.ndarray:
    """Ten passes; the forecasts are those of the pass that the tail likes best."""
    network = MLPRegressor(
        hidden_layer_sizes=(8,), learning_rate_init=0.01, alpha=1.0, batch_size=64,
        random_state=np.random.RandomState(3),
    )  # fmt: skip
    passes = []
    for _ in range(10):
        network.partial_fit(np.ascontiguousarray(fit[0]), fit[1])
        error = np.mean((network.predict(tail[0]) - tail[1]) ** 2)
        passes.append((error, network.predict(ahead)))
    return min(passes, key=lambda one: one[0])[1]


def fit_curves(fit: Rows, tail: Rows, ahead: np.ndarray) -> np.ndarray:
    X = fit[0]
    knots = np.quantile(X, np.linspace(0.02, 0.98, 5), axis=0)
    knots[:, 3] = np.linspace(-1, 1, 5)  # of the constant feature
    curves = SplineTransformer(knots=knots, extrapolation="constant")
    return make_pipeline(curves, SquaredNet(alpha=10.0)).fit(*fit).predict(ahead)


FOREST = {"n_estimators": 8, "max_depth": 4, "min_samples_leaf": 10, "random_state": 3}
CASES: list[tuple[engine.Model, Naive, float]] = [
    (Linear(), plainly(LinearRegression), 1e-8),
    (Ridge(alpha=50.0), plainly(lambda: SquaredNet(alpha=50.0)), 1e-8),
    (Lasso(alpha=0.02), plainly(lambda: AbsoluteNet(alpha=0.02, tol=1e-14)), 1e-9),
    (ElasticNet(alpha=0.02), plainly(lambda: Net(alpha=0.02, tol=1e-14)), 1e-9),
    (Huber(alpha=50.0), plainly(lambda: HuberRegressor(alpha=50.0, max_iter=1000)), 1e-9),
    (PLS(components=2), plainly(lambda: PLSRegression(2, scale=False)), 1e-8),
    (
        PCR(components=2),
        plainly(lambda: make_pipeline(PCA(2, svd_solver="full"), LinearRegression())),
        1e-8,
    ),
    (SplineGAM(alpha=10.0), fit_curves, 1e-9),
    (
        RandomForest(trees=8, max_depth=4, min_leaf=10, features=0.5, rows=0.5),
        plainly(lambda: RandomForestRegressor(**FOREST, max_features=0.5, max_samples=0.5)),
        1e-9,
    ),
    (
        ExtraTrees(trees=8, max_depth=4, min_leaf=10, features=0.5, rows=0.5),
        plainly(
            lambda: ExtraTreesRegressor(
                **FOREST, max_features=0.5, max_samples=0.5, bootstrap=True
            )
        ),
        1e-9,
    ),
    (
        HistGradientBoosting(
            trees=40, patience=5, learning_rate=0.1, min_leaf=20, l2=1.0, threads=1
        ),
        boost,
        1e-9,
    ),
    (
        XGBoost(trees=40, patience=5, learning_rate=0.1, min_child=20),
        boost_extremely,
        1e-9,
    ),
    (MLP(hidden=[8], epochs=10, patience=10, learning_rate=0.01, batch=64), learn_by_passes, 1e-9),
]  # fmt: skip


def forecast(model: engine.Model) -> engine.FloatArray:
    features, labels = make_world()
    return walk_forward(features, labels, model, VALIDATION, seed=3).values


def is_close(one: engine.FloatArray, other: engine.FloatArray, share: float) -> None:
    np.testing.assert_allclose(one, other, rtol=0, atol=share * np.nanstd(other))


@pytest.mark.parametrize(("model", "naive", "share"), CASES, ids=lambda c: getattr(c, "name", ""))
def test_a_model_forecasts_what_a_plain_purged_loop_does(
    model: engine.Model, naive: Naive, share: float
) -> None:
    is_close(forecast(model), forecast_naively(naive, model.wants_tail), share)


def test_lightgbm_forecasts_what_a_plain_purged_loop_does() -> None:
    pytest.importorskip("lightgbm")
    model = LightGBM(
        trees=40, patience=5, learning_rate=0.1, leaves=7, max_depth=4, min_leaf=20, l2=1.0
    )
    is_close(forecast(model), forecast_naively(boost_lightly, wants_tail=True), 1e-9)


def digest_all() -> str:
    """What all models forecast, as one word a model; run in a process of its own below."""
    models = [case[0] for case in CASES]
    if not ABSENT:
        models.append(LightGBM(trees=20, min_leaf=20))
    hashes = [hashlib.sha256(forecast(model).tobytes()).hexdigest()[:12] for model in models]
    return " ".join(f"{m.name}={h}" for m, h in zip(models, hashes, strict=True))


@pytest.mark.long
def test_a_fresh_process_on_other_threads_forecasts_the_same_bytes() -> None:
    code = "import test_models_in_walk_forward as tests; print(tests.digest_all())"
    said = []
    for threads in ("1", "2"):
        variables = os.environ | {
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
        }
        done = subprocess.run(
            [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
        )
        said.append(done.stdout)
    assert said[0] == said[1]
    assert len(said[0].split()) >= len(CASES)
