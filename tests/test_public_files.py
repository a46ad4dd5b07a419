"""Files as the public gets them, each in one command, and the same through every door: the
source, ``bars=`` and ``engine data check FILE``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import ALL

import engine
from engine.bars.handed import Handed
from engine.cli.prompt import main
from engine.core.universe import Universe
from engine.plugins.sources import Csv, Parquet

DAYS = pd.DatetimeIndex(["2020-01-13", "2020-01-14", "2020-01-15", "2020-01-16"])
CLOSES = pd.DataFrame(
    {"AAA": [1.0, 2.0, 3.0, 4.0], "BB.B": [10.0, 11.0, 12.5, 13.0], "CCC": [5.0, 5.5, 5.0, 4.5]},
    index=DAYS,
)


def long(stamp: str = "date", symbol: str = "symbol", close: str = "close") -> pd.DataFrame:
    frame = CLOSES.rename_axis(stamp).reset_index()
    return frame.melt(stamp, var_name=symbol, value_name=close)


def ohlc(close: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {"Close": close, "High": close + 1, "Low": close - 0.5, "Open": close, "Volume": 100}
    )


def yfinance() -> pd.DataFrame:
    """What yf.download returns: fields above tickers."""
    each = {name: ohlc(CLOSES[name]) for name in CLOSES}
    frame = pd.concat(each, axis=1, names=["Ticker", "Price"]).swaplevel(axis=1)
    return frame.sort_index(axis=1).rename_axis("Date")


def keys(frame: pd.DataFrame) -> dict[tuple[str, str], float]:
    rows = zip(frame["timestamp"], frame["symbol"], frame["close"], strict=True)
    return {(f"{day:%Y-%m-%d %H:%M}", str(name)): close for day, name, close in rows}


def expected(names: dict[str, str] | None = None) -> dict[tuple[str, str], float]:
    new = names or {}
    return {
        (f"{day:%Y-%m-%d %H:%M}", new.get(name, name)): CLOSES.loc[day, name]
        for day in DAYS
        for name in CLOSES
    }


def by_number(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(symbol=frame["symbol"].map({"AAA": 600519.0, "BB.B": 1.0, "CCC": 2.0}))


NUMBERS = {"AAA": "600519", "BB.B": "1", "CCC": "2"}
Frames = dict[str, tuple[Callable[[], pd.DataFrame], dict[str, Any], dict[str, str]]]
FRAMES: Frames = {  # the frame, the options that read it, and other names of its symbols
    "alphalens": (lambda: long("date", "asset"), {}, {}),
    "alphalens, in the index": (lambda: long("date", "asset").set_index(["date", "asset"]), {}, {}),
    "qlib": (
        lambda: long("datetime", "instrument", "$close").set_index(["instrument", "datetime"]),
        {},
        {},
    ),
    "wide": (lambda: CLOSES.rename_axis("Date"), {"layout": "wide"}, {}),
    "yfinance": (yfinance, {}, {}),
    "yfinance, by ticker": (lambda: yfinance().swaplevel(axis=1).sort_index(axis=1), {}, {}),
    "float symbols": (lambda: by_number(long()), {}, NUMBERS),
    "binary symbols": (lambda: long().assign(symbol=lambda f: f["symbol"].map(str.encode)), {}, {}),
    "blanks": (
        lambda: long(" date", "symbol ", " close").assign(
            **{"symbol ": lambda f: " " + f["symbol "] + "  "}
        ),
        {},
        {},
    ),
    "milliseconds": (
        lambda: long("open_time").assign(
            open_time=lambda f: f["open_time"].astype("datetime64[ms]").astype("int64")
        ),
        {"date_format": "ms"},
        {},
    ),
    "american": (
        lambda: long("Date").assign(
            Date=lambda f: f["Date"].dt.strftime("%m/%d/%Y"),
            close=lambda f: f["close"].map("${:,.2f}".format),
        ),
        {"date_format": "%m/%d/%Y"},
        {},
    ),
}


@pytest.mark.parametrize("shape", FRAMES)
def test_a_shape_is_the_same_bars_through_every_door(shape: str, tmp_path: Path) -> None:
    make, options, names = FRAMES[shape]
    frame = make()
    before = frame.copy(deep=True)
    assert keys(Handed(frame=frame, **options).load(ALL)) == expected(names)
    pd.testing.assert_frame_equal(frame, before)
    plain = frame.index.names == [None]
    frame.to_csv(tmp_path / "bars.csv", index=not plain)
    frame.to_parquet(tmp_path / "bars.parquet")
    for cls, file in ((Csv, "bars.csv"), (Parquet, "bars.parquet")):
        source = cls(path=str(tmp_path / file), **options)
        assert keys(source.load(ALL)) == expected(names), file
        chosen = names.get("AAA", "AAA")
        only = source.load(Universe(symbols=[chosen]))
        assert chosen in set(only["symbol"].astype(str)), file


def test_the_three_rows_of_yfinances_csv_hold_every_field(tmp_path: Path) -> None:
    yfinance().to_csv(tmp_path / "prices.csv")
    head = (tmp_path / "prices.csv").read_text().splitlines()[:3]
    assert [row.split(",")[0] for row in head] == ["Price", "Ticker", "Date"]
    frame = Csv(path=str(tmp_path / "prices.csv")).load(ALL)
    assert list(frame) == ["timestamp", "symbol", "close", "high", "low", "open", "volume"]
    assert frame["high"].tolist() == (frame["close"] + 1).tolist()


def test_yfinances_adjusted_closes_adjust(tmp_path: Path) -> None:
    frame = yfinance()
    for name in CLOSES:
        frame["Adj Close", name] = CLOSES[name] / 2
    frame.to_parquet(tmp_path / "prices.parquet")
    bars = Parquet(path=str(tmp_path / "prices.parquet"), adjust="Adj Close").load(ALL)
    assert keys(bars) == {key: close / 2 for key, close in expected().items()}
    assert set(bars["volume"]) == {200.0}


@pytest.mark.parametrize("text", ["b'AAA'", "600519.0", " AAA "])
def test_symbols_that_were_saved_as_something_else_are_chosen_by_name(
    text: str, tmp_path: Path
) -> None:
    """Also where a parquet file's statistics would rule them out."""
    frame = pd.DataFrame({"date": "2020-01-13", "symbol": [text, "ZZZ"], "close": [1.0, 2.0]})
    frame.to_csv(tmp_path / "bars.csv", index=False)
    frame.to_parquet(tmp_path / "bars.parquet", row_group_size=1)
    name = "600519" if text == "600519.0" else "AAA"
    for cls, file in ((Csv, "bars.csv"), (Parquet, "bars.parquet")):
        bars = cls(path=str(tmp_path / file)).load(Universe(symbols=[name]))
        assert bars["symbol"].tolist() == [name]


