"""The dirt of real files, item by item, and what a clean one may not show."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from builders import Shared, check_data

from engine.bars.inspect.finding import DataFinding
from engine.bars.inspect.inspection import Inspection, examine
from engine.bars.inspect.tables import inspect_dates, inspect_known_at
from engine.core.universe import Universe
from engine.plugins.sources.parquet import Parquet
from engine.plugins.sources.sample import Sample

Seen = Callable[..., Inspection]
XNYS = Universe(calendar="XNYS")


@pytest.fixture(scope="module")
def seen(shared: Shared) -> Seen:
    """What is found in a shared file, given a calendar or none."""

    @cache
    def look(file: str, calendar: str | None = None) -> Inspection:
        universe = Universe(calendar=calendar)
        return examine(Parquet(path=str(shared(f"data/{file}"))).load(universe), universe)

    return look


def named(inspection: Inspection) -> dict[str, DataFinding]:
    return {item.name: item for item in inspection.findings}


def where(finding: DataFinding) -> list[tuple[str, str]]:
    return [(e.date, e.symbol) for e in finding.examples]


def warnings(inspection: Inspection) -> set[str]:
    return {item.name for item in inspection.findings if item.severity != "info"}


def test_twenty_large_caps_are_clean_but_for_one_that_was_small_then() -> None:
    """RRC of 1990-92 hardly traded, and its 3:1 of 1990 is a step of the adjusted close."""
    universe = Universe(calendar="XNYS")
    frame = Sample().load(universe)
    found = named(examine(frame, universe))
    assert warnings(examine(frame, universe)) == {"stale", "missed_split"}
    assert where(found["missed_split"]) == [("1990-04-10", "RRC")]
    assert {e.symbol for e in found["stale"].examples} == {"RRC"}
    others = examine(frame[frame["symbol"] != "RRC"], universe)
    assert warnings(others) == set()
    assert {f.name for f in others.findings} == {"survivorship", "jump"}


def test_all_twenty_are_clean_from_1996_on() -> None:
    late = examine(Sample(start="1996-01-01").load(XNYS), XNYS)
    assert warnings(late) == set()
    assert named(late)["survivorship"].count == 20
    assert late.coverage == 1.0


def test_the_spin_off_of_hri_and_a_bad_tick_of_gm_are_found(seen: Seen) -> None:
    found = named(seen("us_liquid200_2014_2020.parquet"))
    assert where(found["missed_split"]) == [("2016-07-01", "HRI")]
    assert "(-80.1%)" in found["missed_split"].examples[0].note
    assert where(found["bad_tick"]) == [("2017-12-01", "GM")]
    assert found["survivorship"].count == 200


def test_survivors_of_technology_are_late_but_not_dirty(seen: Seen) -> None:
    inspection = seen("ai_tech_2014_2022.parquet", "XNYS")
    found = named(inspection)
    assert warnings(inspection) == {"volume_gap"}
    assert where(found["volume_gap"]) == [("2018-12-20", "DELL"), ("2018-12-24", "DELL")]
    assert found["late_listing"].count == 8
    assert inspection.coverage > 0.9999


def test_cross_asset_bars_break_their_range_and_trade_on_holidays(seen: Seen) -> None:
    found = named(seen("cross_asset_2000_2019.parquet", "XNYS"))
    assert found["ohlc"].count == 1464
    assert found["off_calendar"].count == 775
    assert where(found["bad_tick"])[0] == ("2006-12-25", "AUDUSD=X")
    guess = named(seen("cross_asset_2000_2019.parquet"))  # without a calendar
    assert guess["thin"].count == 744
    assert where(guess["thin"])[0] == ("2003-04-18", "")  # Good Friday


def test_prices_of_pystock_have_unknown_splits_and_foreign_segments_but_no_holidays(
    seen: Seen,
) -> None:
    inspection = seen("pystock_prices_top400.parquet", "XNYS")
    found = named(inspection)
    assert not {"off_calendar", "duplicates", "ohlc"} & set(found)
    assert found["missed_split"].count == 18
    assert where(found["missed_split"])[0] == ("2015-07-15", "NFLX")
    assert found["missed_split"].examples[0].note.endswith("nearest split 7:1")
    assert {symbol for _, symbol in where(found["level_shift"])} == {"NEE"}
    assert where(found["ticker_reuse"]) == [("2016-10-21", "DTV")]
    assert found["delisting"].count == 28


def test_prices_of_stocknet_lack_three_closes_and_some_volume(seen: Seen) -> None:
    found = named(seen("stocknet_prices_2012_2017.parquet", "XNYS"))
    assert sorted(where(found["missing_close"])) == [
        ("2016-06-29", name) for name in ("PTR", "REX", "SNP")
    ]
    assert found["volume_gap"].count == 111
    assert found["late_listing"].count == 4


def test_two_reports_were_filed_before_their_period_ended(shared: Shared) -> None:
    frame = pd.read_parquet(shared("data/pystock_reports_pit_dedup.parquet"))
    (finding,) = inspect_known_at(frame, "filed_asof", "end_date")
    assert where(finding) == [("2016-12-31", "NRG"), ("2016-05-05", "NDLS")]


def test_a_tenth_of_the_tweet_days_are_of_another_day_in_new_york(shared: Shared) -> None:
    """In one row of nine even the last tweet was sent the day before, or earlier."""
    frame = pd.read_parquet(shared("data/stocknet_tweet_counts_2014_2015.parquet"))
    late, early = inspect_dates(frame, "last_created_utc", "date", "America/New_York")
    assert (early.name, early.count) == ("earlier_than_date", 2803)
    assert early.share == pytest.approx(0.109, abs=0.001)
    assert (late.name, late.severity, late.count) == ("late_on_date", "warning", 5750)


def test_a_fifth_of_the_tweet_days_end_after_the_close(shared: Shared) -> None:
    frame = pd.read_parquet(shared("data/stocknet_tweet_counts_2014_2015.parquet"))
    asked = ("last_created_utc", "date", "America/New_York")
    later, _ = inspect_dates(frame, *asked, close="16:00")
    assert (later.name, later.severity, later.count) == ("later_than_date", "error", 5750)


def test_raw_prices_of_lean_show_splits_reused_tickers_and_a_low_of_a_cent(shared: Shared) -> None:
    frames = []
    for symbol in ("aapl", "aig", "eem", "goog", "qqq"):
        path = shared("data/lean_raw") / f"{symbol}_daily.zip"
        names = ["timestamp", "open", "high", "low", "close", "volume"]
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
            frame = pd.read_csv(file, header=None, names=names)
        frame[names[1:5]] /= 1e4
        frame["timestamp"] = pd.to_datetime(frame["timestamp"], format="%Y%m%d %H:%M", utc=True)
        frames.append(frame.assign(symbol=symbol.upper()))
    found = named(examine(pd.concat(frames), XNYS))
    splits = where(found["missed_split"])
    assert {("2014-06-09", "AAPL"), ("2020-08-31", "AAPL"), ("2008-07-24", "EEM")} <= {*splits}
    assert where(found["ticker_reuse"]) == [("2011-03-23", "QQQ"), ("2003-04-11", "EEM")]
    assert where(found["absurd"]) == [("2008-09-30", "GOOG")]
    assert ("2009-07-01", "AIG") in where(found["level_shift"])


# Every shared file, the words that check it, the exit code, and what must be said of it.
CHECKED = [
    ("ai_tech_2014_2022.parquet", [], 0, ["2018-12-20 DELL no volume", "1 warning, 3 info"]),
    (
        "us_liquid200_2014_2020.parquet",
        [],
        0,
        ["2016-07-01 HRI close 166.042 -> 33.05 (-80.1%)", "3 warning, 2 info"],
    ),
    (
        "stocknet_prices_2012_2017.parquet",
        [],
        0,
        ["missing_close              3", "2016-06-30 GMRE begins 961 sessions late"],
    ),
    (
        "pystock_prices_top400.parquet",
        ["universe.calendar=XNYS"],
        0,
        ["missed_split              18", "delisting                 28", "delisting.long_return"],
    ),
    (
        "cross_asset_2000_2019.parquet",
        ["universe.calendar=XNYS"],
        0,
        ["off_calendar             775", "2006-12-25 AUDUSD=X", "ohlc                    1464"],
    ),
    ("vix_1990_2026.parquet", ["--symbol", "VIX"], 0, ["ohlc                      47"]),
    ("ff5_daily_1963_2024.parquet", [], 0, ["no bars", "nothing is odd"]),
    ("zipline_treasury_curves_1990_2017.csv", [], 0, ["no bars", "1month 42.5% empty"]),
    ("sp500_constituents_pddl.csv", [], 0, ["503 rows", "no bars", "nothing is odd"]),
    ("stocknet_sectors.tsv", [], 0, ["88 rows, 3 columns", "nothing is odd"]),
    (
        "pystock_reports_pit_dedup.parquet",
        [],
        0,
        ["op_income 22.0% empty", "ask --known filed_asof"],
    ),
    (
        "pystock_reports_pit_dedup.parquet",
        ["--known", "filed_asof", "--period", "end_date"],
        1,
        ["2016-12-31 NRG", "2016-05-05 NDLS", "1 error"],
    ),
    (
        "stocknet_tweet_counts_2014_2015.parquet",
        ["--stamp", "last_created_utc", "--date", "date", "--zone", "America/New_York"],
        0,
        ["earlier_than_date       2803"],
    ),
]


@pytest.mark.parametrize(("file", "words", "code", "said"), CHECKED)
def test_the_command_reads_every_file(
    file: str,
    words: list[str],
    code: int,
    said: list[str],
    shared: Shared,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check_data([str(shared(f"data/{file}")), *words]) == code
    text = capsys.readouterr().out
    for part in said:
        assert part in text


def test_the_command_reads_lean_and_its_adjusted_bars_have_no_split_left(
    shared: Shared,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The fall of AAPL on 2000-09-29 is near a 2:1, but volume burst that day: news."""
    words = ["source=lean", f"source.path={shared('data/lean_raw')}", "universe.calendar=XNYS"]
    assert check_data(words) == 0
    text = capsys.readouterr().out
    assert "missed_split" not in text
    assert "2011-03-23 QQQ after 1588 sessions without a bar" in text
    assert "2008-09-30 GOOGL open=197.99 high=244.68 low=0.005" in text
    assert "[bars.absurd=raise|drop|mask|keep]" in text


