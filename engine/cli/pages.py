"""``engine report`` and ``engine compare``: finished runs, from their folders alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from engine.cli.offers import offer_runs
from engine.cli.words import Plain, switch
from engine.core.errors import ConfigError

REPORT = """\
draw report.html and report*.png of a finished run again, print its summary

Nothing is run: only the artifacts in the folder, such as outputs/NAME/TIME, are read.
"""
COMPARE = """\
what differs between finished runs, and what came of it

  engine compare outputs/sweeps/TIME        a table: one line per run of a sweep
  engine compare RUN RUN --out FILE.html    the table and the equity curves on a page as well

Runs over different spans are compared on the dates that all of them share; what is no finished
run, such as a sweep's own files, is left out and named.
"""


@click.command(cls=Plain, help=REPORT, no_args_is_help=True)
@click.argument("folders", metavar="RUN", nargs=-1, shell_complete=offer_runs)
def report(folders: tuple[str, ...]) -> None:
    """Draw a run's report again."""
    from engine.report import Report, draw

    if len(folders) != 1:
        raise ConfigError(
            f"report: {len(folders)} run folders are named; name one (`engine compare` takes more)"
        )
    run = Report(Path(folders[0]))
    with _tell_disk_errors(run.path):
        draw(run.path)
        print(run.summary())


@click.command(cls=Plain, help=COMPARE, no_args_is_help=True)
@click.argument("folders", metavar="RUN", nargs=-1, shell_complete=offer_runs)
@switch("--out", metavar="FILE.html", help="write the comparison as a page, too")
def compare(folders: tuple[str, ...], out: str | None) -> None:
    """Set runs side by side."""
    from engine.report import Comparison, comparison_text, draw_comparison
    from engine.trials import compare_counted

    target = None if out is None else Path(out)
    if target is not None and target.suffix != ".html":
        raise ConfigError("compare --out: wants a page's name, as in `--out runs.html`")
    with _tell_disk_errors(target or Path("compare")):
        comparison = Comparison.read([Path(folder) for folder in folders])
        runs = dict(zip(comparison.labels, comparison.folders, strict=True))
        comparison = replace(comparison, trials=compare_counted(runs))
        print(comparison_text(comparison))
        if target is not None:
            draw_comparison(comparison, target)
            print(f"\npage: {target}")


@contextmanager
def _tell_disk_errors(path: Path) -> Iterator[None]:
    """One line for what cannot be written."""
    try:
        yield
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        raise
    except OSError as error:
        raise ConfigError(
            f"{error.filename or path}: {error.strerror or error}; choose another place, or free it"
        ) from error
