"""``engine store``: is what is kept what was written, how large is it, and make it smaller."""

from __future__ import annotations

from typing import Any

import click

from engine.cli.formulas import is_override
from engine.cli.library import opening
from engine.cli.words import Group, Worded, read_count, switch
from engine.core.errors import ConfigError

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
    from engine.library import forget

    with opening(overrides) as found:
        damages = _ask(found.store, "verify")()
        series = _name_series(found)
        for damage in damages:
            held = ", ".join(sorted({series.get(key, key) for key in damage.keys}))
            print(f"damaged: {damage.file}, where it holds {held}")
        if damages:
            if mend:
                _ask(found.store, "mend")(damages)
                forget(found.store, (key for damage in damages for key in damage.keys))
            done = "taken out: type" if mend else "type engine store verify --mend, then"
            print(f"{done} engine factors update")
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


def _sample(names: list[str], count: int | None) -> list[str]:
    import random

    return names if count is None or count >= len(names) else random.sample(names, count)


def _name_series(found: Any) -> dict[str, str]:
    """Factors by the keys of their series."""
    return {factor.series: name for name, factor in found.list().items()}


@store.command(cls=Worded, help=COMPACT, is_override=is_override)
def compact(overrides: tuple[str, ...]) -> None:
    """Print what became of it."""
    with opening(overrides) as found:
        print(f"compacted: {_ask(found.store, 'compact')()}")


@store.command(cls=Worded, help=VACUUM, is_override=is_override)
def vacuum(overrides: tuple[str, ...]) -> None:
    """Print how many files were deleted."""
    with opening(overrides) as found:
        print(f"deleted: {_ask(found.store, 'vacuum')()} files")


@store.command(cls=Worded, help=STATS, is_override=is_override)
def stats(overrides: tuple[str, ...]) -> None:
    """Print facts, one a line."""
    with opening(overrides) as found:
        facts: dict[str, Any] = {
            "factors": len(found.list()),
            "commits": found.store.last_commit(),
        }
        if hasattr(found.store, "stats"):
            told = found.store.stats()
            facts |= told if isinstance(told, dict) else vars(told)
    for name, value in facts.items():
        print(f"{name:<13} {value}")


def _ask(store: Any, what: str) -> Any:
    """A method of the store; ConfigError where this one has none."""
    if not hasattr(store, what):
        raise ConfigError(f"{what}: this store has no such command")
    return getattr(store, what)
