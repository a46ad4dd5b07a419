"""``engine store``: is what is kept what was written, how large is it, and make it smaller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from engine.cli.formulas import is_override
from engine.cli.library import opening
from engine.cli.words import Group, Worded, read_count, switch
from engine.core.errors import ConfigError

if TYPE_CHECKING:
    from engine.factor_store import FactorStore
    from engine.storage import Results

WHICH = """
  store.path=DIR                            the store's folder, or any other override of the store
"""
VERIFY = f"""\
is what is kept what was written, and what its formulas give?
{WHICH}
Files are hashed; values are computed again from the kept bars and compared bit for bit.
"""
EXIT = "Exit code: 0; 1 with a damage or a wrong value.\n"
COMPACT = f"write what is read seldom as compressed files\n{WHICH}"
VACUUM = f"delete files that nobody reads any more\n{WHICH}"
STATS = f"what is kept, and how large it is\n{WHICH}"


@click.group(cls=Group, help="the files behind the library of factors")
def store() -> None:
    """Look after the store."""


@store.command(cls=Worded, help=VERIFY, epilog=EXIT, is_override=is_override)
@switch("--sample", metavar="N", callback=read_count, help="compute this many factors; else all")
@switch("--mend", is_flag=True, help="take out what is damaged, to be computed again")
def verify(overrides: tuple[str, ...], sample: int | None, mend: bool) -> int:
    """Return 1 where something is wrong, else 0."""
    if mend:
        _mend_catalogue(overrides)
    with opening(overrides) as found:
        if _tell_damages(found, mend) + _tell_damaged_results(found, mend):
            done = "taken out: type" if mend else "type engine store verify --mend, then"
            print(f"{done} engine factors update --all; runs make their results again")
            return 1
        names = _sample([*found.list()], sample)
        wrong = found.verify(names)
    for each in wrong:
        print(f"wrong: {each.factor}, {each.cells} values, the first of {each.first}")
    if wrong:
        first = wrong[0].factor
        print(f"compute it again: engine factors rm {first}, then register it anew")
        return 1
    print(f"sound: every file, and {len(names)} factors computed again")
    return 0


def _mend_catalogue(overrides: Sequence[str]) -> None:
    """Go on with the copy of a damaged catalogue."""
    from engine.storage import CatalogueError, mend_catalogue

    try:
        with opening(overrides):
            return
    except CatalogueError as error:
        made = mend_catalogue(error.folder)
    print(
        f"the damaged catalogue is {made.aside}; the store is as it was after commit "
        f"{made.commit}, {made.lost} later ones are lost: type engine factors update --all"
    )


def _tell_damages(found: FactorStore, mend: bool) -> int:
    """Print the damaged files of values, and return how many there are."""
    from engine.library import forget

    damages = _ask(found.store, "verify")()
    known = found.list()
    series = {part: name for name, factor in known.items() for part in factor.parts}
    series |= {factor.series: name for name, factor in known.items()}
    for damage in damages:
        held = ", ".join(sorted({series.get(key, key) for key in damage.keys}))
        print(f"damaged: {damage.file}, where it holds {held}")
    if damages and mend:
        _ask(found.store, "mend")(damages)
        forget(found.store, (key for damage in damages for key in damage.keys))
    return len(damages)


def _tell_damaged_results(found: FactorStore, mend: bool) -> int:
    """Print the damaged files of results, and return how many there are."""
    with _results(found) as results:
        files = [] if results is None else results.verify()
        for file in files:
            print(f"damaged: {file}, of a run's result")
            if mend and results is not None:
                results.forget(file.parent.name)
    return len(files)


@contextmanager
def _results(found: FactorStore) -> Iterator[Results | None]:
    """Results of stages beside the values, where there are any."""
    from engine.storage import Results

    folder = found.plugin.results
    if folder is None or not folder.is_dir():
        yield None
        return
    results = Results(folder, found.plugin.max_bytes)
    try:
        yield results
    finally:
        results.close()


def _sample(names: list[str], count: int | None) -> list[str]:
    import random

    return names if count is None or count >= len(names) else random.sample(names, count)


@store.command(cls=Worded, help=COMPACT, is_override=is_override)
def compact(overrides: tuple[str, ...]) -> None:
    """Print what became of it."""
    with opening(overrides) as found:
        _ask(found.store, "fold")()
        before = _ask(found.store, "stats")()
        count = _ask(found.store, "compact")()
        after = _ask(found.store, "stats")()
    print(
        f"compressed: {count} files of a year or more, {_mb(before.hot + before.cold)} are "
        f"{_mb(after.hot + after.cold)}; engine store vacuum deletes what was written anew"
    )


@store.command(cls=Worded, help=VACUUM, is_override=is_override)
def vacuum(overrides: tuple[str, ...]) -> None:
    """Print how many files were deleted."""
    with opening(overrides) as found, _results(found) as results:
        count = _ask(found.store, "vacuum")()
        count += 0 if results is None else results.vacuum()
    print(f"deleted: {count} files that nobody has read for an hour")


@store.command(cls=Worded, help=STATS, is_override=is_override)
def stats(overrides: tuple[str, ...]) -> None:
    """Print facts, one a line."""
    with opening(overrides) as found, _results(found) as results:
        lines = [*_count_values(found), *(_count_results(results) if results is not None else ())]
    for name, value in lines:
        print(f"{name:<22} {value}")


def _count_values(found: FactorStore) -> Iterator[tuple[str, str]]:
    yield "factors", f"{len(found.list())}"
    yield "commits", f"{found.store.last_commit()}"
    if hasattr(found.store, "stats"):
        told = _ask(found.store, "stats")()
        yield "values", f"{_mb(told.hot)} mapped, {_mb(told.cold)} compressed"
        yield "", f"{told.files} files, {told.series} series, at most {told.stack} files a series"
        yield "to be deleted", _mb(told.gone)
        yield "catalogue", _mb(told.catalogue)


def _count_results(results: Results) -> Iterator[tuple[str, str]]:
    count, size = results.size()
    yield "results of stages", f"{count}, {_mb(size)}"
    for share in results.shares():
        asked = share.found + share.missed
        yield f"  {share.stage}", f"found {share.found} of {asked} times"


def _mb(size: float) -> str:
    return f"{size / 1e6:.1f} MB"


def _ask(store: Any, what: str) -> Any:
    """A method of the store; ConfigError where this one has none."""
    if not hasattr(store, what):
        raise ConfigError(f"{what}: this store has no such command")
    return getattr(store, what)
