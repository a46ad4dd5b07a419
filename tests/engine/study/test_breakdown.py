"""Rank ICs by sector, size, regime and year; tenths; turnover by date; many tests at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from builders import NAN
from numpy.testing import assert_allclose

from engine.core.groups import Dated
from engine.core.panel import FloatArray, Panel
from engine.kernels.ranks import average_ranks
from engine.study.breakdown import Parts, breakdown_table
from engine.study.ic import RankedOutcome, newey_west_t, rank_ic
from engine.study.many import adjust
from engine.study.metrics import study
from engine.study.quantiles import decile_table, turnover_table

T, N = 420, 9
DATES = pd.bdate_range("2020-01-01", periods=T, tz="UTC")
SYMBOLS = tuple(f"S{i}" for i in range(N))
STATES = ("calm", "wild")


def panel(**changes: object) -> Panel:
    random = np.random.default_rng(0)
    close = 20.0 * np.exp(np.cumsum(random.normal(0.0, 0.02, (T, N)), axis=0))
    fields = {"close": close, "volume": np.tile(10.0 ** np.arange(N), (T, 1))}
    return Panel(DATES, SYMBOLS, fields, **{"groups": {"sector": ("x", "y", "") * 3}, **changes})


def arrays() -> tuple[FloatArray, FloatArray]:
    random = np.random.default_rng(1)
    factor = random.normal(size=(T, N))
    factor[random.random((T, N)) < 0.1] = NAN
    return factor, 0.2 * np.nan_to_num(factor) + random.normal(size=(T, N))


def parts(bars: Panel) -> Parts:
    regimes = np.eye(2)[(np.arange(T) // 50) % 2]
    return Parts(bars, bars.member & bars.present, regimes, STATES)


def broken_down(bars: Panel, factor: FloatArray, outcome: FloatArray) -> pd.DataFrame:
    ranked, ranks = RankedOutcome.of(outcome), average_ranks(factor)
    table = breakdown_table({"f": study(factor, ranked, 5)}, {"f": ranks}, ranked, parts(bars), 5)
    return table.set_index(["by", "part"])


def test_parts_are_divided_as_the_rank_ics_of_their_cells():
    factor, outcome = arrays()
    made = broken_down(panel(), factor, outcome)
    assert [*made.index] == [
        ("sector", "x"), ("sector", "y"), ("sector", "unknown"),
        ("size", "small"), ("size", "medium"), ("size", "large"),
        ("regime", "calm"), ("regime", "wild"), ("year", "2020"), ("year", "2021"),
    ]  # fmt: skip
    columns = {
        ("sector", "x"): [0, 3, 6], ("sector", "unknown"): [2, 5, 8],
        ("size", "small"): [0, 1, 2], ("size", "large"): [6, 7, 8],
    }  # fmt: skip
    for key, some in columns.items():
        expected = newey_west_t(rank_ic(factor[:, some], outcome[:, some]), 15)
        row = made.loc[key]
        assert_allclose(row[["rank_ic", "standard_error", "t"]].astype(float), expected[:3])
        assert (row["p"], row["dates"]) == (expected.p, expected.n)
    every = rank_ic(factor, outcome)
    rows = {
        ("regime", "wild"): (np.arange(T) // 50) % 2 == 1,
        ("year", "2021"): DATES.year.to_numpy() == 2021,
    }
    for key, here in rows.items():
        assert made.loc[key, "rank_ic"] == pytest.approx(every[here].mean())
        assert made.loc[key, "dates"] == here.sum()


def test_a_sector_is_the_last_one_known_at_the_close():
    """S0 to S5 leave x for y on row 100: before it y has no names, after it x has none."""
    codes = np.where(np.arange(T)[:, None] < 100, 0, 1) * np.ones((1, N), np.int64)
    codes[:, 6:] = 2
    bars = panel(groups={"sector": Dated(("x", "y", "z"), codes)})
    factor, outcome = arrays()
    made = broken_down(bars, factor, outcome)
    every = rank_ic(factor[:, :6], outcome[:, :6])
    assert made.loc[("sector", "x"), "rank_ic"] == pytest.approx(every[:100].mean())
    assert made.loc[("sector", "x"), "dates"] == 100
    assert made.loc[("sector", "y"), "rank_ic"] == pytest.approx(every[100:].mean())


def test_size_is_the_capitalisation_where_the_bars_have_it():
    bars = panel()
    rising = Panel(DATES, SYMBOLS, {**bars.fields, "cap": np.tile(np.arange(N, 0.0, -1), (T, 1))})
    labels, codes = parts(rising).by_name["size"]
    assert labels == ("small", "medium", "large")
    assert codes[0].tolist() == [2, 2, 2, 1, 1, 1, 0, 0, 0]
    assert parts(bars).by_name["size"][1][0].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_without_sectors_or_volume_there_are_no_such_parts():
    bare = Panel(DATES, SYMBOLS, {"close": panel()["close"]}, {"sector": ("",) * N})
    assert [by for by, _ in parts(bare).names] == ["regime"] * 2 + ["year"] * 2


def test_parts_know_no_later_bar():
    """Sizes and sectors of the first 200 rows are those of a panel that ends there."""
    whole = parts(panel()).by_name
    bars = panel()
    ended = Panel(
        DATES[:200], SYMBOLS, {k: v[:200] for k, v in bars.fields.items()}, dict(bars.groups)
    )
    cut = Parts(ended, ended.member & ended.present, np.ones((200, 2)), STATES).by_name
    for by, (labels, codes) in cut.items():
        assert labels == whole[by][0]
        assert (codes == whole[by][1][:200]).all()


def test_the_order_of_symbols_says_nothing():
    factor, outcome = arrays()
    bars, order = panel(), np.random.default_rng(2).permutation(N)
    other = Panel(
        DATES, SYMBOLS, {k: v[:, order] for k, v in bars.fields.items()},
        {"sector": tuple(np.array(bars.groups["sector"])[order])},
    )  # fmt: skip
    one = broken_down(bars, factor, outcome)
    two = broken_down(other, factor[:, order], outcome[:, order])
    pd.testing.assert_frame_equal(one, two)
    tables = [
        (tenths({"f": x}, y, 5), turnover_table(DATES, {"f": x}))
        for x, y in ((factor, outcome), (factor[:, order], outcome[:, order]))
    ]
    for left, right in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(left, right)


def tenths(factors: dict[str, FloatArray], outcome: FloatArray, horizon: int) -> pd.DataFrame:
    ranks = {name: average_ranks(values) for name, values in factors.items()}
    return decile_table(ranks, RankedOutcome.of(outcome), horizon)


def test_tenths_are_as_many_as_leave_two_names_each():
    factor = np.tile(np.arange(8.0), (60, 1))
    outcome = factor + np.sin(np.arange(60.0))[:, None] * factor
    few, none = factor.copy(), np.full(factor.shape, NAN)
    few[:, 3:] = NAN
    every = np.tile(np.arange(40.0), (60, 1))
    made = tenths({"f": factor, "few": few, "no": none}, outcome, 1)
    assert made["buckets"].tolist() == [4, 2, 2]
    assert made["dates"].tolist() == [60, 60, 0]
    spread = outcome[:, 6:].mean(axis=1) - outcome[:, :2].mean(axis=1)
    expected = newey_west_t(spread, 3)
    assert made.loc[0, "spread"] == pytest.approx(expected.mean)
    assert (made.loc[0, "t"], made.loc[0, "p"]) == pytest.approx((expected.t, expected.p))
    assert made.loc[2, ["spread", "standard_error", "t", "p"]].isna().all()
    assert tenths({"f": every}, every, 1)["buckets"].tolist() == [10]


def test_turnover_by_date_literal():
    """Of ten names two swap ends on the third row; the fourth has no ranking, so the fifth none."""
    same = np.arange(1.0, 11.0)
    swapped = same[[9, 1, 2, 3, 4, 5, 6, 7, 8, 0]]
    ranks = np.stack([same, same, swapped, np.full(10, NAN), same])
    made = turnover_table(DATES[:5], {"f": ranks})
    correlation = np.corrcoef(same, swapped)[0, 1]
    assert_allclose(made["rank_turnover"], [NAN, 0.0, 1.0 - correlation, NAN, NAN], atol=1e-12)
    assert_allclose(made["top_new"], [NAN, 0.0, 0.5, NAN, NAN])
    assert_allclose(made["bottom_new"], [NAN, 0.0, 0.5, NAN, NAN])
    assert len(turnover_table(DATES[:1], {"f": ranks[:1]})) == 1


def test_adjusted_p_values_are_holms():
    """0.01 × 4, 0.02 × 3, 0.03 × 2, and never less than the one before."""
    assert adjust([0.03, 0.01, None, 0.02, 0.5]) == pytest.approx([0.06, 0.04, None, 0.06, 0.5])
    assert adjust([0.9, 0.8]) == [1.0, 1.0]
    assert adjust([NAN, None]) == [None, None]
    assert adjust([]) == []


def test_without_any_effect_the_smallest_adjusted_is_below_5_percent_in_5_percent():
    random = np.random.default_rng(4)
    shared = random.normal(size=(2000, 1))
    sizes = np.abs(0.8 * shared + 0.6 * random.normal(size=(2000, 20)))
    from scipy.special import erfc

    smallest = [min(filter(None, adjust(row.tolist()))) for row in erfc(sizes / np.sqrt(2.0))]
    assert np.mean(np.array(smallest) < 0.05) < 0.055
