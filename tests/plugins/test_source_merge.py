"""source=merge: bars with figures of other files, each from the day after it was known."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import ALL, Shared
from omegaconf import OmegaConf

from engine import ConfigError, DataError, Universe
from engine.plugin.registry import installed
from engine.plugins.sources.merge import Merge

nan = np.nan
# Mon 6, Tue 7, Wed 8, Thu 9, Fri 10, Mon 13 January 2020
DAYS = ["2020-01-06", "2020-01-07", "2020-01-08", "2020-01-09", "2020-01-10", "2020-01-13"]


def bars(folder: Path, symbols: str = "A", days: list[str] = DAYS) -> str:
    rows = [(day, symbol, 10.0) for day in days for symbol in symbols]
    return save(folder / "bars.parquet", rows, ["date", "symbol", "close"])


def save(path: Path, rows: list[tuple[Any, ...]], columns: list[str]) -> str:
    pd.DataFrame(rows, columns=columns).to_parquet(path)
    return str(path)


def merge(folder: Path, join: dict[str, Any], **fields: Any) -> Merge:
    node = {
        "name": "merge",
        "bars": {"path": str(folder / "bars.parquet")},
        "joins": {"f": {"path": str(folder / "f.parquet"), "known": "known", **join}},
        **fields,
    }
    source = installed().build("source", OmegaConf.create(node), "source")
    assert isinstance(source, Merge)
    return source


def figure(
    folder: Path, rows: list[tuple[Any, ...]], join: dict[str, Any] | None = None, **fields: Any
) -> list[float]:
    """The figure `x` of symbol A on DAYS, from rows of (symbol, known, x[, period])."""
    bars(folder)
    columns = ["symbol", "known", "x", "period"][: len(rows[0])]
    save(folder / "f.parquet", rows, columns)
    return list(merge(folder, join or {}, **fields).load(ALL)["x"])


@pytest.mark.parametrize(
    ("lag", "wanted"),
    [
        (0, [nan, 5, 5, 5, 5, 5]),
        (1, [nan, nan, 5, 5, 5, 5]),
        (2, [nan, nan, nan, 5, 5, 5]),
        (4, [nan, nan, nan, nan, nan, 5]),  # Saturday the 11th: seen on Monday
    ],
)
def test_a_figure_is_visible_lag_days_after_it_was_known(
    tmp_path: Path, lag: int, wanted: list[float]
) -> None:
    got = figure(tmp_path, [("A", "2020-01-07", 5.0)], {"lag": lag})
    np.testing.assert_array_equal(got, wanted)


def test_what_is_known_on_friday_is_visible_on_monday(tmp_path: Path) -> None:
    got = figure(tmp_path, [("A", "2020-01-10", 5.0)])
    np.testing.assert_array_equal(got, [nan, nan, nan, nan, nan, 5])


def test_a_figure_from_before_the_first_bar_is_there_on_it(tmp_path: Path) -> None:
    assert figure(tmp_path, [("A", "2019-06-30", 5.0)]) == [5] * 6


def test_a_restatement_counts_from_its_own_day(tmp_path: Path) -> None:
    rows = [("A", "2020-01-06", 5.0, "2019-12-31"), ("A", "2020-01-08", 4.0, "2019-12-31")]
    got = figure(tmp_path, rows, {"period": "period"})
    np.testing.assert_array_equal(got, [nan, 5, 5, 4, 4, 4])


def test_a_late_filing_of_an_older_period_replaces_nothing(tmp_path: Path) -> None:
    rows = [("A", "2020-01-06", 5.0, "2019-12-31"), ("A", "2020-01-08", 3.0, "2019-09-30")]
    np.testing.assert_array_equal(
        figure(tmp_path, rows, {"period": "period"}), [nan, 5, 5, 5, 5, 5]
    )
    np.testing.assert_array_equal(figure(tmp_path, rows), [nan, 5, 5, 3, 3, 3])


def test_of_two_figures_of_one_day_the_newer_period_counts(tmp_path: Path) -> None:
    rows = [("A", "2020-01-06", 5.0, "2019-12-31"), ("A", "2020-01-06", 3.0, "2019-09-30")]
    for order in (rows, rows[::-1]):
        assert figure(tmp_path, order, {"period": "period"})[1:] == [5] * 5


def test_of_two_times_of_one_day_the_later_counts(tmp_path: Path) -> None:
    rows = [("A", "2020-01-06 19:00", 5.0), ("A", "2020-01-06 15:00", 3.0)]
    for order in (rows, rows[::-1]):
        assert figure(tmp_path, order)[1:] == [5] * 5


def test_of_two_figures_of_one_moment_the_files_last_counts_and_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert figure(tmp_path, [("A", "2020-01-06", 3.0), ("A", "2020-01-06", 5.0)])[1:] == [5] * 5
    assert "source.joins.f: 1 rows are known at once: the file's last one counts" in caplog.text


@pytest.mark.parametrize(
    ("moment", "first"),
    [
        ("2020-01-07 20:59", 2),  # 15:59 in New York: known on the 7th
        ("2020-01-07 21:00", 2),  # at the close
        ("2020-01-07 21:01", 3),  # after it: known on the 8th
        ("2020-01-08 03:00", 3),  # UTC's 8th, and New York's evening of the 7th
    ],
)
def test_utc_times_after_the_close_belong_to_the_next_day(
    tmp_path: Path, moment: str, first: int
) -> None:
    got = figure(tmp_path, [("A", moment, 5.0)])
    np.testing.assert_array_equal(got, [nan] * first + [5.0] * (6 - first))


def test_the_market_may_be_elsewhere(tmp_path: Path) -> None:
    """08:00 UTC is 17:00 in Tokyo, after its close at 15:30."""
    fields = {"zone": "Asia/Tokyo", "close": "15:30"}
    got = figure(tmp_path, [("A", "2020-01-07 08:00", 5.0)], {}, **fields)
    np.testing.assert_array_equal(got, [nan, nan, nan, 5, 5, 5])


def test_times_without_a_zone_may_be_the_markets(tmp_path: Path) -> None:
    join = {"timezone": "America/New_York"}
    got = figure(tmp_path, [("A", "2020-01-07 15:59", 5.0)], join)
    np.testing.assert_array_equal(got, [nan, nan, 5, 5, 5, 5])


def test_summer_time_moves_the_close(tmp_path: Path) -> None:
    days = ["2020-07-07", "2020-07-08", "2020-07-09"]
    bars(tmp_path, days=days)
    save(tmp_path / "f.parquet", [("A", "2020-07-07 20:30", 5.0)], ["symbol", "known", "x"])
    got = merge(tmp_path, {}).load(ALL)["x"]
    np.testing.assert_array_equal(got, [nan, nan, 5])


def test_a_null_is_skipped_column_by_column(tmp_path: Path) -> None:
    bars(tmp_path)
    rows = [("A", "2020-01-06", 5.0, 1.0), ("A", "2020-01-08", nan, 2.0)]
    save(tmp_path / "f.parquet", rows, ["symbol", "known", "x", "y"])
    got = merge(tmp_path, {}).load(ALL)
    np.testing.assert_array_equal(got["x"], [nan, 5, 5, 5, 5, 5])
    np.testing.assert_array_equal(got["y"], [nan, 1, 1, 2, 2, 2])


def test_a_figure_expires(tmp_path: Path) -> None:
    got = figure(tmp_path, [("A", "2020-01-06", 5.0)], {"expires": 2})
    np.testing.assert_array_equal(got, [nan, 5, 5, nan, nan, nan])


def test_a_period_is_not_known_before_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        got = figure(tmp_path, [("A", "2020-01-06", 5.0, "2020-01-08")], {"period": "period"})
    np.testing.assert_array_equal(got, [nan, nan, nan, 5, 5, 5])
    assert "1 rows were known before their period's end" in caplog.text


@pytest.mark.parametrize(
    ("how", "wanted"),
    [("sum", [nan, nan, nan, 3, nan, 12]), ("mean", [nan, nan, nan, 1.5, nan, 4])],
)
def test_events_count_once_on_the_first_bar_that_sees_them(
    tmp_path: Path, how: str, wanted: list[float]
) -> None:
    rows = [
        ("A", "2020-01-01", 99.0),  # before the first bar: on none
        ("A", "2020-01-08", 1.0),
        ("A", "2020-01-08", 2.0),
        ("A", "2020-01-10", 3.0),  # Friday to Sunday: seen on Monday
        ("A", "2020-01-11", 4.0),
        ("A", "2020-01-12", 5.0),
        ("A", "2020-01-13", 99.0),  # after the last bar
    ]
    np.testing.assert_array_equal(figure(tmp_path, rows, {"how": how}), wanted)


def test_events_wait_for_a_bar_with_a_close(tmp_path: Path) -> None:
    rows = [("2020-01-06", "A", 10.0), ("2020-01-07", "A", nan), ("2020-01-08", "A", 10.0)]
    save(tmp_path / "bars.parquet", rows, ["date", "symbol", "close"])
    save(tmp_path / "f.parquet", [("A", "2020-01-06", 5.0)], ["symbol", "known", "x"])
    got = merge(tmp_path, {"how": "sum"}).load(ALL)["x"]
    np.testing.assert_array_equal(got, [nan, nan, 5])


def test_symbols_do_not_see_one_another(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bars(tmp_path, "BCA", DAYS[:2])
    rows = [("A", "2020-01-01", 1.0), ("B", "2020-01-01", 2.0), ("Z", "2020-01-01", 9.0)]
    save(tmp_path / "f.parquet", rows, ["ticker", "known", "x"])
    with caplog.at_level(logging.WARNING):
        frame = merge(tmp_path, {}).load(ALL)
    got = frame.pivot(index="timestamp", columns="symbol", values="x").to_numpy()
    np.testing.assert_array_equal(got, [[1, 2, nan]] * 2)
    assert "source.joins.f: 1 of 3 symbols have no row: C" in caplog.text


def test_names_and_prefix(tmp_path: Path) -> None:
    bars(tmp_path)
    rows = [("A", "2020-01-01", 1.0, 2.0, "text")]
    save(tmp_path / "f.parquet", rows, ["symbol", "known", "close", "y", "note"])
    assert list(merge(tmp_path, {"prefix": "f_"}).load(ALL))[3:] == ["f_close", "f_y"]
    assert list(merge(tmp_path, {"columns": {"z": "y"}}).load(ALL))[3:] == ["z"]
    with pytest.raises(ConfigError, match=r"a column 'close' already: set source.joins.f.prefix"):
        merge(tmp_path, {}).load(ALL)


@pytest.mark.parametrize(
    ("join", "fields", "message"),
    [
        ({"lag": -1}, {}, "source.joins.f.lag=-1 looks ahead"),
        ({"how": "first"}, {}, "source.joins.f.how=first: choose from: last, mean, sum"),
        ({"known": "filed"}, {}, "source.joins.f.known=filed is not a column of .*: symbol, known"),
        ({"known": ""}, {}, "source.joins.f.known is not set"),
        ({"columns": {"y": "yy"}}, {}, "source.joins.f.columns.y=yy is not a column"),
        ({"how": "sum", "expires": 3}, {}, "period and expires go with how=last only"),
        ({"expires": 0}, {}, "source.joins.f.expires=0"),
        ({}, {"zone": "Mars"}, "source.zone=Mars is no timezone"),
        ({}, {"close": "four"}, "source.close='four' is no time"),
        ({}, {"bars": {"name": "excel"}}, "source.bars.name=excel: choose from: csv"),
        ({}, {"bars": {"pth": "x"}}, "source.bars.pth: no such field; did you mean 'path'"),
        ({}, {"bars": {"keep": {"a": 1}}}, "source.bars"),
        ({}, {"bars": {}}, "source.bars.path is not set"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(
    tmp_path: Path, join: dict[str, Any], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        figure(tmp_path, [("A", "2020-01-06", 5.0)], join, **fields)
    assert "\n" not in str(error.value)


def test_bars_may_come_from_another_source(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="the extra sql is not installed")
    query = "select '2020-01-07' as date, 'A' as symbol, 3.0 as close"
    fields = {"bars": {"name": "sql", "query": query}}
    frame = figure(tmp_path, [("A", "2020-01-06", 5.0)], {}, **fields)
    assert frame == [5]


def test_a_multiplier_of_the_bars_is_named_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "lots.csv"
    path.write_text("date,symbol,close,volume\n2020-01-07,A,3,4\n")
    bars = {"name": "csv", "path": str(path)}
    source = Merge(bars={**bars, "volume_multiplier": {"A": 50}})
    assert source.load(Universe())["volume"].tolist() == [200.0]
    source = Merge(bars={**bars, "volume_multiplier": {"B": 50}})
    with pytest.raises(ConfigError, match=r"^source\.bars\.volume_multiplier\.B: "):
        source.load(Universe())


def test_an_unknown_key_of_a_join_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"source.joins.*laag"):
        merge(tmp_path, {"laag": 1})


def test_a_file_with_none_of_the_symbols_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has none of the bars' 1 symbols"):
        figure(tmp_path, [("Z", "2020-01-06", 5.0)])


# --- no look-ahead ---------------------------------------------------------------------


def random_case(folder: Path, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    draw = np.random.default_rng(seed)
    days = pd.bdate_range("2020-01-01", periods=40)
    rows = [(d, s, 10.0) for d in days for s in "ABC" if draw.random() < 0.8]
    price = pd.DataFrame(rows, columns=["date", "symbol", "close"])
    n = 60
    period = pd.Timestamp("2019-12-01") + pd.to_timedelta(draw.integers(0, 40, n), unit="D")
    known = period + pd.to_timedelta(draw.integers(0, 24 * 30, n), unit="h")
    values = np.where(draw.random(n) < 0.2, nan, draw.normal(size=n))
    symbols = draw.choice(list("ABC"), n)
    data = {"symbol": symbols, "known": known, "period": period, "x": values}
    return price, pd.DataFrame(data)


def loaded(folder: Path, price: pd.DataFrame, facts: pd.DataFrame, join: dict[str, Any]) -> Any:
    price.to_parquet(folder / "bars.parquet")
    facts.to_parquet(folder / "f.parquet")
    source = merge(folder, {"columns": {"x": "x"}, **join})
    return source.load(ALL).set_index(["timestamp", "symbol"])["x"].sort_index()


@pytest.mark.parametrize("join", [{"period": "period"}, {"how": "sum"}, {"expires": 9}])
@pytest.mark.parametrize("seed", range(3))
def test_the_future_changes_nothing(tmp_path: Path, seed: int, join: dict[str, Any]) -> None:
    price, facts = random_case(tmp_path, seed)
    full = loaded(tmp_path, price, facts, join)
    assert full.notna().sum() > 5
    for t in (price["date"].iloc[30], price["date"].iloc[60]):
        stamp = t.tz_localize("UTC")
        cut = loaded(tmp_path, price[price["date"] <= t], facts, join)
        pd.testing.assert_series_equal(cut, full.loc[:stamp])
        changed = facts.copy()
        later = np.flatnonzero(facts["known"] >= t)
        changed.iloc[later, 3] = 1e6
        seen = loaded(tmp_path, price, changed.drop(index=later[::2].tolist()), join)
        pd.testing.assert_series_equal(seen.loc[:stamp], full.loc[:stamp])


@pytest.mark.parametrize("how", ["last", "mean"])
def test_the_order_of_rows_changes_nothing(tmp_path: Path, how: str) -> None:
    price, facts = random_case(tmp_path, 5)
    full = loaded(tmp_path, price, facts, {"how": how})
    turned = loaded(tmp_path, price[::-1], facts[::-1], {"how": how})
    pd.testing.assert_series_equal(turned, full, rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_it_agrees_with_pandas_merge_asof(tmp_path: Path, seed: int) -> None:
    price, facts = random_case(tmp_path, seed)
    facts["known"] = facts["known"].dt.normalize()
    facts = facts.dropna().drop_duplicates(["symbol", "known"]).sort_values("known")
    left = price.rename(columns={"date": "known"})
    want = pd.merge_asof(left, facts, on="known", by="symbol", allow_exact_matches=False)
    want["known"] = want["known"].dt.tz_localize("UTC")
    wanted = want.set_index(["known", "symbol"])["x"].sort_index().to_numpy()
    np.testing.assert_array_equal(loaded(tmp_path, price, facts, {}), wanted)


# --- real data -------------------------------------------------------------------------


def test_real_reports_are_visible_only_after_they_were_filed(shared: Shared) -> None:
    reports = shared("data/pystock_reports_pit_dedup.parquet")
    node = {
        "name": "merge",
        "bars": {"path": str(shared("data/pystock_prices_top400.parquet"))},
        "joins": {
            "reports": {
                "path": str(reports),
                "known": "filed_asof",
                "period": "end_date",
                "columns": {"net_income": "net_income", "assets": "assets"},
            }
        },
    }
    frame = installed().build("source", OmegaConf.create(node), "source").load(ALL)
    raw = pd.read_parquet(reports).dropna(subset=["assets"])
    one = raw[raw["symbol"] == "AAPL"].sort_values(["filed_asof", "end_date"])
    mine = frame[frame["symbol"] == "AAPL"]
    first = one["filed_asof"].iloc[0].tz_localize("UTC")
    assert mine.loc[mine["timestamp"] <= first, "assets"].isna().all()
    assert (mine.loc[mine["timestamp"] > first, "assets"].iloc[0]) == one["assets"].iloc[0]
    assert frame["assets"].notna().mean() > 0.7


def test_real_tweets_of_an_evening_are_seen_the_day_after_the_next(shared: Shared) -> None:
    node = {
        "name": "merge",
        "bars": {"path": str(shared("data/stocknet_prices_2012_2017.parquet"))},
        "joins": {
            "tweets": {
                "path": str(shared("data/stocknet_tweet_counts_2014_2015.parquet")),
                "known": "last_created_utc",
                "how": "sum",
                "lag": 0,  # known at the close of the day
                "columns": {"tweets": "n_tweets"},
            }
        },
    }
    frame = (
        installed()
        .build("source", OmegaConf.create(node), "source")
        .load(Universe(symbols=["AAPL"]))
    )
    got = frame.set_index("timestamp")["tweets"]
    # 8 on New Year's Day: seen on Thursday the 2nd. 33 on that day, the last at 17:46 in New
    # York: seen on Friday the 3rd
    assert got.loc["2014-01-02":"2014-01-03"].tolist() == [8, 33]
