"""Bars mended by hand: a file of values to set, and of values and bars to take out.

A CSV or parquet file with columns ``symbol``, ``date``, ``field`` and ``value``. Each row sets
one value, a number in the unit that the source hands over, or with ``drop`` takes it out; a
close that is taken out, or ``drop`` without a field, takes the whole bar out. Nothing is added:
a row that meets no bar is counted and told of. A mend is a decision of the user's, and holds
for every run with its file, so that no policy has to drop what somebody knows better.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.core.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from engine.bars.dirt import IntArray, Rows
    from engine.core.panel import FloatArray

log = logging.getLogger(__name__)
COLUMNS = ("symbol", "date", "field", "value")
DROP = "drop"


def mend(rows: Rows, path: str) -> Rows:
    """Return the rows with the file's values, and without the bars that it drops.

    Parameters
    ----------
    rows : Rows
        A source's rows; their arrays are not touched.
    path : str
        The file, from the directory of the command.

    Raises
    ------
    ConfigError
        The file cannot be read.
    DataError
        A row of it names a field that the bars lack, holds no number, or mends a value again.
    """
    frame = _table(path)
    fields, values = _fields(frame, rows, path), _values(frame, path)
    at, places = _match(frame, rows, path)
    numbers = dict(rows.numbers)
    alive = np.ones(len(rows), bool)
    for name in sorted({*fields[at]}):
        mine = fields[at] == name
        if not name:
            alive[places[mine]] = False
            continue
        numbers[name] = numbers[name].copy()
        numbers[name][places[mine]] = values[at][mine]
    _tell(frame, at, path)
    made = replace(rows, numbers=numbers, mends=len(at))
    return made if alive.all() else made.take(np.flatnonzero(alive))


def _table(path: str) -> pd.DataFrame:
    import pandas as pd

    file = Path(path).expanduser()
    try:
        if file.suffix.lower() in {".parquet", ".pq"}:
            frame = pd.read_parquet(file)
        else:
            frame = pd.read_csv(file, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).split("\n")[0]
        raise ConfigError(f"bars.mends={path}: {reason}; name a CSV or parquet file") from error
    missing = [name for name in COLUMNS if name not in frame]
    if missing:
        raise ConfigError(
            f"bars.mends={path}: no column {', '.join(missing)}; it has {', '.join(frame.columns)}"
        )
    text = frame.loc[:, list(COLUMNS)].astype(object)
    text = text.where(text.notna(), "").astype(str)
    stripped: pd.DataFrame = text.apply(lambda column: column.str.strip())
    return stripped


def _fields(
    frame: pd.DataFrame, rows: Rows, path: str
) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    for i, name in enumerate(frame["field"]):
        if name and name not in rows.numbers:
            hint = did_you_mean(name, rows.numbers)
            raise DataError(f"{_where(frame, i, path)}: the bars have no field {name!r}; {hint}")
        if not name and frame["value"].iloc[i].lower() != DROP:
            raise DataError(
                f"{_where(frame, i, path)}: no field: name one, or write {DROP} to take the bar out"
            )
    return frame["field"].to_numpy(str)


def _values(frame: pd.DataFrame, path: str) -> FloatArray:
    out = np.full(len(frame), np.nan)
    for i, text in enumerate(frame["value"]):
        if text.lower() == DROP:
            continue
        try:
            out[i] = float(text)
        except ValueError:
            out[i] = np.nan
        if not np.isfinite(out[i]):
            raise DataError(
                f"{_where(frame, i, path)}: value {text!r} is no number: write one, or {DROP}"
            )
    return out


def _match(frame: pd.DataFrame, rows: Rows, path: str) -> tuple[IntArray, IntArray]:
    """Which rows of the file meet a bar, and where that stands; a bar may stand there twice."""
    import pandas as pd

    try:
        days = pd.DatetimeIndex(pd.to_datetime(frame["date"], utc=True, format="ISO8601"))
    except ValueError as error:
        raise DataError(f"bars.mends={path}: a date is not such as 2020-01-31: {error}") from error
    again = frame.assign(date=days).duplicated(["symbol", "date", "field"]).to_numpy()
    if again.any():
        i = int(np.flatnonzero(again)[0])
        raise DataError(f"{_where(frame, i, path)}: mended above already; keep one")
    names = {name: i for i, name in enumerate(rows.names)}
    day = pd.Index(rows.days).get_indexer(days)
    name = np.array([names.get(symbol, -1) for symbol in frame["symbol"]], np.intp)
    width = max(len(rows.names), 1)
    wanted = np.where((day >= 0) & (name >= 0), day * width + name, -1)
    cells = rows.day * width + rows.name
    order = np.argsort(cells, kind="stable")
    left = np.searchsorted(cells[order], wanted, side="left")
    right = np.where(wanted < 0, left, np.searchsorted(cells[order], wanted, side="right"))
    at = np.repeat(np.arange(len(frame)), right - left)
    inside = np.arange(len(at)) - np.repeat(np.cumsum(right - left) - (right - left), right - left)
    return at, order[left[at] + inside]


def _tell(frame: pd.DataFrame, at: IntArray, path: str) -> None:
    """Say which rows of the file met no bar: of other symbols of the universe, or a slip."""
    lost = np.setdiff1d(np.arange(len(frame)), at)
    if len(lost):
        log.warning(
            "%s: meets no bar, like %d of its %d rows in all",
            _where(frame, int(lost[0]), path), len(lost), len(frame),
        )  # fmt: skip


def _where(frame: pd.DataFrame, i: int, path: str) -> str:
    row = frame.iloc[i]
    return f"bars.mends={path}: {row['symbol']} {row['date']} {row['field']}".rstrip()
