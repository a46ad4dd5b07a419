"""Sources: the simulated market, the sample, and people's own files."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import ALL, CONF, Shared
from scipy.stats import spearmanr

import engine
from engine.bars.layout import Policy, build
from engine.config.compose import compose_config
from engine.core.panel import Panel
from engine.core.universe import Universe
from engine.plugin.registry import installed
from engine.plugins.sources import Csv, Parquet, Sample, Simulated, register_sources


def test_the_room_lists_its_sources() -> None:
    assert [cls.name for cls in register_sources()] == [
        "csv",
        "lean",
        "merge",
        "panel",
        "parquet",
        "sample",
        "simulated",
        "sql",
        "yahoo",
    ]
    assert [cls.name for cls in register_sources() if cls.simulated] == ["simulated"]


# --- simulated -------------------------------------------------------------------------


def market(universe: Universe = ALL, **fields: object) -> Panel:
    source = Simulated(**{"n_symbols": 40, "n_days": 300, **fields})  # type: ignore[arg-type]
    return build(source.load(universe), universe, Policy(ohlc="raise"), source.series(universe))[0]


def test_simulated_bars_need_no_mending() -> None:
    source = Simulated(n_symbols=60, n_days=600)
    panel, findings = build(source.load(ALL), ALL, Policy(ohlc="raise"), source.series(ALL))
    assert sum(findings.counts.values()) == 0
    assert panel.symbols[:2] == ("S0000", "S0001")
    assert panel.shape == (600, 60)
    assert list(panel.fields) == [
        *["open", "high", "low", "close", "volume", "planted", "split_ratio"]
    ]
    assert np.nanmin(panel.returns) > -0.5
    assert set(panel.groups["sector"]) > {"Energy", "Utilities"}


def test_simulated_is_the_same_every_time_and_another_with_another_seed() -> None:
    frame = Simulated(n_symbols=5, n_days=60).load(ALL)
    pd.testing.assert_frame_equal(frame, Simulated(n_symbols=5, n_days=60).load(ALL))
    assert not frame["close"].equals(Simulated(n_symbols=5, n_days=60, seed=8).load(ALL)["close"])


def test_a_symbols_path_depends_on_neither_order_nor_company() -> None:
    many = market(Universe(symbols=["C", "A", "B"]))
    one = market(Universe(symbols=["B"]))
    turned = market(Universe(symbols=["B", "C", "A"]))
    for name in one.fields:
        np.testing.assert_array_equal(many[name][:, [1]], one[name])
        np.testing.assert_array_equal(many[name], turned[name])


def test_simulated_sessions_follow_the_calendar() -> None:
    fields = {"start": "2020-01-01", "end": "2020-01-31", "planted_ic": 0.0}
    assert len(market(**fields).dates) == 23
    sessions = market(Universe(calendar="XNYS"), **fields).dates
    assert len(sessions) == 21
    assert pd.Timestamp("2020-01-20", tz="UTC") not in sessions
    assert len(market(Universe(calendar="XNYS"), n_days=300).dates) == 300


def test_listings_delistings_and_suspensions_leave_gaps_where_they_should() -> None:
    none = market(late=0.0, delisted=0.0, suspended=0.0).present
    assert none.all()
    late = Simulated(n_symbols=40, n_days=300, late=1.0, delisted=0.0, suspended=0.0).load(ALL)
    first = late.groupby("symbol", observed=True)["timestamp"].min()
    assert first.min() >= pd.bdate_range("2014-01-02", periods=31, tz="UTC")[-1]
    assert first.max() <= pd.bdate_range("2014-01-02", periods=151, tz="UTC")[-1]
    assert first.nunique() > 20
    gone = market(late=0.0, delisted=1.0, suspended=0.0).present
    assert gone[:180].all()
    assert len(gone) <= 285  # days without any bar are no days of the panel
    assert 1 <= gone[-1].sum() < 40
    assert (np.diff(gone.astype(int), axis=0) <= 0).all()
    halted = (~market(late=0.0, delisted=0.0, suspended=1.0).present).sum(axis=0)
    assert halted.max() <= 40
    assert halted.min() >= 0
    assert np.median(halted) >= 5


def test_the_sector_tag_of_the_universe_moves_the_symbol() -> None:
    names = [f"N{i}" for i in range(30)]
    tags = {"sector": {name: "Left" if i % 2 else "Right" for i, name in enumerate(names)}}
    universe = Universe(symbols=names, tags=tags)
    panel = market(universe, sector_vol=0.3, idio_vol=0.1, n_days=800, suspended=0.0, late=0.0)
    corr = np.corrcoef(np.nan_to_num(panel.returns[1:] - panel.market[1:, None]).T)
    same = np.equal.outer(panel.groups["sector"], panel.groups["sector"])
    assert corr[same & ~np.eye(30, dtype=bool)].mean() > 0.3
    assert corr[~same].mean() < -0.3


def test_regimes_persist_tails_are_fat_and_vix_follows_volatility() -> None:
    panel = market(n_days=2520, n_symbols=60)
    size = np.abs(panel.market[1:])
    assert np.corrcoef(size[:-1], size[1:])[0, 1] > 0.1
    r = panel.returns[np.isfinite(panel.returns)]
    assert ((r - r.mean()) ** 4).mean() / r.var() ** 2 > 5.0
    vix = panel.series["vix"]
    ahead = pd.Series(panel.market).rolling(20).std().shift(-20).to_numpy()
    known = np.isfinite(ahead)
    assert spearmanr(vix[known], ahead[known]).statistic > 0.4
    assert 10.0 < np.median(vix) < 25.0


def test_volume_rises_with_the_size_of_the_move() -> None:
    panel = market(n_days=500)
    moves, volume = np.abs(panel.returns), np.log(panel["volume"])
    each = [
        spearmanr(moves[:, i], volume[:, i], nan_policy="omit").statistic
        for i in range(panel.shape[1])
    ]
    assert np.mean(each) > 0.15


def test_dollar_volume_is_that_of_the_median_symbol() -> None:
    """About 1.1 times it, since few days are quiet; impact costs are charged against it."""
    medians = {}
    for base in (1e6, 400e6):
        panel = market(n_symbols=400, planted_ic=0.0, dollar_volume=base)
        medians[base] = np.median(np.nanmedian(panel["close"] * panel["volume"], axis=0))
    assert 350e6 < medians[400e6] < 600e6
    assert medians[400e6] / medians[1e6] == pytest.approx(400.0, rel=0.01)


def rank_ic(panel: Panel, horizon: int) -> float:
    """Mean over dates of the rank IC of `planted`; the label trades on the bar after."""
    close, signal = panel["close"], panel["planted"]
    ics = []
    for t in range(0, len(close) - 1 - horizon, max(1, horizon // 4)):
        label = close[t + 1 + horizon] / close[t + 1] - 1.0
        known = np.isfinite(label) & np.isfinite(signal[t])
        ics.append(spearmanr(signal[t, known], label[known]).statistic)
    return float(np.mean(ics))


@pytest.mark.parametrize(
    ("ic", "horizon", "halflife"),
    [(0.0, 20, 20.0), (0.05, 20, 20.0), (0.10, 1, 20.0), (-0.08, 5, 3.0), (0.30, 20, 60.0)],
)
def test_the_planted_rank_ic_is_what_comes_out(ic: float, horizon: int, halflife: float) -> None:
    """Over independent markets; seeds share no path, so their means have a standard error."""
    fields = {"planted_ic": ic, "planted_horizon": horizon, "planted_halflife": halflife}
    seeds = [
        rank_ic(market(seed=s, n_symbols=200, n_days=500, **fields), horizon) for s in range(8)
    ]
    error = np.std(seeds, ddof=1) / np.sqrt(len(seeds))
    assert abs(np.mean(seeds) - ic) < 2.0 * max(error, 0.002)


def test_facts_name_what_is_planted() -> None:
    planted = {"column": "planted", "horizon": 20, "rank_ic": 0.04}
    assert Simulated(planted_ic=0.04).facts(Universe())["planted"] == planted


def test_the_planted_signal_is_standard_normal_and_as_persistent_as_it_says() -> None:
    signal = market(n_symbols=200, late=0.0, delisted=0.0, suspended=0.0)["planted"]
    assert abs(signal.mean()) < 0.1
    assert abs(signal.std() - 1.0) < 0.05
    assert abs((signal[20:] * signal[:-20]).mean() - 0.5) < 0.05


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"start": "soon"}, "source.start='soon' is not a date"),
        ({"start": "2020-02-01", "end": "2020-01-01"}, "source.end=2020-01-01 leaves 0 business"),
        ({"n_days": 15}, "source.planted_horizon=20 needs more than the 15 days"),
        ({"planted_ic": 0.5, "planted_halflife": 0.1}, "planted_ic=0.5 is out of reach"),
    ],
)
def test_what_cannot_be_simulated_is_named(fields: dict[str, object], says: str) -> None:
    with pytest.raises(engine.ConfigError, match=says):
        market(**fields)


def test_a_calendar_that_nobody_knows_is_named() -> None:
    with pytest.raises(engine.ConfigError, match=r"universe.calendar=XNYZ cannot be used"):
        market(Universe(calendar="XNYZ"))


# --- sample ----------------------------------------------------------------------------


def test_the_sample_has_twenty_names_and_closes_only() -> None:
    panel, findings = build(Sample().load(ALL), Universe(calendar="XNYS"))
    assert panel.shape == (8313, 20)
    assert list(panel.fields) == ["close"]
    assert sum(findings.counts.values()) == 0
    assert panel.symbols[:3] == ("AAPL", "AMD", "BAC")


def test_the_sample_can_be_cut() -> None:
    frame = Sample(start="2020-01-01", end="2020-01-31").load(ALL)
    assert frame["timestamp"].min() == pd.Timestamp("2020-01-02", tz="UTC")
    assert frame["timestamp"].max() == pd.Timestamp("2020-01-31", tz="UTC")
    with pytest.raises(engine.DataError, match="it runs from 1990-01-02"):
        Sample(start="2030-01-01").load(ALL)
    with pytest.raises(engine.ConfigError, match=r"source.end='x' is not a date"):
        Sample(end="x").load(ALL)


# --- files -----------------------------------------------------------------------------

CSV = """Date,Ticker,Open,High,Low,Close,Adj Close,Volume,Sector
2020-01-02,AA,10,11,9,10,5,100,Metals
2020-01-02,NA,20,21,19,20,20,200,Banks
2020-01-03,AA,11,12,10,11,5.5,,Metals
"""


def write(folder: Path, text: str, name: str = "bars.csv") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def save(folder: Path, frame: pd.DataFrame, name: str = "bars.parquet") -> str:
    frame.to_parquet(folder / name)
    return str(folder / name)


def test_csv_columns_are_found_whatever_their_case(tmp_path: Path) -> None:
    frame = Csv(path=write(tmp_path, CSV)).load(ALL)
    assert list(frame) == [
        *["timestamp", "symbol", "close", "open", "high", "low", "volume", "Adj Close", "Sector"]
    ]
    assert list(frame["symbol"]) == ["AA", "NA", "AA"]
    assert list(frame["timestamp"].dt.strftime("%F %Z")) == ["2020-01-02 UTC"] * 2 + [
        "2020-01-03 UTC"
    ]
    assert np.isnan(frame["volume"].iloc[2])
    panel, _ = build(frame, ALL)
    assert panel.groups == {"Sector": ("Metals", "Banks")}


def test_csv_and_parquet_agree(tmp_path: Path) -> None:
    csv = Csv(path=write(tmp_path, CSV)).load(ALL)
    raw = pd.read_csv(tmp_path / "bars.csv", na_values={"Volume": [""]}, keep_default_na=False)
    parquet = Parquet(path=save(tmp_path, raw)).load(ALL)
    pd.testing.assert_frame_equal(csv, parquet, check_categorical=False)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_symbols_are_chosen_while_reading(kind: str, tmp_path: Path) -> None:
    source: Csv | Parquet = Csv(path=write(tmp_path, CSV))
    if kind == "parquet":
        source = Parquet(
            path=save(tmp_path, Csv(path=source.path).load(ALL).astype({"symbol": str}))
        )
    assert list(source.load(Universe(symbols=["NA"]))["symbol"]) == ["NA"]
    with pytest.raises(engine.DataError, match=r"has 1 symbols \(ZZ\), .* has 2 \(AA, NA\)"):
        source.load(Universe(symbols=["ZZ"]))


def test_adjusting_scales_prices_and_keeps_traded_money(tmp_path: Path) -> None:
    frame = Csv(path=write(tmp_path, CSV), adjust="Adj Close").load(ALL)
    assert "Adj Close" not in frame
    assert list(frame["close"]) == [5.0, 20.0, 5.5]
    assert list(frame["high"]) == [5.5, 21.0, 6.0]
    assert list(frame["volume"].iloc[:2]) == [200.0, 200.0]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_volume_is_counted_in_units_by_symbol(kind: str, tmp_path: Path) -> None:
    """Contracts of 1000 and of 50; NA is not named, and a missing volume stays missing."""
    text = CSV.replace("AA", "CL=F") + "2020-01-03,ES.1,5,5,5,5,5,7,Metals\n"
    times = {"CL=F": 1000.0, "ES.1": 50.0}
    plain = Csv(path=write(tmp_path, text))
    source: Csv | Parquet = replace(plain, volume_multiplier=times)
    if kind == "parquet":
        path = save(tmp_path, plain.load(ALL).astype({"symbol": str}))
        source = Parquet(path=path, volume_multiplier=times)
    frame = source.load(ALL)
    assert frame["symbol"].tolist() == ["CL=F", "NA", "CL=F", "ES.1"]
    np.testing.assert_array_equal(frame["volume"], [100_000.0, 200.0, np.nan, 350.0])
    pd.testing.assert_frame_equal(
        frame.drop(columns="volume"),
        replace(source, volume_multiplier=None).load(ALL).drop(columns="volume"),
    )


def test_a_multiplier_goes_with_adjusted_volume(tmp_path: Path) -> None:
    source = Csv(path=write(tmp_path, CSV), adjust="Adj Close", volume_multiplier={"AA": 10.0})
    assert list(source.load(ALL)["volume"].iloc[:2]) == [2000.0, 200.0]


def test_a_multiplier_of_a_symbol_that_is_left_out_does_no_harm(tmp_path: Path) -> None:
    source = Csv(path=write(tmp_path, CSV), volume_multiplier={"AA": 10.0})
    assert list(source.load(Universe(symbols=["NA"]))["volume"]) == [200.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"volume_multiplier": {"AAA": 10.0}}, r"AAA: .*bars\.csv has no such symbol; .* 'AA'\?"),
        ({"volume_multiplier": {"Zzzz": 10.0}}, r"Zzzz: .* no such symbol; it has AA, NA"),
        ({"volume_multiplier": {"AA": 0.0}}, r"AA=0: write a number above 0, such as 1000"),
        ({"volume_multiplier": {"AA": -1.0}}, r"AA=-1: write a number above 0"),
        ({"volume_multiplier": {"AA": np.inf}}, r"AA=inf: write a number above 0"),
        ({"volume_multiplier": {"AA": np.nan}}, r"AA=nan: write a number above 0"),
        ({"volume_multiplier": {"AA": 2.0}, "layout": "wide"}, r" needs source\.layout=long"),
    ],
)
def test_wrong_multipliers_name_their_symbol(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    source = replace(Csv(path=write(tmp_path, CSV)), **changes)
    with pytest.raises(engine.ConfigError, match=r"source\.volume_multiplier\.?" + message):
        source.load(ALL)


@pytest.mark.parametrize("kind", ["csv", "parquet", "sql", "yahoo"])
def test_a_multiplier_is_typed_at_the_prompt_as_its_file_says(kind: str) -> None:
    """Names with = and a point; nothing has to be added with +."""
    words = [f"source={kind}", r"source.volume_multiplier={CL\=F: 1000, BRK.B: 10}"]
    source = installed().build("source", compose_config(words).source, "source")
    assert source.volume_multiplier == {"CL=F": 1000.0, "BRK.B": 10.0}
    text = re.sub(r"\n +# ", " ", (CONF / "source" / f"{kind}.yaml").read_text())
    assert r"'source.volume_multiplier={CL\=F: 1000}'" in text


def test_a_multiplier_needs_a_volume(tmp_path: Path) -> None:
    text = CSV.replace("Volume", "Lots")
    source = Csv(path=write(tmp_path, text), volume_multiplier={"AA": 2.0})
    with pytest.raises(engine.ConfigError, match=r"no column 'volume'.*source\.columns\.volume"):
        source.load(ALL)
    named = replace(source, columns={"volume": "Lots"})
    assert list(named.load(ALL)["volume"].iloc[:2]) == [200.0, 200.0]


def test_columns_and_keep_choose_and_rename(tmp_path: Path) -> None:
    text = CSV.replace("Close,Adj Close", "Last,PE")
    source = Csv(path=write(tmp_path, text), columns={"close": "Last", "pe": "PE"}, keep=[])
    frame = source.load(ALL)
    assert list(frame) == ["timestamp", "symbol", "close", "open", "high", "low", "volume", "pe"]
    assert list(frame["pe"]) == [5.0, 20.0, 5.5]


def test_continental_csv(tmp_path: Path) -> None:
    text = "date;symbol;close\n31/01/2020;AA;1,5\n03/02/2020;AA;1,25\n"
    source = Csv(path=write(tmp_path, text), separator=";", decimal=",", date_format="%d/%m/%Y")
    frame = source.load(ALL)
    assert list(frame["close"]) == [1.5, 1.25]
    assert list(frame["timestamp"].dt.strftime("%F")) == ["2020-01-31", "2020-02-03"]


def test_a_byte_order_mark_is_no_part_of_the_name(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text(CSV, encoding="utf-8-sig")
    assert len(Csv(path=str(tmp_path / "bars.csv")).load(ALL)) == 3


@pytest.mark.parametrize(
    ("dates", "timezone", "utc"),
    [
        (["2020-01-02"], "America/New_York", "2020-01-02 00:00"),
        (["20200102"], "UTC", "2020-01-02 00:00"),
        (["2020-01-02 16:00"], "America/New_York", "2020-01-02 21:00"),
        (["2020-01-02T16:00:00Z"], "America/New_York", "2020-01-02 16:00"),
        (["2020-01-02 00:00:00-05:00"], "UTC", "2020-01-02 00:00"),
        (
            ["2020-07-02 00:00-04:00", "2020-01-02 00:00-05:00"],
            "America/New_York",
            "2020-07-02 00:00",
        ),
        (["2020-07-02 09:30-04:00", "2020-01-02 09:30-05:00"], "UTC", "2020-07-02 13:30"),
    ],
)
def test_dates_stay_dates_and_times_become_utc(
    dates: list[str], timezone: str, utc: str, tmp_path: Path
) -> None:
    rows = "".join(f"{day},AA,1\n" for day in dates)
    source = Csv(path=write(tmp_path, "date,symbol,close\n" + rows), timezone=timezone)
    stamps = source.load(ALL)["timestamp"]
    assert f"{stamps.iloc[0]:%Y-%m-%d %H:%M}" == utc
    assert str(stamps.dtype.tz) == "UTC"


@pytest.mark.parametrize("zone", [None, "America/New_York", "Asia/Tokyo"])
def test_parquet_midnights_are_dates_in_any_zone(zone: str | None, tmp_path: Path) -> None:
    days = pd.DatetimeIndex(["2020-01-02", "2020-07-01"], tz=zone)
    path = save(tmp_path, pd.DataFrame({"date": days, "symbol": "A", "close": 1.0}))
    stamps = Parquet(path=path).load(ALL)["timestamp"]
    assert list(stamps.dt.strftime("%F %T")) == ["2020-01-02 00:00:00", "2020-07-01 00:00:00"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_wide_files_hold_closes(kind: str, tmp_path: Path) -> None:
    days = pd.DatetimeIndex(["2020-01-02", "2020-01-03"])
    wide = pd.DataFrame({"B": [1.0, 2.0], "A": [np.nan, 4.0]}, index=days)
    wide.to_csv(tmp_path / "wide.csv")
    wide.to_parquet(tmp_path / "wide.parquet")
    cls = Csv if kind == "csv" else Parquet
    source = cls(path=str(tmp_path / f"wide.{kind}"), layout="wide")
    panel, _ = build(source.load(ALL), ALL)
    assert panel.symbols == ("A", "B")
    np.testing.assert_array_equal(panel["close"], [[np.nan, 1.0], [4.0, 2.0]])
    assert build(source.load(Universe(symbols=["B"])), ALL)[0].symbols == ("B",)


def test_market_series_come_by_name(tmp_path: Path) -> None:
    vix = write(tmp_path, "DATE,OPEN,CLOSE\n2020-01-02,12,13.5\n", "vix.csv")
    rate = write(tmp_path, "date,y10\n2020-01-03,1.8\n", "rate.csv")
    source = Csv(market={"vix": {"path": vix}, "rate": {"path": rate, "column": "y10"}})
    series = source.series(ALL)
    assert series is not None
    assert series["vix"].dropna().to_dict() == {pd.Timestamp("2020-01-02", tz="UTC"): 13.5}
    assert series["rate"].dropna().to_list() == [1.8]
    assert Csv().series(ALL) is None


GOOD = "date,symbol,close\n2020-01-02,AA,1\n"


@pytest.mark.parametrize(
    ("text", "fields", "says"),
    [
        ("", {}, "is empty"),
        ("date,symbol,close\n", {}, "has columns but no rows"),
        (GOOD.replace(",", ";"), {}, "has a single column, .*set \"source.separator=';'\""),
        (GOOD + "2020-01-03,AA,1,5\n", {}, "cannot be read as a table .*line 3, saw 4"),
        ("date,symbol,close\n2020-01-02,AA,1,5\n", {}, "cannot be read as a table"),
        (
            GOOD.replace("close", "last"),
            {},
            "no column 'close', but date, symbol, last: .*source.columns.close=",
        ),
        (GOOD.replace("symbol", "name"), {}, "source.columns.symbol="),
        (GOOD, {"columns": {"close": "px"}}, "source.columns.close=px is not a column"),
        (GOOD, {"keep": ["pe"]}, "source.keep: .* has no column 'pe'"),
        (GOOD, {"adjust": "adj"}, "source.adjust: .* has no column 'adj'"),
        (
            GOOD + "2020-01-03,AA,n/a?\n",
            {},
            "'close' should hold numbers, but 1 rows do not, first 'n/a\\?' in row 2",
        ),
        (
            GOOD + "2020-13-03,AA,1\n",
            {},
            "'date' is not a date in 1 rows, first '2020-13-03' in row 2",
        ),
        (GOOD + ",AA,1\n", {}, "'date' is not a date in 1 rows, first 'nan' in row 2"),
        (
            GOOD.replace("2020-01-02", "1577923200"),
            {},
            "is not a date in 1 rows, first '1577923200'",
        ),
        (GOOD.replace("2020-01-02", "01/02/2020"), {}, "source.date_format="),
        (GOOD + "2020-01-03,,1\n", {}, "'symbol' is empty in 1 rows, first in row 2"),
        (
            GOOD.replace("02,", "02 10:00,"),
            {"timezone": "Mars"},
            "source.timezone=Mars does not fit",
        ),
        (GOOD, {"encoding": "klingon"}, "source.encoding=klingon is not known"),
        (GOOD, {"layout": "wide", "adjust": "x"}, "source.adjust needs source.layout=long"),
    ],
)
def test_bad_csv_is_refused_in_one_line(
    text: str, fields: dict[str, object], says: str, tmp_path: Path
) -> None:
    with pytest.raises(engine.EngineError, match=says) as caught:
        Csv(path=write(tmp_path, text), **fields).load(ALL)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_rows_are_counted_as_they_are_in_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "2020-01-02,BB,x\n")
    with pytest.raises(engine.DataError, match="first 'x' in row 2"):
        Csv(path=path).load(Universe(symbols=["BB"]))
    assert len(Csv(path=path).load(Universe(symbols=["AA"]))) == 1


def test_a_wrong_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_bytes(GOOD.replace("AA", "Ä").encode("latin-1"))
    with pytest.raises(engine.DataError, match=r"set source.encoding=latin-1"):
        Csv(path=str(tmp_path / "bars.csv")).load(ALL)


def test_a_number_column_with_some_text_is_not_a_group(tmp_path: Path) -> None:
    text = "date,symbol,close,pe\n2020-01-02,AA,1,15\n2020-01-03,AA,1,high\n"
    with pytest.raises(engine.DataError, match="'pe' should hold numbers"):
        Csv(path=write(tmp_path, text)).load(ALL)


def test_paths_that_do_not_lead_to_a_file(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "prices.csv")
    for path, says in [
        ("", "source.path is not set: type source.path=FILE"),
        (str(tmp_path / "price.csv"), "there is no file .*did you mean .*prices.csv"),
        (str(tmp_path / "no" / "x.csv"), "the directory .* does not exist either"),
    ]:
        with pytest.raises(engine.EngineError, match=says):
            Csv(path=path).load(ALL)


def test_a_parquet_file_cut_short_is_named(tmp_path: Path) -> None:
    path = save(tmp_path, pd.DataFrame({"date": ["2020-01-02"], "symbol": ["A"], "close": [1.0]}))
    Path(path).write_bytes(Path(path).read_bytes()[:-40])
    with pytest.raises(engine.DataError, match="is not a whole parquet file") as caught:
        Parquet(path=path).load(ALL)
    assert "\n" not in str(caught.value)


def test_null_symbols_in_parquet_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"date": ["2020-01-02"] * 2, "symbol": ["A", None], "close": [1.0, 2.0]})
    with pytest.raises(engine.DataError, match="is empty in 1 rows, first in row 2"):
        Parquet(path=save(tmp_path, frame)).load(ALL)


def test_a_market_series_needs_a_file_and_a_column(tmp_path: Path) -> None:
    path = write(tmp_path, "date,close\n2020-01-02,1\n2020-01-02,2\n")
    for spec, says in [
        ({"column": "close"}, "source.market.vix needs path and column"),
        ({"path": path, "column": "last"}, "no column 'last'.*set source.market.vix.column"),
        ({"path": path}, "two rows for 2020-01-02: source.market.vix needs one per date"),
    ]:
        with pytest.raises(engine.EngineError, match=says):
            Csv(market={"vix": spec}).series(ALL)


@pytest.mark.parametrize(
    ("file", "adjust", "calendar", "shape", "counts"),
    [
        ("ai_tech_2014_2022", None, "XNYS", (2226, 43), {}),
        ("us_liquid200_2014_2020", None, "XNYS", (1723, 200), {}),
        ("stocknet_prices_2012_2017", "adj_close", "XNYS", (1258, 88), {"missing_close": 3}),
        ("pystock_prices_top400", "adj_close", "XNYS", (513, 400), {}),
        ("cross_asset_2000_2019", None, None, (5217, 28), {"ohlc": 1464, "thin": 727}),
        ("cross_asset_2000_2019", None, "XNYS", (5031, 28), {"ohlc": 1464, "off_calendar": 758}),
    ],
)
def test_real_files_load_and_their_dirt_is_counted(
    file: str,
    adjust: str | None,
    calendar: str | None,
    shape: tuple[int, int],
    counts: dict[str, int],
    shared: Shared,
) -> None:
    universe = Universe(calendar=calendar)
    vix = {"path": str(shared("data/vix_1990_2026.parquet")), "column": "close"}
    path = str(shared(f"data/{file}.parquet"))
    source = Parquet(path=path, adjust=adjust, market={"vix": vix})
    panel, findings = build(source.load(universe), universe, None, source.series(universe))
    assert panel.shape == shape
    assert {name: count for name, count in findings.counts.items() if count} == counts
    assert np.isfinite(panel.series["vix"]).all()
