"""Folds: purged by the labels' own ends, embargoed, put together to whole series of forecasts."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skfolio.model_selection import CombinatorialPurgedCV
from sklearn.model_selection import KFold

from engine.core.errors import ConfigError
from engine.forecasts.folds import purge
from engine.forecasts.labels import Labels
from engine.forecasts.plan import Plan
from engine.forecasts.ranges import clip, merge, to_ranges, to_rows
from engine.forecasts.splits import Validation

KFOLD = Validation(scheme="purged_kfold", n_folds=3, embargo=0)
COMBINED = Validation(scheme="combinatorial", n_folds=4, n_test_folds=2, embargo=0)


def make_labels(T: int, horizon: int = 1, end: np.ndarray | None = None) -> Labels:
    """Labels of T dates and one name; row t is known at t + 1 + horizon unless `end` says else."""
    known = np.arange(T, dtype=np.int64) + 1 + horizon if end is None else end
    target, dates = np.zeros((T, 1)), pd.bdate_range("2020-01-01", periods=T, tz="UTC")
    return Labels("label", horizon, ("A",), target, target, known, dates)


def trained(plan: Plan) -> list[list[int]]:
    return [to_rows(window.train).tolist() for window in plan.windows]


def forecast(plan: Plan) -> list[list[int]]:
    return [to_rows(window.test).tolist() for window in plan.windows]


def test_ranges_are_rows_put_together() -> None:
    assert to_ranges(np.array([1, 2, 2, 3, 7, 9, 10])) == ((1, 4), (7, 8), (9, 11))
    assert to_ranges(np.array([], int)) == ()
    assert to_rows(((1, 3), (5, 6))).tolist() == [1, 2, 5]
    assert clip(((0, 4), (6, 9)), 2, 7) == ((2, 4), (6, 7))
    assert merge([(0, 2), (2, 5), (7, 8)]) == ((0, 5), (7, 8))


def test_three_folds_of_twelve_dates() -> None:
    """h = 1: label t spans t+1 and t+2, so two rows go before a fold, one after it; the last two
    rows have no label. Fold 2 forecasts 4 to 7, whose labels end at 9: row 9's begins at 10."""
    plan = Plan.of(0, make_labels(12), KFOLD)
    assert forecast(plan) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert trained(plan) == [[5, 6, 7, 8, 9], [0, 1, 9], [0, 1, 2, 3, 4, 5]]
    assert plan.paths.tolist() == [[0] * 4 + [1] * 4 + [2] * 4]


def test_the_embargo_follows_a_test_block() -> None:
    """Never before it: the purge alone stands there."""
    plan = Plan.of(0, make_labels(12), replace(KFOLD, embargo=2))
    assert trained(plan)[0] == [7, 8, 9]
    assert trained(Plan.of(0, make_labels(18), replace(KFOLD, embargo=2)))[1] == [0, 1, 2, 3, 15]


def test_folds_begin_with_the_first_label_and_the_last_takes_what_is_left() -> None:
    plan = Plan.of(3, make_labels(14), KFOLD)
    assert forecast(plan) == [[3, 4, 5], [6, 7, 8], [9, 10, 11, 12, 13]]
    assert plan.paths[0].tolist() == [-1] * 3 + [0] * 3 + [1] * 3 + [2] * 5
    assert min(min(rows) for rows in trained(plan)) == 3


def test_combinations_of_four_folds_and_their_three_paths() -> None:
    """The drawing of Lopez de Prado's chapter 12 for N = 4, k = 2."""
    plan = Plan.of(0, make_labels(16, horizon=1), COMBINED)
    assert [window.test for window in plan.windows] == [
        ((0, 8),),
        ((0, 4), (8, 12)),
        ((0, 4), (12, 16)),
        ((4, 12),),
        ((4, 8), (12, 16)),
        ((8, 16),),
    ]
    assert trained(plan)[1] == [5, 13]
    assert plan.paths[:, ::4].tolist() == [[0, 0, 1, 2], [1, 3, 3, 4], [2, 4, 5, 5]]


