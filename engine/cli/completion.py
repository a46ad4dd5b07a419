"""``engine completion``: the script with which a shell completes what is typed.

click's scripts ask ``engine`` itself, by an environment variable, with the words so far.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    shell_complete,
)

from engine.cli.words import OneOf, Plain

SHELLS = ("bash", "zsh", "fish")
BREAKS = re.compile(r"[=:]+")  # where bash parts a word in two
HELP = """\
a script for the shell: it completes commands, switches, plugins, runs, overrides

  eval "$(engine completion bash)"          in ~/.bashrc
  eval "$(engine completion zsh)"           in ~/.zshrc
  engine completion fish | source           in ~/.config/fish/config.fish
"""


@add_completion_class
class Bash(BashComplete):
    """click's, for words with = and : in them, and without a space behind what goes on."""

    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)",
        "COMPREPLY+=($value)\n            [[ $value == *[=./] ]] && compopt -o nospace 2>/dev/null",
    )
    typed = ""  # what bash keeps of the word, before the last = or :

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, put together again, and what is begun."""
        words, begun = super().get_completion_args()
        parts = join_parts([*words, begun])
        self.typed = re.sub(r"[^=:]*$", "", parts[-1])
        return parts[:-1], parts[-1]

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return what bash is to put behind the last = or :."""
        if item.type == "plain":
            item.value = item.value.removeprefix(self.typed)
        return super().format_completion(item)


def join_parts(words: list[str]) -> list[str]:
    """Put words together that bash has parted at = and :.

    >>> join_parts(["run", "+bundle", "=", "ai"])
    ['run', '+bundle=ai']
    """
    joined: list[str] = []
    glue = False
    for i, word in enumerate(words):
        breaks = bool(BREAKS.fullmatch(word))
        if joined and (glue or breaks):
            joined[-1] += word
        else:
            joined.append(word)
        glue = breaks and i + 1 < len(words)
    return joined


@click.command(cls=Plain, help=HELP, no_args_is_help=True)
@click.argument("shell", metavar="bash|zsh|fish", type=OneOf(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a shell's script."""
    program = context.find_root().command
    found = get_completion_class(shell)
    assert found is not None
    print(found(program, {}, "engine", "_ENGINE_COMPLETE").source())


def complete(program: click.Command, variable: str) -> int:
    """Answer a shell; whatever goes wrong, it is no place to say so."""
    with suppress(Exception):
        return shell_complete(program, {}, "engine", variable, os.environ[variable])
    return 1
