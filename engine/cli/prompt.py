"""The command line: ``engine COMMAND …``.

Only the standard library, errors, text and `engine.cli.warned` are imported here, so that
``engine --help`` answers at once; a command's module is imported when it is typed.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from functools import partial
from typing import IO, cast

from engine.cli.warned import tell_in_one_line
from engine.core.errors import EngineError, did_you_mean, unforeseen
from engine.core.text import LINES, Screen, shown

COMMANDS = ("compare", "data", "factors", "plugins", "report", "run", "warm")
HELP = """\
engine: declarative backtests

  engine run +bundle=NAME [key=value …]     run a bundle, from bars to report
  engine run -m +bundle=A,B model=x,y       sweep (hydra/launcher=joblib: in parallel)
  engine run +bundle=NAME --cfg job         print the configuration, run nothing
  engine run --help                         every group, option and switch

  engine report RUN                         draw a finished run's report again
  engine compare RUN RUN … [--out F.html]   what differs between runs, and what came of it

  engine data check source=NAME [key=value] what is wrong with bars before a run uses them
  engine data check FILE.parquet [--known COLUMN --period COLUMN]

  engine factors compute SET … [--out F]    values of factor sets and formulas, by date and symbol
  engine factors explain "FORMULA"          what it reads, how far back, and what looks odd

  engine plugins list [KIND]                what is installed, from where, and what failed
  engine plugins show NAME                  a plugin's fields, and YAML that builds it
  engine plugins check NAME [key=value …]   does it keep its kind's contract?
  engine plugins new NAME                   start a distribution of your own

  engine warm                               compile the operators of formulas before their first use

  engine --version
  --debug                                   show the traceback of an error
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code: 0, 2 for what the user can mend, 130 on Ctrl-C."""
    if argv is None:
        return _leaving(main(sys.argv[1:]))
    words = list(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal without ± shows ? instead
        sys.stdout.reconfigure(errors="replace")
    debug = "--debug" in words
    if not debug:
        tell_in_one_line()
    words = [word for word in words if word != "--debug"]
    if not words or words[0] in {"-h", "--help", "help"}:
        print(HELP, end="")
        return 0
    if words[0] in {"-V", "--version"}:
        from engine import __version__

        print(f"alpha-engine {__version__}")
        return 0
    if words[0] in {"-sc", "--shell-completion"}:  # the shell asks the bare program name
        line = os.environ.get("COMP_LINE", "")
        os.environ["COMP_LINE"] = line.replace("engine run", "engine", 1)
        return _guarded("run", words, debug)
    if words[0] not in COMMANDS:
        hint = did_you_mean(words[0], COMMANDS)
        return _fail(f"no such command {words[0]!r}: {hint} (or type `engine --help`)")
    return _guarded(words[0], words[1:], debug)


def _leaving(code: int) -> int:
    """End the process where threads that plugins have left would keep it."""
    patches = sys.modules.get("engine.plugin.patches")
    if patches is not None and any(t.is_alive() and not t.daemon for t in patches.STRAYS):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _guarded(command: str, words: list[str], debug: bool) -> int:
    try:
        with redirect_stdout(cast(IO[str], Screen(sys.stdout))):
            return _imported(command, debug)(words)
    except EngineError as error:
        if debug:
            raise
        return _fail(str(error))
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        return _fail(unforeseen(error))
    except KeyboardInterrupt:
        print(f"engine {command}: interrupted", file=sys.stderr)
        return 130


def _imported(command: str, debug: bool) -> Callable[[list[str]], int]:
    if command == "plugins":
        from engine.cli.plugins import plugins

        return plugins
    if command == "data":
        from engine.cli.data import data

        return data
    if command == "factors":
        from engine.cli.factors import factors

        return factors
    if command == "warm":
        from engine.cli.warm import warm

        return warm
    if command in {"report", "compare"}:
        from engine.cli import pages

        return pages.report if command == "report" else pages.compare
    from engine.cli.run import run

    return partial(run, debug=debug)


def _fail(message: str) -> int:
    print(f"engine: {shown(message, LINES)}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
