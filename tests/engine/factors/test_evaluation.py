"""`engine.evaluate` on a panel, a long frame and closes as dates × symbols."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import engine

DAYS = pd.date_range("2024-01-01", periods=3)
CLOSE = pd.DataFrame({"A": [1.0, 2.0, 4.0], "B": [3.0, 3.0, 6.0]}, index=DAYS)


def _long() -> pd.DataFrame:
    long = CLOSE.rename_axis("date").melt(ignore_index=False, var_name="symbol", value_name="close")
    return long.reset_index().assign(sector="x")


@pytest.mark.parametrize("bars", [CLOSE, _long()], ids=["wide", "long"])
def test_frames_give_frames(bars):
    before = bars.copy()
    made = engine.evaluate({"change": "close / delay(close, 1) - 1", "q": "Ref($close, 1)"}, bars)
    assert list(made) == ["change", "q"]
    assert list(made["change"].columns) == ["A", "B"]
    assert_array_equal(made["change"].index, DAYS.tz_localize("UTC"))
    assert_array_equal(made["change"], [[np.nan, np.nan], [1.0, 0.0], [1.0, 1.0]])
    assert_array_equal(made["q"], CLOSE.shift(1))
    pd.testing.assert_frame_equal(bars, before)


def test_text_columns_are_groupings():
    made = engine.evaluate({"f": "indneutralize(close, sector)"}, _long())["f"]
    assert_array_equal(made, [[-1.0, 1.0], [-0.5, 0.5], [-1.0, 1.0]])


def test_a_panel_gives_arrays():
    panel = engine.Panel(DAYS.tz_localize("UTC"), ("A", "B"), {"close": CLOSE.to_numpy()})
    made = engine.evaluate({"f": "rank(close)"}, panel, threads=1)["f"]
    assert isinstance(made, np.ndarray)
    assert_array_equal(made, [[0.5, 1.0], [0.5, 1.0], [0.5, 1.0]])


def test_frames_are_checked_like_the_bars_of_a_run():
    with pytest.raises(engine.DataError, match="close"):
        engine.evaluate({"f": "close"}, CLOSE * -1.0)


def test_results_may_be_of_single_precision():
    made = engine.evaluate({"f": "ts_mean(close, 2) / 3"}, CLOSE, dtype="float32")["f"]
    assert (made.dtypes == np.float32).all()
    assert_array_equal(made["A"], np.float32([1 / 3, 0.5, 1.0]))
    with pytest.raises(engine.ConfigError, match="did you mean 'float64'"):
        engine.evaluate({"f": "close"}, CLOSE, dtype="float16")


def test_what_single_precision_cannot_hold_is_missing():
    formulas = {"field": "close", "product": "close * 10", "number": "1e300"}
    made = engine.evaluate(formulas, CLOSE * 1e38, dtype="float32")
    assert_array_equal(made["field"]["A"], np.float32([1e38, 2e38, np.nan]))
    assert np.isnan(made["product"]).all(axis=None)
    assert np.isnan(made["number"]).all(axis=None)
