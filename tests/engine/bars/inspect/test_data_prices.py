"""Odd prices and volumes: each finding found where it is, and not where it is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.bars.inspect.finding import DataFinding, Thresholds
from engine.bars.inspect.inspection import inspect
from engine.bars.inspect.prices import split_text
from engine.core.universe import Universe

DAYS = pd.bdate_range("2020-01-01", periods=100, tz="UTC")


def walk(seed: int = 0, days: int = 100, sigma: float = 0.01) -> np.ndarray:
    """A quiet close: a random walk around 100."""
    noise = np.random.default_rng(seed).normal(0.0, sigma, days)
    return 100.0 * np.exp(np.cumsum(noise))


def bars(symbol: str, close: np.ndarray, **columns: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {"timestamp": DAYS[: len(close)], "symbol": symbol, "close": close, **columns}
    )


def look(frame: pd.DataFrame, limits: Thresholds | None = None) -> dict[str, DataFinding]:
    return {item.name: item for item in inspect(frame, Universe(), None, limits)}


def test_a_quiet_walk_is_not_odd() -> None:
    volume = np.full(100, 1e6)
    assert look(bars("A", walk(), volume=volume)) == {}


def test_a_split_that_volume_follows_is_a_missed_split() -> None:
    close, volume = walk(), np.full(100, 1e6)
    close[50:] /= 3.0
    volume[50:] *= 3.0
    found = look(bars("A", close, volume=volume))
    assert list(found) == ["missed_split"]
    example = found["missed_split"].examples[0]
    assert (example.date, example.symbol) == (f"{DAYS[50]:%Y-%m-%d}", "A")
    assert example.note.endswith("nearest split 3:1")
    assert example.value == pytest.approx(np.log(3.0), abs=0.04)  # the market's move is in it


def test_a_reverse_split_is_named_as_one() -> None:
    close, volume = walk(), np.full(100, 1e6)
    close[50:] *= 5.0
    volume[50:] /= 5.0
    finding = look(bars("A", close, volume=volume))["missed_split"]
    assert "nearest split 1:5" in finding.examples[0].note


def test_a_crash_whose_volume_stays_elsewhere_is_a_jump() -> None:
    """Half the price on ten times the volume for good is news, not arithmetic."""
    close, volume = walk(), np.full(100, 1e6)
    close[50:] /= 2.0
    volume[50:] *= 10.0
    found = look(bars("A", close, volume=volume))
    assert list(found) == ["jump"]
    assert found["jump"].severity == "info"


@pytest.mark.parametrize(("burst", "name"), [(1.0, "missed_split"), (5.0, "jump")])
def test_a_burst_of_volume_on_the_day_itself_is_news(burst: float, name: str) -> None:
    """AAPL on 2000-09-29: half the price, and in money more than usual for good."""
    close, volume = walk(), np.full(100, 1e6)
    close[50:] /= 2.0
    volume[50:] *= 2.0
    volume[50] *= burst
    assert list(look(bars("A", close, volume=volume))) == [name]


def test_without_volume_only_an_exact_ratio_is_a_split() -> None:
    exact, near = walk(), walk()
    exact[50:] *= 0.5 / (exact[50] / exact[49])
    near[50:] *= 0.48 / (near[50] / near[49])
    assert list(look(bars("A", exact))) == ["missed_split"]
    assert list(look(bars("A", near))) == ["jump"]


def test_three_for_two_needs_an_exact_ratio() -> None:
    volume = np.r_[np.full(50, 1e6), np.full(50, 1.5e6)]
    exact, near = walk(), walk()
    exact[50:] *= (2 / 3) / (exact[50] / exact[49])
    near[50:] *= 0.65 / (near[50] / near[49])
    assert list(look(bars("A", exact, volume=volume))) == ["missed_split"]
    assert list(look(bars("A", near, volume=volume))) == ["jump"]


def test_what_the_next_bar_undoes_is_a_bad_tick_and_found_once() -> None:
    close = walk()
    close[50] *= 1.4
    found = look(bars("A", close))
    assert list(found) == ["bad_tick"]
    assert found["bad_tick"].count == 1
    assert found["bad_tick"].examples[0].date == f"{DAYS[50]:%Y-%m-%d}"


def test_two_bad_ticks_with_a_good_bar_between_them_are_two() -> None:
    close = walk()
    close[[50, 52]] *= 1.4
    found = look(bars("A", close))
    assert list(found) == ["bad_tick"]
    assert {e.date for e in found["bad_tick"].examples} == {f"{DAYS[i]:%Y-%m-%d}" for i in (50, 52)}


def test_the_way_back_from_a_tick_of_exactly_twice_is_no_split() -> None:
    close = walk()
    close[49] = close[51]
    close[50] = 2.0 * close[51]
    assert list(look(bars("A", close))) == ["bad_tick"]


def test_without_volume_three_for_two_is_a_jump_at_best() -> None:
    close = walk()
    close[50:] *= (2 / 3) / (close[50] / close[49])
    assert list(look(bars("A", close))) == ["jump"]


def test_what_is_undone_to_a_third_only_is_no_bad_tick() -> None:
    close = walk()
    close[50] *= 1.6
    close[51:] *= 1.3
    assert list(look(bars("A", close))) == ["jump"]


def test_a_step_of_six_times_is_a_level_shift() -> None:
    close, volume = walk(), np.full(100, 1e6)
    close[50:] *= 6.4  # no split's ratio
    found = look(bars("A", close, volume=volume))
    assert list(found) == ["level_shift"]
    assert found["level_shift"].severity == "warning"


def test_too_few_bars_do_not_tell_what_is_usual() -> None:
    close = np.r_[np.full(18, 100.0), 50.0, 50.0]
    assert look(bars("A", close[1:])).get("missed_split") is None
    assert look(bars("A", close))["missed_split"].count == 1


def test_a_return_that_its_time_explains_is_not_odd() -> None:
    """10 sigmas of the whole sample, but not of the forty bars around it."""
    rng = np.random.default_rng(3)
    returns = rng.normal(0.0, 0.004, 100)
    returns[40:70] = rng.normal(0.0, 0.08, 30)
    returns[55] = -0.28
    returns[56] = 0.02
    assert abs(returns[55]) > 10 * 1.4826 * np.median(np.abs(returns))
    assert "jump" not in look(bars("A", 100 * np.exp(np.cumsum(returns))))


def test_a_crash_of_the_whole_market_is_no_finding_but_one_of_a_symbol_is() -> None:
    frames = []
    for i in range(25):
        close = walk(i)
        close[50:] *= 0.7
        frames.append(bars(f"S{i:02}", close))
    assert look(pd.concat(frames)) == {}
    frames[3] = bars("S03", walk(3))  # the one that did not fall
    found = look(pd.concat(frames))
    assert [e.symbol for e in found["jump"].examples] == ["S03"]


def test_a_price_a_hundred_times_off_is_absurd_in_whichever_column() -> None:
    close = walk()
    low = close.copy()
    low[20] = 0.0001
    found = look(bars("A", close, low=low))
    assert list(found) == ["absurd"]
    assert "low=0.0001" in found["absurd"].examples[0].note
    low[20] = close[20] / 50
    assert "absurd" not in look(bars("A", close, low=low))


def test_a_price_that_grew_a_thousandfold_over_the_years_is_not_absurd() -> None:
    close = np.exp(np.linspace(0.0, np.log(1000.0), 100))
    assert "absurd" not in look(bars("A", close))


@pytest.mark.parametrize(("run", "count"), [(9, 0), (10, 10), (30, 30)])
def test_a_stale_run_begins_at_ten_bars_without_news(run: int, count: int) -> None:
    close = walk()
    close[40 : 41 + run] = close[40]
    found = look(bars("A", close))
    assert (found["stale"].count if count else len(found)) == count
    if count:
        (example,) = found["stale"].examples
        assert (example.date, example.value) == (f"{DAYS[40 + run]:%Y-%m-%d}", run)


def test_a_run_does_not_go_on_into_the_next_symbol() -> None:
    left, right = walk(1), walk(2)
    left, right = left * 77.0 / left[-6], right * 77.0 / right[5]
    left[-6:] = right[:6] = 77.0
    assert look(pd.concat([bars("A", left), bars("B", right)])) == {}


def test_volume_gaps_are_zero_or_missing_volume_where_there_usually_is_some() -> None:
    volume = np.full(100, 1e6)
    volume[[10, 20]] = 0.0, np.nan
    found = look(bars("A", walk(), volume=volume))
    assert (found["volume_gap"].count, found["volume_gap"].share) == (2, 0.02)
    assert look(bars("A", walk(), volume=np.zeros(100))) == {}  # a currency pair


def test_a_bar_that_repeats_the_one_before_is_found() -> None:
    close = walk()
    frame = bars("A", close, open=close, high=close, low=close, volume=np.arange(100) + 1e6)
    columns = ["open", "high", "low", "close", "volume"]
    frame.loc[31, columns] = frame.loc[30, columns].to_numpy()
    found = look(frame)
    assert [e.date for e in found["repeated_bar"].examples] == [f"{DAYS[31]:%Y-%m-%d}"]
    frame.loc[31, "volume"] += 1
    assert look(frame) == {}


def test_thresholds_decide() -> None:
    close = walk()
    close[40:46] = close[40]
    assert look(bars("A", close)) == {}
    assert list(look(bars("A", close), Thresholds(stale=5))) == ["stale"]


def test_the_order_of_the_rows_of_several_symbols_does_not_matter() -> None:
    frames = [bars(f"S{i}", walk(i)) for i in range(5)]
    frames[2].loc[50, "close"] *= 1.5
    frames[4].loc[60:, "close"] /= 2.0
    by_symbol = pd.concat(frames)
    by_date = by_symbol.sort_values(["timestamp", "symbol"], kind="stable")
    assert inspect(by_symbol, Universe()) == inspect(by_date, Universe())
    assert inspect(pd.concat(frames[::-1]), Universe()) == inspect(by_symbol, Universe())


@pytest.mark.parametrize(
    ("factor", "text"), [(0.5, "2:1"), (0.667, "3:2"), (10.2, "1:10"), (1.49, "2:3"), (0.14, "7:1")]
)
def test_the_nearest_split_is_new_shares_for_old(factor: float, text: str) -> None:
    assert split_text(float(np.log(factor))) == text
