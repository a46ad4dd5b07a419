"""What becomes of names that end before the sample does."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from builders import NAN, panel_of

import engine
from engine.bars.delisting import Delisting, hide_stated, judge_so_far, outcomes
from engine.bars.layout import build
from engine.core.errors import ConfigError, DataError
from engine.core.fields import structure
from engine.core.universe import Universe
from engine.plugins.sources.parquet import Parquet


def column(*values, length=12):
    """A column of closes that ends after these; NaN from then on."""
    return [*values, *[NAN] * (length - len(values))]


def panel_of_columns(*columns, **fields):
    return panel_of(np.transpose(columns), **fields)


def random_panel(seed=0, length=320, count=12):
    """Falls and rises, late listings, suspensions, delistings, some of them stated."""
    rng = np.random.default_rng(seed)
    drift = rng.normal(0.0, 0.004, count)
    close = 50.0 * np.exp(np.cumsum(rng.normal(drift, 0.03, (length, count)), axis=0))
    close[rng.random(close.shape) < 0.05] = NAN
    for name in range(count):
        close[: rng.integers(0, 60), name] = NAN
        start = rng.integers(60, length)
        close[start : start + rng.integers(1, 12), name] = NAN
        if name % 2:
            close[rng.integers(100, length) :, name] = NAN
    stated = np.where(rng.random(close.shape) < 0.01, rng.uniform(-1.0, 0.4, close.shape), NAN)
    stated[:, : count // 2] = NAN
    return panel_of(close, delisting_return=np.where(np.isfinite(close), stated, NAN))


def by_hand(close, stated, delisting):
    """One name: (last row, long, short), or None while it has not been delisted."""
    bars = [t for t, price in enumerate(close) if math.isfinite(price)]
    if not bars or len(close) - 1 - bars[-1] < delisting.after:
        return None
    last = bars[-1]
    said = [stated[t] for t in range(last + 1) if math.isfinite(stated[t])]
    if said:
        return last, said[-1], said[-1]
    if delisting.long_return != "auto":
        return last, delisting.long_return, delisting.short_return
    high = max(close[t] for t in bars if t > last - 252)
    return last, -0.3 if close[last] < high / 2 else 0.0, delisting.short_return


def test_a_fallen_name_is_thought_worth_thirty_percent_less_and_others_bought_out():
    """High 100: ends at 49, at exactly the half, and at the high; the last one goes on."""
    panel = panel_of_columns(
        column(100, 60, 49), column(100, 60, 50), column(60, 100), column(*[10] * 12)
    )
    made = outcomes(panel, Delisting())
    assert made.long.tolist() == [-0.3, 0.0, 0.0, 0.0]
    assert made.short.tolist() == [0.0, 0.0, 0.0, 0.0]
    assert made.gone.argmax(axis=0).tolist() == [3, 3, 2, 0]
    assert made.gone.sum(axis=0).tolist() == [9, 9, 10, 0]
    assert made.known_from.tolist() == [7, 7, 6, 12]  # five rows after the last bar
    assert np.argwhere(made.paid).tolist() == [[6, 2], [7, 0], [7, 1]]


def test_the_high_is_that_of_252_rows_and_no_more():
    """The last close is 40; 100 was 251 rows before it, or 252."""
    inside = column(100, *[40] * 251, length=260)
    outside = column(100, *[40] * 252, length=260)
    made = outcomes(panel_of_columns(inside, outside), Delisting())
    assert made.long.tolist() == [-0.3, 0.0]


@pytest.mark.parametrize(("number", "long"), [(-0.25, -0.25), (0, 0.0), (-1, -1.0)])
def test_a_number_stands_for_every_name(number, long):
    panel = panel_of_columns(column(100, 49), column(10, 20))
    made = outcomes(panel, Delisting(long_return=number, short_return=0.1))
    assert made.long.tolist() == [long, long]
    assert made.short.tolist() == [0.1, 0.1]


def test_what_the_source_states_counts_for_longs_and_shorts():
    """On the last bar, before it, and for a name that is still there; rises as well."""
    close = [column(100, 40), column(100, 40), column(100, 40), column(*[10] * 12)]
    stated = [column(0.2, -0.8), column(0.25, NAN), column(NAN, NAN), column(*[-0.5] * 12)]
    panel = panel_of_columns(*close, delisting_return=np.transpose(stated))
    made = outcomes(panel, Delisting())
    assert made.long.tolist() == [-0.8, 0.25, -0.3, 0.0]
    assert made.short.tolist() == [-0.8, 0.25, 0.0, 0.0]


def test_a_stated_return_in_percent_is_refused():
    panel = panel_of_columns(column(9, 4), delisting_return=np.transpose([column(NAN, -35)]))
    for judge in (outcomes, judge_so_far):
        with pytest.raises(DataError, match=r"delisting_return of A is -35 on 2020-01-02: mend"):
            judge(panel, Delisting())


def test_a_name_is_gone_only_after_so_many_rows():
    panel = panel_of_columns(column(*[9] * 9), column(*[9] * 12), column())
    assert not outcomes(panel, Delisting(after=4)).gone.any()
    assert outcomes(panel, Delisting(after=3)).gone.sum(axis=0).tolist() == [3, 0, 0]


@pytest.mark.parametrize("long", ["auto", -0.4])
@pytest.mark.parametrize("seed", range(3))
def test_outcomes_agree_with_those_found_name_by_name(seed, long):
    panel, delisting = random_panel(seed), Delisting(long, 0.05, 7)
    made = outcomes(panel, delisting)
    ended = 0
    for i in range(len(panel.symbols)):
        found = by_hand(panel["close"][:, i], panel["delisting_return"][:, i], delisting)
        last, *returns = found or (len(panel.dates), 0.0, 0.0)
        assert [made.long[i], made.short[i]] == returns
        assert made.gone[:, i].tolist() == [t > last for t in range(len(panel.dates))]
        ended += found is not None
    assert ended >= 4


@pytest.mark.parametrize("long", ["auto", -0.4])
def test_what_is_learned_on_a_row_is_the_outcome_in_data_that_end_there(long):
    """Every row, against `by_hand` and against `outcomes` of the data cut after it."""
    panel, delisting = random_panel(4), Delisting(long)
    gone, returns = judge_so_far(panel, delisting)
    seen = set()
    for t in range(len(panel.dates)):
        cut = panel.cut(t + 1)
        made, again = outcomes(cut, delisting), judge_so_far(cut, delisting)
        np.testing.assert_array_equal(gone[t], made.gone[t])
        np.testing.assert_array_equal(returns[: t + 1], again[1])
        for i in np.flatnonzero(gone[t]):
            found = by_hand(cut["close"][:, i], cut["delisting_return"][:, i], delisting)
            assert (returns[t, i], made.long[i]) == (found[1], found[1])
            seen.add(found[1])
    assert len(seen) > 3


def test_columns_in_another_order_have_the_same_outcomes():
    panel, order = random_panel(2), np.random.default_rng(0).permutation(12)
    here, there = outcomes(panel, Delisting()), outcomes(panel.take(order), Delisting())
    np.testing.assert_array_equal(here.long[order], there.long)
    np.testing.assert_array_equal(here.gone[:, order], there.gone)


def test_decisions_are_taken_without_what_the_source_states():
    panel = random_panel()
    seen = hide_stated(panel)
    assert set(seen.fields) == {"close"}
    assert seen["close"] is panel["close"]
    assert hide_stated(seen) is seen


def test_a_run_books_what_the_source_states_and_lets_no_factor_read_it(tmp_path):
    """S0 ends at row 300 and pays a tenth of its last close: account and benchmark say so."""
    close = 50.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, (330, 6)), axis=0))
    close[:, 0] = 50.0 * 1.004 ** np.arange(330)  # the best of them: held
    close[301:, 0] = NAN
    days = pd.bdate_range("2015-01-01", periods=330, tz="UTC")
    frame = pd.DataFrame(close, days, [f"S{i}" for i in range(6)]).rename_axis("timestamp")
    frame = frame.reset_index().melt("timestamp", var_name="symbol", value_name="close").dropna()
    last = (frame["symbol"] == "S0") & (frame["timestamp"] == days[300])
    frame["delisting_return"] = np.where(last, -0.9, NAN)
    words = ["+bundle=ai_tech_core", "universe=all", "report=none", "portfolio=long_only_top"]
    words += ["factors=core_price_only", "costs=free"]
    run = engine.run(words, bars=frame, path=tmp_path / "run")
    moves = close[305, 1:] / close[304, 1:] - 1.0  # five rows after the last bar it is known
    market = (moves.sum() - 0.9) / 6.0
    assert run.returns["benchmark"].iloc[305] == pytest.approx(market, abs=1e-12)
    lost = run.returns["delisting"]
    assert lost.iloc[305] > 0.3
    assert np.flatnonzero(lost).tolist() == [305]
    assert run.returns["net"].iloc[305] < -0.3
    leak = '+factors.leak="delisting_return"'
    with pytest.raises(DataError, match="the bars have no field 'delisting_return'"):
        engine.run([*words, leak], bars=frame, path=tmp_path / "leak")


def test_two_of_28_names_that_ended_had_fallen(shared):
    """SunEdison went bankrupt, SolarCity was bought for shares; the others were bought out too."""
    source = Parquet(path=str(shared("data/pystock_prices_top400.parquet")))
    panel, _ = build(source.load(Universe()), Universe())
    made = outcomes(panel, Delisting())
    ended = made.gone.any(axis=0)
    assert ended.sum() == 28
    fallen = [name for name, r in zip(panel.symbols, made.long, strict=True) if r]
    assert fallen == ["SCTY", "SUNE"]
    assert set(made.long) == {-0.3, 0.0}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("long_return", 0.1, r"delisting\.long_return=0\.1: choose auto, or a number from -1"),
        (
            "long_return",
            "Auto",
            r"delisting\.long_return=Auto: choose auto, or a number from -1 to 0",
        ),
        ("long_return", NAN, r"delisting\.long_return=nan: write a finite number"),
        ("short_return", -0.3, r"delisting\.short_return=-0\.3: choose 0 or more"),
        ("after", 0, r"delisting\.after=0: choose 1 or more"),
    ],
)
def test_wrong_values_are_refused_in_words(field, value, message):
    with pytest.raises(ConfigError, match=message):
        Delisting(**{field: value})
    with pytest.raises(ConfigError, match=message):
        structure(Delisting, {field: value}, "delisting")