def folder(tmp_path: Path, kind: str) -> Path:
    made = tmp_path / "daily"
    made.mkdir()
    for name in CLOSES:
        frame = ohlc(CLOSES[name]).rename_axis("Date").reset_index()
        frame.to_csv(made / f"{name}.csv", index=False)
        frame.to_parquet(made / f"{name}.parquet", index=False)
    (made / "README.md").write_text("not bars")
    return made


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_folder_holds_a_file_a_symbol(kind: str, tmp_path: Path) -> None:
    made = folder(tmp_path, kind)
    cls: type[Csv | Parquet] = Csv if kind == "csv" else Parquet
    assert keys(cls(path=str(made)).load(ALL)) == expected()
    some = cls(path=str(made / f"[AB]*.{kind}")).load(ALL)
    assert sorted(set(some["symbol"])) == ["AAA", "BB.B"]
    one = cls(path=str(made)).load(Universe(symbols=["BB.B"]))
    assert set(one["symbol"]) == {"BB.B"}
    with pytest.raises(engine.DataError, match=r"has 3 \(AAA, BB.B, CCC\), and none is in both"):
        cls(path=str(made)).load(Universe(symbols=["ZZZ"]))
    with pytest.raises(engine.DataError, match=r"no bar of the universe from source.start=2021"):
        cls(path=str(made), start="2021-01-01").load(ALL)
    with pytest.raises(engine.DataError, match=r"no file is called like that"):
        cls(path=str(made / f"x*.{kind}")).load(ALL)


def test_a_folder_without_a_file_of_its_kind_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("nothing")
    with pytest.raises(engine.DataError, match=r"without a file like x.csv .it has notes.md"):
        Csv(path=str(tmp_path)).load(ALL)


def test_files_by_date_keep_the_symbols_that_they_name(tmp_path: Path) -> None:
    for day, rows in long().groupby("date"):
        rows.assign(sector="X").to_csv(tmp_path / f"{day:%Y%m%d}.csv", index=False)
    frame = Csv(path=str(tmp_path)).load(ALL)
    assert keys(frame) == expected()
    assert isinstance(frame["sector"].dtype, pd.CategoricalDtype)


KLINE = "{},1.0,2.5,0.5,2.0,100.0,{},1.0,3,1.0,1.0,0\n"


