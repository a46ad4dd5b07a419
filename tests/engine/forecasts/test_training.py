"""What each training tells: what it saw, how far off it was, what more history would do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

import engine
from engine.core.errors import ConfigError
from engine.forecasts import Fit, find_late, walk_forward
from engine.forecasts.errors import Errors
from engine.forecasts.labels import Label, Labels
from engine.forecasts.moments import Moments
from engine.forecasts.ranges import to_rows
from engine.forecasts.rows import Part
from engine.forecasts.splits import Validation
from engine.forecasts.teaching import Teacher
from engine.forecasts.walkforward import Forecasts
from engine.plugins.models.ridge import Ridge
from engine.study import rank_ic

T, N, H = 160, 8, 5
USUAL = Validation(n_splits=3, min_train=60, embargo=2, min_train_rows=20)
FOLDS = Validation(scheme="combinatorial", n_folds=4, n_test_folds=2, embargo=2, min_train_rows=20)


@dataclass(frozen=True)
class Plain(engine.Model):
    """Least squares."""

    name: ClassVar[str] = "plain"

    def estimator(self, seed: int) -> engine.Estimator:
        return LinearRegression()


@dataclass(frozen=True)
class Patient(Plain):
    """Least squares that asks for a tail, and does nothing with it."""

    name: ClassVar[str] = "patient"
    wants_tail: ClassVar[bool] = True


@dataclass(frozen=True)
class RowRidge(Ridge):
    """Ridge that is trained on rows."""

    name: ClassVar[str] = "row_ridge"

    def estimator(self, seed: int) -> engine.Estimator:
        return super().estimator(seed)


def make_panel(T: int = T) -> engine.Panel:
    random = np.random.default_rng(3)
    close = 50 * np.exp(random.normal(0, 0.01, (T, N)).cumsum(axis=0))
    close[90:, 1] = np.nan
    dates = pd.bdate_range("2020-01-01", periods=T, tz="UTC")
    return engine.Panel(dates, tuple(f"S{i}" for i in range(N)), {"close": close})


def make_features(panel: engine.Panel) -> dict[str, engine.FloatArray]:
    random = np.random.default_rng(4)
    noise = random.normal(size=(T, N))[: len(panel.dates)]
    holes = noise.copy()
    holes[np.abs(noise) < 0.1] = np.nan
    holes[:20] = np.nan
    good = np.where(panel.present, np.vstack([panel.returns[1:], panel.returns[-1:]]), np.nan)
    return {"holes": holes, "late": np.roll(np.nan_to_num(good), 7, axis=0), "noise": noise}


PANEL = make_panel()
FEATURES = make_features(PANEL)
LABELS = Label(horizon=H).compute(PANEL)


def forecast(model: engine.Model, validation: Validation, **changes: Any) -> Forecasts:
    words = {"seed": 0, "where": PANEL.present, **changes}
    return walk_forward(FEATURES, LABELS, model, validation, **words)


def test_each_fit_tells_its_rows_and_when_they_were_known() -> None:
    """Row t's label is known at t + 6; with embargo 2 the rows up to 51 are for row 60 on."""
    split = forecast(Plain(), USUAL).splits[0]
    assert [fit.what for fit in split.fits] == ["medians", "scaler", "model"]
    assert {(fit.dates, fit.rows, fit.latest) for fit in split.fits} == {
        (((0, 52),), 52 * N, 51 + 1 + H)
    }


def test_a_tail_is_a_fit_of_its_own() -> None:
    """A fifth of 52 dates is 10: from row 42 on; the rows before are known by 42 less 2."""
    *_, model, tail = forecast(Patient(), USUAL).splits[0].fits
    assert (model.what, model.dates, model.latest) == ("model", ((0, 34),), 33 + 1 + H)
    assert (tail.what, tail.dates, tail.rows) == ("early stopping", ((42, 52),), 10 * N)


@pytest.mark.parametrize("validation", [USUAL, replace(USUAL, scheme="rolling", train_size=37)])
def test_a_solved_model_tells_what_its_sums_were_of(validation: Validation) -> None:
    for solved, fitted in zip(
        forecast(Ridge(), validation).splits, forecast(RowRidge(), validation).splits, strict=True
    ):
        assert solved.fits == fitted.fits
        assert solved.fits[-1].rows == solved.n_train


def test_sums_of_several_ranges_learn_what_rows_do() -> None:
    solved, fitted = forecast(Ridge(alpha=5.0), FOLDS), forecast(RowRidge(alpha=5.0), FOLDS)
    np.testing.assert_allclose(solved.values, fitted.values, rtol=0, atol=1e-9)
    assert [split.fits[-1].rows for split in solved.splits] == [
        split.fits[-1].rows for split in fitted.splits
    ]
    assert any(len(split.window.train) > 1 for split in solved.splits)
    assert any(len(split.fits[0].dates) > 1 for split in solved.splits)


