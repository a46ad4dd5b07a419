"""Built-in models: estimators that are deterministic and find what is there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.plugins.models import register_models
from engine.plugins.models.elastic_net import ElasticNet
from engine.plugins.models.lasso import Lasso
from engine.plugins.models.linear import Linear
from engine.plugins.models.random_forest import RandomForest
from engine.plugins.models.ridge import Ridge
from engine.plugins.models.xgboost import XGBoost

SMALL = [
    Linear(),
    Ridge(),
    Lasso(),
    ElasticNet(),
    RandomForest(trees=20, rows=0.5, features=1.0),
    XGBoost(trees=30),
]


def sample(rows=6000, K=5, seed=0):
    """Standardised features, unit target; the first feature explains a tenth of the variance."""
    rng = np.random.default_rng(seed)
    X = np.asfortranarray(rng.normal(size=(rows, K)))
    return X, 0.32 * X[:, 0] + 0.95 * rng.normal(size=rows)


def forecast(model, seed=1, rows=6000):
    X, y = sample(rows)
    later_X, later_y = sample(rows // 3, seed=9)
    tail = (later_X, later_y) if model.wants_tail else None
    fitted = model.train(model.estimator(seed), X.copy(order="F"), y.copy(), tail)
    return fitted, fitted.predict(sample(500, seed=5)[0])


def test_the_room_lists_its_models():
    names = [model.name for model in register_models()]
    assert names == ["linear", "ridge", "lasso", "elastic_net", "random_forest", "xgboost"]


@pytest.mark.parametrize("model", SMALL, ids=lambda m: m.name)
def test_a_model_finds_the_feature_that_matters(model):
    _, predicted = forecast(model)
    truth = sample(500, seed=5)[0][:, 0]
    assert predicted.shape == (500,)
    assert np.corrcoef(predicted, truth)[0, 1] > 0.9


@pytest.mark.parametrize("model", SMALL, ids=lambda m: m.name)
def test_the_same_seed_gives_the_same_bytes(model):
    np.testing.assert_array_equal(forecast(model)[1], forecast(model)[1])


@pytest.mark.parametrize("model", SMALL[4:], ids=lambda m: m.name)
def test_the_seed_matters_to_trees(model):
    assert not np.array_equal(forecast(model, seed=1)[1], forecast(model, seed=2)[1])


@pytest.mark.parametrize("model", SMALL[4:], ids=lambda m: m.name)
def test_threads_do_not_matter(model):
    one, three = replace(model, threads=1), replace(model, threads=3)
    np.testing.assert_array_equal(forecast(one, rows=20_000)[1], forecast(three, rows=20_000)[1])


def test_ridge_solves_the_normal_equations():
    X, y = sample()
    fitted, _ = forecast(Ridge(alpha=50.0))
    centred = X - X.mean(axis=0)
    expected = np.linalg.solve(centred.T @ centred + 50 * np.eye(5), centred.T @ (y - y.mean()))
    np.testing.assert_allclose(fitted.coef_, expected, atol=1e-10)


def test_linear_takes_the_least_norm_of_collinear_features():
    X, y = sample()
    twice = np.column_stack([X[:, 0], X[:, 0]])
    fitted = Linear().train(Linear().estimator(0), twice, y)
    assert fitted.coef_[0] == pytest.approx(fitted.coef_[1], rel=1e-6)


def test_lasso_drops_features_below_its_alpha():
    fitted, _ = forecast(Lasso(alpha=0.1))
    assert fitted.coef_[0] == pytest.approx(0.32 - 0.1, abs=0.03)
    assert (fitted.coef_[1:] == 0.0).all()


@pytest.mark.parametrize(
    ("model", "absolute", "squared"),
    [(Lasso(alpha=0.01), 0.01, 0.0), (ElasticNet(alpha=0.02, l1_ratio=0.5), 0.01, 0.01)],
    ids=["lasso", "elastic_net"],
)
def test_a_penalised_fit_is_at_its_minimum(model, absolute, squared):
    """Its gradient is that of the penalty (Tibshirani 1996), of features that go together too."""
    rng = np.random.default_rng(5)
    common = rng.normal(size=(4000, 1))
    X = 0.9 * common + 0.4 * rng.normal(size=(4000, 12))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = X @ rng.normal(scale=0.05, size=12) + rng.normal(size=4000)
    fitted = model.train(model.estimator(0), X.copy(), y.copy())
    w = fitted.coef_
    pull = X.T @ (y - y.mean() - X @ w) / 4000 - squared * w
    assert 0 < (w == 0.0).sum() < 12
    np.testing.assert_allclose(pull[w != 0.0], absolute * np.sign(w[w != 0.0]), atol=1e-7)
    assert (np.abs(pull[w == 0.0]) <= absolute + 1e-7).all()


def test_elastic_net_without_the_absolute_penalty_is_a_ridge():
    net, _ = forecast(ElasticNet(alpha=0.01, l1_ratio=0.0))
    ridge, _ = forecast(Ridge(alpha=0.01 * 6000))
    np.testing.assert_allclose(net.coef_, ridge.coef_, atol=1e-3)


def test_xgboost_stops_when_the_tail_stops_improving():
    rng = np.random.default_rng(0)
    X, noise = rng.normal(size=(3000, 4)), rng.normal(size=3000)
    model = XGBoost(trees=400, patience=10, learning_rate=0.3, min_child=1.0)
    tail = rng.normal(size=(1000, 4)), rng.normal(size=1000)
    stopped = model.train(model.estimator(0), X, noise, tail)
    assert stopped.best_iteration < 50
    whole = replace(model, patience=0, trees=40)
    assert whole.train(whole.estimator(0), X, noise, tail).get_booster().num_boosted_rounds() == 40


def test_xgboost_trains_without_a_tail():
    X, y = sample(1000)
    model = XGBoost(trees=5)
    fitted = model.train(model.estimator(0), X, y)
    assert fitted.get_booster().num_boosted_rounds() == 5