@pytest.mark.parametrize(("unit", "times"), [("ms", 1), ("us", 1000)])
def test_binances_klines_have_no_header(unit: str, times: int, tmp_path: Path) -> None:
    """Milliseconds to 2024, microseconds after; one symbol, that the file does not name."""
    opens = DAYS.as_unit("ms").asi8
    path = tmp_path / "BTCUSDT-1d.csv"
    path.write_text("".join(KLINE.format(t * times, (t + 86_399_999) * times) for t in opens))
    with pytest.raises(engine.DataError) as caught:
        Csv(path=str(path)).load(ALL)
    assert str(caught.value).endswith(
        f"in all it needs source.symbol=NAME source.date_format={unit}"
    )
    frame = Csv(path=str(path), symbol="BTCUSDT", date_format=unit).load(ALL)
    assert keys(frame) == {(f"{day:%Y-%m-%d %H:%M}", "BTCUSDT"): 2.0 for day in DAYS}
    assert frame["high"].tolist() == [2.5] * 4


def test_a_file_without_a_header_is_named_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("2020-01-13,AAA,1.0\n2020-01-14,AAA,2.0\n")
    with pytest.raises(engine.DataError, match=r"has no header.*source.names="):
        Csv(path=str(path)).load(ALL)
    frame = Csv(path=str(path), names=["date", "symbol", "close"]).load(ALL)
    assert frame["close"].tolist() == [1.0, 2.0]
    with pytest.raises(engine.ConfigError, match=r"source.names has 2 different names, and .* 3"):
        Csv(path=str(path), names=["date", "symbol"]).load(ALL)


NASDAQ = "Date,Close/Last,Volume,Open,High,Low\n"
NASDAQ_ROW = '01/14/2020,"$1,234.50",100,"$1,230.00","$1,240.00","$1,220.00"\n'
GERMAN = "Datum;Symbol;Close\n14.01.2020;AAA;1.234,5\n15.01.2020;AAA;1.235,5\n"


@pytest.mark.parametrize(
    ("text", "words", "options"),
    [
        (
            NASDAQ + NASDAQ_ROW,
            "\"source.thousands=','\" '+source.columns.close=Close/Last' source.symbol=NAME "
            "source.date_format=%m/%d/%Y",
            {"thousands": ",", "columns": {"close": "Close/Last"}, "symbol": "AAA",
             "date_format": "%m/%d/%Y"},
        ),
        (
            GERMAN,
            "\"source.separator=';'\" \"source.decimal=','\" source.thousands=. "
            "'+source.columns.timestamp=Datum' source.date_format=%d.%m.%Y",
            {"separator": ";", "decimal": ",", "thousands": ".", "columns": {"timestamp": "Datum"},
             "date_format": "%d.%m.%Y"},
        ),
    ],
)  # fmt: skip
def test_all_that_a_file_needs_is_named_at_once_and_reads_it(
    text: str, words: str, options: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(text)
    with pytest.raises(engine.DataError) as caught:
        Csv(path=str(path)).load(ALL)
    assert str(caught.value).endswith(f"; in all it needs {words}")
    assert "\n" not in str(caught.value)
    assert Csv(path=str(path), **options).load(ALL)["close"].iloc[0] == 1234.5


def test_columns_that_look_like_tickers_offer_the_wide_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    CLOSES.rename_axis("Date").to_csv("wide.csv")
    assert main(["data", "check", "wide.csv"]) == 2
    assert capsys.readouterr().err.endswith("set source.layout=wide\n")
    assert main(["data", "check", "wide.csv", "source.layout=wide"]) == 0
    assert "12 rows, 3 symbols, 2020-01-13 to 2020-01-16" in capsys.readouterr().out


@pytest.mark.parametrize("values", [["$1", "2"], ["$1", "€2"], ["$1", "$x"]])
def test_currencies_that_differ_are_refused(values: list[str], tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    rows = [f"2020-01-1{i},AAA,{value}\n" for i, value in enumerate(values)]
    path.write_text("date,symbol,close\n" + "".join(rows))
    with pytest.raises(engine.DataError, match="'close' should hold numbers"):
        Csv(path=str(path)).load(ALL)


def test_one_symbol_is_named_once(tmp_path: Path) -> None:
    long().to_csv(tmp_path / "bars.csv", index=False)
    with pytest.raises(engine.ConfigError, match=r"source.symbol=X: .* names its symbols in"):
        Csv(path=str(tmp_path / "bars.csv"), symbol="X").load(ALL)


def test_symbols_that_differ_in_case_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    long().replace({"symbol": {"CCC": "aaa"}}).to_csv("bars.csv", index=False)
    assert main(["data", "check", "bars.csv"]) == 0
    out = capsys.readouterr().out
    assert "case_twins                 2   66.67%" in out
    assert "AAA aaa" in out
    assert main(["data", "check", "bars.csv", "universe.symbols=[bb.b]"]) == 2
    assert "case matters: bb.b is not BB.B" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "symbols"),
    [
        ("list.txt", "AAA\n# the second was sold\n\n CCC \n", {"AAA": 4, "CCC": 4}),
        ("csi.txt", "AAA\t2020-01-13\t2020-01-14\nCCC\t2020-01-13\t2020-12-31\n",
         {"AAA": 2, "CCC": 4}),
        ("list.csv", "Symbol,Name\nAAA,Triple\nBB.B,Berkshire\n", {"AAA": 4, "BB.B": 4}),
    ],
)  # fmt: skip
def test_a_list_of_symbols_is_a_universe(
    name: str, text: str, symbols: dict[str, int], tmp_path: Path
) -> None:
    from engine.bars.layout import build
    from engine.bars.membership import resolve_members

    (tmp_path / name).write_text(text)
    universe = resolve_members(Universe(members_file=str(tmp_path / name)))
    panel, _ = build(Handed(frame=long()).load(universe), universe)
    counts = dict(zip(panel.symbols, panel.member.sum(axis=0).tolist(), strict=True))
    assert counts == symbols