def test_each_label_is_purged_by_its_own_end() -> None:
    """Row 1's label lasts until row 6 and is purged from fold 2; row 2's, known at once, is not."""
    end = np.array([2, 6, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13])
    assert to_rows(purge(((4, 8),), 0, end, 0)).tolist() == [0, 2, 9]


def test_a_test_label_that_lasts_purges_what_begins_before_it_ends() -> None:
    """Row 5, of the fold, is known at 10 alone: rows 8 and 9 begin their labels by then."""
    end = np.array([2, 3, 4, 5, 6, 10, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17])
    kept = to_rows(purge(((4, 8),), 0, end, 0)).tolist()
    assert kept == [0, 1, 10, 11, 12, 13]


@settings(max_examples=60, deadline=None)
@given(
    T=st.integers(60, 160),
    folds=st.integers(3, 6),
    k=st.integers(1, 3),
    horizon=st.integers(1, 4),
    embargo=st.integers(0, 4),
    first=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_no_label_learnt_from_meets_the_forecasts(
    T: int, folds: int, k: int, horizon: int, embargo: int, first: int, seed: int
) -> None:
    """By sets of rows, one by one; labels last as long as they like. And each (path, date) is
    forecast by one training that tests it, each (training, fold) used once."""
    k = min(k, folds - 1)
    random = np.random.default_rng(seed)
    end = np.arange(T) + 1 + random.integers(1, horizon + 1, T)
    validation = replace(COMBINED, n_folds=folds, n_test_folds=k, embargo=embargo)
    try:
        plan = Plan.of(first, make_labels(T, horizon, end), validation)
    except ConfigError as error:
        assert "no date left to learn from" in str(error)  # noqa: PT017
        return
    assert len(plan.windows) == comb(folds, k)
    for window in plan.windows:
        rows = set(to_rows(window.train).tolist())
        forbidden = set[int]()
        for start, stop in window.test:
            forbidden |= set(range(start, end[start:stop].max() + 1 + embargo))
            starts = range(end[start:stop].max() + 1, end[start:stop].max() + 1 + embargo)
            assert not {t for t in rows if t + 1 in starts}
        for t in rows:
            spans = set(range(t + 1, end[t] + 1))
            for start, stop in window.test:
                assert not spans & set(range(start, end[start:stop].max() + 1))
            assert first <= t < T
            assert end[t] < T
        assert not rows & set(to_rows(window.test).tolist())
    assert plan.paths.shape == (comb(folds - 1, k - 1), T)
    assert (plan.paths[:, :first] == -1).all()
    tests = [set(to_rows(window.test).tolist()) for window in plan.windows]
    for path in plan.paths:
        assert all(t in tests[path[t]] for t in range(first, T))
    for t in range(first, T):
        assert sorted(plan.paths[:, t]) == [i for i, rows in enumerate(tests) if t in rows]


@pytest.mark.parametrize(("folds", "k"), [(4, 2), (6, 2), (5, 3), (6, 4)])
@pytest.mark.parametrize(("horizon", "embargo"), [(1, 1), (5, 5), (3, 4)])
def test_index_sets_are_those_of_skfolio(folds: int, k: int, horizon: int, embargo: int) -> None:
    """Labels of one length: skfolio drops `purged_size` rows on both sides of a test block.

    Ours spans the rows up to its end, h + 1 after the decision, so that is the purge before. After
    the block the last test label ends h rows behind it, so one row less is purged there, and
    skfolio's embargo is one less than ours to meet: without any embargo they differ by that row.
    Rows whose label ends after the sample teach nothing here; skfolio does not know of them.
    """
    T = folds * 31 + 3
    theirs = CombinatorialPurgedCV(
        n_folds=folds, n_test_folds=k, purged_size=horizon + 1, embargo_size=embargo - 1
    )
    validation = replace(COMBINED, n_folds=folds, n_test_folds=k, embargo=embargo)
    plan = Plan.of(0, make_labels(T, horizon), validation)
    splits = [*theirs.split(np.zeros((T, 1)))]
    assert len(plan.windows) == len(splits)
    for window, (train, tests) in zip(plan.windows, splits, strict=True):
        assert to_rows(window.train).tolist() == [t for t in train if t + horizon + 1 < T]
        assert to_rows(window.test).tolist() == np.concatenate(tests).tolist()
    sets = theirs.get_path_ids()
    for number, chosen in enumerate(combinations(range(folds), k)):
        for place, fold in enumerate(chosen):
            assert plan.paths[sets[number, place], fold * 31] == number


def test_without_a_purge_the_folds_are_those_of_scikit_learn() -> None:
    """It has no purge: what it trains on and we do not is what meets the forecasts."""
    labels = make_labels(60, horizon=3)
    plan = Plan.of(0, labels, replace(KFOLD, n_folds=5, embargo=4))
    for window, (train, test) in zip(plan.windows, KFold(5).split(np.zeros(60)), strict=True):
        assert to_rows(window.test).tolist() == test.tolist()
        near = {*range(test[0] - 4, test[0]), *range(test[-1] + 1, test[-1] + 1 + 3 + 4)}
        unknown = {*range(56, 60)}
        assert to_rows(window.train).tolist() == [t for t in train if t not in near | unknown]


@pytest.mark.parametrize(
    ("validation", "T", "message"),
    [
        (
            replace(KFOLD, n_folds=40),
            30,
            r"n_folds=40 is more than the 30 dates .* type validation.n_folds=7 or less",
        ),
        (
            replace(COMBINED, n_folds=10, n_test_folds=9, embargo=3),
            40,
            r"forecasts folds 1, 2, 3, 4, 5, 6, 7, 8, 9 has no date left .* 2 rows, and "
            r"validation.embargo=3 .* folds of 4: type validation.n_folds=5 "
            r"validation.n_test_folds=4 or less",
        ),
        (KFOLD, 6, r"forecasts fold 2 has no date left.*: take more history, or type a lower"),
    ],
)
def test_folds_that_are_too_small_are_named_with_what_to_type(
    validation: Validation, T: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Plan.of(0, make_labels(T), validation)


@pytest.mark.parametrize("T", [20, 31, 47, 90])
@pytest.mark.parametrize(("folds", "k"), [(3, 2), (6, 3), (12, 2), (40, 1)])
@pytest.mark.parametrize("embargo", [0, 3])
def test_what_to_type_is_a_way_out(T: int, folds: int, k: int, embargo: int) -> None:
    labels, word = make_labels(T, horizon=2), r"validation\.(\w+)=(\d+)"
    validation = replace(COMBINED, n_folds=folds, n_test_folds=k, embargo=embargo)
    try:
        Plan.of(0, labels, validation)
    except ConfigError as error:
        _, _, advice = str(error).partition(": type ")
        changes = {name: int(value) for name, value in re.findall(word, advice)}
        assert changes or "take more history" in str(error)  # noqa: PT017
        if changes:
            Plan.of(0, labels, replace(validation, **changes))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_test_folds": 4}, "validation.n_test_folds=4 of n_folds=4 leaves none to learn from"),
        ({"n_folds": 20, "n_test_folds": 10}, "are 184756 trainings, and 1000 are the most"),
        ({"n_folds": 1}, "validation.n_folds=1: choose 2 or more"),
        ({"n_test_folds": 0}, "validation.n_test_folds=0: choose 1 or more"),
        ({"dates": ["2020-01-31"]}, "validation.dates=.*: folds begin where the dates are cut"),
        ({"learning_curve": [2, 1]}, r"validation.learning_curve=\[2, 1\]: write years of 1 or"),
        ({"learning_curve": [0, 1]}, r"validation.learning_curve=\[0, 1\]: write years of 1 or"),
    ],
)
def test_options_that_do_not_go_together_are_named(change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(COMBINED, **change)


def test_many_test_folds_do_not_matter_to_a_scheme_without_them() -> None:
    assert replace(KFOLD, n_test_folds=9).trains_on_later
    assert not Validation(n_folds=2, n_test_folds=2).trains_on_later
