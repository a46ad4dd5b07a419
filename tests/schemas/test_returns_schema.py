"""Each check of the contract of returns can fail."""

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest

from engine.schemas.returns import returns_schema

NUMBERS = (
    "net",
    "gross",
    "equity",
    "turnover",
    "cost_fee",
    "delisting",
    "interest",
    "risk_free",
    "long",
    "short",
    "cash",
    "benchmark",
)


def frame(days=("2024-01-01", "2024-01-02"), tz="UTC", **numbers):
    columns = {name: np.zeros(2) for name in NUMBERS} | numbers
    stamps = pd.to_datetime(list(days)).tz_localize(tz)
    return pd.DataFrame({"timestamp": stamps, **columns})


def test_a_good_frame_passes_even_with_a_total_loss():
    returns_schema(["cost_fee"]).validate(frame(net=[0.1, -1.0], cost_fee=[0.1, -0.1]))


@pytest.mark.parametrize(
    ("bad", "check"),
    [
        (frame(net=[0.0, -1.1]), "greater_than_or_equal_to(-1.0)"),
        (frame(equity=[0.0, -1.0]), "greater_than_or_equal_to(0.0)"),
        (frame(turnover=[0.0, -1.0]), "greater_than_or_equal_to(0.0)"),
        (frame(delisting=[0.0, -1.0]), "greater_than_or_equal_to(0.0)"),
        (frame(long=[0.0, -1.0]), "greater_than_or_equal_to(0.0)"),
        (frame(short=[0.0, -1.0]), "greater_than_or_equal_to(0.0)"),
        *[(frame(**{name: [0.0, np.inf]}), "no infinities") for name in NUMBERS],
        *[(frame(**{name: [0.0, np.nan]}), "not_nullable") for name in NUMBERS],
        *[(frame(**{name: [0, 0]}), "dtype") for name in NUMBERS],
        *[(frame().drop(columns=name), "column_in_dataframe") for name in NUMBERS],
        (frame(days=("2024-01-02", "2024-01-01")), "ascend"),
        (frame(days=("2024-01-01", "2024-01-01")), "unique"),
        (frame(tz=None), "timestamps are in UTC"),
        (frame(tz="US/Eastern"), "timestamps are in UTC"),
        (frame(days=("2024-01-01", None)), "not_nullable"),
        (frame(cost_tax=[0.0, 0.0]), "column_in_schema"),
    ],
)
def test_a_broken_frame_fails_its_check(bad, check):
    with pytest.raises(pa.errors.SchemaErrors) as caught:
        returns_schema(["cost_fee"]).validate(bad, lazy=True)
    assert check in caught.value.failure_cases["check"].astype(str).str.cat()
