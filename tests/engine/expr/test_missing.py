"""Formulas on data that lack a field or a grouping: an error, or a warning and a stand-in."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from engine import ConfigError, DataError, Formula, Panel
from engine.core.fields import structure
from engine.expr.formula import trees

SECTORS = {"Sector": ("x", "x", "y")}


def panel(groups: dict[str, tuple[str, ...]] | None = None, **more: list[list[float]]) -> Panel:
    close = np.array([[1.0, 3.0, 8.0], [2.0, 6.0, 4.0]])
    days = pd.date_range("2024-01-01", periods=2, tz="UTC")
    fields = {"close": close, **{name: np.array(rows) for name, rows in more.items()}}
    return Panel(days, ("A", "B", "C"), fields, groups or {})


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("returns * cap", "the bars have no field 'cap'"),
        ("indneutralize(close, IndClass.industry)", "the symbols have no grouping 'industry'"),
    ],
)
def test_what_is_missing_is_an_error_unless_it_may_be(formula, message):
    with pytest.raises(DataError, match=message):
        Formula(formula=formula).compute(panel())


def test_a_missing_field_makes_the_factor_nan(caplog):
    got = Formula(formula="rank(returns * cap) + 1", missing="warn").compute(panel())
    assert np.isnan(got).all()
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert "no field 'cap': the factor is NaN; add the column" in caplog.text


def test_a_field_that_is_there_or_derived_is_used(caplog):
    given = panel(CAP=[[1.0] * 3] * 2, volume=[[2.0] * 3] * 2, high=[[9.0] * 3] * 2)
    made = Formula(formula="cap + adv1 + returns * 0 + 1", missing="warn").compute(given)
    assert_array_equal(made[1], 1.0 + given["close"][1] * 2.0 + 1.0)
    assert not caplog.records
    Formula(formula="vwap + adv5", missing="warn").compute(given)
    assert "no field 'low'" in caplog.text


def test_the_next_coarser_grouping_stands_in(caplog):
    got = Formula(formula="indneutralize(close, IndClass.subindustry)", missing="warn")
    assert_array_equal(got.compute(panel(SECTORS))[0], [-1.0, 1.0, 0.0])
    assert "no grouping 'subindustry': 'sector' stands in for it; add a text" in caplog.text


def test_a_finer_grouping_does_not_stand_in():
    """Without sectors, industries are no sectors: all symbols are one group."""
    got = Formula(formula="indneutralize(close, sector)", missing="warn")
    assert_array_equal(got.compute(panel({"industry": ("x", "x", "y")}))[0], [-3.0, -1.0, 4.0])


def test_an_unknown_grouping_is_an_error_even_so():
    with pytest.raises(DataError, match="no grouping 'sectr'; did you mean 'Sector'"):
        Formula(formula="indneutralize(close, sectr)", missing="warn").compute(panel(SECTORS))


def test_one_cause_is_one_warning(caplog):
    texts = ("indneutralize(close, industry)", "-indneutralize(-close, industry)", "close")
    formulas = {f"f{i}": Formula(formula=text, missing="warn") for i, text in enumerate(texts)}
    with caplog.at_level(logging.WARNING):
        trees(formulas, panel())
    assert len(caplog.records) == 1
    assert caplog.text.strip().endswith("all symbols are one group; add a text column industry, "
                                        "or universe.tags.industry (f0, f1)")  # fmt: skip


def test_missing_is_raise_or_warn():
    with pytest.raises(ConfigError, match="missing=wran: did you mean 'warn'"):
        structure(Formula, {"formula": "close", "missing": "wran"}, "factors.mine")


@pytest.mark.parametrize(
    ("formula", "instead"),
    [
        ("group_mean(close, sector)", "cs_mean(close)"),
        ("group_zscore(close, sector)", "zscore(close)"),
        ("group_rank(close, sector)", "rank(close)"),
    ],
)
def test_without_groups_all_symbols_are_one(formula, instead):
    got = Formula(formula=formula, missing="warn").compute(panel())
    assert_array_equal(got, Formula(formula=instead).compute(panel()))
