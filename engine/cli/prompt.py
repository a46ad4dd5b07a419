"""The command line: ``engine COMMAND …``.

Only click, errors and what is quick of the standard library are imported here, so that
``engine --help`` answers at once; a command's module is imported when it is typed.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import IO, cast

import click

from engine.cli.command import OWN
from engine.cli.program import NAME, Program
from engine.cli.words import mend
from engine.core.command import Command
from engine.core.errors import EngineError, explain_unforeseen

COLLECTED_EVERY = 50_000  # new objects: at Python's 700 a sixth of a short run goes into looking
COMPLETING = "_ENGINE_COMPLETE"  # set by the shell that wants to complete a line


def main(argv: Sequence[str] | None = None, commands: Sequence[Command] = OWN) -> int:
    """Run a command; return its exit code: 0, 2 for what the user can mend, 130 on Ctrl-C."""
    if argv is None:
        gc.set_threshold(COLLECTED_EVERY, 20, 20)
        code = main(sys.argv[1:], commands)
        gc.freeze()  # the system takes all memory back: nothing is looked through on the way out
        return _leave(code)
    program = Program(commands)
    if COMPLETING in os.environ:
        from engine.cli.completion import complete

        return complete(program, COMPLETING)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal without ± shows ? instead
        sys.stdout.reconfigure(errors="replace")
    words = [word for word in argv if word != "--debug"]
    with _debugging("--debug" in argv) as debug:
        return _guard(program, words, debug)


def _leave(code: int) -> int:
    """End the process where threads that plugins have left would keep it."""
    patches = sys.modules.get("engine.plugin.patches")
    if patches is not None and any(t.is_alive() and not t.daemon for t in patches.STRAYS):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


@contextmanager
def _debugging(debug: bool) -> Iterator[bool]:
    """Tell joblib's workers too, for which there is the environment."""
    if not debug:
        yield False
        return
    os.environ["ENGINE_DEBUG"] = "1"
    try:
        yield True
    finally:
        del os.environ["ENGINE_DEBUG"]


def _guard(program: Program, words: list[str], debug: bool) -> int:
    try:
        return _invoke(program, words, debug)
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
        print(f"{NAME} {' '.join(words[:1])}: interrupted", file=sys.stderr)
        return 130


def _invoke_command(program: Program, context: click.Context, debug: bool) -> object:
    """Run the command itself: what it prints steers no terminal, and warnings are one line."""
    from engine.cli.warned import tell_in_one_line  # it imports `logging`, which is slow
    from engine.core.text import Screen  # it too

    if not debug:
        tell_in_one_line()
    with redirect_stdout(cast(IO[str], Screen(sys.stdout))):
        return program.invoke(context)


def _invoke(program: Program, words: list[str], debug: bool) -> int:
    """Do what the words say; what click refuses is refused as everything here is."""
    try:
        with program.make_context(NAME, words) as context:
            code = _invoke_command(program, context, debug)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.message)
        return 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort as error:  # Ctrl-C at a question that a command asks
        raise KeyboardInterrupt from error
    except click.ClickException as error:
        mend(error)
    return code if isinstance(code, int) else 0


def _fail(message: str) -> int:
    from engine.core.text import LINES, escape

    print(f"{NAME}: {escape(message, LINES)}", file=sys.stderr)
    return 2