def test_no_file_is_left_out(shared: Shared) -> None:
    files = {p.name for p in shared("data").iterdir() if p.suffix in (".parquet", ".csv", ".tsv")}
    assert files == {file for file, *_ in CHECKED}


def test_dirt_that_no_shared_file_has_is_found_in_frames() -> None:
    """LBTYA at 0.0001 for a day, EGO times 4.97 (a 1:5 that the prices do not know)."""
    days = pd.bdate_range("2014-03-03", periods=120, tz="UTC")
    frames = []
    for name in ("LBTYA", "EGO", "OTHER"):
        close = 20.0 + 0.1 * (np.arange(120) % 7) + 0.05 * (np.arange(120) % 3)
        volume = np.full(120, 1e6)
        if name == "LBTYA":
            close[60] = 0.0001
        if name == "EGO":
            close[60:] *= 4.97
            volume[60:] /= 4.97
        frames.append(
            pd.DataFrame({"timestamp": days, "symbol": name, "close": close, "volume": volume})
        )
    found = named(examine(pd.concat(frames), Universe()))
    day = f"{days[60]:%Y-%m-%d}"
    assert where(found["absurd"]) == [(day, "LBTYA")]
    assert where(found["bad_tick"]) == [(day, "LBTYA")]
    assert where(found["missed_split"]) == [(day, "EGO")]
    assert found["missed_split"].examples[0].note.endswith("nearest split 1:5")
