"""``engine`` itself: a group whose commands are rows, imported when they are typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import click

from engine.cli.guests import collect_guests, has_guests, list_rivals, load
from engine.cli.words import Group, list_switches, write_lines
from engine.core.command import Command
from engine.core.errors import did_you_mean
from engine.core.version import VERSION

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

NAME = "engine"
SUMMARY = "declarative backtests"


class Program(Group):
    """All commands: those of `rows`, and those that other distributions bring.

    Distributions are asked only where their commands are listed, or a word is nobody's yet.
    """

    def __init__(self, rows: Sequence[Command]) -> None:
        super().__init__(
            NAME,
            params=[
                _flag(["-V", "--version"], "print the version", _print_version),
                _flag(["--debug"], "show the traceback of an error, with any command", None),
            ],
            context_settings={
                "help_option_names": ["-h", "--help"],
                "terminal_width": 100,
                "max_content_width": 100,
                "obj": {row.name: row for row in rows},
            },
        )
        self.rows = {row.name: row for row in rows}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return [*self.rows, *collect_guests(self.rows)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name in self.rows:
            return cast(click.Command, load(self.rows[cmd_name]))
        found = collect_guests(self.rows).get(cmd_name)
        return cast(click.Command, load(*found)) if found else None

    def tell_unknown(self, ctx: click.Context, word: str) -> str:
        """What to say of a word that is no command."""
        hint = did_you_mean(word, self.list_commands(ctx))
        text = f"no such command {word!r}: {hint} (or type `engine --help`)"
        if not has_guests():
            return text
        from engine.plugin import installed

        broken = sorted({failure.dist for failure in installed().failures})
        more = f"; {', '.join(broken)} failed: see engine plugins list" if broken else ""
        return list_rivals(installed(), self.rows).get(word) or text + more

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the lines of all rows, a block each."""
        formatter.write(f"{NAME}: {SUMMARY}\n\n")
        formatter.write("\n".join(write_lines(row.lines) for row in self.rows.values()))
        for row, origin in collect_guests(self.rows).values():
            formatter.write("\n" + write_lines([*row.lines, ("", f"(of {origin})")]))
        formatter.write("\n" + write_lines(list_switches(self, ctx)))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name without importing it."""
        from click.shell_completion import CompletionItem

        guests = {name: row for name, (row, _) in collect_guests(self.rows).items()}
        rows = {**self.rows, **guests}
        found = [
            CompletionItem(name, help=row.lines[0][1])
            for name, row in rows.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)


def _flag(names: list[str], text: str, callback: object) -> click.Option:
    return click.Option(
        names, is_flag=True, is_eager=True, expose_value=False, help=text, callback=callback
    )


def _print_version(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        print(f"alpha-engine {VERSION}")
        context.exit()
