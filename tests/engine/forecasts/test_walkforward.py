"""Walk-forward: purged splits, scaling inside them, forecasts out of sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression

import engine
from engine.bars.delisting import Delisting
from engine.core.errors import ConfigError, DataError
from engine.forecasts.labels import Label, Labels
from engine.forecasts.plan import walk
from engine.forecasts.scaling import deviate
from engine.forecasts.splits import Validation, Window
from engine.forecasts.walkforward import walk_forward
from engine.plugins.models.ridge import Ridge

SMALL = Validation(n_splits=3, min_train=60, embargo=2, min_train_rows=20)


@dataclass(frozen=True)
class Plain(engine.Model):
    """Least squares."""

    name: ClassVar[str] = "plain"

    def estimator(self, seed):
        return LinearRegression()


class Recorder:
    """Keeps what it is given; forecasts the first feature."""

    def __init__(self, log):
        self.log = log

    def fit(self, X, y):
        self.log.append((X.copy(), y.copy()))

    def predict(self, X):
        self.log.append(X.copy())
        return X[:, 0].copy()


@dataclass(frozen=True)
class Spy(engine.Model):
    """Writes down its training and test arrays: (X, y), tail, [inside, ahead] per split."""

    name: ClassVar[str] = "spy"
    log: tuple = ()

    def estimator(self, seed):
        return Recorder(self.log[0])


@dataclass(frozen=True)
class TailSpy(Spy):
    wants_tail: ClassVar[bool] = True

    def train(self, estimator, X, y, tail=None):
        estimator.fit(X, y)
        self.log[0].append(tail)
        return estimator


def world(T=150, N=8, seed=0, horizon=5):
    """Panel, features and labels; `good` carries a little of the future."""
    rng = np.random.default_rng(seed)
    good, noise = rng.normal(size=(T, N)), rng.normal(size=(T, N))
    drift = np.zeros((T, N))
    for age in range(1, horizon + 1):
        drift[1 + age :] += good[: -1 - age] * 0.003
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, (T, N)) + drift, axis=0))
    close[90:, 1] = np.nan
    close[60:64, 2] = np.nan
    noise[:40] = np.nan
    noise[rng.random((T, N)) < 0.1] = np.nan
    dates = pd.bdate_range("2020-01-01", periods=T, tz="UTC")
    panel = engine.Panel(
        dates=dates, symbols=tuple(f"S{i:02d}" for i in range(N)), fields={"close": close}
    )
    features = {"good": np.where(panel.present, good, np.nan), "noise": noise}
    return panel, features, Label(horizon=horizon).compute(panel)


def test_training_ends_before_the_first_forecast_knows_the_label():
    """Label t is known at t+1+h; with embargo e, row t trains for s when t+1+h+e < s."""
    _, _, labels = world(T=150, horizon=5)
    plan = walk(10, labels, replace(SMALL, n_splits=2, min_train=60, embargo=2))
    assert plan == [
        Window(train=((10, 62),), test=((70, 110),)),
        Window(train=((10, 102),), test=((110, 150),)),
    ]
    for window in plan:
        ((_, purged),), ((test, _),) = window.train, window.test
        assert labels.end[purged - 1] + 2 < test
        assert not labels.end[purged] + 2 < test


def test_a_rolling_window_has_exactly_its_size():
    _, _, labels = world()
    plan = walk(0, labels, replace(SMALL, scheme="rolling", train_size=30))
    assert [b - a for w in plan for a, b in w.train] == [30, 30, 30]


def test_retrain_every_overrides_the_number_of_splits():
    _, _, labels = world(T=150)
    plan = walk(0, labels, replace(SMALL, retrain_every=40))
    assert [w.test[0] for w in plan] == [(60, 100), (100, 140), (140, 150)]


def test_dates_say_where_forecasts_begin_and_one_without_a_row_means_the_next():
    """2020-04-25 is a Saturday; row 83 is the Monday after it."""
    _, _, labels = world(T=150)
    pinned = replace(SMALL, dates=["2020-03-31", "2020-04-25"], retrain_every=40)
    assert [w.test[0] for w in walk(0, labels, pinned)] == [(64, 83), (83, 150)]


@pytest.mark.parametrize("scheme", ["expanding", "rolling"])
def test_pinned_dates_forecast_what_the_same_starts_by_number_do(scheme):
    panel, features, labels = world()
    usual = replace(SMALL, scheme=scheme, train_size=50)
    full = walk_forward(features, labels, Plain(), usual, seed=0, where=panel.present)
    starts = [f"{panel.dates[split.test_start]:%Y-%m-%d}" for split in full.splits]
    pinned = replace(usual, dates=starts, n_splits=7)
    again = walk_forward(features, labels, Plain(), pinned, seed=0, where=panel.present)
    assert again.values.tobytes() == full.values.tobytes()
    assert [replace(s, seconds=0) for s in again.splits] == [
        replace(s, seconds=0) for s in full.splits
    ]


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        (["2020-03-24"], "2020-03-24 is before 2020-03-25, .* validation.min_train=60 allows"),
        (["2020-04-01", "2031-01-01"], "2031-01-01 is after the last row, 2020-07-28"),
        (["2020-04-04", "2020-04-05"], "2020-04-04 and 2020-04-05 both mean the row 2020-04-06"),
        (["2020-04-06", "2020-04-01"], "2020-04-01 after 2020-04-06: write each once, earliest"),
        (["2020-04-06", "2020-04-06"], "2020-04-06 after 2020-04-06: write each once"),
        (["soon"], "validation.dates: 'soon' is no date: write 2020-01-31"),
        (["NaT"], "validation.dates: 'NaT' is no date"),
    ],
)
def test_a_date_on_which_no_forecasts_can_begin_is_named(dates, message):
    _, features, labels = world()
    with pytest.raises(ConfigError, match=message):
        walk_forward(features, labels, Plain(), replace(SMALL, dates=dates), seed=0)


def test_forecasts_agree_with_a_literal_loop():
    panel, features, labels = world()
    result = walk_forward(features, labels, Plain(), SMALL, seed=0, where=panel.present)
    names = sorted(features)
    for split in result.splits:
        rows = [
            (t, i)
            for t in range(split.train_start, split.test_start)
            for i in range(8)
            if labels.end[t] + 2 < split.test_start
            and panel.present[t, i]
            and np.isfinite(labels.target[t, i])
        ]
        t, i = np.array(rows).T
        X = np.column_stack([features[n][t, i] for n in names])
        median = np.nanmedian(X, axis=0)
        X = np.where(np.isnan(X), median, X)
        y = labels.target[t, i]
        assert split.n_train == len(y)
        model = LinearRegression().fit(X, y)
        for t in range(split.test_start, split.test_stop):
            x = np.column_stack([features[n][t] for n in names])
            expected = model.predict(np.where(np.isnan(x), median, x))
            expected[~panel.present[t]] = np.nan
            np.testing.assert_allclose(result.values[t], expected, atol=1e-12)


def test_forecasts_start_with_the_first_split_and_skip_what_may_not_be_forecast():
    panel, features, labels = world()
    result = walk_forward(features, labels, Plain(), SMALL, seed=0, where=panel.present)
    assert result.name == "ml_alpha_plain_5d"
    assert result.split.tolist() == [-1] * 60 + [0] * 30 + [1] * 30 + [2] * 30
    assert np.isnan(result.values[:60]).all()
    np.testing.assert_array_equal(np.isfinite(result.values[60:]), panel.present[60:])


def test_a_cell_without_any_feature_is_not_forecast():
    _, features, labels = world()
    features = {name: array.copy() for name, array in features.items()}
    for array in features.values():
        array[100, 3] = np.nan
    result = walk_forward(features, labels, Plain(), SMALL, seed=0)
    assert np.isnan(result.values[100, 3])


def test_scaling_and_imputation_see_the_training_part_alone():
    """An absurd test set leaves the training arrays as they are: mean 0, deviation 1."""
    panel, features, labels = world()
    logs = []
    for scale in (1.0, 1e6):
        wild = {name: array.copy() for name, array in features.items()}
        for array in wild.values():
            array[60:] *= scale
        log = []
        once = replace(SMALL, n_splits=1)
        walk_forward(wild, labels, Spy(log=(log,)), once, seed=0, where=panel.present)
        logs.append(log[0])
    (X, y), (same_X, same_y) = logs
    np.testing.assert_array_equal(X, same_X)
    np.testing.assert_array_equal(y, same_y)
    np.testing.assert_allclose(X.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(X.std(axis=0), 1.0, atol=1e-12)
    assert y.std() == pytest.approx(1.0)


def test_forecasts_come_back_in_the_targets_units():
    panel, features, labels = world()
    tiny = replace(labels, target=labels.target * 1e-6)
    one = walk_forward(features, labels, Plain(), SMALL, seed=0, where=panel.present)
    other = walk_forward(features, tiny, Plain(), SMALL, seed=0, where=panel.present)
    np.testing.assert_allclose(other.values, one.values * 1e-6, rtol=1e-9)


def test_without_standardize_the_features_arrive_as_they_are():
    _, features, labels = world()
    log = []
    raw = replace(SMALL, n_splits=1, standardize=False)
    walk_forward({"good": features["good"]}, labels, Spy(log=(log,)), raw, seed=0)
    X = log[0][0]
    usable = np.isfinite(labels.target[:52]) & np.isfinite(features["good"][:52])
    np.testing.assert_array_equal(X[:, 0], features["good"][:52][usable])


def test_a_constant_feature_becomes_zero():
    panel, features, labels = world()
    log = []
    features = {"constant": np.full(panel.shape, 0.1), **features}
    walk_forward(features, labels, Spy(log=(log,)), replace(SMALL, n_splits=1), seed=0)
    assert (log[0][0][:, 0] == 0.0).all()


def test_impute_drop_leaves_incomplete_rows_out():
    panel, features, labels = world()
    validation = replace(SMALL, impute="drop")
    result = walk_forward(features, labels, Plain(), validation, seed=0, where=panel.present)
    complete = panel.present & np.isfinite(features["noise"])
    first = result.splits[0].test_start
    np.testing.assert_array_equal(np.isfinite(result.values[first:]), complete[first:])


def test_the_tail_is_purged_from_the_rows_before_it():
    """Features are row numbers here, so the arrays tell which dates they came from."""
    _, _, labels = world()
    number = np.repeat(np.arange(150.0)[:, None], 8, axis=1)
    log = []
    validation = replace(SMALL, n_splits=1, tail=0.25, standardize=False)
    walk_forward({"t": number}, labels, TailSpy(log=(log,)), validation, seed=0)
    (X, _), (tail_X, tail_y) = log[0], log[1]
    # purged at 52: 13 days of tail, from 39; a fitted row's label is known by 38 with embargo 2
    assert (X.min(), X.max()) == (0, 30)
    assert (tail_X.min(), tail_X.max()) == (39, 51)
    assert len(tail_X) == len(tail_y)


@pytest.mark.parametrize("model", [Plain(), Ridge(alpha=10.0)])
def test_nothing_after_t_moves_a_forecast_up_to_t(model):
    """Data cut at t, and data garbled after t, give the same forecasts up to t, bit for bit."""
    panel, features, _ = world()
    validation = replace(SMALL, retrain_every=30)
    label = Label(horizon=5, target="rank")

    def forecast(panel, features):
        labels = label.compute(panel, delisting=Delisting(long_return=-0.3))
        return walk_forward(features, labels, model, validation, seed=0, where=panel.present)

    full = forecast(panel, features)
    rng = np.random.default_rng(1)
    for stop in (75, 93, 97, 121):
        cut = forecast(panel.cut(stop), {n: a[:stop] for n, a in features.items()})
        np.testing.assert_array_equal(cut.values, full.values[:stop])
        noise = np.ones(panel.shape)
        noise[stop:] = rng.lognormal(size=noise[stop:].shape)
        garbled = forecast(
            panel.with_fields({"close": panel["close"] * noise}),
            {n: a * noise for n, a in features.items()},
        )
        np.testing.assert_array_equal(garbled.values[:stop], full.values[:stop])


def test_forecasts_do_not_depend_on_the_order_of_symbols_or_features():
    panel, features, labels = world()
    full = walk_forward(features, labels, Plain(), SMALL, seed=0, where=panel.present)
    order = np.random.default_rng(0).permutation(8)
    moved = panel.take(order)
    permuted = walk_forward(
        {n: features[n][:, order] for n in ("noise", "good")},
        Label(horizon=5).compute(moved),
        Plain(),
        SMALL,
        seed=0,
        where=moved.present,
    )
    np.testing.assert_array_equal(permuted.values, full.values[:, order])


def test_rank_ics_are_those_of_scipy():
    panel, features, labels = world()
    result = walk_forward(features, labels, Plain(), SMALL, seed=0, where=panel.present)
    for split in result.splits:
        daily = []
        for t in range(split.test_start, split.test_stop):
            both = np.isfinite(result.values[t]) & np.isfinite(labels.values[t])
            if both.sum() >= 3:
                daily.append(stats.spearmanr(result.values[t, both], labels.values[t, both])[0])
        assert split.test_ic == pytest.approx(np.mean(daily), abs=1e-12)
    assert result.splits[0].test_ic > 0.2
    assert result.splits[0].train_ic > 0.2


def test_importances_name_the_features():
    _, features, labels = world()
    split = walk_forward(features, labels, Plain(), SMALL, seed=0).splits[-1]
    assert list(split.importances) == ["good", "noise"]
    assert split.importances["good"] > split.importances["noise"] >= 0
    assert (
        walk_forward(features, labels, Spy(log=([],)), SMALL, seed=0).splits[0].importances is None
    )


def test_regimes_become_features_when_asked():
    _, features, labels = world()
    regimes = {"calm": np.linspace(0, 1, 150), "turbulent": np.linspace(1, 0, 150)}
    validation = replace(SMALL, use_regimes=True)
    split = walk_forward(features, labels, Plain(), validation, seed=0, regimes=regimes).splits[0]
    assert list(split.importances) == ["good", "noise", "regime_calm", "regime_turbulent"]
    without = walk_forward(features, labels, Plain(), SMALL, seed=0, regimes=regimes).splits[0]
    assert list(without.importances) == ["good", "noise"]


def test_progress_is_told_after_each_split():
    _, features, labels = world()
    told = []
    walk_forward(
        features, labels, Plain(), SMALL, seed=0, progress=lambda s, n: told.append((s.index, n))
    )
    assert told == [(0, 3), (1, 3), (2, 3)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"min_train": 150}, "150 dates from the first label on, 151 needed"),
        ({"min_train": 8}, "validation.min_train=8 is used up by the purge"),
        ({"n_splits": 100}, "validation.n_splits=100 is more than the 90 dates"),
        ({"min_train_rows": 10_000}, "validation.min_train_rows=10000 are needed"),
        ({"use_regimes": True}, "validation.use_regimes=true needs a regime"),
    ],
)
def test_too_little_of_something_is_named_with_what_to_type(change, message):
    _, features, labels = world()
    with pytest.raises(ConfigError, match=message):
        walk_forward(features, labels, Plain(), replace(SMALL, **change), seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scheme": "expandin"}, "did you mean 'expanding'"),
        ({"impute": "mean"}, "validation.impute=mean: did you mean 'median'"),
        ({"n_splits": 0}, "validation.n_splits=0"),
        ({"embargo": -1}, "validation.embargo=-1"),
        ({"tail": 1.0}, "validation.tail=1.0"),
    ],
)
def test_wrong_fields_are_named(change, message):
    with pytest.raises(ConfigError, match=message):
        replace(SMALL, **change)


def test_no_factor_at_all_is_refused():
    _, _, labels = world()
    with pytest.raises(ConfigError, match="at least one factor"):
        walk_forward({}, labels, Plain(), SMALL, seed=0)


def test_a_feature_of_another_shape_is_refused():
    _, _, labels = world()
    with pytest.raises(DataError, match=r"factor 'x' has shape \(3, 3\)"):
        walk_forward({"x": np.ones((3, 3))}, labels, Plain(), SMALL, seed=0)


def test_a_forecast_that_is_not_finite_is_refused():
    @dataclass(frozen=True)
    class Broken(Plain):
        def train(self, estimator, X, y, tail=None):
            estimator.fit(X, y).intercept_ = np.nan
            return estimator

    _, features, labels = world()
    with pytest.raises(DataError, match="forecasts NaN or inf in split 0"):
        walk_forward(features, labels, Broken(), SMALL, seed=0)


@pytest.mark.parametrize("model", [Plain(), Ridge()], ids=["rows", "sums"])
def test_a_hidden_value_is_a_missing_one(model: engine.Model) -> None:
    random = np.random.default_rng(3)
    values = {name: random.normal(size=(200, 9)) for name in ("a", "b")}
    hidden = {"b": random.random((200, 9)) < 0.3}
    seen = {**values, "b": np.where(hidden["b"], np.nan, values["b"])}
    end, dates = np.arange(6, 206), pd.bdate_range("2020-01-01", periods=200, tz="UTC")
    target = values["a"] + random.normal(size=(200, 9))
    labels = Labels("forward_return_5d", 5, tuple("IHGFEDCBA"), target, target, end, dates)
    one = walk_forward(values, labels, model, SMALL, seed=0, hidden=hidden)
    other = walk_forward(seen, labels, model, SMALL, seed=0)
    assert np.isfinite(one.values).any()
    np.testing.assert_array_equal(one.values, other.values)


@pytest.mark.parametrize("n", [1, 2, 9, 1000, 131_073])
def test_the_unit_of_a_target_is_numpys_deviation_to_the_last_bit(n: int) -> None:
    y = np.random.default_rng(n).normal(3.0, 2.0, n)
    assert deviate(y.copy()) == np.std(y)
