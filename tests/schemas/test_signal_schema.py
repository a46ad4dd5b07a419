"""Each check of the contract of the signal can fail."""

import numpy as np
import pandas as pd
import pytest
from pandera.errors import SchemaErrors

from engine.schemas.signal import signal_schema


def frame(score=(1.0, np.nan, -2.0), symbols=("A", "B", "A"), days=(1, 1, 2), tz="UTC"):
    return pd.DataFrame(
        {
            "timestamp": pd.to_datetime([f"2024-01-0{day}" for day in days]).tz_localize(tz),
            "symbol": pd.Categorical(symbols),
            "mf_score": np.array(score, float),
        }
    )


def test_a_good_frame_passes_unchanged():
    pd.testing.assert_frame_equal(signal_schema().validate(frame(), lazy=True), frame())


@pytest.mark.parametrize(
    ("bad", "check"),
    [
        (frame(score=(np.inf, 0.0, 0.0)), "no infinities"),
        (frame(score=(np.nan, 0.0, -np.inf)), "no infinities"),
        (frame(days=(2, 2, 1)), "rows ascend by timestamp, then symbol"),
        (frame(symbols=("B", "A", "A")), "rows ascend by timestamp, then symbol"),
        (frame(symbols=("A", "A", "A")), "no (timestamp, symbol) pair comes twice"),
        (frame(tz="US/Eastern"), "timestamps are in UTC"),
        (frame(tz=None), "timestamps are in UTC"),
        (frame(symbols=("A", "B", None)), "not_nullable"),
        (frame().assign(symbol=["A", "B", "A"]), "dtype('category')"),
        (frame().assign(mf_score=[1, 0, 0]), "dtype('float64')"),
        (frame().assign(extra=1.0), "column_in_schema"),
        (frame().drop(columns="mf_score"), "column_in_dataframe"),
    ],
)
def test_a_broken_frame_fails_its_check(bad, check):
    with pytest.raises(SchemaErrors) as caught:
        signal_schema().validate(bad, lazy=True)
    assert check in set(caught.value.failure_cases["check"].astype(str))


def test_the_report_names_the_signal():
    with pytest.raises(SchemaErrors, match="signal"):
        signal_schema().validate(frame(score=(np.inf, 0.0, 0.0)), lazy=True)
