"""`engine factors compute` by pieces: the file is the one computed whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.cli.prompt import main
from engine.factors import file as factors_file

ASKED = ("alpha101", "ema(returns, 9)", "returns - market", "7")
DAYS, SYMBOLS = 60, ("AA", "B", "C", "DDD")


@pytest.fixture
def bars(tmp_path: Path) -> pd.DataFrame:
    """60 days; C is suspended for 20 of them, DDD is listed on the 50th."""
    random = np.random.default_rng(6)
    close = 50.0 * np.exp(np.cumsum(0.02 * random.normal(size=(DAYS, len(SYMBOLS))), axis=0))
    frame = pd.DataFrame(
        {
            "timestamp": np.repeat(pd.date_range("2024-01-01", periods=DAYS, tz="UTC"), 4),
            "symbol": SYMBOLS * DAYS,
            "open": (close * 1.001).ravel(),
            "high": (close * 1.01).ravel(),
            "low": (close * 0.99).ravel(),
            "close": close.ravel(),
            "volume": np.exp(random.normal(10.0, 1.0, close.size)),
        }
    )
    day = np.arange(len(frame)) // 4
    gone = (frame["symbol"] == "C") & (day >= 20) & (day < 40)
    return frame[~gone & ~((frame["symbol"] == "DDD") & (day < 49))].reset_index(drop=True)


def up_to(frame: pd.DataFrame, days: int) -> pd.DataFrame:
    return frame[
        frame["timestamp"] < pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days, "D")
    ]


def compute(frame: pd.DataFrame, folder: Path, *words: str) -> int:
    path = folder / "bars.parquet"
    frame.to_parquet(path)
    return main(["factors", "compute", *words, "source=parquet", f"source.path={path}"])


def same(one: Path, other: Path) -> bool:
    """Rows, columns, their types, and every bit of the values."""
    a, b = pq.read_table(one), pq.read_table(other)
    keys = a.select(["timestamp", "symbol"]).to_pandas()
    return (
        a.schema.equals(b.schema)
        and keys.equals(b.select(["timestamp", "symbol"]).to_pandas())
        and all(
            a[name].to_numpy().tobytes() == b[name].to_numpy().tobytes()
            for name in a.column_names[2:]
        )
    )


def test_pieces_leave_the_file_of_the_whole(bars, tmp_path, capsys) -> None:
    whole, chunk = tmp_path / "whole.parquet", tmp_path / "chunk.parquet"
    assert compute(bars, tmp_path, *ASKED, "--out", str(whole)) == 0
    told = capsys.readouterr().out.replace("whole.parquet", "X")
    assert compute(bars, tmp_path, *ASKED, "--chunk", "13", "--out", str(chunk)) == 0
    lines = capsys.readouterr().out.replace("chunk.parquet", "X")
    assert "over all dates, for they read them all: ema(returns, 9)\n" in lines
    assert "in pieces of 13 dates, each read with 251 dates before it\n" in lines
    assert lines.endswith(told[told.index("104 factors") :])
    assert pq.ParquetFile(whole).num_row_groups == 1
    assert pq.ParquetFile(chunk).num_row_groups == 5
    assert same(whole, chunk)


def test_other_processes_leave_the_file_of_the_whole(bars, tmp_path) -> None:
    whole, local = tmp_path / "whole.parquet", tmp_path / "local.parquet"
    asked = ("rank(ema(returns, 9))", "ts_mean(close, 4) - market")
    assert compute(bars, tmp_path, *asked, "--out", str(whole)) == 0
    words = ("--parallel=local", "--workers=2", "--out", str(local))
    assert compute(bars, tmp_path, *asked, *words) == 0
    assert pq.ParquetFile(local).num_row_groups == 2
    assert same(whole, local)


def test_appended_is_computed_whole(bars, tmp_path, capsys) -> None:
    """Three times: within the suspension, over the listing of a new symbol, and nothing new."""
    whole, file = tmp_path / "whole.parquet", tmp_path / "file.parquet"
    assert compute(bars, tmp_path, *ASKED, "--out", str(whole)) == 0
    assert compute(up_to(bars, 25), tmp_path, *ASKED, "--out", str(file)) == 0
    assert compute(up_to(bars, 45), tmp_path, *ASKED, "--append", str(file)) == 0
    assert "104 factors, 3 symbols, 20 dates (2024-01-26 to 2024-02-14)" in capsys.readouterr().out
    assert compute(bars, tmp_path, *ASKED, "--append", str(file), "--chunk=7") == 0
    assert same(whole, file)
    before = file.read_bytes()
    assert compute(bars, tmp_path, *ASKED, "--append", str(file)) == 0
    assert "nothing to append" in capsys.readouterr().out
    assert file.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "bars.parquet",
        "file.parquet",
        "whole.parquet",
    ]


def test_single_precision_is_so_however_it_is_computed(bars, tmp_path, capsys) -> None:
    whole, single = tmp_path / "whole.parquet", ("--dtype", "float32")
    assert compute(bars, tmp_path, *ASKED, *single, "--out", str(whole)) == 0
    assert set(pq.read_table(whole).schema.types[2:]) == {pa.float32()}
    for how in (["--chunk=13"], ["--parallel=local", "--chunk=30"]):
        file = tmp_path / "file.parquet"
        assert compute(bars, tmp_path, *ASKED, *single, *how, "--out", str(file)) == 0
        assert same(whole, file)
    assert compute(up_to(bars, 25), tmp_path, *ASKED, *single, "--out", str(file)) == 0
    assert compute(bars, tmp_path, *ASKED, *single, "--append", str(file)) == 0
    assert same(whole, file)
    assert compute(bars, tmp_path, *ASKED, "--append", str(file)) == 2
    assert "alpha001 is a column of float, not of float64: say --dtype" in capsys.readouterr().err


def test_a_file_is_copied_batch_by_batch(bars, tmp_path, monkeypatch) -> None:
    """So that small row groups of many appendings become large ones, and memory is bounded."""
    monkeypatch.setattr(factors_file, "BATCH", 50 * 24)
    whole, file = tmp_path / "whole.parquet", tmp_path / "file.parquet"
    assert compute(bars, tmp_path, "close", "--out", str(whole)) == 0
    assert compute(up_to(bars, 50), tmp_path, "close", "--out", str(file), "--chunk=3") == 0
    assert compute(bars, tmp_path, "close", "--append", str(file)) == 0
    assert same(whole, file)


def test_only_new_dates_and_their_lookback_are_computed(bars, tmp_path, monkeypatch) -> None:
    file, read = tmp_path / "file.parquet", []
    assert compute(up_to(bars, 50), tmp_path, "ts_mean(close, 5)", "--out", str(file)) == 0
    monkeypatch.setattr(
        "engine.expr.pieces.executor.each_tree",
        lambda formulas, panel, *how: (
            read.append(panel.shape[0]) or [(n, panel["close"] * 1.0) for n in formulas]
        ),
    )
    compute(bars, tmp_path, "ts_mean(close, 5)", "--append", str(file))
    assert read == [1 + 10 + 4]  # the last date again, the new ones, the lookback


def revised(frame: pd.DataFrame) -> pd.DataFrame:
    made = frame.copy()
    made.loc[(made["symbol"] == "B") & (made["timestamp"] == "2024-02-19"), "close"] *= 1.0001
    return made


@pytest.mark.parametrize(
    ("asked", "change", "message"),
    [
        (["close"], revised, "close of B on 2024-02-19 is "),
        (["close"], lambda f: f[f["symbol"] != "AA"], "bars came or went"),
        (["close"], lambda f: f[f.index != 7], "bars came or went"),
        (["close"], lambda f: f.assign(symbol=f["symbol"].replace("B", "BB")),
         "it has B on 2024-01-01 where the bars have BB on 2024-01-01"),
        (["close"], lambda f: up_to(f, 40), "bars came or went"),
        (["open"], lambda f: f, "its columns are not those asked for (not both have 'close')"),
        (["close", "open"], lambda f: f, "not both have 'open'"),
    ],
)  # fmt: skip
def test_what_does_not_continue_a_file_is_refused(
    bars, tmp_path, capsys, asked, change, message
) -> None:
    file = tmp_path / "file.parquet"
    assert compute(up_to(bars, 50), tmp_path, "close", "--out", str(file)) == 0
    before = file.read_bytes()
    assert compute(change(bars), tmp_path, *asked, "--append", str(file)) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "--out" in shown
    assert shown.count("\n") == 1
    assert file.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--append=none.parquet"], "--append none.parquet: "),
        (["--append=a", "--out=b"], "--out and --append: choose one"),
        (["--chunk=0"], "--chunk 0: write a number from 1 on"),
        (["--memory=lots"], "--memory lots: write gigabytes"),
        (["--memory=0.0000001"], "one date needs "),
        (["--parallel=dusk"], "--parallel dusk: did you mean 'dask'?"),
        (["--workers=2"], "--workers: say who they are"),
        (["--out=."], "--out .: not a file; choose another"),
    ],
)
def test_a_mistake_is_one_line(bars, tmp_path, capsys, words, message) -> None:
    assert compute(bars, tmp_path, "close", *words) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1


def test_memory_decides_how_many_dates_a_piece_has(bars, tmp_path, capsys) -> None:
    assert compute(bars, tmp_path, "ts_mean(close, 5)", "--memory=0.00001") == 0
    assert "in pieces of " in capsys.readouterr().out


def test_what_is_written_in_part_is_not_left(bars, tmp_path, capsys) -> None:
    out = tmp_path / "out.parquet"
    assert compute(bars, tmp_path, "close / eps", "--out", str(out), "--chunk=5") == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bars.parquet"]


def test_a_column_that_was_another_formula_is_not_continued(bars, tmp_path, capsys) -> None:
    """Though the values of the last date agree; a formula written otherwise is the same one."""
    file = tmp_path / "f.parquet"
    words = ["core_ta_price.mine", "close", f"--append={file}"]
    base = ["+factors.base='close + open'", "+factors.mine='base * 1'"]
    assert compute(up_to(bars, 45), tmp_path, *words[:2], *base, f"--out={file}") == 0
    same_one = ["+factors.base='OPEN + close'", "+factors.mine='(1 * BASE)'"]
    assert compute(up_to(bars, 46), tmp_path, *words, *same_one) == 0
    other = ["+factors.base='(close + open) * 1'", "+factors.mine='base * 1'"]
    assert compute(bars, tmp_path, *words, *other) == 2
    assert f"--append {file}: mine was another formula there" in capsys.readouterr().err
    plain = pd.read_parquet(file)
    plain.to_parquet(file)  # a file of another program has no keys
    assert compute(bars, tmp_path, *words, *other) == 0


def test_appended_dates_have_the_rows_a_year_of_the_file(bars, tmp_path, capsys) -> None:
    """Monday to Friday are 252 a year; the weekends that follow make no 365 of the same file."""
    file = tmp_path / "file.parquet"
    assert compute(up_to(bars, 5), tmp_path, "annual", "close", "--out", str(file)) == 0
    assert compute(bars, tmp_path, "annual", "close", "--append", str(file)) == 0
    assert set(pq.read_table(file)["annual"].to_pylist()) == {252.0}
    words = ("annual", "close", "--append", str(file), "time.periods_per_year=365")
    assert compute(bars, tmp_path, *words) == 2
    assert (
        f"engine: time.periods_per_year=365: {file} was written with 252; set that, or compute the "
        "whole file again with --out" in capsys.readouterr().err
    )


def test_a_number_of_the_configuration_is_that_of_the_file(bars, tmp_path) -> None:
    file = tmp_path / "file.parquet"
    words = ("annual", "close", "time.periods_per_year=260")
    assert compute(up_to(bars, 40), tmp_path, *words, "--out", str(file)) == 0
    assert compute(bars, tmp_path, "annual", "close", "--append", str(file)) == 0
    assert set(pq.read_table(file)["annual"].to_pylist()) == {260.0}
