"""What a user's own file may look like: read as it is meant, or refused in one line that names
the column, the value, the row and the next thing to type."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import ours

import engine
from engine.bars.layout import build
from engine.core import memory
from engine.core.panel import Panel
from engine.core.universe import Universe
from engine.plugins.sources import Csv, Parquet

HEAD = "date,symbol,close\n"
SEMI = HEAD.replace(",", ";")


def days(*dates: str) -> str:
    return HEAD + "".join(f"{date},A,1\n" for date in dates)


def panel(
    tmp_path: Path, content: str | bytes, /, name: str = "bars.csv", **fields: object
) -> Panel:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    source = Csv(path=str(path), **fields)  # type: ignore[arg-type]
    return build(source.load(Universe()), Universe())[0]


def saved(tmp_path: Path, frame: pd.DataFrame) -> str:
    frame.to_parquet(tmp_path / "bars.parquet")
    return str(tmp_path / "bars.parquet")


@pytest.mark.parametrize(
    ("dates", "fields", "utc"),
    [
        (["2020-01-02 16:00-05:00", "2020-07-02 16:00-04:00"], {}, ["01-02 21:00", "07-02 20:00"]),
        (["2020-01-02 16:00-05:00", "2020-01-03 16:00+09:00"], {}, ["01-02 21:00", "01-03 07:00"]),
        (["2020-01-02 00:00+01:00", "2020-07-02 00:00+02:00"], {}, ["01-02 00:00", "07-02 00:00"]),
        (["2020-01-02 00:00-05:00", "2020-01-03 00:00+09:00"], {}, ["01-02 00:00", "01-03 00:00"]),
        (["43832", "43833"], {"date_format": "excel"}, ["01-02 00:00", "01-03 00:00"]),
        (["43832.5"], {"date_format": "excel"}, ["01-02 12:00"]),
        (["1577923200", "1577998800"], {"date_format": "s"}, ["01-02 00:00", "01-02 21:00"]),
        (["1577998800000"], {"date_format": "ms"}, ["01-02 21:00"]),
        (["03/04/2020"], {"date_format": "%d/%m/%Y"}, ["04-03 00:00"]),
        (["03/04/2020"], {"date_format": "%m/%d/%Y"}, ["03-04 00:00"]),
        (["03042020"], {"date_format": "%d%m%Y"}, ["04-03 00:00"]),
    ],
)  # fmt: skip
def test_dates_of_many_kinds(
    tmp_path: Path, dates: list[str], fields: dict[str, object], utc: list[str]
) -> None:
    """Midnights stay the dates they were where they were taken; all else becomes UTC."""
    found = panel(tmp_path, days(*dates), **fields).dates
    assert list(found.strftime("%Y-%m-%d %H:%M")) == [f"2020-{text}" for text in utc]


@pytest.mark.parametrize(
    ("dates", "fields", "says"),
    [
        (["2020-01-02 10:00", "2020-01-03 10:00Z", "2020-01-06 10:00Z"], {},
         "times with and without a timezone: 2 with, 1 without, first '2020-01-02 10:00' in row 1"),
        (["2020-01-02", "41641"], {}, "'41641' in row 2: .* set source.date_format=excel"),
        (["41641"], {}, "'41641' in row 1: .* set source.date_format=excel"),
        (["1420070400"], {}, "set source.date_format=s$"),
        (["1420070400000"], {}, "set source.date_format=ms$"),
        (["1420070400000000000"], {}, "set source.date_format=ns$"),
        (["03/04/2015"], {}, "day or month first.* source.date_format=%d/%m/%Y or =%m/%d/%Y"),
        (["03/04/2015", "13/04/2015"], {"date_format": "%m/%d/%Y"}, "'13/04/2015' in row 2"),
        (["2015"], {}, "not a date in 1 rows, first '2015'"),
        (["9999-12-31"], {}, "not a date in 1 rows, first '9999-12-31'"),
        (["2015-02-30"], {}, "not a date in 1 rows, first '2015-02-30'"),
        (["2015-02-03"], {"date_format": "%Q"}, "source.date_format=%Q: .* bad directive"),
        (["2015-02-03"], {"start": "soon"}, "source.start=soon is not a date"),
        (["2015-02-03"], {"start": "2016-01-01"}, "no bar .* source.start=2016-01-01"),
        (["2015-02-03", "2015-02-02"], {}, "out of order .*2015-02-02 A.* bars.unsorted=keep"),
    ],
)  # fmt: skip
def test_dates_that_are_none_or_could_be_two(
    tmp_path: Path, dates: list[str], fields: dict[str, object], says: str
) -> None:
    with pytest.raises(engine.EngineError, match=says) as caught:
        panel(tmp_path, days(*dates), **fields)
    assert "\n" not in str(caught.value)


def test_midnights_of_an_eastern_zone_are_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """15:00 UTC is midnight in Tokyo: Monday's bar would be Sunday's."""
    text = days(*[f"2020-01-{day:02d}T15:00:00Z" for day in (1, 2, 5, 6, 7, 8, 9, 12)])
    panel(tmp_path, text)
    assert "rows at what is midnight in Asia/Tokyo" in caplog.text
    caplog.clear()
    assert panel(tmp_path, text, timezone="Asia/Tokyo").dates[0] == pd.Timestamp(
        "2020-01-02", tz="UTC"
    )
    assert not caplog.text


def test_times_of_two_zones_in_one_parquet_column_are_instants(tmp_path: Path) -> None:
    stamps = [pd.Timestamp("2020-01-02 16:00", tz=z) for z in ("America/New_York", "Asia/Tokyo")]
    frame = pd.DataFrame(
        {"date": pd.Series(stamps, dtype=object), "symbol": ["A", "B"], "close": 1.0}
    )
    found = Parquet(path=saved(tmp_path, frame)).load(Universe())["timestamp"]
    assert list(found) == stamps


ODD = ["#N/A", "007", "1E5", "NA", "NULL", "NaN", "None", "TRUE", "nan", "null"]


@pytest.mark.parametrize("layout", ["long", "wide"])
def test_a_symbol_is_text_whatever_it_looks_like(tmp_path: Path, layout: str) -> None:
    long = HEAD + "".join(f"2020-01-02,{name},1\n" for name in ODD)
    wide = f"date,{','.join(ODD)}\n2020-01-02{',1' * len(ODD)}\n"
    found = panel(tmp_path, long if layout == "long" else wide, layout=layout)
    assert found.symbols == tuple(ODD)


def test_a_symbol_without_any_value_is_named_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text(HEAD + "2020-01-02,A,1\n2020-01-02,B,\n2020-01-02,C,3\n")
    universe = Universe(symbols=["A", "B", "C"])
    bars, findings = build(Csv(path=str(tmp_path / "bars.csv")).load(universe), universe)
    assert bars.symbols == ("A", "C")
    assert findings.missing_symbols == ("B",)
    assert "not in the source: B" in findings.lines()


@pytest.mark.parametrize(
    ("text", "fields", "close"),
    [
        (HEAD + '2020-01-02,A,"1,234.5"\n', {"thousands": ","}, 1234.5),
        (SEMI + "2020-01-02;A;1234,5\n", {"separator": ";", "decimal": ","}, 1234.5),
        (SEMI + "02.01.2020;A;1.234,5\n", {"separator": ";", "decimal": ",", "thousands": ".",
                                           "date_format": "%d.%m.%Y"}, 1234.5),
        (HEAD.replace(",", "\t") + "2020-01-02\tA\t1.5\n", {"separator": "\\t"}, 1.5),
    ],
)  # fmt: skip
def test_numbers_of_many_countries(
    tmp_path: Path, text: str, fields: dict[str, object], close: float
) -> None:
    found = panel(tmp_path, text, **fields)
    assert found["close"].item() == close
    assert found.dates[0] == pd.Timestamp("2020-01-02", tz="UTC")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("1,234.5", "source.thousands=','"),
        ("1,234", "source.decimal=','.* else .source.thousands=','"),
        ("1234,5", "source.decimal=','"),
        ("1.234,5", "source.decimal=','.* and source.thousands=."),
        ("$12.5", "write the number alone"),
        ("12.5 €", "write the number alone"),
        ("12.5 EUR", "write the number alone"),
    ],
)
def test_a_number_as_people_write_it_names_the_option(
    tmp_path: Path, value: str, says: str
) -> None:
    with pytest.raises(engine.DataError) as caught:
        panel(tmp_path, SEMI + f"2020-01-02;A;1\n2020-01-02;B;{value}\n", separator=";")
    message = str(caught.value)
    assert f"'close' should hold numbers, but 1 rows do not, first {value!r} in row 2" in message
    assert re.search(says, message)


@pytest.mark.parametrize(
    ("content", "fields", "says"),
    [
        (SEMI + "2020-01-02;A;1.500\n", {"separator": ";", "decimal": ","},
         "the point in '1.500', row 1, and source.decimal is a comma"),
        (HEAD + "2020-01-02,A,TRUE\n", {}, "should hold numbers.* 'True' in row 1"),
        (HEAD, {"separator": ";;"}, "source.separator=;;: write one character"),
        (HEAD, {"thousands": "."}, "source.thousands=. is source.decimal too"),
        (days("2020-01-02").encode("utf-16"), {}, "byte 0xff.*set source.encoding=utf-16"),
        (HEAD.encode() + b"2020-01-02,\xc4,1\n", {}, "byte 0xc4.*set source.encoding=latin-1"),
        ("", {}, "is empty .0 bytes"),
        ("\n\n\n", {}, "cannot be read as a table"),
        ("x", {}, "single column, 'x'"),
        (b"\x00\x01" * 500, {}, "single column"),
        (HEAD, {}, "has columns but no rows"),
        ("2020-01-02,A,1\n", {}, "has no header, but '2020-01-02, A, 1' .* source.names="),
        ("date,symbol,close,close\n2020-01-02,A,1,2\n", {}, "has 2 columns 'close': rename"),
        ("date,A,A\n2020-01-02,1,2\n", {"layout": "wide"}, "has 2 columns 'A': rename"),
        (gzip.compress(days(*["2020-01-02"] * 99).encode(), mtime=0)[:-20], {"name": "bars.csv.gz"},
         "cannot be read as a table .Compressed file ended"),
        (b"nonsense", {"name": "bars.csv.gz"}, "cannot be read as a table .Not a gzipped file"),
        (b"nonsense", {"name": "bars.csv.zip"}, "cannot be read as a table .File is not a zip"),
        (b"PK\x03\x04", {"name": "bars.xlsx"}, "is a spreadsheet: save it as CSV or parquet"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table(
    tmp_path: Path, content: str | bytes, fields: dict[str, object], says: str
) -> None:
    with pytest.raises(engine.EngineError, match=says) as caught:
        panel(tmp_path, content, **fields)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    own = {} if encoding.startswith("utf-8") else {"encoding": encoding}
    text = days("2020-01-02").replace("A", "Ä")
    assert panel(tmp_path, text.encode(encoding), **own).symbols == ("Ä",)


def test_a_path_with_spaces_and_a_snowman(tmp_path: Path) -> None:
    assert panel(tmp_path, days("2020-01-02"), name="mine ☃ & Söhne.csv").symbols == ("A",)


@pytest.mark.parametrize("url", ["http://example.org/bars.csv", "s3://bucket/bars.csv"])
def test_an_address_is_no_file(url: str) -> None:
    with pytest.raises(engine.ConfigError, match="is an address, not a file: download it"):
        Csv(path=url).load(Universe())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text(days("2020-01-02"))
    (tmp_path / "bars.csv").chmod(0)
    with pytest.raises(engine.DataError, match="may not be read: type chmod"):
        Csv(path=str(tmp_path / "bars.csv")).load(Universe())


def test_pieces_of_a_csv_are_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text in a later piece of a number column is refused by its row in the file."""
    monkeypatch.setattr("engine.plugins.sources.csv.CHUNK", 2)
    rows = [f"2020-01-{day:02d},{name},{day}\n" for day in (2, 3, 6) for name in "AB"]
    (tmp_path / "bars.csv").write_text(HEAD + "".join(rows))
    frame = Csv(path=str(tmp_path / "bars.csv")).load(Universe(symbols=["B"]))
    assert list(frame["close"]) == [2.0, 3.0, 6.0]
    (tmp_path / "bars.csv").write_text(HEAD + "".join(rows) + "2020-01-07,B,x\n")
    with pytest.raises(engine.DataError, match="'x' in row 7"):
        Csv(path=str(tmp_path / "bars.csv")).load(Universe(symbols=["B"]))


