"""``engine trials``: what was tried, and what that makes of a result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import click

from engine.cli.offers import offer_runs
from engine.cli.words import WIDTH, Group, Plain, read_count, switch
from engine.core.errors import ConfigError

if TYPE_CHECKING:
    from engine.trials import Database, Row

LAST = 20  # trials that are shown
TRIALS = """\
every strategy that was tried, and what that makes of a result

Runs write it, when their bars are laid out: those that fail, are stopped or deleted count too. The
file is that of trials.path in the configuration, or of the run that is named.
"""
LIST = "the newest trials, a line each\n"
NAME = """
KEY may be the beginning of one; of a key that was tried on several data the newest trial is meant.
"""
SHOW = f"all that is known of one trial\n{NAME}"
EXPLAIN = f"""\
every figure of a trial with its sentence
{NAME}
White's reality check, Hansen's test and the model confidence set need the extra stats.
"""

path = switch("--path", metavar="FILE", help="another trial ledger")
named = click.argument("words", metavar="KEY|RUN", nargs=-1, shell_complete=offer_runs)


@click.group(cls=Group, help=TRIALS, invoke_without_command=True)
@click.pass_context
def trials(context: click.Context) -> None:
    """Look at what was tried; alone, list it."""
    if context.invoked_subcommand is None:
        _list(None, LAST)


@trials.command("list", cls=Plain, help=LIST)
@switch("--last", metavar="N", callback=read_count, help=f"this many; {LAST} by default")
@switch("--all", "every", is_flag=True, help="all of them")
@path
def list_(last: int | None, every: bool, path: str | None) -> None:
    """Print a table."""
    _list(path, None if every else last or LAST)


def _list(path: str | None, last: int | None) -> None:
    from engine.trials import Database, list_trials

    with Database(_find(path, ""), read_only=True) as database:
        for line in list_trials(database, last):
            print(line)


@trials.command(cls=Plain, help=SHOW)
@named
@path
def show(words: tuple[str, ...], path: str | None) -> None:
    """Print facts, one a line."""
    from engine.trials import show_trial

    _print(words, path, show_trial, lambda line: line)


@trials.command(cls=Plain, help=EXPLAIN)
@named
@path
def explain(words: tuple[str, ...], path: str | None) -> None:
    """Print paragraphs."""
    from engine.trials import explain_trial

    _print(words, path, explain_trial, lambda text: f"{fill(text, WIDTH)}\n")


def _print(
    words: tuple[str, ...],
    path: str | None,
    tell: Callable[[Database, Row], Iterator[str]],
    form: Callable[[str], str],
) -> None:
    from engine.trials import Database

    if len(words) != 1:
        raise ConfigError(f"trials: {len(words)} trials are named: name one, by its key or run")
    with Database(_find(path, words[0]), read_only=True) as database:
        for text in tell(database, database.find(words[0])):
            print(form(text))


def _find(path: str | None, word: str) -> Path:
    """The ledger that was named, that of a run, or that of the configuration."""
    from engine.config import compose_config
    from engine.core.fields import structure
    from engine.pipeline import Counted
    from engine.trials import find_ledger

    if path is not None:
        return Path(path)
    ledger = find_ledger(Path(word)) if word and Path(word).is_dir() else None
    if ledger is not None:
        return ledger
    config: Any = compose_config([])
    file = structure(Counted, config.get("trials"), "trials").file
    if file is None:
        raise ConfigError("trials.path=null: no run is counted; name a ledger with --path FILE")
    return file
