"""Models that learn labels of other horizons, go on learning, or were made elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import SGDRegressor

import engine
from engine.forecasts import Forecasts, Labels, Validation, find_late, list_horizons, walk_forward
from engine.plugins.models import online as online_module
from engine.plugins.models.ensemble import Ensemble
from engine.plugins.models.file import FileModel
from engine.plugins.models.multi_horizon import MultiHorizon
from engine.plugins.models.online import Online
from engine.plugins.models.ridge import Ridge
from engine.plugins.models.stacking import Stacking

T, N, H = 420, 20, 5
USUAL = Validation(n_splits=2, min_train=260, embargo=2, min_train_rows=50)
FOLDS = replace(USUAL, scheme="purged_kfold", n_folds=4)
DATES = pd.bdate_range("2020-01-01", periods=T, tz="UTC")
SYMBOLS = tuple(f"S{i:02}" for i in range(N))
RANDOM = np.random.default_rng(1)
FEATURES = {name: RANDOM.standard_normal((T, N)) for name in ("a", "b", "c")}


def label(signal: engine.FloatArray, horizon: int = H, noise: float = 0.5) -> Labels:
    """Labels that a signal of their date explains in part."""
    values = 0.02 * (signal + noise * np.random.default_rng(2).standard_normal((T, N)))
    values[-horizon - 1 :] = np.nan
    end = np.arange(T, dtype=np.int64) + 1 + horizon
    return Labels(f"fwd_return_{horizon}d", horizon, SYMBOLS, values, values, end, DATES)


LABELS = label(FEATURES["a"] - 0.5 * FEATURES["b"])
FURTHER = {h: label(FEATURES["a"], h, noise) for h, noise in ((1, 4.0), (10, 0.5))}
SEVERAL = MultiHorizon(Ridge(), horizons=[1, 5, 10], folds=4)


def forecast(
    model: engine.Model, labels: Labels = LABELS, plan: Validation = USUAL, **given: Any
) -> Forecasts:
    return walk_forward(FEATURES, labels, model, plan, seed=1, **({"further": FURTHER} | given))


def cut(labels: Labels, stop: int) -> Labels:
    """The labels as they are known where the data end at a row."""
    target = labels.target[:stop].copy()
    target[-labels.horizon - 1 :] = np.nan
    return replace(labels, values=target, target=target, end=labels.end[:stop], dates=DATES[:stop])


def test_a_run_asks_for_the_horizons_of_models_at_any_depth() -> None:
    assert list_horizons(SEVERAL) == (1, 5, 10)
    assert list_horizons(Ensemble({"a": Ridge(), "b": SEVERAL})) == (1, 5, 10)
    assert list_horizons(Stacking({"a": Ridge()}, final=Ridge())) == ()


def test_the_own_horizon_alone_is_the_model_itself() -> None:
    alone = forecast(MultiHorizon(Ridge(), horizons=[H])).values
    np.testing.assert_array_equal(alone, forecast(Ridge()).values)


def test_another_horizon_is_learnt_from_its_own_labels() -> None:
    """Ridge on labels of 10 days, by hand; no label is known later than the last of 5 days."""
    made = forecast(MultiHorizon(Ridge(alpha=0.0001), horizons=[10]))
    split = made.splits[0]
    ((start, stop),) = split.window.train
    assert (start, stop) == (0, 252)  # the label of 251 is known at 257, and 2 rows lie between
    last = stop - 5
    X = np.stack([FEATURES[name][:last] for name in sorted(FEATURES)], -1).reshape(-1, 3)
    y, own = FURTHER[10].target[:last].ravel(), LABELS.target[:stop].ravel()
    slopes, *_ = np.linalg.lstsq(np.c_[X, np.ones(len(X))], y, rcond=None)
    ahead = np.stack([FEATURES[name][260:300] for name in sorted(FEATURES)], -1)
    hand = (ahead @ slopes[:3] + slopes[3]) * own.std() / y.std()
    np.testing.assert_allclose(made.values[260:300], hand, rtol=1e-4, atol=1e-8)


def test_horizons_are_weighed_by_how_they_ordered_the_runs_own_target() -> None:
    told = forecast(SEVERAL).splits[0].told
    assert told is not None
    assert sum(told["weights"].values()) == pytest.approx(1.0)
    assert told["weights"]["5d"] > told["weights"]["1d"]  # 1 day is mostly noise
    total = sum(told["rank_ic"].values())
    assert told["weights"]["10d"] == pytest.approx(told["rank_ic"]["10d"] / total)


def test_labels_that_a_model_does_not_name_are_refused() -> None:
    @dataclass(frozen=True)
    class Silent(engine.Model):
        name: ClassVar[str] = "silent"

        def learn(self, training: engine.Training) -> engine.Forecaster:
            return training.at(3).teach("model", Ridge())

    with pytest.raises(engine.PluginError, match=r"labels of 3 days.*label_horizons"):
        forecast(Silent())


@pytest.mark.parametrize("horizons", [[], [0, 5], [5, 5]])
def test_horizons_are_different_days(horizons: list[int]) -> None:
    with pytest.raises(engine.ConfigError, match=r"model\.horizons=.*such as \[1,5,20\]"):
        MultiHorizon(Ridge(), horizons=horizons)


IN_TIME = [
    SEVERAL,
    MultiHorizon(Ridge(), horizons=[1, 10], weights="equal"),
    Online(half_life=30.0),
    Online(learner="passive_aggressive", half_life=30.0),
    Online(half_life=30.0, drift="adwin", recent=60),
    Ensemble({"online": Online(half_life=30.0), "ridge": Ridge()}, weights="softmax"),
    Stacking({"online": Online(half_life=30.0)}, final=Online(half_life=60.0), folds=4),
]
IDS = [f"{at} {model.name}" for at, model in enumerate(IN_TIME)]


@pytest.mark.parametrize("plan", [USUAL, FOLDS], ids=["walk-forward", "folds"])
@pytest.mark.parametrize("model", IN_TIME, ids=IDS)
def test_no_fit_saw_what_was_not_known(model: engine.Model, plan: Validation) -> None:
    later = plan.trains_on_later
    for split in forecast(model, plan=plan).splits:
        assert split.fits
        late = find_late(split.fits, split.window.test, LABELS.end, trains_on_later=later)
        assert not late
        assert not (later and any(fit.before for fit in split.fits))


@pytest.mark.parametrize("model", IN_TIME, ids=IDS)
@pytest.mark.parametrize("stop", [300, 330])
def test_later_dates_change_nothing(model: engine.Model, stop: int) -> None:
    """What is forecast up to a date is the same to the last bit where the data end there."""
    made = walk_forward(
        {name: array[:stop] for name, array in FEATURES.items()},
        cut(LABELS, stop),
        model,
        replace(USUAL, n_splits=1),
        seed=1,
        further={h: cut(labels, stop) for h, labels in FURTHER.items()},
    )
    np.testing.assert_array_equal(made.values[260:stop], forecast(model).values[260:stop])


@pytest.mark.parametrize("model", IN_TIME, ids=IDS)
def test_the_order_of_symbols_changes_nothing(model: engine.Model) -> None:
    order = np.random.default_rng(5).permutation(N)

    def turn(labels: Labels) -> Labels:
        values = labels.values[:, order]
        return replace(
            labels, symbols=tuple(np.array(SYMBOLS)[order]), values=values, target=values
        )

    features = {name: array[:, order] for name, array in FEATURES.items()}
    further = {h: turn(labels) for h, labels in FURTHER.items()}
    made = walk_forward(features, turn(LABELS), model, USUAL, seed=1, further=further)
    np.testing.assert_array_equal(made.values, forecast(model).values[:, order])


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (Online(half_life=30.0), {"penalty": "l2", "alpha": 1e-4, "learning_rate": "constant"}),
        (
            Online(learner="passive_aggressive", half_life=30.0),
            {"penalty": None, "loss": "epsilon_insensitive", "learning_rate": "pa1"},
        ),
    ],
    ids=["sgd", "passive_aggressive"],
)
def test_online_equals_a_loop_by_hand(model: Online, options: dict[str, Any]) -> None:
    """Forecast a date, then learn the date whose label has just become known; never before."""
    made = forecast(model)
    names, step = sorted(FEATURES), np.log(2.0) / model.half_life / N
    for split in made.splits:
        ((_, stop),) = split.window.train
        X = np.stack([FEATURES[name] for name in names], axis=-1)
        seen = X[:stop].reshape(-1, 3)
        X = (X - seen.mean(axis=0)) / seen.std(axis=0)
        unit = LABELS.target[:stop].std()
        by_hand = SGDRegressor(eta0=step, shuffle=False, random_state=1, **options)
        learnt = 0
        for t in range(split.test_start, split.test_stop):
            while learnt + 1 + H + USUAL.embargo < t:  # its label is known, and the embargo over
                by_hand.partial_fit(X[learnt], LABELS.target[learnt] / unit)
                learnt += 1
            hand = by_hand.predict(X[t]) * unit
            np.testing.assert_allclose(made.values[t], hand, rtol=1e-9, atol=1e-14)
        assert learnt == split.test_stop - 1 - 1 - H - USUAL.embargo


def test_updates_are_written_down_with_the_first_forecast_that_they_served() -> None:
    split = forecast(Online()).splits[0]
    fit = split.fits[-1]
    assert (fit.what, fit.rows) == ("updates", (split.test_stop - 261) * N)
    assert fit.dates == ((252, split.test_stop - 9),)
    assert fit.before == tuple(range(261, split.test_stop))
    early = replace(fit, before=(fit.before[0] - 3, *fit.before[1:]))
    assert find_late((early,), split.window.test, LABELS.end) == (early,)


def test_what_is_held_out_is_not_learnt_inside_folds() -> None:
    split = forecast(Stacking({"online": Online()}, final=Ridge(), folds=4)).splits[0]
    updated = [fit.what for fit in split.fits if fit.before]
    assert updated == ["online: updates"]


def test_online_follows_a_premium_that_turns() -> None:
    """The slope changes its sign after the training; ridge learns of it with the next one only."""
    turned = FEATURES["a"] * np.where(np.arange(T) < 270, 1.0, -1.0)[:, None]
    labels = label(turned)
    ends = (slice(340, 410),)
    quick, slow = (
        np.mean([
            np.corrcoef(made.values[t], labels.values[t])[0, 1]
            for some in ends
            for t in range(some.start, some.stop)
        ])
        for made in (forecast(Online(half_life=15.0), labels), forecast(Ridge(), labels))
    )  # fmt: skip
    assert quick > 0.6
    assert quick > slow + 0.5


def test_a_shift_of_the_error_begins_anew() -> None:
    """The premium turns in the middle of the training; only what came after it counts then."""
    turned = label(FEATURES["a"] * np.where(np.arange(T) < 150, 1.0, -1.0)[:, None])
    watched = Online(half_life=200.0, drift="adwin", recent=30)
    plain, anew = (
        forecast(model, turned).splits[0] for model in (Online(half_life=200.0), watched)
    )
    assert plain.told == {"drifts": 0}
    assert anew.told is not None
    assert anew.told["drifts"] >= 1
    assert anew.test_ic > plain.test_ic


def test_the_watch_for_drift_needs_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online_module, "find_spec", lambda name: None)
    Online()
    with pytest.raises(engine.ConfigError, match=r"drift=adwin needs an extra: pip install '.*'"):
        Online(drift="adwin")


def write(folder: Path, values: engine.FloatArray) -> FileModel:
    """A file with a value per date and symbol; NaN has no row."""
    frame = pd.DataFrame({
        "timestamp": np.repeat(DATES, N),
        "symbol": np.tile(SYMBOLS, T),
        "alpha": values.ravel(),
    }).dropna()  # fmt: skip
    frame.to_parquet(folder / "alpha.parquet")
    return FileModel(path=str(folder / "alpha.parquet"), column="alpha")


def test_forecasts_made_elsewhere_are_taken_as_they_stand(tmp_path: Path) -> None:
    own = forecast(Ridge())
    taken = forecast(write(tmp_path, own.values))
    np.testing.assert_array_equal(taken.values, own.values)
    assert [s.test_ic for s in taken.splits] == [s.test_ic for s in own.splits]
    assert [s.outside for s in taken.splits] == [s.outside for s in own.splits]


def test_where_the_file_has_no_row_there_is_no_forecast(tmp_path: Path) -> None:
    values = forecast(Ridge()).values
    values[300:320] = np.nan
    values[:, 3] = np.nan
    made = forecast(write(tmp_path, values))
    np.testing.assert_array_equal(made.values, values)
    assert np.isfinite(made.splits[0].outside.mse)


def test_a_member_must_have_all_forecasts(tmp_path: Path) -> None:
    model = Ensemble({"file": write(tmp_path, forecast(Ridge()).values), "ridge": Ridge()})
    words = r"model 'file' lacks \d+ of \d+ forecasts in split 0, file: .* factor of the bundle"
    with pytest.raises(engine.DataError, match=words):
        forecast(model)


def test_a_file_that_meets_no_bar_is_refused(tmp_path: Path) -> None:
    model = write(tmp_path, forecast(Ridge()).values)
    frame = pd.read_parquet(model.path).assign(symbol="ELSE")
    frame.to_parquet(model.path)
    with pytest.raises(engine.DataError, match=r"no forecast for any bar: .*symbols"):
        forecast(model)


@pytest.mark.parametrize("given", [{}, {"path": "x.parquet"}, {"column": "alpha"}])
def test_a_file_and_its_column_are_asked_for(given: dict[str, str]) -> None:
    with pytest.raises(engine.ConfigError, match=r"type model\.path=FILE model\.column=NAME"):
        forecast(FileModel(**given))


def test_the_spread_of_an_ensemble_is_a_forecast_of_its_own() -> None:
    members = {"online": Online(half_life=30.0), "ridge": Ridge()}
    made = forecast(Ensemble(members))
    one, two = (forecast(model).values for model in members.values())
    assert [*made.apart] == ["ml_alpha_ensemble_spread_5d"]
    spread = made.apart["ml_alpha_ensemble_spread_5d"]
    np.testing.assert_allclose(spread[260:], np.abs(one - two)[260:] / 2.0, rtol=1e-9)
