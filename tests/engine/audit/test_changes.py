"""What an audit does to a source's rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.audit.changes import cut, perturb, split
from engine.bars import Rows
from engine.pipeline import Raw

DAYS = pd.date_range("2020-01-01", periods=4, tz="UTC")


@pytest.fixture
def raw() -> Raw:
    """A on four days; B on the last two; a series."""
    rows = Rows(
        days=DAYS,
        day=np.array([0, 1, 2, 3, 2, 3]),
        names=("A", "B"),
        name=np.array([0, 0, 0, 0, 1, 1]),
        numbers={
            "open": np.array([9.0, 11.0, 12.0, 13.0, 5.0, 6.0]),
            "close": np.array([10.0, 11.0, 12.0, 13.0, 5.0, 6.0]),
            "volume": np.array([1.0, 2.0, 3.0, 4.0, 0.0, 6.0]),
            "raw_close": np.array([10.0, 11.0, 12.0, 13.0, 5.0, 6.0]),
        },
        texts={"sector": pd.Categorical(["x", "x", "x", "x", "y", "y"])},
    )
    return Raw(rows, pd.DataFrame({"vix": [1.0, 2.0, 3.0, 4.0]}, index=DAYS), {})


def test_a_cut_leaves_no_trace_of_what_comes_later(raw: Raw) -> None:
    known = cut(raw, DAYS[1])
    assert known.rows.names == ("A",)
    assert known.rows.days.equals(DAYS[:2])
    assert known.rows.numbers["close"].tolist() == [10.0, 11.0]
    assert [*known.rows.texts["sector"].categories] == ["x"]
    assert known.series is not None
    assert known.series["vix"].tolist() == [1.0, 2.0]
    assert raw.rows.names == ("A", "B")


def test_a_perturbation_changes_every_value_of_the_next_date_and_no_other(raw: Raw) -> None:
    made = perturb(raw, DAYS[1], DAYS[2])
    rows = made.rows
    assert len(rows) == 4  # nothing of the fourth day
    later = rows.day == 2
    for name, values in rows.numbers.items():
        whole = raw.rows.numbers[name][[0, 1, 2, 4]]
        assert (values[~later] == whole[~later]).all()
        assert (values[later] != whole[later]).all()
    assert np.allclose((rows.numbers["open"] / rows.numbers["close"])[later], 1.0)  # one factor
    assert [*rows.texts["sector"]] == ["x", "x", "y", "x"]
    assert made.series is not None
    assert (made.series["vix"] == [1.0, 2.0, 3.0]).tolist() == [True, True, False]


def test_the_same_perturbation_is_made_each_time(raw: Raw) -> None:
    one, two = (perturb(raw, DAYS[1], DAYS[2]) for _ in range(2))
    assert one.fingerprint == two.fingerprint != raw.fingerprint


def test_a_split_halves_the_prices_of_one_symbol_up_to_its_date(raw: Raw) -> None:
    rows = split(raw, DAYS[2], DAYS[3], "A").rows
    assert rows.numbers["close"].tolist() == [5.0, 5.5, 6.0, 13.0, 5.0, 6.0]
    assert rows.numbers["volume"].tolist() == [2.0, 4.0, 6.0, 4.0, 0.0, 6.0]
    assert rows.numbers["raw_close"].tolist() == [10.0, 11.0, 12.0, 13.0, 5.0, 6.0]