def test_row_groups_without_the_symbols_are_not_read(tmp_path: Path) -> None:
    """Their pages are overwritten here: reading them would fail. Rows count as in the file."""
    frame = pd.DataFrame({"date": "2020-01-02", "symbol": list("AABBCC"), "close": list("12x456")})
    path = tmp_path / "bars.parquet"
    frame.to_parquet(path, row_group_size=2)
    with pytest.raises(engine.DataError, match="first 'x' in row 3"):
        Parquet(path=str(path)).load(Universe(symbols=["B"]))
    first = pq.ParquetFile(path).metadata.row_group(0).column(0).data_page_offset
    content = bytearray(path.read_bytes())
    content[4 : first + 40] = b"\xff" * (first + 36)
    path.write_bytes(content)
    assert list(Parquet(path=str(path)).load(Universe(symbols=["C"]))["close"]) == [5.0, 6.0]
    with pytest.raises(engine.DataError, match="is not a whole parquet file"):
        Parquet(path=str(path)).load(Universe(symbols=["A"]))


@pytest.mark.parametrize("kind", [Csv, Parquet])
def test_start_and_end_are_both_included(tmp_path: Path, kind: type[Csv | Parquet]) -> None:
    dates = pd.date_range("2020-01-01", periods=9).strftime("%Y-%m-%d")
    frame = pd.DataFrame({"date": dates, "symbol": "A", "close": 1.0})
    frame.to_csv(tmp_path / "bars.csv", index=False)
    path = saved(tmp_path, frame) if kind is Parquet else str(tmp_path / "bars.csv")
    found = kind(path=path, start="2020-01-03", end="2020-01-05").load(Universe())
    assert list(found["timestamp"].dt.day) == [3, 4, 5]