def test_a_line_that_is_no_symbol_is_named(tmp_path: Path) -> None:
    from engine.bars.membership import read_stays

    (tmp_path / "list.txt").write_text("AAA\nBBB 2020-01-13\n")
    with pytest.raises(engine.DataError, match=r"'BBB 2020-01-13' is neither a symbol nor"):
        read_stays(str(tmp_path / "list.txt"))


WORDS = ["+bundle=ai_tech_core", "universe=all", "report=none"]


def test_a_handed_frame_takes_the_options_of_a_file(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    days = pd.bdate_range("2016-01-04", periods=500)
    close = 40 * np.exp(np.cumsum(random.normal(0, 0.015, (500, 6)), axis=0))
    frame = pd.DataFrame(close, columns=[f"S{i}" for i in range(6)])
    frame.insert(0, "t", days.as_unit("ms").asi8)
    words = [*WORDS, "+factors.mine='rank(close)'", "source.date_format=ms", "source.layout=wide",
             "bundle.factors=[{name: mine, weight: 1.0}]", "factors=core_price_only",
             "+source.columns.timestamp=t"]  # fmt: skip
    report = engine.run(words, path=tmp_path / "run", bars=frame)
    assert report.manifest["source"]["rows"] == 3000
    assert report.manifest["config"]["source"]["date_format"] == "ms"
    assert report.returns.index.min() == pd.Timestamp("2016-01-04", tz="UTC")


ODD = {  # times of the two symbols on each day, and what is found
    "mixed_stamps": ("{}T00:00:00Z", "{}T21:00:00Z", "source.daily=true"),
    "mixed_clock": ("{}", "{}", "source.daily=true"),
    "zone_midnights": ("{}T05:00:00Z", "{}T05:00:00Z", "source.timezone=America/New_York"),
}


def stamped(name: str) -> pd.DataFrame:
    one, two, _ = ODD[name]
    frame = pd.DataFrame({"date": [f.format(f"{d:%F}") for f in (one, two) for d in DAYS]})
    if name == "mixed_clock":
        frame.loc[[0, 4], "date"] = "2020-01-13T16:00:00"
    return frame.assign(symbol=["A"] * 4 + ["B"] * 4, close=2.0)


@pytest.mark.parametrize("name", ODD)
def test_odd_times_are_findings_in_all_three_doors(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    from engine.bars.inspect.inspection import inspect
    from engine.bars.layout import build

    monkeypatch.chdir(tmp_path)
    remedy = ODD[name][2]
    stamped(name).to_csv("bars.csv", index=False)
    for source in (Csv(path="bars.csv"), Handed(frame=stamped(name))):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            build(source.load(ALL), ALL)
        assert remedy in caplog.text
        assert name in {finding.name for finding in inspect(source.load(ALL), ALL)}
    assert main(["data", "check", "bars.csv"]) == 0
    assert f"warning {name} " in capsys.readouterr().out
    assert main(["data", "check", "bars.csv", remedy]) == 0
    out = capsys.readouterr().out
    assert out.endswith("nothing is odd\n")
    assert "8 rows, 2 symbols, 2020-01-13 to 2020-01-16, 4 days of its own" in out


@pytest.mark.parametrize(
    "stamps",
    [
        [f"{day:%F}T21:00:00Z" for day in DAYS],  # New York's close, in winter
        [f"{day:%F}" for day in DAYS],
        [f"{day:%F}T{hour}:00:00Z" for day in DAYS for hour in ("00", "08", "16")],  # below a day
    ],
)
def test_times_that_fit_together_are_no_finding(stamps: list[str]) -> None:
    from engine.bars.inspect.inspection import inspect

    frame = pd.DataFrame({"date": stamps, "symbol": "A", "close": 2.0})
    found = {finding.name for finding in inspect(Handed(frame=frame).load(ALL), ALL)}
    assert not found & {*ODD}
