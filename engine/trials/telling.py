"""What the ledger says now of runs that have finished, by their folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.core.errors import DataError
from engine.storage import Artifacts, Trials
from engine.trials.database import Database
from engine.trials.family import find_near
from engine.trials.faults import LedgerError
from engine.trials.trial import Row
from engine.trials.verdict import judge


def find_ledger(folder: Path) -> Path | None:
    """Return the ledger in which a run was counted; None where it was in none."""
    made = _read(folder)
    return None if made is None else Path(made.ledger)


def tell_now(folder: Path) -> tuple[str, ...]:
    """Return what the ledger of a run says of it now; what it said when it cannot be asked.

    Empty where the run was not counted.
    """
    made = _read(folder)
    if made is None:
        return ()
    try:
        with Database(Path(made.ledger), read_only=True) as database:
            return judge(database, database.find(str(folder))).says
    except LedgerError as error:
        return (*(f"when it ended: {line}" for line in made.says), str(error))


def _read(folder: Path) -> Trials | None:
    try:
        return Artifacts(folder).trials
    except DataError:
        return None


def compare_counted(runs: Mapping[str, Path]) -> list[str]:
    """Return what ledgers say of runs side by side: of the best of those on the same data.

    Nothing where no run is in one.

    Parameters
    ----------
    runs : mapping of str to pathlib.Path
        Folders, by what they are called.
    """
    lines, groups = [], _group(runs)
    for group in groups:
        label = max(group, key=lambda name: group[name].annual or float("-inf"))
        said = tell_now(runs[label])
        lines += [f"{label}: {said[0]}.", *(f"{line[0].upper()}{line[1:]}." for line in said[1:])]
    if not groups:
        return []
    if len(groups) > 1:
        parts = " | ".join(", ".join(group) for group in groups)
        lines.append(f"These are of different data, and do not count together: {parts}.")
    apart = [name for name in runs if not any(name in group for group in groups)]
    if apart:
        lines.append(f"In no trial ledger that can be read: {', '.join(apart)}.")
    return lines


def _group(runs: Mapping[str, Path]) -> list[dict[str, Row]]:
    """Those that are in a ledger, by what they have looked at."""
    groups: list[tuple[Path, dict[str, Row]]] = []
    for name, folder in runs.items():
        ledger = find_ledger(folder)
        if ledger is None:
            continue
        try:
            with Database(ledger, read_only=True) as database:
                row = database.find(str(folder))
                near = (
                    group
                    for file, group in groups
                    if file == ledger
                    and row.data in find_near(database, next(iter(group.values())))
                )
                group = next(near, None)
        except LedgerError:
            continue
        if group is None:
            groups.append((ledger, group := {}))
        group[name] = row
    return [group for _, group in groups]