@pytest.mark.parametrize("kind", [Csv, Parquet])
def test_more_than_fits_into_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Csv | Parquet]
) -> None:
    frame = pd.DataFrame(
        {"date": "2020-01-02", "symbol": [f"S{i}" for i in range(99)], "close": 1.0}
    )
    frame.to_csv(tmp_path / "bars.csv", index=False)
    path = saved(tmp_path, frame) if kind is Parquet else str(tmp_path / "bars.csv")
    for module in ("engine.plugins.sources.parquet", "engine.plugins.sources._memory"):
        monkeypatch.setattr(f"{module}.available_memory", lambda: 1_000)
    with pytest.raises(engine.DataError, match=r"GB are available: narrow .*source\.start"):
        kind(path=path).load(Universe())
    assert len(kind(path=path).load(Universe(symbols=["S7"]))) == 1


def test_the_least_of_machine_container_and_process_is_available(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable: 5 kB\n")
    monkeypatch.setattr(memory, "PROC", tmp_path)
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.available_memory() == 5 * 1024
    (tmp_path / "memory.max").write_text("4096")
    (tmp_path / "memory.current").write_text("96")
    assert memory.available_memory() == 4000
    (tmp_path / "memory.max").write_text("max")
    assert memory.available_memory() == 5 * 1024


def big(path: Path, groups: int, rows: int) -> None:
    """A file of many rows and few bytes; every group has all the symbols."""
    names = pa.array([f"S{i:03d}" for i in range(500)])
    codes = pa.array(np.arange(rows, dtype=np.int32) % 500)
    price = pa.array(np.full(rows, 7.0))
    table = pa.table(
        {
            "date": pa.array(np.datetime64("2000-01-01") + np.arange(rows) // 500),
            "symbol": pa.DictionaryArray.from_arrays(codes, names),
            **dict.fromkeys(("open", "high", "low", "close", "volume", "rest"), price),
        }
    )
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(groups):
            writer.write_table(table, row_group_size=rows)


PEAK = """
import resource, sys
from engine.core.universe import Universe
from engine.plugins.sources import Parquet
import pyarrow.compute, pyarrow.parquet, pandas, numpy
def peak():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
before = peak()
frame = Parquet(path=sys.argv[1]).load(Universe(symbols=["S001", "S002", "S499"]))
print(len(frame), peak() - before)
"""


def test_three_symbols_of_a_huge_file_take_little_memory(tmp_path: Path) -> None:
    """Ten million rows of 8 columns are 640 MB once decoded; three symbols of 500 are not."""
    big(tmp_path / "bars.parquet", groups=10, rows=1_000_000)
    line = [sys.executable, "-c", PEAK, str(tmp_path / "bars.parquet")]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=ours())
    assert done.returncode == 0, done.stderr
    rows, taken = map(int, done.stdout.split())
    assert rows == 3 * 10 * 2000
    assert taken < 250e6
