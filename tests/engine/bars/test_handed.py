"""engine.run(…, bars=frame): a frame handed over in Python is a source like any other."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import digests

import engine
from engine.bars.handed import Handed
from engine.cli.prompt import main
from engine.testing import verdicts

WORDS = ["+bundle=ai_tech_core", "universe=all", "report=none"]
DAYS = ["2020-01-02", "2020-01-03"]


def market() -> pd.DataFrame:
    """Random bars of six symbols, three years, with a sector and a late listing."""
    random = np.random.default_rng(5)
    days, symbols = pd.bdate_range("2016-01-04", periods=780), [f"S{i}" for i in range(6)]
    close = 40 * np.exp(np.cumsum(random.normal(0, 0.015, (len(days), len(symbols))), axis=0))
    frame = pd.DataFrame(
        {
            "date": np.repeat(days, len(symbols)),
            "symbol": np.tile(symbols, len(days)),
            "volume": random.lognormal(14, 0.5, close.size),
            "close": close.ravel(),
            "sector": np.tile(["X", "X", "X", "Y", "Y", "Y"], len(days)),
        }
    )
    frame["open"] = frame["close"] * random.uniform(0.99, 1.01, len(frame))
    frame["high"] = frame[["open", "close"]].max(axis=1) * 1.005
    frame["low"] = frame[["open", "close"]].min(axis=1) * 0.995
    return frame[(frame["symbol"] != "S3") | (frame["date"] > "2016-06-01")].reset_index(drop=True)


def small(**columns: Any) -> pd.DataFrame:
    """Symbols A and B on two days; `columns` replaces or adds columns."""
    base = {"date": DAYS * 2, "symbol": ["A", "A", "B", "B"], "close": [1.0, 2.0, 3.0, 4.0]}
    return pd.DataFrame({**base, **columns})


def loaded(frame: Any) -> pd.DataFrame:
    return Handed(frame=frame).load(engine.Universe())


def keys(frame: pd.DataFrame) -> list[tuple[str, str, float]]:
    found = zip(frame["timestamp"], frame["symbol"], frame["close"], strict=True)
    return sorted((f"{day:%Y-%m-%d %H:%M %Z}", str(name), close) for day, name, close in found)


SMALL = [
    ("2020-01-02 00:00 UTC", "A", 1.0),
    ("2020-01-02 00:00 UTC", "B", 3.0),
    ("2020-01-03 00:00 UTC", "A", 2.0),
    ("2020-01-03 00:00 UTC", "B", 4.0),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, engine.Report]:
    """The same bars from a parquet file and from a frame, which is left as it was."""
    folder, frame = tmp_path_factory.mktemp("handed"), market()
    frame.to_parquet(folder / "bars.parquet")
    before = frame.copy(deep=True)
    words = ["source=parquet", f"source.path={folder / 'bars.parquet'}"]
    made = {
        "file": engine.run([*WORDS, *words], path=folder / "file"),
        "frame": engine.run(WORDS, path=folder / "frame", bars=frame),
    }
    pd.testing.assert_frame_equal(frame, before, check_exact=True)
    return made


def test_equals_the_same_bars_in_a_file_byte_for_byte(runs: dict[str, engine.Report]) -> None:
    one, two = (digests(runs[which].path) for which in ("file", "frame"))
    assert {"bars.parquet", "weights.parquet", "returns.parquet"} <= {*one}
    assert one == two
    assert runs["frame"].returns["turnover"].sum() > 0


def test_the_manifest_calls_the_source_panel(runs: dict[str, engine.Report]) -> None:
    manifest = runs["frame"].manifest
    source = manifest["source"]
    assert (source["name"], source["simulated"]) == ("panel", False)
    assert source["fingerprint"] == runs["file"].manifest["source"]["fingerprint"]
    assert manifest["config"]["source"]["name"] == "panel"
    assert manifest["command"].endswith("source=panel")


def test_other_bars_have_another_fingerprint(
    runs: dict[str, engine.Report], tmp_path: Path
) -> None:
    frame = market()
    frame.loc[len(frame) - 1, "volume"] += 1
    other = engine.run(WORDS, path=tmp_path / "run", bars=frame).manifest["source"]
    assert other["fingerprint"] != runs["frame"].manifest["source"]["fingerprint"]


def test_a_wide_frame_of_closes_runs(tmp_path: Path) -> None:
    wide = market().pivot(index="date", columns="symbol", values="close")
    before = wide.copy(deep=True)
    words = ["+bundle=us_large_core_ml", "universe=all", "report=none", "validation.min_train=300"]
    report = engine.run(words, path=tmp_path / "run", bars=wide)
    pd.testing.assert_frame_equal(wide, before, check_exact=True)
    assert report.manifest["source"]["rows"] == wide.notna().sum().sum()


@pytest.mark.parametrize(
    "frame",
    [
        small(),
        small().rename(columns={"date": "Timestamp", "symbol": "Ticker", "close": "Close"}),
        small().set_index(["date", "symbol"]),
        small().set_index("date"),
        small(date=pd.DatetimeIndex(DAYS * 2)).set_index("date").rename_axis(None),
        small(date=pd.DatetimeIndex(DAYS * 2, tz="UTC")),
        small(date=pd.DatetimeIndex(DAYS * 2, tz="America/New_York")),
        small(date=[datetime.date.fromisoformat(day) for day in DAYS * 2]),
        small(symbol=pd.Categorical(["A", "A", "B", "B"], categories=["Z", "B", "A"])),
        small(close=pd.array([1, 2, 3, 4], dtype="Int64")),
        small(date=pd.DatetimeIndex(DAYS * 2)).pivot(
            index="date", columns="symbol", values="close"
        ),
        pd.DataFrame({"date": DAYS, "A": [1.0, 2.0], "B": [3.0, 4.0]}),
    ],
    ids=["text", "names", "both in the index", "date in the index", "unnamed index", "utc",
         "midnights elsewhere", "date objects", "categorical", "Int64", "wide",
         "wide, date column"],
)  # fmt: skip
def test_many_forms_are_the_same_bars(frame: pd.DataFrame) -> None:
    assert keys(loaded(frame)) == SMALL


def test_keeps_the_contract_of_a_source() -> None:
    """All but its one field, which no configuration can fill."""
    assert [v.property for v in verdicts(Handed(frame=small())) if not v.ok] == ["config"]


def test_times_in_a_timezone_become_utc() -> None:
    stamps = pd.DatetimeIndex([f"{day} 16:00" for day in DAYS * 2], tz="America/New_York")
    assert keys(loaded(small(date=stamps)))[0] == ("2020-01-02 21:00 UTC", "A", 1.0)


def test_an_empty_cell_of_a_wide_frame_is_no_bar() -> None:
    frame = pd.DataFrame({"A": [1.0, 2.0], "B": [np.nan, 4.0]}, index=pd.DatetimeIndex(DAYS))
    assert keys(loaded(frame)) == [SMALL[0], *SMALL[2:]]


def test_further_columns_are_numbers_or_labels() -> None:
    frame = loaded(small(pe=[1, 2, 3, 4], sector=["X", "X", "Y", None], listed=pd.Timestamp(0)))
    assert list(frame) == ["timestamp", "symbol", "close", "pe", "sector"]
    assert list(frame["pe"]) == [1.0, 2.0, 3.0, 4.0]
    assert list(frame["sector"])[:3] == ["X", "X", "Y"]


OHLC = pd.DataFrame({"open": [1.0], "close": [1.0]}, index=pd.DatetimeIndex(DAYS[:1]))


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (small()["close"], "bars is a Series: hand over a pandas.DataFrame"),
        (small().head(0), "bars has no rows"),
        (small().drop(columns="close"), "no column 'close', but date, symbol: .*columns.close="),
        (small().drop(columns="date"), "no column 'timestamp', but symbol, close"),
        (small().drop(columns="symbol"), "no column 'symbol', but date, close: .* source.symbol="),
        (OHLC, "no column 'symbol', but timestamp, open, close: .* source.symbol="),
        (small()[["close"]], "no column 'timestamp' and 'symbol', but close"),
        (small().set_axis(["date", "symbol", "symbol"], axis=1), "two columns 'symbol'"),
        (small().set_index("date", drop=False), "'date' as a column and in its index"),
        (small().set_index(pd.DatetimeIndex(DAYS * 2)), "dates in its index and in 'date'"),
        (small(date=[1577923200, 1577998800] * 2), "set source.date_format=s$"),
        (small(date=["2020-01-02", "soon"] * 2), "not a date in 2 rows, first 'soon' in row 2"),
        (small(date=["2020-01-02", None] * 2), "'date' is not a date in 2 rows, first .* in row 2"),
        (small(symbol=["A", "A", None, "B"]), "'symbol' is empty in 1 rows, first in row 3"),
        (small(close=["1", "2", "x", "4"]), "should hold numbers, .*'x' in row 3"),
        (small(sector=["X", 1, "Y", "Y"]), "'sector' should hold numbers, .*'X' in row 1"),
        (small()[["date"]], "no column beside 'date'"),
    ],
)  # fmt: skip
def test_what_is_no_frame_of_bars_is_refused_in_one_line(frame: Any, says: str) -> None:
    with pytest.raises(engine.DataError) as caught:
        loaded(frame)
    assert re.search(says, str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (small(close=[1.0, np.inf, 3.0, 4.0]), "set bars.nonfinite=drop"),
        (small(close=[1.0, -2.0, 3.0, 4.0]), "set bars.nonpositive=drop"),
        (small(date=DAYS[:1] * 4), "set bars.duplicates=drop"),
        (small(date=DAYS[::-1] * 2), "set bars.unsorted=keep"),
    ],
)
def test_the_policy_holds_for_handed_bars(frame: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(engine.DataError, match=says):
        engine.run(WORDS, path=tmp_path / "run", bars=frame)


@pytest.mark.parametrize("word", ["source=csv", "source.path=x.csv", "+source.extra=1"])
def test_a_second_source_is_refused(word: str, tmp_path: Path) -> None:
    words = [*WORDS, "source=csv", word] if word == "source.path=x.csv" else [*WORDS, word]
    with pytest.raises(engine.ConfigError, match="the bars are handed over: leave out source"):
        engine.run(words, path=tmp_path / "run", bars=small())


def test_the_manifests_own_words_run_again(tmp_path: Path) -> None:
    report = engine.run([*WORDS, "source=panel"], path=tmp_path / "run", bars=market())
    assert report.manifest["command"].count("source=panel") == 1


def test_on_the_command_line_it_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*WORDS, "source=panel", f"hydra.run.dir={tmp_path / 'run'}"]
    assert main(["run", *words]) == 2
    error = capsys.readouterr().err
    assert "engine.run([…], bars=frame)" in error
    assert "source=parquet source.path=FILE" in error
