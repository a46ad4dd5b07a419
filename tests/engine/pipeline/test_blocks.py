"""Long tables are judged and written some rows at a time."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.core.errors import ConfigError, ContractError
from engine.core.long import Long
from engine.pipeline import stage
from engine.pipeline.folder import RunFolder
from engine.pipeline.stage import Stage, Table
from engine.schemas.factors import factors_schema

DATES = pd.date_range("2024-01-01", periods=5, tz="UTC")
NAMES = ("A", "B", "C")
CELLS = np.arange(15.0).reshape(5, 3)
ROW = Stage("factors", lambda: None, tables={"factors": factors_schema})


def make_rows(flat: list[int]) -> Long:
    values = {"up": CELLS, "wide": np.broadcast_to(CELLS[:, :1], CELLS.shape)}
    return Long(DATES, NAMES, values, np.array(flat, np.intp))


def write(folder: Path, rows: Long | pd.DataFrame, noisy: bool = False) -> Path:
    run = RunFolder(folder)
    run.leave(ROW, Table("factors", rows, {"columns": ["up", "wide"]}, noisy=noisy))
    run.settle()
    run.release()
    return folder / "factors.parquet"


def test_rows_are_those_of_the_cells_by_date_then_symbol() -> None:
    made = make_rows([0, 2, 3, 14]).frame()
    assert [*made["timestamp"].dt.day] == [1, 1, 2, 5]
    assert [*made["symbol"]] == ["A", "C", "A", "C"]
    assert [*made["up"]] == [0.0, 2.0, 3.0, 14.0]
    assert [*made["wide"]] == [0.0, 0.0, 3.0, 12.0]


PLAIN = {"compression": "zstd", "compression_level": 1}
NOISY = {
    "compression": "lz4",
    "column_encoding": {"up": "BYTE_STREAM_SPLIT", "wide": "BYTE_STREAM_SPLIT"},
    "write_statistics": ["timestamp", "symbol"],
}


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("flat", [[], [3], [*range(4)], [*range(5)], [*range(15)]])
def test_a_block_at_a_time_gives_the_bytes_of_all_at_once(
    flat: list[int], noisy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "BLOCK", 4)
    rows = make_rows(flat)
    written = write(tmp_path, rows, noisy)
    pq.write_table(
        pa.Table.from_pandas(rows.frame(), preserve_index=False),
        tmp_path / "once.parquet",
        row_group_size=4,
        use_dictionary=["timestamp", "symbol"],
        **(NOISY if noisy else PLAIN),
    )
    assert written.read_bytes() == (tmp_path / "once.parquet").read_bytes()


@pytest.mark.parametrize("flat", [[0, 1, 2, 3, 3, 5], [0, 1, 2, 4, 3, 5]])
def test_the_contract_sees_from_one_block_to_the_next(
    flat: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "BLOCK", 4)
    with pytest.raises(ContractError, match=r"ascend|twice"):
        write(tmp_path, make_rows(flat))


def test_the_contract_sees_each_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "BLOCK", 4)
    broken = CELLS.copy()
    broken[4, 2] = np.inf
    rows = Long(DATES, NAMES, {"up": broken, "wide": CELLS}, np.arange(15))
    with pytest.raises(ContractError, match="'up' breaks the check 'no infinities'"):
        write(tmp_path, rows)


def test_what_follows_a_table_is_not_done_where_it_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store would keep half a table otherwise, which later runs would take for whole."""

    def fill_the_disk(self: pq.ParquetWriter, table: pa.Table) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    done: list[str] = []
    run = RunFolder(tmp_path)
    run.leave(ROW, Table("factors", make_rows([0, 1]), {"columns": ["up", "wide"]}))
    run.once_written(done.append, "the first")
    run.settle()
    monkeypatch.setattr(pq.ParquetWriter, "write_table", fill_the_disk)
    run.leave(ROW, Table("factors", make_rows([0, 1]), {"columns": ["up", "wide"]}))
    run.once_written(done.append, "the second")
    with pytest.raises(ConfigError, match="No space left on device"):
        run.settle()
    run.release()
    assert done == ["the first"]
