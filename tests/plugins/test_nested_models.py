"""Models that are made of models: composed by their keys, taught on folds, told of each choice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import engine
from engine.config import compose_config
from engine.core.nesting import describe
from engine.forecasts import EQUAL, Forecasts, Labels, Validation, find_late, walk_forward
from engine.plugin import installed
from engine.plugins.models.best_of import BestOf
from engine.plugins.models.distilled import Distilled
from engine.plugins.models.each import Each
from engine.plugins.models.ensemble import Ensemble
from engine.plugins.models.factor_rotation import FactorRotation
from engine.plugins.models.lasso import Lasso
from engine.plugins.models.linear import Linear
from engine.plugins.models.logistic import Logistic, find_top
from engine.plugins.models.random_forest import RandomForest
from engine.plugins.models.regime_switch import RegimeSwitch
from engine.plugins.models.ridge import Ridge
from engine.plugins.models.selected import Selected
from engine.plugins.models.stacking import Stacking
from engine.plugins.models.svr import SVR
from engine.plugins.models.xgboost import XGBoost
from engine.plugins.models.xgboost_rank import XGBoostRank, grade

T, N, H = 420, 20, 5
USUAL = Validation(n_splits=2, min_train=260, embargo=2, min_train_rows=50)
DATES = pd.bdate_range("2020-01-01", periods=T, tz="UTC")
SYMBOLS = tuple(f"S{i:02}" for i in range(N))
RANDOM = np.random.default_rng(1)
FEATURES = {name: RANDOM.standard_normal((T, N)) for name in ("a", "b", "c")}
STORM = np.arange(T) % 40 >= 20
STATES = {"calm": 1.0 - STORM, "storm": STORM.astype(float)}
FOREST = RandomForest(trees=10, min_leaf=20, rows=0.5, features=1.0, threads=1)


def label(signal: engine.FloatArray, noise: float = 0.5) -> Labels:
    """Labels of H days that a signal of their date explains in part."""
    values = 0.02 * (signal + noise * np.random.default_rng(2).standard_normal((T, N)))
    values[-H - 1 :] = np.nan
    end = np.arange(T, dtype=np.int64) + 1 + H
    return Labels(f"fwd_return_{H}d", H, SYMBOLS, values, values, end, DATES)


LABELS = label(FEATURES["a"] - 0.5 * FEATURES["b"])


def forecast(model: engine.Model, labels: Labels = LABELS, **given: Any) -> Forecasts:
    options = {"seed": 1, "regimes": STATES} | given
    return walk_forward(FEATURES, labels, model, USUAL, **options)


def rank_ic(made: Forecasts) -> float:
    return float(np.nanmean([split.test_ic for split in made.splits]))


MADE_OF_OTHERS = [
    Ensemble({"one": Ridge(), "two": FOREST}, weights="softmax"),
    Ensemble({"one": Ridge(), "two": FOREST}, weights="inverse_error", risk_aversion=1.0),
    Stacking({"one": Ridge(), "two": FOREST}, final=Linear()),
    BestOf({"one": Ridge(), "two": FOREST}),
    RegimeSwitch(Ridge(), min_rows=200),
    Distilled(FOREST, Ridge()),
    FactorRotation(),
    Selected(Ridge(), by="l1", features=2),
    Selected(Ridge(), by="mrmr", features=2),
    Selected(Ridge(), by="permutation", features=2),
    SVR(max_rows=1000, C=[0.1, 1.0], gamma=0.1),
    XGBoostRank(trees=40, min_child=1.0, learning_rate=0.2, threads=1),
    Logistic(),
    Logistic(target="top", penalty="elastic"),
    Each({"one": Ridge(), "two": FOREST}),
]
IDS = [f"{at} {model.name}" for at, model in enumerate(MADE_OF_OTHERS)]


@pytest.mark.parametrize("model", MADE_OF_OTHERS, ids=IDS)
def test_a_model_finds_what_is_there(model: engine.Model) -> None:
    assert rank_ic(forecast(model)) > 0.6


@pytest.mark.parametrize("model", MADE_OF_OTHERS, ids=IDS)
def test_no_fit_saw_what_was_not_known(model: engine.Model) -> None:
    for split in forecast(model).splits:
        assert split.fits
        assert not find_late(split.fits, split.window.test, LABELS.end)


@pytest.mark.parametrize("model", MADE_OF_OTHERS, ids=IDS)
def test_later_dates_change_nothing(model: engine.Model) -> None:
    """The second split is gone; what the first one forecasts is the same to the last bit."""
    stop = 330
    cut = {name: array[:stop] for name, array in FEATURES.items()}
    fewer = Labels(
        LABELS.name, H, SYMBOLS, LABELS.values[:stop], LABELS.target[:stop].copy(),
        LABELS.end[:stop], DATES[:stop],
    )  # fmt: skip
    fewer.target[-H - 1 :] = np.nan
    states = {name: column[:stop] for name, column in STATES.items()}
    one = Validation(n_splits=1, min_train=260, embargo=2, min_train_rows=50)
    made = walk_forward(cut, fewer, model, one, seed=1, regimes=states)
    np.testing.assert_array_equal(made.values[260:stop], forecast(model).values[260:stop])


@pytest.mark.parametrize("model", MADE_OF_OTHERS, ids=IDS)
def test_the_order_of_symbols_changes_nothing(model: engine.Model) -> None:
    order = np.random.default_rng(5).permutation(N)
    turned = Labels(
        LABELS.name, H, tuple(np.array(SYMBOLS)[order]), LABELS.values[:, order],
        LABELS.target[:, order], LABELS.end, DATES,
    )  # fmt: skip
    features = {name: array[:, order] for name, array in FEATURES.items()}
    made = walk_forward(features, turned, model, USUAL, seed=1, regimes=STATES)
    np.testing.assert_array_equal(made.values, forecast(model).values[:, order])


@pytest.mark.parametrize("inner", [Ridge(), FOREST, XGBoost(trees=20, threads=1)])
@pytest.mark.parametrize("outer", [Ensemble, BestOf])
def test_one_member_is_that_member(outer: Any, inner: engine.Model) -> None:
    alone, inside = forecast(inner), forecast(outer({"only": inner}))
    np.testing.assert_array_equal(inside.values, alone.values)


def test_the_order_of_members_changes_nothing() -> None:
    one = forecast(Stacking({"x": Ridge(), "y": FOREST}, final=Linear()))
    other = forecast(Stacking({"y": FOREST, "x": Ridge()}, final=Linear()))
    np.testing.assert_array_equal(one.values, other.values)


def test_equal_weights_are_the_mean() -> None:
    made = forecast(Ensemble({"one": Ridge(), "two": Lasso()}))
    mean = (forecast(Ridge()).values + forecast(Lasso()).values) / 2.0
    np.testing.assert_allclose(made.values, mean, rtol=1e-12)


@dataclass(frozen=True)
class Parrot(engine.Model):
    """Knows by heart each row that it was trained on, and nothing of any other."""

    name: ClassVar[str] = "parrot"

    def estimator(self, seed: int) -> engine.Estimator:
        return _Memory()


class _Memory:
    def fit(self, X: engine.FloatArray, y: engine.FloatArray) -> None:
        self.known = dict(zip(map(bytes, np.ascontiguousarray(X)), y, strict=True))

    def predict(self, X: engine.FloatArray) -> engine.FloatArray:
        return np.array([self.known.get(bytes(row), 0.0) for row in np.ascontiguousarray(X)])


def test_what_a_member_says_of_its_own_rows_is_never_believed() -> None:
    """In sample the parrot is perfect; a stack that looked there would trust nothing else."""
    members = {"parrot": Parrot(), "ridge": Ridge()}
    stacked = forecast(Stacking(members, final=Linear()))
    assert rank_ic(stacked) > 0.6
    (first, *_) = forecast(BestOf(members)).splits
    assert first.told is not None
    assert first.told["chosen"] == "ridge"
    weights = forecast(Ensemble(members, weights="softmax")).splits[0].told
    assert weights is not None
    assert weights["weights"]["ridge"] > 0.99


def test_a_member_is_not_asked_of_rows_that_it_learnt_from() -> None:
    @dataclass(frozen=True)
    class Careless(engine.Model):
        """Learns from what a member says of its own rows."""

        name: ClassVar[str] = "careless"

        def learn(self, training: engine.Training) -> engine.Forecaster:
            own = training.teach("ridge", Ridge())
            return training.teach("final", Ridge(), columns={"own": own.forecast(training)})

    with pytest.raises(engine.PluginError, match=r"'ridge' is asked of rows that it learnt from"):
        forecast(Careless())


def test_a_final_model_may_be_made_of_models() -> None:
    members = {"one": Ridge(), "two": FOREST}
    plain = forecast(Stacking(members, final=Linear()))
    nested = forecast(Stacking(members, final=Ensemble({"only": Linear()})))
    np.testing.assert_array_equal(nested.values, plain.values)


def test_members_are_judged_beside_their_plain_mean() -> None:
    for split in forecast(Ensemble({"one": Ridge(), "two": FOREST})).splits:
        assert split.members is not None
        assert sorted(split.members) == [EQUAL, "one", "two"]
        assert split.members[EQUAL] == pytest.approx(split.test_ic)
        assert split.members["one"] != pytest.approx(split.members["two"])
    assert forecast(Ridge()).splits[0].members is None


def test_folds_are_purged_and_written_down() -> None:
    split = forecast(Stacking({"ridge": Parrot()}, final=Linear(), folds=4)).splits[0]
    names = [fit.what for fit in split.fits if "scaler" in fit.what]
    assert names == [
        "fold 1, ridge: scaler", "fold 2, ridge: scaler", "fold 3, ridge: scaler",
        "fold 4, ridge: scaler", "final: scaler", "ridge: scaler",
    ]  # fmt: skip
    inner = next(fit for fit in split.fits if fit.what == "fold 2, ridge: model")
    (held,) = inner.ahead
    before, after = inner.dates
    assert before[1] + H < held[0] + 1  # the last label before ends ahead of the fold's first
    assert after[0] >= held[1] + H + USUAL.embargo
    assert after[1] <= split.window.train[0][1]


def test_a_fit_that_meets_its_fold_is_late() -> None:
    split = forecast(Stacking({"ridge": Ridge()}, final=Linear(), folds=4)).splits[0]
    inner = next(fit for fit in split.fits if fit.what == "fold 2, ridge: model")
    (held,) = inner.ahead
    bad = replace(inner, dates=((0, held[0]),), rows=1)
    assert find_late((bad,), split.window.test, LABELS.end) == (bad,)


def test_a_stack_equals_a_naive_loop() -> None:
    """Least squares on what least squares said of purged folds, with plain arrays."""
    made = forecast(Stacking({"plain": Linear()}, final=Linear(), folds=4))
    split = made.splits[0]
    ((start, stop),) = split.window.train
    X = np.stack([FEATURES[name] for name in sorted(FEATURES)], axis=-1)
    y = LABELS.target
    known = [t for t in range(start, stop) if np.isfinite(y[t]).all()]
    said = np.full((T, N), np.nan)
    for block in np.array_split(np.array(known), 4):
        last = LABELS.end[block].max()
        free = [
            t
            for t in known
            if t not in block and (LABELS.end[t] < block[0] or t + 1 > last + USUAL.embargo)
        ]
        inner = LinearRegression().fit(X[free].reshape(-1, 3), y[free].ravel())
        said[block] = inner.predict(X[block].reshape(-1, 3)).reshape(-1, N)
    final = LinearRegression().fit(said[known].reshape(-1, 1), y[known].ravel())
    whole = LinearRegression().fit(X[known].reshape(-1, 3), y[known].ravel())
    test = slice(split.test_start, split.test_stop)
    members = whole.predict(X[test].reshape(-1, 3))
    expected = final.predict(members.reshape(-1, 1)).reshape(-1, N)
    np.testing.assert_allclose(made.values[test], expected, rtol=1e-8, atol=1e-12)


def test_a_switch_learns_what_each_state_teaches() -> None:
    """In a storm the sign turns: one straight line finds nothing, one for each state both."""
    sign = np.where(STORM, -1.0, 1.0)[:, None]
    labels = label(sign * FEATURES["a"])
    switched, plain = (
        forecast(RegimeSwitch(Ridge(), min_rows=200), labels),
        forecast(Ridge(), labels),
    )
    assert rank_ic(switched) > 0.6
    assert abs(rank_ic(plain)) < 0.2
    told = switched.splits[0].told
    assert told is not None
    assert told["own_model"] == ["calm", "storm"]


def test_a_state_with_few_rows_has_the_model_of_all() -> None:
    made = forecast(RegimeSwitch(Ridge(), min_rows=10**6))
    np.testing.assert_array_equal(made.values, forecast(Ridge()).values)


def test_dates_whose_state_is_not_known_have_the_model_of_all() -> None:
    states = {
        name: np.where(np.arange(T) >= 260, np.nan, column) for name, column in STATES.items()
    }
    made = forecast(RegimeSwitch(Ridge(), min_rows=200), regimes=states)
    first = slice(260, made.splits[0].test_stop)
    np.testing.assert_array_equal(made.values[first], forecast(Ridge()).values[first])


def test_rotation_weighs_by_recent_rank_ic() -> None:
    told = forecast(FactorRotation()).splits[0].told
    assert told is not None
    ic = told["rank_ic"]
    assert ic["a"] > 0.5
    assert ic["b"] < -0.2
    assert abs(ic["c"]) < 0.1


@pytest.mark.parametrize(
    ("given", "shape"), [(np.nan, "NaN or inf"), ("short", r"shape \(3,\) for \d+ rows")]
)
def test_forecasts_that_are_none_are_refused(given: Any, shape: str) -> None:
    @dataclass(frozen=True)
    class Bad(engine.Model):
        """Answers nonsense."""

        name: ClassVar[str] = "bad"

        def learn(self, training: engine.Training) -> engine.Forecaster:
            return _Bad()

    class _Bad:
        def forecast(self, rows: engine.Rows) -> engine.FloatArray:
            return np.full(3 if given == "short" else len(rows.date), np.nan)

    with pytest.raises(engine.DataError, match=rf"model 'bad' forecasts {shape}.* in split 0"):
        forecast(Bad())


@pytest.mark.parametrize("outer", [Ensemble, BestOf])
def test_no_member_is_refused(outer: Any) -> None:
    with pytest.raises(engine.ConfigError, match=r"add a member, such as \+model@model\.models"):
        forecast(outer({}))


def test_more_folds_than_dates_allow_is_refused() -> None:
    with pytest.raises(engine.ConfigError, match=r"300 folds of 252 dates"):
        forecast(Stacking({"ridge": Ridge()}, final=Linear(), folds=300))


@pytest.mark.parametrize("by", ["l1", "mrmr", "permutation"])
def test_what_is_noise_is_not_selected(by: str) -> None:
    made = forecast(Selected(Ridge(), by=by, features=2))
    for split in made.splits:
        assert split.told == {"features": ["a", "b"]}
    two = {name: FEATURES[name] for name in ("a", "b")}
    alone = walk_forward(two, LABELS, Ridge(), USUAL, seed=1, regimes=STATES)
    np.testing.assert_allclose(made.values, alone.values, rtol=1e-8, atol=1e-12)


def test_svr_learns_from_every_kth_date_and_says_which_penalty() -> None:
    told = forecast(SVR(max_rows=1000, C=[0.1, 1.0], gamma=0.1)).splits[0].told
    assert told is not None
    assert (told["every"], told["rows"]) == (6, 42 * N)
    assert told["chosen"] in {"C=0.1", "C=1"}
    assert sorted(told["mse"]) == ["C=0.1", "C=1"]


def test_the_top_of_a_date() -> None:
    date, y = np.array([3, 3, 3, 3, 3, 4, 4]), np.array([1.0, 5.0, 2.0, 5.0, 3.0, 7.0, 7.0])
    assert find_top(date, y, 0.2).tolist() == [False, True, False, True, False, True, True]


def test_grades_of_a_date() -> None:
    date = np.array([3, 3, 3, 3, 4, 4, 4])
    y = np.array([0.4, 0.1, 0.3, 0.2, 7.0, 7.0, 9.0])
    assert grade(date, y, 4).tolist() == [3, 0, 2, 1, 0, 0, 2]
    assert grade(date, y, 2).tolist() == [1, 0, 1, 0, 0, 0, 1]


def test_what_moves_all_names_alike_teaches_a_ranker_nothing() -> None:
    """The score, but for its scale, is the same whatever is added to all labels of a date."""
    model = XGBoostRank(trees=10, min_child=1.0, threads=1)
    tide = np.random.default_rng(9).standard_normal((T, 1))
    plain = forecast(model)
    moved = forecast(model, label(FEATURES["a"] - 0.5 * FEATURES["b"] + 0.0 * tide))
    shifted = Labels(
        LABELS.name, H, SYMBOLS, LABELS.values, LABELS.target + 0.02 * tide, LABELS.end, DATES
    )
    np.testing.assert_array_equal(plain.values, moved.values)
    assert rank_ic(forecast(model, shifted)) == pytest.approx(rank_ic(plain), abs=1e-12)


def test_threads_do_not_matter_to_a_ranker() -> None:
    one, three = (forecast(XGBoostRank(trees=10, threads=threads)) for threads in (1, 3))
    np.testing.assert_array_equal(one.values, three.values)


def test_odds_are_worth_what_each_side_was() -> None:
    """A feature that says the sign exactly: forecasts lie between the two sides' means."""
    labels = label(np.sign(FEATURES["a"]), noise=0.0)
    made = forecast(Logistic(alpha=1e-4), labels)
    known = made.values[np.isfinite(made.values)]
    assert known.min() == pytest.approx(-0.02, abs=1e-6)
    assert known.max() == pytest.approx(0.02, abs=1e-6)


