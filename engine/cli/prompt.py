"""The command line: ``engine COMMAND …``.

Only the standard library, errors, text and `engine.cli.warned` are imported here, so that
``engine --help`` answers at once; a command's module is imported when it is typed.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import IO, cast

from engine.cli.command import OWN, Command
from engine.cli.warned import tell_in_one_line
from engine.core.errors import EngineError, did_you_mean, explain_unforeseen
from engine.core.text import LINES, Screen, escape
from engine.core.version import VERSION

HEAD = "engine: declarative backtests\n\n"
TAIL = """
  engine --version
  --debug                                   show the traceback of an error
"""


def main(argv: Sequence[str] | None = None, commands: Sequence[Command] = OWN) -> int:
    """Run a command; return its exit code: 0, 2 for what the user can mend, 130 on Ctrl-C."""
    if argv is None:
        return _leaving(main(sys.argv[1:], commands))
    words = list(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal without ± shows ? instead
        sys.stdout.reconfigure(errors="replace")
    debug = "--debug" in words
    if not debug:
        tell_in_one_line()
    words = [word for word in words if word != "--debug"]
    if not words or words[0] in {"-h", "--help", "help"}:
        print(HEAD + "\n".join(command.help for command in commands) + TAIL, end="")
        return 0
    if words[0] in {"-V", "--version"}:
        print(f"alpha-engine {VERSION}")
        return 0
    if words[0] in {"-sc", "--shell-completion"}:  # the shell asks the bare program name
        line = os.environ.get("COMP_LINE", "")
        os.environ["COMP_LINE"] = line.replace("engine run", "engine", 1)
        words = ["run", *words]
    by_name = {command.name: command for command in commands}
    if words[0] not in by_name:
        hint = did_you_mean(words[0], by_name)
        return _fail(f"no such command {words[0]!r}: {hint} (or type `engine --help`)")
    return _guarded(by_name[words[0]], words[1:], debug)


def _leaving(code: int) -> int:
    """End the process where threads that plugins have left would keep it."""
    patches = sys.modules.get("engine.plugin.patches")
    if patches is not None and any(t.is_alive() and not t.daemon for t in patches.STRAYS):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _guarded(command: Command, words: list[str], debug: bool) -> int:
    if debug:
        os.environ["ENGINE_DEBUG"] = "1"  # an environment variable reaches joblib's workers too
    try:
        with redirect_stdout(cast(IO[str], Screen(sys.stdout))):
            return command.load()(words)
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
        return _fail(explain_unforeseen(error))
    except KeyboardInterrupt:
        print(f"engine {command.name}: interrupted", file=sys.stderr)
        return 130
    finally:
        if debug:
            del os.environ["ENGINE_DEBUG"]


def _fail(message: str) -> int:
    print(f"engine: {escape(message, LINES)}", file=sys.stderr)
    return 2
