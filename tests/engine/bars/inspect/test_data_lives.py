"""When symbols begin, pause and end, and days on which few of them trade."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.bars.inspect.finding import DataFinding
from engine.bars.inspect.inspection import examine, inspect
from engine.core.universe import Universe

DAYS = pd.bdate_range("2016-01-01", "2019-12-31", tz="UTC")
XNYS = Universe(calendar="XNYS")


def market(symbols: int = 12, days: pd.DatetimeIndex = DAYS) -> dict[str, pd.DataFrame]:
    """Symbols that trade on all days."""
    frames = {}
    for i in range(symbols):
        noise = np.random.default_rng(i).normal(0.0, 0.01, len(days))
        close = 50.0 * np.exp(np.cumsum(noise))
        frames[f"S{i:02}"] = pd.DataFrame({"timestamp": days, "symbol": f"S{i:02}", "close": close})
    return frames


def look(
    frames: dict[str, pd.DataFrame], universe: Universe | None = None
) -> dict[str, DataFinding]:
    found = inspect(pd.concat(frames.values()), universe or Universe())
    return {item.name: item for item in found}


def test_symbols_none_of_which_ends_may_have_been_chosen_with_hindsight() -> None:
    found = look(market())
    assert list(found) == ["survivorship"]
    assert (found["survivorship"].count, found["survivorship"].severity) == (12, "info")


def test_few_symbols_a_short_span_or_one_delisting_take_the_suspicion_away() -> None:
    ended = market()
    ended["S03"] = ended["S03"].iloc[:500]
    assert "survivorship" not in look(market(9))
    assert "survivorship" not in look(market(12, DAYS[:400]))
    assert "survivorship" not in look(ended)


def test_late_listings_and_delistings_are_counted_in_sessions() -> None:
    frames = market()
    frames["S01"] = frames["S01"].iloc[20:]
    frames["S02"] = frames["S02"].iloc[5:]  # five sessions late are not late
    frames["S03"] = frames["S03"].iloc[:-30]
    found = look(frames)
    assert list(found) == ["delisting", "late_listing"]
    late, gone = found["late_listing"].examples, found["delisting"].examples
    assert [(e.symbol, e.value) for e in late] == [("S01", 20.0)]
    assert [(e.symbol, e.value) for e in gone] == [("S03", 30.0)]
    assert found["late_listing"].share == pytest.approx(1 / 12)


@pytest.mark.parametrize(
    ("pause", "factor", "name"),
    [
        (4, 1.0, None),
        (5, 1.0, "gap"),
        (59, 1.0, "gap"),
        (60, 1.0, "ticker_reuse"),
        (10, 4.4, "ticker_reuse"),
        (9, 4.4, "gap"),
    ],
)
def test_a_pause_is_a_gap_and_a_long_one_may_be_another_company(
    pause: int, factor: float, name: str | None
) -> None:
    frames = market()
    frame = frames["S05"]
    frame.loc[300 + pause :, "close"] *= factor
    frames["S05"] = frame.drop(index=range(300, 300 + pause))
    found = look(frames)
    assert {"gap", "ticker_reuse"} & set(found) == ({name} if name else set())
    if name:
        assert found[name].examples[0].value == pause
        assert found[name].examples[0].date == f"{DAYS[300 + pause]:%Y-%m-%d}"


def test_the_time_between_two_symbols_is_no_gap() -> None:
    frames = market(2)
    frames["S00"] = frames["S00"].iloc[:300]
    frames["S01"] = frames["S01"].iloc[700:]
    seen = examine(pd.concat(frames.values()), XNYS)
    assert not {"gap", "ticker_reuse"} & {f.name for f in seen.findings}
    assert seen.coverage == 1.0


def test_coverage_is_the_share_of_sessions_between_first_and_last_bar() -> None:
    frames = market(12, DAYS[:100])
    frames["S00"] = frames["S00"].drop(index=range(10, 40))
    frames["S01"] = frames["S01"].iloc[50:]
    seen = examine(pd.concat(frames.values()), Universe())
    assert seen.coverage == pytest.approx(1 - 30 / (11 * 100 + 50))


def test_coverage_of_a_calendar_counts_sessions_that_nobody_has() -> None:
    sessions = pd.DatetimeIndex(["2021-03-01", "2021-03-02", "2021-03-04", "2021-03-05"], tz="UTC")
    frame = pd.DataFrame({"timestamp": sessions, "symbol": "A", "close": [1.0, 1.1, 1.0, 1.1]})
    seen = examine(frame, XNYS)
    assert (seen.sessions, seen.coverage) == (5, 0.8)
    (finding,) = seen.findings
    assert (finding.name, finding.examples[0].date) == ("empty_session", "2021-03-03")
    assert examine(frame, Universe()).coverage == 1.0


def test_a_day_on_which_few_symbols_trade_may_be_a_holiday() -> None:
    frames = market()
    for name in list(frames)[3:]:
        frames[name] = frames[name].drop(index=200)
    found = look(frames)
    assert [e.date for e in found["thin"].examples] == [f"{DAYS[200]:%Y-%m-%d}"]
    assert found["thin"].examples[0].note == "75% of the symbols do not trade"
    assert found["thin"].key == "bars.thin"
    assert "gap" not in found  # nor does it count as a session that the others miss


def test_symbols_that_have_ended_are_not_missed() -> None:
    """Half of them at once; of two thirds nobody could say that day that it is no holiday."""
    frames = market(42)
    for name in list(frames)[21:]:
        frames[name] = frames[name].iloc[:300]
    assert "thin" not in look(frames)


def test_a_symbol_is_live_on_its_last_day() -> None:
    frames = market()
    for i, name in enumerate(frames):
        frame = frames[name]
        frames[name] = frame.iloc[:201] if i < 3 else frame.drop(index=200)
    assert look(frames)["thin"].examples[0].note == "75% of the symbols do not trade"


def test_a_day_on_which_a_third_of_the_symbols_trade_is_not_thin() -> None:
    frames = market()
    for name in list(frames)[4:]:
        frames[name] = frames[name].drop(index=200)
    assert "thin" not in look(frames)


def test_few_live_symbols_make_no_thin() -> None:
    frames = market(9)
    for name in list(frames)[1:]:
        frames[name] = frames[name].drop(index=200)
    assert "thin" not in look(frames)
