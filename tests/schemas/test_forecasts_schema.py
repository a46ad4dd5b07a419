"""The contracts of forecasts and regimes: a good frame passes, each check can fail."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandera.errors import SchemaError, SchemaErrors

from engine.schemas.forecasts import forecasts_schema
from engine.schemas.regimes import regimes_schema

NAME = "ml_alpha_ridge_5d"
DAYS = pd.DatetimeIndex(["2020-01-01", "2020-01-02"], tz="UTC")


def forecasts():
    return pd.DataFrame(
        {
            "timestamp": DAYS.repeat(2),
            "symbol": pd.Categorical(["A", "B", "A", "B"]),
            NAME: [np.nan, np.nan, 0.1, np.nan],
            "split": [-1, -1, 0, 0],
        }
    )


def regimes():
    return pd.DataFrame({"timestamp": DAYS, "calm": [np.nan, 0.25], "turbulent": [np.nan, 0.75]})


def test_good_frames_pass():
    forecasts_schema(NAME).validate(forecasts())
    regimes_schema(["calm", "turbulent"]).validate(regimes())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timestamp": DAYS.tz_localize(None).repeat(2)}, "UTC"),
        ({"timestamp": DAYS.tz_convert("US/Eastern").repeat(2)}, "UTC"),
        ({"timestamp": DAYS[::-1].repeat(2)}, "ascend"),
        ({"symbol": pd.Categorical(["B", "A", "A", "B"])}, "ascend"),
        ({"symbol": pd.Categorical(["A", "A", "A", "B"])}, "ascend"),
        ({"symbol": ["A", "B", "A", "B"]}, "category"),
        ({"symbol": pd.Categorical([None, "B", "A", "B"])}, "null"),
        ({NAME: [np.nan, np.nan, np.inf, np.nan]}, "infinities"),
        ({NAME: np.array([np.nan, np.nan, 0.1, 0.2], np.float32)}, "float64"),
        ({NAME: [np.nan, 0.1, 0.1, 0.1]}, "before split 0"),
        ({"split": [-2, -1, 0, 0]}, r"greater_than_or_equal_to\(-1\)"),
        ({"split": [-1.0, -1.0, 0.0, 0.0]}, "int64"),
        ({"split": [1, 1, 0, 0]}, "never fall"),
        ({"extra": 1.0}, "extra"),
    ],
)
def test_a_bad_forecast_frame_fails(change, message):
    with pytest.raises((SchemaError, SchemaErrors), match=message):
        forecasts_schema(NAME).validate(forecasts().assign(**change))


def test_label_and_factors_may_stand_beside_a_forecast():
    frame = forecasts().assign(momentum=[np.nan, 1.0, -1.0, 0.0])
    schema = forecasts_schema(NAME, others=["momentum"])
    schema.validate(frame)
    for bad in (frame.assign(momentum=np.inf), frame.assign(momentum=1), forecasts()):
        with pytest.raises((SchemaError, SchemaErrors), match="momentum"):
            schema.validate(bad)


@pytest.mark.parametrize("column", ["timestamp", "symbol", NAME, "split"])
def test_a_missing_forecast_column_fails(column):
    with pytest.raises((SchemaError, SchemaErrors), match=column):
        forecasts_schema(NAME).validate(forecasts().drop(columns=column))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timestamp": DAYS.tz_localize(None)}, "UTC"),
        ({"timestamp": DAYS[::-1]}, "ascend"),
        ({"timestamp": DAYS[[0, 0]]}, "ascend"),
        ({"timestamp": DAYS.tz_convert("US/Eastern")}, "UTC"),
        ({"timestamp": DAYS.where([True, False])}, "null"),
        ({"calm": [np.nan, -0.25], "turbulent": [np.nan, 1.25]}, "in_range"),
        ({"calm": [np.nan, 0.25], "turbulent": [np.nan, 1.25]}, "in_range"),
        ({"calm": [np.nan, np.inf]}, "infinities"),
        ({"calm": [np.nan, 0.2]}, "sums to 1"),
        ({"calm": [1.0, 0.25]}, "sums to 1"),
        ({"calm": np.array([np.nan, 0.25], np.float32)}, "float64"),
        ({"extra": 1.0}, "extra"),
    ],
)
def test_a_bad_regime_frame_fails(change, message):
    with pytest.raises((SchemaError, SchemaErrors), match=message):
        regimes_schema(["calm", "turbulent"]).validate(regimes().assign(**change))


def test_a_sum_may_be_off_by_rounding_alone():
    schema = regimes_schema(["calm", "turbulent"])
    schema.validate(regimes().assign(calm=[np.nan, 0.25 + 1e-12]))
    with pytest.raises((SchemaError, SchemaErrors), match="sums to 1"):
        schema.validate(regimes().assign(calm=[np.nan, 0.25 + 1e-6]))


def test_a_missing_state_fails():
    with pytest.raises((SchemaError, SchemaErrors), match="turbulent"):
        regimes_schema(["calm", "turbulent"]).validate(regimes().drop(columns="turbulent"))
