"""The trial ledger on disk: written in short transactions, by any number of processes at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.sqlite import connect, connect_to_read, transaction
from engine.study import Track
from engine.trials.faults import OTHER, LedgerError, explain
from engine.trials.schema import FORMAT, MARK, SCHEMA
from engine.trials.trial import Days, Place, Result, Row, Start

WHERE = ("kind", "source", "symbols", "first", "last")  # columns of data
COLUMNS = ", ".join(
    f"{'data' if field.name in WHERE else 'trials'}.{field.name}" for field in fields(Row)
)
SHORT = 10  # signs of a key that are shown
FLOAT, INT = np.dtype("<f4"), np.dtype("<i4")


class Database:
    """An open ledger.

    Parameters
    ----------
    path : pathlib.Path
        Made where there is none, with its folder.
    read_only : bool
        It has to be there, and stays as it is.

    Raises
    ------
    LedgerError
        From everything: it cannot be read or written, and why.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        if read_only and not path.is_file():
            raise LedgerError(f"{path}: no trial ledger is there yet: runs write it (trials.path)")
        with explain(path):
            if not read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
            self.connection = connect_to_read(path) if read_only else connect(path)
        try:
            with explain(path):
                self._prepare(read_only)
        except BaseException:
            self.connection.close()
            raise

    def __enter__(self) -> Database:
        """Return it, to be closed at the end."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close it."""
        self.connection.close()

    def _prepare(self, read_only: bool) -> None:
        if not read_only and self._is_new():
            with transaction(self.connection):
                if self._is_new():  # nor has another process been first
                    for statement in SCHEMA.split(";"):
                        self.connection.execute(statement)
                    self.connection.execute(f"PRAGMA application_id = {MARK}")
                    self.connection.execute(f"PRAGMA user_version = {FORMAT}")
        if self._ask("PRAGMA application_id") != MARK:
            raise LedgerError(f"{self.path}: is a database, and no trial ledger; {OTHER}")
        version = self._ask("PRAGMA user_version")
        if version != FORMAT:
            age = "a newer" if version > FORMAT else "an older"
            raise LedgerError(
                f"{self.path}: of {age} version of the engine (format {version}, this one has "
                f"{FORMAT}); use that version, or {OTHER}"
            )

    def _is_new(self) -> bool:
        return not self._ask("SELECT count(*) FROM sqlite_master")

    def _ask(self, query: str, *values: Any) -> Any:
        row = self.connection.execute(query, values).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with explain(self.path), transaction(self.connection):
            yield

    def begin(self, start: Start) -> None:
        """Count a run, before anything is computed of its bars."""
        place = start.place
        symbols = json.dumps(place.symbols, ensure_ascii=False)
        source, held = _hash(place.source), _hash(symbols)
        with self._writing():
            self._keep("sources", source, place.source)
            self._keep("symbol_sets", held, symbols)
            data = self._enter("data", WHERE, (place.kind, source, held, place.first, place.last))
            trial = self._enter("trials", ("key", "data"), (start.key, data))
            words = json.dumps(start.overrides, ensure_ascii=False)
            self.connection.execute(
                "INSERT INTO runs (trial, folder, bundle, overrides, began) VALUES (?, ?, ?, ?, ?)",
                (trial, start.folder, start.bundle, words, start.began),
            )

    def finish(self, folder: str, result: Result | None) -> int | None:
        """Write what became of the last run of a folder; return the number of its trial.

        Without a result it never held a position. None where the ledger does not know the run.
        """
        track = Track.of(np.empty(0) if result is None else result.excess)
        numbers = (track.sharpe, track.skew, track.kurtosis, track.error)
        year = np.nan if result is None else result.rows_per_year
        with self._writing():
            run = self._find_run(folder)
            if run is None:
                return None
            number, trial = run
            self.connection.execute("UPDATE runs SET finished = 1 WHERE id = ?", (number,))
            self.connection.execute(
                "UPDATE trials SET finished = 1, n = ?, sharpe = ?, skew = ?, kurtosis = ?, "
                "error = ?, rows_per_year = ? WHERE id = ?",
                (track.n, *map(_plain, (*numbers, year)), trial),
            )
            if result is not None:
                self._keep_returns(trial, result)
        return trial

    def _find_run(self, folder: str) -> tuple[int, int] | None:
        """The last run of a folder, and its trial."""
        found: tuple[int, int] | None = self.connection.execute(
            "SELECT id, trial FROM runs WHERE folder = ? ORDER BY id DESC LIMIT 1", (folder,)
        ).fetchone()
        return found

    def _keep_returns(self, trial: int, result: Result) -> None:
        days = result.days.astype(INT).tobytes()
        name = sha256(days).hexdigest()[:16]
        self._keep("calendars", name, days)
        self.connection.execute(
            "INSERT OR REPLACE INTO returns VALUES (?, ?, ?, ?)",
            (trial, name, _pack(result.net), _pack(result.excess)),
        )

    def _enter(self, table: str, columns: Sequence[str], values: Sequence[Any]) -> int:
        """Enter a row that is there once, and return its number."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        same = " AND ".join(f"{column} = ?" for column in columns)
        self.connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING",  # noqa: S608
            values,
        )
        return int(self._ask(f"SELECT id FROM {table} WHERE {same}", *values))  # noqa: S608

    def _keep(self, table: str, name: str, value: str | bytes) -> None:
        """Write what many trials share, once."""
        self.connection.execute(
            f"INSERT INTO {table} VALUES (?, ?) ON CONFLICT DO NOTHING",  # noqa: S608
            (name, value),
        )

    def select(self, rest: str, *values: Any) -> list[Row]:
        """Return the trials that the rest of a query chooses."""
        query = f"SELECT {COLUMNS} FROM trials JOIN data ON data.id = trials.data {rest}"  # noqa: S608
        with explain(self.path):
            return [Row(*row) for row in self.connection.execute(query, values)]

    def read(self, number: int) -> Row:
        """Return a trial by its number."""
        return self.select("WHERE trials.id = ?", number)[0]

    def find(self, word: str) -> Row:
        """Return the trial of a run's folder, or the newest of a key or its beginning."""
        folder = str(Path(word).absolute())
        with explain(self.path):
            run = self._find_run(folder)
        if run is not None:
            return self.read(run[1])
        found = self.select("WHERE key GLOB ? ORDER BY trials.id DESC", f"{word}*") if word else []
        keys = sorted({row.key for row in found})
        if not keys or not word.isalnum():
            raise LedgerError(
                f"{word}: neither a key nor a run that {self.path} has counted; type engine trials "
                "list"
            )
        if len(keys) > 1:
            listed = ", ".join(key[:SHORT] for key in keys[:3])
            raise LedgerError(f"{word}: {len(keys)} keys begin so ({listed}, …): type more of one")
        return found[0]

    def list_rows(
        self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with explain(self.path):
            return self.connection.execute(query, values).fetchall()

    def read_text(self, table: str, name: str) -> str:
        """Return what many trials share, by its hash."""
        with explain(self.path):
            column = {"sources": "text", "symbol_sets": "symbols"}[table]
            return str(self._ask(f"SELECT {column} FROM {table} WHERE hash = ?", name))  # noqa: S608

    def read_symbols(self, name: str) -> frozenset[str]:
        """Return a set of symbols, by its hash."""
        return frozenset(json.loads(self.read_text("symbol_sets", name)))

    def read_days(self, name: str) -> Days:
        """Return a calendar, by its hash."""
        with explain(self.path):
            days = self._ask("SELECT days FROM calendars WHERE hash = ?", name)
        return np.frombuffer(days, INT)

    def place_of(self, row: Row) -> Place:
        """Return the data of a trial."""
        symbols = tuple(json.loads(self.read_text("symbol_sets", row.symbols)))
        source = self.read_text("sources", row.source)
        return Place(row.kind, source, symbols, row.first, row.last)


def _plain(value: float) -> float | None:
    """A number, or None where it is not finite."""
    return float(value) if np.isfinite(value) else None


def _pack(values: Any) -> bytes:
    return bytes(np.asarray(values).astype(FLOAT).tobytes())


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