def test_models_side_by_side_are_what_each_is_alone() -> None:
    made = forecast(Each({"one": Ridge(), "two": FOREST}))
    assert made.name == "ml_alpha_each_5d"
    assert list(made.apart) == ["ml_alpha_one_5d", "ml_alpha_two_5d"]
    np.testing.assert_array_equal(made.apart["ml_alpha_one_5d"], forecast(Ridge()).values)
    np.testing.assert_array_equal(made.apart["ml_alpha_two_5d"], forecast(FOREST).values)
    np.testing.assert_allclose(made.values, sum(made.apart.values()) / 2.0, rtol=1e-12)


BUNDLE = ["+bundle=ai_tech_core_ml"]


def build(*words: str) -> Any:
    config = compose_config([*BUNDLE, *words])
    return installed().build("model", config.model, "model")


def test_members_are_composed_by_their_keys() -> None:
    plain = Stacking({"ridge": Ridge(), "xgboost": XGBoost()}, final=Ridge())
    assert build("model=stacking") == plain
    made = build(
        "model=stacking", "model.models.ridge.alpha=3", "model@model.final=lasso",
        "+model@model.models.more=elastic_net", "~model.models.xgboost", "model.folds=3",
    )  # fmt: skip
    assert sorted(made.models) == ["more", "ridge"]
    assert made.models["ridge"] == Ridge(alpha=3.0)
    assert made.final == Lasso()
    assert made.folds == 3


def test_models_nest_at_any_depth() -> None:
    made = build("model=stacking", "model@model.final=ensemble", "model.final.models.ridge.alpha=7")
    assert made.final.models["ridge"] == Ridge(alpha=7.0)
    assert describe(made)["final"]["models"]["ridge"] == {"name": "ridge", "alpha": 7.0}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model.models.ridge.alpha=-3"], r"model\.models\.ridge\.alpha=-3"),
        (["+model.models.ridge.alfa=3"], r"model\.models\.ridge\.alfa: no such field"),
        (["model.models.ridge.name=rigde"], r"model\.models\.ridge\.name=rigde.*ridge"),
        (["+model.models.mine=3"], r"model\.models\.mine: write `name: …`"),
        (["model.final=null"], r"model\.final: write `name: …`"),
    ],
)
def test_what_is_wrong_inside_is_named_by_its_key(words: list[str], message: str) -> None:
    with pytest.raises(engine.EngineError, match=message):
        build("model=stacking", *words)
