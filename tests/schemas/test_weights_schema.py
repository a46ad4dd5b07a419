"""Each check of the contract of weights can fail."""

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest

from engine.schemas.weights import weights_schema


def frame(weight=(0.5, -0.5, np.nan), symbols=("A", "B", "A"), days=(1, 1, 2), tz="UTC"):
    return pd.DataFrame(
        {
            "timestamp": pd.to_datetime([f"2024-01-0{day}" for day in days]).tz_localize(tz),
            "symbol": pd.Categorical(symbols),
            "weight": np.array(weight, float),
        }
    )


def test_a_good_frame_passes_and_a_cap_may_be_met():
    weights_schema(0.5).validate(frame())
    weights_schema(0.3).validate(frame(weight=(0.1 + 0.2, 0.0, np.nan)))


@pytest.mark.parametrize(
    ("bad", "check"),
    [
        (frame(weight=(np.inf, 0.0, 0.0)), "no infinities"),
        (frame(weight=(0.5, -0.51, 0.0)), "at most 0.5 in size"),
        (frame(weight=(np.nan, 0.51, 0.0)), "at most 0.5 in size"),
        (frame(days=(2, 2, 1)), "ascend"),
        (frame(symbols=("B", "A", "A")), "ascend"),
        (frame(symbols=("A", "A", "A")), "ascend"),
        (frame(tz="US/Eastern"), "timestamps are in UTC"),
        (frame(tz=None), "timestamps are in UTC"),
        (frame().assign(symbol=["A", "B", "A"]), "dtype"),
        (frame().assign(weight=[1, 0, 0]), "dtype"),
        (frame().assign(extra=1.0), "column_in_schema"),
        (frame().drop(columns="weight"), "column_in_dataframe"),
        (frame(symbols=("A", "B", None)), "not_nullable"),
    ],
)
def test_a_broken_frame_fails_its_check(bad, check):
    with pytest.raises(pa.errors.SchemaErrors) as caught:
        weights_schema(0.5).validate(bad, lazy=True)
    assert check in caught.value.failure_cases["check"].astype(str).str.cat()


def test_the_order_is_that_of_names_not_of_categories():
    good = frame()
    good["symbol"] = good["symbol"].cat.reorder_categories(["B", "A"])
    weights_schema(1.0).validate(good)
