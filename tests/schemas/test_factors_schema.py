"""The contracts of factors and signal: each check has a frame that breaks it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandera.errors import SchemaErrors

from engine.schemas.factors import factors_schema
from engine.schemas.signal import signal_schema


def frame(column: str = "momentum") -> pd.DataFrame:
    day = pd.to_datetime(["2020-01-01", "2020-01-01", "2020-01-02"], utc=True)
    return pd.DataFrame(
        {
            "timestamp": day,
            "symbol": pd.Categorical(["A", "B", "A"], categories=["A", "B"]),
            column: [1.0, np.nan, -2.0],
        }
    )


@pytest.mark.parametrize(
    ("schema", "column"),
    [(factors_schema(["momentum"]), "momentum"), (signal_schema(), "mf_score")],
)
def test_a_good_frame_passes_unchanged(schema, column):
    good = frame(column)
    pd.testing.assert_frame_equal(schema.validate(good, lazy=True), frame(column))


def test_a_factor_without_any_value_is_allowed():
    factors_schema(["momentum"]).validate(frame().assign(momentum=np.nan), lazy=True)


BREAKS = {
    "no infinities": lambda f: f.assign(momentum=[1.0, np.inf, 2.0]),
    "timestamps are in UTC": lambda f: f.assign(
        timestamp=f["timestamp"].dt.tz_convert("US/Eastern")
    ),
    "rows ascend by timestamp, then symbol": lambda f: f.iloc[[0, 2, 1]].reset_index(drop=True),
    "no (timestamp, symbol) pair comes twice": lambda f: f.iloc[[0, 1, 1]].reset_index(drop=True),
    "column_in_schema": lambda f: f.assign(surprise=1.0),
    "column_in_dataframe": lambda f: f.drop(columns="momentum"),
    "dtype('float64')": lambda f: f.assign(momentum=[1, 2, 3]),
    "dtype('category')": lambda f: f.assign(symbol=f["symbol"].astype(str)),
    "not_nullable": lambda f: f.assign(symbol=f["symbol"].where([True, False, True])),
}


@pytest.mark.parametrize("check", BREAKS)
def test_each_check_can_fail(check):
    with pytest.raises(SchemaErrors) as caught:
        factors_schema(["momentum"]).validate(BREAKS[check](frame()), lazy=True)
    assert check in set(caught.value.failure_cases["check"].astype(str))


def test_symbols_sort_by_name_not_by_category_order():
    turned = frame()
    turned["symbol"] = turned["symbol"].cat.reorder_categories(["B", "A"])
    factors_schema(["momentum"]).validate(turned, lazy=True)


def test_an_infinite_score_breaks_the_signals_contract():
    with pytest.raises(SchemaErrors, match="signal"):
        signal_schema().validate(frame("mf_score").assign(mf_score=[1.0, -np.inf, 0.0]), lazy=True)
