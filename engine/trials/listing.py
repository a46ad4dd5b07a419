"""Trials as lines: the newest first, and all that is known of one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.trials.database import SHORT, Database
from engine.trials.trial import Row, to_day
from engine.trials.words import NOUNS, count

NEWEST = """
    JOIN runs ON runs.trial = trials.id
    WHERE NOT EXISTS (SELECT 1 FROM runs AS later WHERE later.trial = trials.id
                      AND later.id > runs.id)
    ORDER BY runs.id DESC LIMIT ?
"""
NAMED = 12  # symbols in a line
HEAD = ("key", "began (UTC)", "bundle", "Sharpe", "status", "kind", "what differs")


@dataclass(frozen=True)
class Run:
    """One look at a trial."""

    folder: str
    bundle: str
    overrides: tuple[str, ...]
    began: str
    finished: bool


def list_trials(database: Database, last: int | None) -> Iterator[str]:
    """Yield a table of the newest trials, and how many there are of each kind."""
    rows = database.select(NEWEST, -1 if last is None else last)
    runs = [_read_runs(database, row)[-1] for row in rows]
    shared = _find_shared([run.overrides for run in runs])
    lines = [HEAD] + [_cells(*pair, shared) for pair in zip(rows, runs, strict=True)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEAD) - 1)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=False))
        yield "  ".join([*cells, line[-1]]).rstrip()
    if shared:
        yield f"typed for each of them: {' '.join(shared)}"
    yield f"{database.path}: {_count(database)}"
    hidden = _total(database) - len(rows)
    if hidden:
        yield f"{hidden} older trials are not shown: type engine trials list --all"


def _cells(row: Row, run: Run, shared: Sequence[str]) -> tuple[str, ...]:
    ratio = "–" if row.annual is None else f"{row.annual:.2f}"
    status = "finished" if row.finished else "not finished"
    differs = " ".join(word for word in run.overrides if word not in shared)
    return (row.key[:SHORT], run.began, run.bundle, ratio, status, row.kind, differs)


def _find_shared(typed: Sequence[Sequence[str]]) -> list[str]:
    """Words that were typed for all of several trials."""
    if len(typed) < 2:
        return []
    return [word for word in typed[0] if all(word in words for words in typed)]


def _count(database: Database) -> str:
    rows = database.list_rows(
        "SELECT kind, count(DISTINCT key), sum(finished = 0) FROM trials "
        "JOIN data ON data.id = trials.data GROUP BY kind"
    )
    found = {str(kind): (int(number), int(left)) for kind, number, left in rows}
    parts = [count(found[kind][0], kind) for kind in NOUNS if kind in found]
    unfinished = sum(left for _, left in found.values())
    more = f"; {unfinished} did not finish, or are still at work" if unfinished else ""
    return (", ".join(parts) or "no trials yet") + more


def _total(database: Database) -> int:
    return int(database.list_rows("SELECT count(*) FROM trials")[0][0])


def show_trial(database: Database, row: Row) -> Iterator[str]:
    """Yield all that is known of a trial, a fact a line."""
    place, runs = database.place_of(row), _read_runs(database, row)
    symbols = ", ".join(place.symbols[:NAMED]) + (" …" if len(place.symbols) > NAMED else "")
    facts = {
        "key": row.key,
        "kind": row.kind,
        "bundle": runs[-1].bundle,
        "source": place.source,
        "symbols": f"{len(place.symbols)} ({symbols})",
        "dates": f"{to_day(row.first)} to {to_day(row.last)}",
        "status": "finished" if row.finished else "not finished: failed, stopped, or at work",
        "Sharpe ratio": _number(row.annual, ".3f", " per year, in excess of cash"),
        "days with returns": _number(row.n, "d"),
        "skew": _number(row.skew, ".2f"),
        "kurtosis": _number(row.kurtosis, ".2f", " (3 of a normal distribution)"),
        "days a year": _number(row.rows_per_year, ".1f"),
    }
    for name, value in facts.items():
        yield f"{name:<18} {value}"
    for run in runs:
        gone = "" if Path(run.folder).is_dir() else " (deleted)"
        ended = "finished" if run.finished else "not finished"
        yield f"{'run':<18} {run.began} UTC, {ended}, {run.folder}{gone}"
        yield f"{'':<18} {' '.join(run.overrides)}"


def _read_runs(database: Database, row: Row) -> list[Run]:
    """The looks at a trial, the newest last."""
    rows = database.list_rows(
        "SELECT folder, bundle, overrides, began, finished FROM runs WHERE trial = ? ORDER BY id",
        (row.id,),
    )
    return [Run(r[0], r[1], tuple(json.loads(r[2])), r[3], bool(r[4])) for r in rows]


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "–" if value is None else f"{value:{form}}{unit}"
