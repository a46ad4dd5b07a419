"""Training on second moments: what rows would teach, from sums that all splits share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

import engine
from engine.forecasts.labels import Labels
from engine.forecasts.splits import Validation
from engine.forecasts.walkforward import Forecasts, walk_forward
from engine.plugins.models.linear import Linear
from engine.plugins.models.pcr import PCR
from engine.plugins.models.pls import PLS
from engine.plugins.models.ridge import Ridge

T, N = 400, 12
USUAL = Validation(n_splits=4, min_train=100, embargo=2, min_train_rows=20)


@dataclass(frozen=True)
class RowRidge(Ridge):
    """Ridge that is trained on rows: whoever makes another estimator wants it to be used."""

    name: ClassVar[str] = "row_ridge"

    def estimator(self, seed: int) -> engine.Estimator:
        return super().estimator(seed)


@dataclass(frozen=True)
class RowLinear(Linear):
    name: ClassVar[str] = "row_linear"

    def estimator(self, seed: int) -> engine.Estimator:
        return super().estimator(seed)


@dataclass(frozen=True)
class RowPLS(PLS):
    name: ClassVar[str] = "row_pls"

    def estimator(self, seed: int) -> engine.Estimator:
        return super().estimator(seed)


@dataclass(frozen=True)
class RowPCR(PCR):
    name: ClassVar[str] = "row_pcr"

    def estimator(self, seed: int) -> engine.Estimator:
        return super().estimator(seed)


def make_features(seed: int = 0) -> dict[str, engine.FloatArray]:
    """Features of unlike size, with holes, late starts, ties and a level that drifts."""
    random = np.random.default_rng(seed)
    small, level, whole = (random.normal(size=(T, N)) for _ in range(3))
    features = {
        "small": small * 1e-6,
        "level": 300.0 + level.cumsum(axis=0),
        "whole": np.round(whole),
        "late": np.where(np.arange(T)[:, None] < 40, np.nan, level * small),
        "twin": 2.0 * whole + 1e-3 * level,
    }
    features["small"][random.random((T, N)) < 0.2] = np.nan
    features["whole"][random.random((T, N)) < 0.05] = np.inf
    return features


def make_labels(features: dict[str, engine.FloatArray], horizon: int = 5) -> Labels:
    """A target that a little of the features is in; its last rows are unknown."""
    random = np.random.default_rng(9)
    target = random.normal(0.001, 0.02, (T, N)) + 3e3 * np.nan_to_num(features["small"])
    target[-horizon - 1 :] = np.nan
    target[random.random((T, N)) < 0.03] = np.nan
    end = np.arange(T, dtype=np.int64) + horizon + 1
    symbols = tuple(f"S{i:02d}" for i in range(N))
    dates = pd.bdate_range("2020-01-01", periods=T, tz="UTC")
    return Labels("forward_return_5d", horizon, symbols, target, target, end, dates)


def forecast(model: engine.Model, features: Any, validation: Validation = USUAL) -> Forecasts:
    return walk_forward(features, make_labels(make_features()), model, validation, seed=0)


def is_as_from_rows(features: Any, validation: Validation = USUAL, alpha: float = 50.0) -> None:
    is_as(Ridge(alpha=alpha), RowRidge(alpha=alpha), features, validation)


def is_as(
    solver: engine.Model, by_rows: engine.Model, features: Any, validation: Validation
) -> None:
    assert solver.is_solved
    assert not by_rows.is_solved
    solved, fitted = (forecast(model, features, validation) for model in (solver, by_rows))
    spread = np.nanstd(fitted.values)
    np.testing.assert_allclose(solved.values, fitted.values, rtol=0, atol=1e-8 * spread)
    for one, other in zip(solved.splits, fitted.splits, strict=True):
        assert one.n_train == other.n_train
        assert one.importances == pytest.approx(other.importances, rel=1e-6, abs=1e-12)


VALIDATIONS = pytest.mark.parametrize(
    "validation",
    [
        USUAL,
        replace(USUAL, scheme="rolling", train_size=130),
        replace(USUAL, retrain_every=7),
        replace(USUAL, impute="drop"),
        replace(USUAL, standardize=False),
        replace(USUAL, scheme="rolling", train_size=90, impute="drop", standardize=False),
    ],
    ids=["expanding", "rolling", "often", "drop", "raw", "rolling drop raw"],
)


@VALIDATIONS
def test_ridge_forecasts_what_it_would_from_rows(validation: Validation) -> None:
    is_as_from_rows(make_features(), validation)


@VALIDATIONS
@pytest.mark.parametrize(
    ("solver", "by_rows"),
    [
        (Linear(), RowLinear()),
        (PLS(components=1), RowPLS(components=1)),
        (PLS(components=3), RowPLS(components=3)),
        (PCR(components=2), RowPCR(components=2)),
        (PCR(components=9), RowPCR(components=9)),
    ],
    ids=["linear", "pls 1", "pls 3", "pcr 2", "pcr all"],
)
def test_other_linear_models_forecast_what_they_would_from_rows(
    solver: engine.Model, by_rows: engine.Model, validation: Validation
) -> None:
    is_as(solver, by_rows, make_features(), validation)


@pytest.mark.parametrize("alpha", [1e-9, 1.0, 1e6])
def test_the_penalty_is_that_of_rows(alpha: float) -> None:
    is_as_from_rows(make_features(), alpha=alpha)


@pytest.mark.parametrize(
    "column",
    [
        np.full((T, N), 7.3),
        np.full((T, N), np.nan),
        np.where(np.arange(T)[:, None] < 130, 0.1, np.arange(T)[:, None] * np.ones(N)),
        1e9 + np.random.default_rng(5).normal(size=(T, N)),
        np.where(np.arange(T)[:, None] < 130, 0.0, 1e7) + np.random.default_rng(5).random((T, N)),
    ],
    ids=["constant", "nothing", "constant at first", "far from 0", "moves far away"],
)
def test_odd_columns_are_learnt_as_from_rows(column: engine.FloatArray) -> None:
    is_as_from_rows(make_features() | {"odd": column})


def test_a_feature_far_from_its_pivot_is_trained_on_rows() -> None:
    """Its sums would keep too few digits; the forecasts are then those of rows, bit for bit."""
    moved = np.where(np.arange(T)[:, None] < 100, 0.0, 1e9) + make_features()["whole"]
    features = {"moved": np.where(np.arange(T)[:, None] < 101, 0.0, moved)}
    validation = replace(USUAL, scheme="rolling", train_size=100, n_splits=2)
    solved, fitted = (forecast(m, features, validation) for m in (Ridge(), RowRidge()))
    np.testing.assert_array_equal(solved.values[250:], fitted.values[250:])


@dataclass(frozen=True)
class Solver(Ridge):
    """Ridge that cannot be trained on rows, and may not be solved either."""

    name: ClassVar[str] = "solver"
    gives_up: bool = False

    def estimator(self, seed: int) -> engine.Estimator:
        raise AssertionError("rows are wanted")

    def solve(self, gram: engine.FloatArray, moment: engine.FloatArray) -> engine.FloatArray | None:
        return None if self.gives_up else super().solve(gram, moment)


def test_rows_are_touched_only_where_sums_do_not_do() -> None:
    expected = forecast(Ridge(), make_features())
    np.testing.assert_array_equal(forecast(Solver(), make_features()).values, expected.values)
    with pytest.raises(engine.PluginError, match="rows are wanted"):
        forecast(Solver(gives_up=True), make_features())


def test_whoever_trains_otherwise_is_trained_on_rows() -> None:
    assert Ridge().is_solved
    assert Solver().is_solved
    assert not RowRidge().is_solved
