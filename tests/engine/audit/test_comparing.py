"""Where two results part."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from builders import NAN

from engine.audit.comparing import PARTED, ROUNDED, SAME, compare
from engine.audit.fits import check_fits
from engine.audit.views import View
from engine.forecasts import Labels

DAYS = pd.date_range("2020-01-01", periods=3, tz="UTC")
ONE = View(np.array([[1.0, NAN], [2.0, 3.0], [4.0, 5.0]]), ("A", "B"))


def changed(row: int, column: int, value: float) -> View:
    values = ONE.values.copy()
    values[row, column] = value
    return View(values, ("A", "B"))


def test_the_first_cell_that_differs_is_told_with_both_values() -> None:
    found = compare("close", ONE, changed(1, 1, 3.5), DAYS, 3, exact=True)
    assert found.how == PARTED
    first = found.first
    assert first is not None
    assert (first.date, first.column, first.run, first.variant) == ("2020-01-02", "B", "3.0", "3.5")
    assert first.cells == 1


def test_what_comes_after_the_date_is_not_compared() -> None:
    assert compare("close", ONE, changed(2, 0, 9.0), DAYS, 2, exact=True).how == SAME


def test_a_value_that_was_none_differs() -> None:
    found = compare("close", ONE, changed(0, 1, 7.0), DAYS, 3, exact=False)
    assert found.first is not None
    assert (found.first.run, found.first.variant) == ("none", "7.0")


def test_the_least_bit_counts_where_it_has_to() -> None:
    rounded = changed(1, 1, np.nextafter(3.0, 4.0))
    assert compare("close", ONE, rounded, DAYS, 3, exact=True).how == PARTED
    assert compare("close", ONE, rounded, DAYS, 3, exact=False).how == ROUNDED


def test_columns_are_compared_by_their_names() -> None:
    turned = View(ONE.values[:, ::-1], ("B", "A"))
    fewer = View(ONE.values[:, :1], ("A",))
    assert compare("close", ONE, turned, DAYS, 3, exact=True).how == SAME
    assert compare("close", ONE, fewer, DAYS, 3, exact=True).how == SAME


FIVE = pd.date_range("2020-01-01", periods=5, tz="UTC")
EMPTY = np.full((5, 1), NAN)
LABELS = Labels("y", 1, ("A",), EMPTY, EMPTY, np.arange(5) + 2, FIVE)


def find_wrong(last: str, **told: object) -> list[str]:
    """What is wrong with a fit on the dates up to one, before forecasts from the fourth on."""
    fit = {"what": "scaler", "dates": [["2020-01-01", last]], "ahead": [], "horizon": 1}
    split = {"index": 0, "test_start": "2020-01-04", "fits": [fit | {"before": []} | told]}
    return check_fits([split], LABELS, FIVE)


@pytest.mark.parametrize(("last", "wrong"), [("2020-01-01", 0), ("2020-01-02", 1)])
def test_a_fit_that_saw_a_label_too_late_is_told(last: str, wrong: int) -> None:
    lines = [
        "training 0, scaler: the label of 2020-01-02 is known on 2020-01-04, and forecasts begin "
        "on 2020-01-04"
    ]
    assert find_wrong(last) == lines[:wrong]


def test_a_label_of_another_horizon_is_judged_by_its_own_end() -> None:
    assert find_wrong("2020-01-02", horizon=0) == []
    assert find_wrong("2020-01-01", horizon=2) == [
        "training 0, scaler: the label of 2020-01-01 is known on 2020-01-04, and forecasts begin "
        "on 2020-01-04"
    ]


def test_an_update_is_judged_by_the_first_forecast_that_it_served() -> None:
    """Labels of the first three days are known on the third, fourth and fifth."""
    assert find_wrong("2020-01-02", what="updates", before=["2020-01-04", "2020-01-05"]) == []
    assert find_wrong("2020-01-02", what="updates", before=["2020-01-04", "2020-01-04"]) == [
        "training 0, updates: the label of 2020-01-02 is known on 2020-01-04, and the first "
        "forecast with it is of 2020-01-04"
    ]