def test_folds_agree_with_a_literal_loop() -> None:
    made = forecast(Plain(), FOLDS)
    names = sorted(FEATURES)
    for date in range(0, T, 7):
        split = made.splits[made.split[date]]
        assert date in to_rows(split.window.test)
        known = PANEL.present & np.isfinite(LABELS.target)
        cells = [(t, i) for t in to_rows(split.window.train) for i in range(N) if known[t, i]]
        t, i = np.array(cells).T
        X = np.column_stack([FEATURES[name][t, i] for name in names])
        median = np.nanmedian(X, axis=0)
        model = LinearRegression().fit(np.where(np.isnan(X), median, X), LABELS.target[t, i])
        x = np.column_stack([FEATURES[name][date] for name in names])
        expected = model.predict(np.where(np.isnan(x), median, x))
        expected[~PANEL.present[date]] = np.nan
        np.testing.assert_allclose(made.values[date], expected, atol=1e-12)


def test_the_first_path_is_what_is_forecast_and_each_path_has_its_rank_ic() -> None:
    made = forecast(Plain(), FOLDS)
    assert len(made.paths) == 3
    first = made.paths[0]
    np.testing.assert_array_equal(first.split, made.split)
    np.testing.assert_allclose(first.rank_ic, rank_ic(made.values, LABELS.values))
    for path in made.paths:
        assert (path.split >= 0).all()
        assert np.isfinite(path.rank_ic[: T - H - 1]).all()
        for index in np.unique(path.split):
            window = made.splits[index].window
            assert np.isin(np.flatnonzero(path.split == index), to_rows(window.test)).all()
    daily = np.concatenate([path.rank_ic for path in made.paths])
    number = np.concatenate([path.split for path in made.paths])
    for split in made.splits:
        assert split.test_ic == pytest.approx(np.nanmean(daily[number == split.index]))


def test_walk_forward_has_one_path() -> None:
    made = forecast(Plain(), USUAL)
    (path,) = made.paths
    assert path.split.tolist() == made.split.tolist()
    np.testing.assert_allclose(path.rank_ic, rank_ic(made.values, LABELS.values))


