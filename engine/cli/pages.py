"""``engine report`` and ``engine compare``: finished runs, from their folders alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from engine.core.errors import ConfigError, did_you_mean

REPORT_HELP = """\
engine report RUN: draw report.html and report*.png of a finished run again, print its summary

  engine report outputs/NAME/TIME           nothing is run: only the artifacts are read
"""
COMPARE_HELP = """\
engine compare RUN RUN …: what differs between finished runs, and what came of it

  engine compare outputs/sweeps/TIME        a table: one line per run of a sweep
  engine compare RUN RUN --out FILE.html    the table and the equity curves on a page as well

Runs over different spans are compared on the dates that all of them share; what is no finished
run, such as a sweep's own files, is left out and named.
"""


def report(words: Sequence[str]) -> int:
    """Run ``engine report WORDS``; return the exit code."""
    from engine.report import Report, draw

    if _wants_help(words):
        print(REPORT_HELP, end="")
        return 0
    folders, _ = _read(words, "report", ())
    if len(folders) != 1:
        raise ConfigError(
            f"report: {len(folders)} run folders are named; name one (`engine compare` takes more)"
        )
    run = Report(folders[0])
    with _telling(folders[0]):
        draw(run.path)
        print(run.summary())
    return 0


def compare(words: Sequence[str]) -> int:
    """Run ``engine compare WORDS``; return the exit code."""
    from engine.report import Comparison, comparison_text, draw_comparison

    if _wants_help(words):
        print(COMPARE_HELP, end="")
        return 0
    folders, target = _read(words, "compare", ("out",))
    with _telling(target or Path("compare")):
        comparison = Comparison.read(folders)
        print(comparison_text(comparison))
        if target is not None:
            draw_comparison(comparison, target)
            print(f"\npage: {target}")
    return 0


def _wants_help(words: Sequence[str]) -> bool:
    return not words or bool({"-h", "--help"} & {*words})


def _read(
    words: Sequence[str], command: str, flags: Sequence[str]
) -> tuple[list[Path], Path | None]:
    """Folders, and the file of ``--out FILE`` or ``--out=FILE``."""
    folders: list[Path] = []
    target: Path | None = None
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            folders.append(Path(word))
            continue
        name, _, value = word.lstrip("-").partition("=")
        if name not in flags:
            known = [f"--{flag}" for flag in flags] or ["--help"]
            raise ConfigError(f"{command} {word}: no such switch; {did_you_mean(word, known)}")
        target = Path(value or next(rest, ""))
        if target.suffix != ".html":
            raise ConfigError(f"{command} --out: wants a page's name, as in `--out runs.html`")
    return folders, target


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """One line for what cannot be written."""
    try:
        yield
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        raise
    except OSError as error:
        raise ConfigError(
            f"{error.filename or path}: {error.strerror or error}; choose another place, or free it"
        ) from error
