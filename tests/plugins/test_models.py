"""Built-in models: estimators that are deterministic and find what is there."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from builders import ABSENT
from sklearn import ensemble

import engine
from engine.cli import main
from engine.plugins.models import lightgbm as lightgbm_module
from engine.plugins.models import register_models
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

LIGHT = [] if ABSENT else [LightGBM(trees=60, min_leaf=50)]
LINEAR = [Linear(), Ridge(), Lasso(), ElasticNet(), Huber(), PLS(), PCR()]
THREADED = [
    RandomForest(trees=20, rows=0.5, features=1.0),
    ExtraTrees(trees=20, rows=0.5, features=1.0),
    HistGradientBoosting(trees=30, learning_rate=0.1, min_leaf=50, threads=1),
    XGBoost(trees=60),
    *LIGHT,
]
NETWORK = MLP(batch=64, learning_rate=0.005, epochs=20)
BY_CHANCE = [*THREADED, NETWORK]
SMALL = [*LINEAR, SplineGAM(alpha=10.0), *BY_CHANCE]


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
    assert names == [
        "linear", "ridge", "lasso", "elastic_net", "huber", "pls", "pcr", "spline_gam", "logistic",
        "random_forest", "extra_trees", "hist_gradient_boosting", "xgboost", "xgboost_rank",
        "lightgbm",
        "svr", "mlp", "factor_rotation", "online", "file",
        "ensemble", "stacking", "best_of", "multi_horizon", "each",
        "regime_switch", "distilled", "selected",
    ]  # fmt: skip


@pytest.mark.parametrize("model", SMALL, ids=lambda m: m.name)
def test_a_model_finds_the_feature_that_matters(model):
    _, predicted = forecast(model)
    truth = sample(500, seed=5)[0][:, 0]
    assert predicted.shape == (500,)
    assert np.corrcoef(predicted, truth)[0, 1] > 0.9


@pytest.mark.parametrize("model", SMALL, ids=lambda m: m.name)
def test_the_same_seed_gives_the_same_bytes(model):
    np.testing.assert_array_equal(forecast(model)[1], forecast(model)[1])


@pytest.mark.parametrize("model", BY_CHANCE, ids=lambda m: m.name)
def test_the_seed_matters_where_something_is_drawn(model):
    assert not np.array_equal(forecast(model, seed=1)[1], forecast(model, seed=2)[1])


@pytest.mark.parametrize("model", THREADED, ids=lambda m: m.name)
def test_threads_do_not_matter(model):
    one, three = (replace(model, trees=8, threads=threads) for threads in (1, 3))
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


@pytest.mark.parametrize(
    ("ours", "name"),
    [(RandomForest, "RandomForestRegressor"), (ExtraTrees, "ExtraTreesRegressor")],
    ids=["random_forest", "extra_trees"],
)
def test_a_forest_is_scikit_learns_to_the_bit(ours, name):
    """Of features with ties, a constant one and twins, too."""
    X, y = sample(3000)
    X[:, 1], X[:, 2], X[:, 3] = np.round(X[:, 1]), X[:, 0], 0.0
    model = ours(trees=12, max_depth=5, min_leaf=10, features=0.5, rows=0.3)
    theirs = getattr(ensemble, name)(
        12, max_depth=5, min_samples_leaf=10, max_features=0.5, bootstrap=True, max_samples=0.3,
        random_state=4,
    ).fit(X, y)  # fmt: skip
    fitted = model.train(model.estimator(4), X.copy(order="F"), y)
    ahead = sample(500, seed=5)[0]
    np.testing.assert_array_equal(fitted.predict(ahead), theirs.predict(ahead))
    np.testing.assert_array_equal(fitted.feature_importances_, theirs.feature_importances_)


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


def interaction(rows, seed):
    """The sign of the product of two features explains a sixth of the variance; alone, nothing."""
    rng = np.random.default_rng(seed)
    X = np.asfortranarray(rng.normal(size=(rows, 4)))
    truth = np.sign(X[:, 0] * X[:, 1])
    return X, 0.4 * truth + 0.9 * rng.normal(size=rows), truth


@pytest.mark.parametrize("model", [*BY_CHANCE, Ridge(), SplineGAM()], ids=lambda m: m.name)
def test_an_interaction_is_found_by_what_is_no_sum_of_features(model):
    X, y, _ = interaction(8000, seed=1)
    later_X, later_y, _ = interaction(2000, seed=2)
    ahead, _, truth = interaction(2000, seed=3)
    tail = (later_X, later_y) if model.wants_tail else None
    predicted = model.train(model.estimator(1), X, y, tail).predict(ahead)
    found = np.corrcoef(predicted, truth)[0, 1]
    assert abs(found) < 0.15 if model.name in ("ridge", "spline_gam") else found > 0.5


def test_a_curve_is_found_by_a_sum_of_curves():
    rng = np.random.default_rng(0)
    X, ahead = rng.normal(size=(8000, 2)), rng.normal(size=(500, 2))
    y = 0.3 * (X[:, 0] ** 2 - 1.0) + rng.normal(size=8000)
    model = SplineGAM(alpha=10.0)
    fitted = model.train(model.estimator(0), X, y)
    within = np.abs(ahead[:, 0]) < 2.0  # beyond the outermost knots a curve is flat
    assert np.corrcoef(fitted.predict(ahead[within]), ahead[within, 0] ** 2)[0, 1] > 0.95
    assert fitted.feature_importances_[0] > 5 * fitted.feature_importances_[1]


def test_a_curve_is_flat_or_straight_beyond_its_knots():
    X = np.linspace(-1.0, 1.0, 2001)[:, None]
    far = np.array([[2.0], [3.0], [4.0]])
    flat, straight = (
        SplineGAM(alpha=1e-6, edges=edges).estimator(0).fit(X, 2.0 * X[:, 0]).predict(far)
        for edges in ("constant", "linear")
    )
    np.testing.assert_allclose(flat, 2.0 * 0.96, atol=0.03)
    assert flat[0] == flat[2]
    np.testing.assert_allclose(straight, [4.0, 6.0, 8.0], atol=1e-3)


def test_curves_of_a_feature_whose_quantiles_coincide_have_knots_at_equal_distances():
    rng = np.random.default_rng(0)
    X = np.column_stack([(rng.random(4000) < 0.05) * 1.0, np.zeros(4000)])
    y = X[:, 0] + 0.1 * rng.normal(size=4000)
    fitted = SplineGAM(alpha=1.0).estimator(0).fit(X, y)
    np.testing.assert_allclose(fitted.predict(np.array([[0.0, 0.0], [1.0, 0.0]])), [0, 1], atol=0.1)


def test_huber_is_not_pulled_by_a_few_large_misses():
    X, y = sample()
    y[X[:, 0] > 2.5] = -50.0
    robust, squared = (m.train(m.estimator(0), X, y) for m in (Huber(alpha=0.0), Linear()))
    assert robust.coef_[0] == pytest.approx(0.32, abs=0.1)
    assert squared.coef_[0] < 0.0


@pytest.mark.parametrize("make", [PLS, PCR], ids=["pls", "pcr"])
@pytest.mark.parametrize("components", [5, 9], ids=["all", "more than there are"])
def test_all_components_are_least_squares(make, components):
    X, y = sample()
    X *= [1.0, 2.0, 3.0, 4.0, 5.0]
    plain = Linear().estimator(0).fit(X.copy(), y)
    model = make(components=components)
    fitted = model.train(model.estimator(0), X.copy(), y)
    ahead = sample(500, seed=5)[0]
    np.testing.assert_allclose(fitted.predict(ahead), plain.predict(ahead), atol=1e-9)
    solved = model.solve(*sums(X, y))
    np.testing.assert_allclose(solved, plain.coef_, atol=1e-9)


def sums(X, y):
    X, y = X - X.mean(axis=0), y - y.mean()
    return X.T @ X, X.T @ y


@pytest.mark.parametrize("model", [Linear(), PLS(components=3), PCR(components=3)])
def test_a_constant_feature_gets_nothing_from_sums_and_from_rows(model):
    X, y = sample()
    X[:, 1] = 0.0
    fitted = model.train(model.estimator(0), X.copy(), y)
    solved = model.solve(*sums(X, y))
    assert solved[1] == 0.0
    np.testing.assert_allclose(solved, np.ravel(fitted.coef_), atol=1e-10)


@pytest.mark.parametrize("model", [Linear(), PLS(components=5), PCR(components=5)])
def test_sums_are_not_enough_where_features_are_collinear(model):
    X, y = sample()
    X[:, 4] = X[:, 3]
    assert model.solve(*sums(X, y)) is None
    fitted = model.train(model.estimator(0), X.copy(), y)
    assert np.ravel(fitted.coef_)[3] == pytest.approx(np.ravel(fitted.coef_)[4], abs=1e-8)


def test_sums_cannot_tell_components_of_one_variance_apart():
    assert PCR(components=1).solve(np.eye(3), np.ones(3)) is None
    np.testing.assert_allclose(
        PCR(components=1).solve(np.diag([4, 1, 1]), np.ones(3)), [0.25, 0, 0]
    )


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        (Huber(max_iter=2), "model.max_iter=20"),
        (Lasso(max_iter=1), "model.max_iter=10"),
        (ElasticNet(max_iter=1), "model.max_iter=10"),
        (replace(NETWORK, epochs=2), "model.epochs=6"),
    ],
    ids=lambda m: getattr(m, "name", ""),
)
def test_a_training_that_does_not_converge_is_told(model, advice, caplog):
    rng = np.random.default_rng(5)
    common = rng.normal(size=(4000, 1))
    X = np.asfortranarray(0.9 * common + 0.4 * rng.normal(size=(4000, 12)))
    y = X @ rng.normal(size=12) + rng.normal(size=4000)
    tail = (X[:500].copy(), y[:500].copy()) if model.wants_tail else None
    with caplog.at_level(logging.WARNING):
        model.train(model.estimator(0), X, y, tail)
    assert caplog.messages == [
        f"a training did not converge, its forecasts are used: type {advice}"
    ]


def test_a_run_writes_down_that_a_training_did_not_converge(tmp_path):
    factor = "{name: ml_alpha_huber_5d, weight: 1.0, direction: positive}"
    report = engine.run(
        ["+bundle=ai_tech_core", "model=huber", "model.max_iter=1", f"bundle.factors=[{factor}]",
         "~factors", "+factors={x: returns}", "label.horizon=5", "validation.min_train=200",
         "validation.n_splits=2", "source.n_days=320", "source.n_symbols=8", "universe=all",
         "report=none", "store=none", "backtest.engine=fast", f"hydra.run.dir={tmp_path / 'run'}"]
    )  # fmt: skip
    told = "a training did not converge, its forecasts are used: type model.max_iter=10"
    assert told in report.manifest["warnings"]


def test_one_that_converges_says_nothing(caplog):
    with caplog.at_level(logging.WARNING):
        forecast(Huber()), forecast(Lasso()), forecast(replace(NETWORK, patience=2))
    assert caplog.messages == []


@pytest.mark.parametrize("model", THREADED[2:], ids=lambda m: m.name)
def test_boosting_stops_when_the_tail_stops_improving_or_grows_all(model):
    rng = np.random.default_rng(0)
    X, noise = rng.normal(size=(3000, 4)), rng.normal(size=3000)
    tail = rng.normal(size=(1000, 4)), rng.normal(size=1000)
    eager = replace(model, trees=200, patience=10, learning_rate=0.3)
    whole = replace(eager, patience=0)
    ahead = rng.normal(size=(500, 4))
    stopped, grown, alone = (
        m.train(m.estimator(0), X.copy(), noise, held).predict(ahead)
        for m, held in ((eager, tail), (whole, tail), (eager, None))
    )
    assert np.std(stopped) < 0.5 * np.std(grown)
    np.testing.assert_array_equal(grown, alone)


def test_a_network_forecasts_with_the_pass_that_the_tail_likes_best():
    """Of noise the first pass is nearest to 0; what it learns by heart later is thrown away."""
    rng = np.random.default_rng(0)
    X, noise = rng.normal(size=(500, 4)), rng.normal(size=500)
    tail = rng.normal(size=(500, 4)), rng.normal(size=500)
    model = MLP(batch=16, learning_rate=0.02, alpha=0.0, epochs=40, patience=40)
    stopped, whole = (
        m.train(m.estimator(0), X, noise, tail).predict(tail[0])
        for m in (model, replace(model, patience=0))
    )
    assert np.std(stopped) < 0.5 * np.std(whole)


def test_a_network_needs_units():
    for hidden in ([], [8, 0]):
        with pytest.raises(engine.ConfigError, match=r"model\.hidden=.*: write units of 1 or more"):
            MLP(hidden=hidden)


def test_an_absent_extra_is_named_with_its_command(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(lightgbm_module, "find_spec", lambda name: None)
    words = ["+bundle=ai_tech_core_ml", "model=lightgbm", f"hydra.run.dir={tmp_path / 'run'}"]
    assert main(["run", *words]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "engine: model=lightgbm needs an extra: pip install 'alpha-engine[lightgbm]'"
    ]