def plant(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """Let rows be chosen, and sums be taken, from dates that are later than those asked for."""

    def later(part: Part) -> Part:
        return Part(tuple((start, stop + days) for start, stop in part.dates))

    monkeypatch.setattr(Teacher, "_divide", lambda self, model, part: (later(part), Part(())))


@pytest.mark.parametrize(("days", "late"), [(0, []), (2, []), (3, ["medians", "scaler", "model"])])
@pytest.mark.parametrize("model", [Plain(), Ridge()])
def test_a_fit_that_saw_what_was_not_known_is_found(
    monkeypatch: pytest.MonkeyPatch, model: engine.Model, days: int, late: list[str]
) -> None:
    """The plan's last label is known at 57, the forecasts begin at 60: three days are too many."""
    plant(monkeypatch, days)
    split = forecast(model, USUAL).splits[0]
    assert split.window.train == ((0, 52),)
    assert [fit.what for fit in find_late(split.fits, split.window.test, LABELS.end)] == late


def test_sums_of_too_late_dates_are_found_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    total = Moments._sum
    monkeypatch.setattr(Moments, "_sum", lambda self, ranges: total(self, ((0, 70),)))
    split = forecast(Ridge(), USUAL).splits[0]
    late = find_late(split.fits, split.window.test, LABELS.end)
    assert [(fit.what, fit.rows) for fit in late] == [("scaler", 70 * N), ("model", 70 * N)]


def test_among_folds_a_fit_is_late_where_it_meets_the_forecasts() -> None:
    """Fold 2 of 4 is rows 40 to 79, whose labels end at 85."""
    made = forecast(Plain(), replace(FOLDS, scheme="purged_kfold"))
    for split in made.splits:
        assert not find_late(split.fits, split.window.test, LABELS.end, trains_on_later=True)

    def late(start: int, stop: int) -> bool:
        fit = Fit.on("model", ((start, stop),), 1, LABELS)
        return bool(find_late((fit,), ((40, 80),), LABELS.end, trains_on_later=True))

    assert [late(0, 34), late(0, 35), late(84, 90), late(85, 90)] == [False, True, True, False]


def test_errors_are_those_of_scikit_learn() -> None:
    made = forecast(Plain(), USUAL)
    for split in made.splits:
        rows = slice(split.test_start, split.test_stop)
        known = np.isfinite(made.values[rows]) & np.isfinite(LABELS.target[rows])
        y, x = LABELS.target[rows][known], made.values[rows][known]
        assert split.outside.mse == pytest.approx(mean_squared_error(y, x), rel=1e-12)
        assert split.outside.mae == pytest.approx(mean_absolute_error(y, x), rel=1e-12)
        assert split.outside.r2 == pytest.approx(r2_score(y, x), rel=1e-9)
        assert split.outside.rank_ic == split.test_ic


def test_errors_in_training_are_of_every_fifth_date() -> None:
    """One feature without holes, and least squares by hand."""
    x = {"noise": FEATURES["noise"]}
    split = walk_forward(x, LABELS, Plain(), USUAL, seed=0, where=PANEL.present).splits[0]
    X, y = x["noise"][:52].reshape(-1, 1), LABELS.target[:52].ravel()
    fitted = LinearRegression().fit(X, y)
    every = (np.arange(52 * N) // N) % H == 0
    assert split.inside.mse == pytest.approx(mean_squared_error(y[every], fitted.predict(X[every])))
    assert split.inside.r2 == pytest.approx(r2_score(y[every], fitted.predict(X[every])))


def test_errors_in_numbers() -> None:
    made = Errors.of(np.array([1.0, 2.0, 5.0, 9.0]), np.array([1.0, 4.0, 4.0, np.nan]), 0.5)
    assert made == Errors(mse=5 / 3, mae=1.0, r2=pytest.approx(1 - 5 / 6), rank_ic=0.5)


def test_errors_of_nothing_are_nothing() -> None:
    nothing = Errors.of(np.ones(2), np.full(2, np.nan), np.nan)
    assert np.isnan([nothing.mse, nothing.mae, nothing.r2, nothing.rank_ic]).all()
    flat = Errors.of(np.zeros(2), np.full(2, 0.1), np.nan)
    assert (flat.mae, np.isnan(flat.r2)) == (0.1, True)


def make_years(T: int = 900) -> tuple[dict[str, engine.FloatArray], Labels]:
    panel = make_panel(T)
    random = np.random.default_rng(5)
    return {"x": random.normal(size=(T, N))}, Label(horizon=H).compute(panel)


def test_the_learning_curve_trains_the_last_split_on_its_last_years() -> None:
    features, labels = make_years()
    validation = replace(USUAL, min_train=200, learning_curve=[1, 2])
    made = walk_forward(features, labels, Plain(), validation, seed=0)
    last = made.splits[-1]
    stop = labels.dates[last.purged_stop - 1]
    assert [point.years for point in made.curve] == [1, 2]
    for point in made.curve:
        start = stop - pd.DateOffset(years=point.years)
        ((first, end),) = point.split.window.train
        assert labels.dates[first - 1] <= start < labels.dates[first]
        assert (end, point.split.window.test) == (last.purged_stop, last.window.test)
        assert not find_late(point.split.fits, last.window.test, labels.end)
        alone = replace(validation, scheme="rolling", train_size=end - first, learning_curve=[])
        same = walk_forward(features, labels, Plain(), alone, seed=0).splits[-1]
        assert point.split.outside == same.outside
    assert (
        made.values.tobytes()
        == walk_forward(
            features, labels, Plain(), replace(validation, learning_curve=[]), seed=0
        ).values.tobytes()
    )


def test_more_years_than_there_are_are_refused_with_those_that_there_are() -> None:
    features, labels = make_years()
    validation = replace(USUAL, min_train=200, learning_curve=[1, 2, 8])
    message = r"learning_curve=\[1, 2, 8\]: the last training has 2020-01-01 to 2022-\d\d-\d\d to "
    with pytest.raises(ConfigError, match=message + r"learn from: type .*learning_curve=\[1,2\]$"):
        walk_forward(features, labels, Plain(), validation, seed=0)


@pytest.mark.parametrize(
    ("validation", "ways"),
    [
        (USUAL, "validation.min_train=120 or a lower validation.min_train_rows"),
        (FOLDS, "a lower validation.min_train_rows"),
        (
            replace(FOLDS, learning_curve=[1]),
            "more years in validation.learning_curve or a lower validation.min_train_rows",
        ),
    ],
)
def test_too_few_rows_are_named_with_what_to_type(validation: Validation, ways: str) -> None:
    features, labels = make_years()
    few = replace(validation, min_train_rows=10_000)
    with pytest.raises(ConfigError, match=f"10000 are needed: type {ways}$"):
        walk_forward(features, labels, Plain(), few, seed=0)


@settings(max_examples=25, deadline=None)
@given(
    starts=st.lists(st.integers(60, T - 1), min_size=1, max_size=5, unique=True).map(sorted),
    cut=st.integers(62, T),
    scheme=st.sampled_from(["expanding", "rolling"]),
    solved=st.booleans(),
)
def test_pinned_forecasts_before_a_cut_do_not_change(
    starts: list[int], cut: int, scheme: str, solved: bool
) -> None:
    """The data end at the cut; trainings that begin by then give the same, bit for bit."""
    known = [start for start in starts if start < cut]
    if not known:
        return
    model = Ridge() if solved else Plain()
    words = {"scheme": scheme, "train_size": 40}

    def dates(rows: list[int]) -> list[str]:
        return [f"{PANEL.dates[row]:%Y-%m-%d}" for row in rows]

    full = forecast(model, replace(USUAL, **words, dates=dates(starts)))
    panel = PANEL.cut(cut)
    part = walk_forward(
        {name: values[:cut] for name, values in FEATURES.items()},
        Label(horizon=H).compute(panel),
        model,
        replace(USUAL, **words, dates=dates(known)),
        seed=0,
        where=panel.present,
    )
    assert part.values.tobytes() == full.values[:cut].tobytes()
    for split, same in zip(part.splits, full.splits, strict=False):
        assert split.fits == same.fits
