"""How the words of every command are read: click's classes, with our pages and our mistakes.

`Page` shows a command's help, `Group` finds a sub-command, `Worded` tells overrides from other
words, `switch` and its readers take a value, and `mend` makes one line of what click refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from textwrap import wrap
from typing import Any, NoReturn

import click

from engine.core.command import Command
from engine.core.errors import ConfigError, did_you_mean

WIDTH = 100
COLUMN = 44  # where the meaning of a line begins


def write_lines(lines: Iterable[tuple[str, str]]) -> str:
    """Lines of help: what is typed, and beside it, all from one column on, what it does."""
    written = []
    for typed, meaning in lines:
        first, *more = wrap(meaning, WIDTH - COLUMN) or [""]
        fits = len(typed) < COLUMN - 2
        start = f"  {typed:<{COLUMN - 2}}" if fits else f"  {typed}\n{'':{COLUMN}}"
        written += [start + first, *(" " * COLUMN + line for line in more)]
    return "".join(f"{line.rstrip()}\n" for line in written)


def refuse(context: click.Context | None, text: str) -> NoReturn:
    """Raise ConfigError with the command that the text is about."""
    raise ConfigError(f"{_path(context)} {text}".strip())


def _path(context: click.Context | None) -> str:
    return context.command_path.removeprefix("engine").strip() if context else ""


class Page(click.Command):
    """A command whose help is its lines of ``engine --help``, its switches and its own text."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """click's, which prints as everything here does: signs that a screen lacks become ?."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback, option.help = _print_help, "show this page"
        return option

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """click's, which leaves out of some mistakes whose they are."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the page; the first line of `help` stands behind the command's name."""
        summary, _, text = (self.help or "").partition("\n")
        formatter.write(f"{ctx.command_path}: {summary}\n\n{write_lines(_lines(ctx))}{text}\n")
        formatter.write(write_lines(list_switches(self, ctx)))
        formatter.write(f"\n{self.epilog}" if self.epilog else "")


def list_switches(command: click.Command, context: click.Context) -> list[tuple[str, str]]:
    """The switches of a command, and what each does."""
    options = (p for p in command.get_params(context) if isinstance(p, click.Option))
    return [record for option in options if (record := option.get_help_record(context))]


def _print_help(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        print(context.get_help())
        context.exit()


def _lines(context: click.Context) -> list[tuple[str, str]]:
    """Those lines of ``engine --help`` that are about a command."""
    rows: dict[str, Command] = context.find_root().obj
    path = context.command_path
    lines = (line for row in rows.values() for line in row.lines)
    return [(typed, said) for typed, said in lines if f"{typed} ".startswith(f"{path} ")]


class Group(Page, click.Group):
    """A command of sub-commands."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the word ``help`` for the switch."""
        return super().parse_args(ctx, ["--help"] if args[:1] == ["help"] else args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the sub-command, or name the nearest one."""
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            refuse(ctx, self.tell_unknown(ctx, args[0]))
        return super().resolve_command(ctx, args)

    def tell_unknown(self, ctx: click.Context, word: str) -> str:
        """What to say of a word that is no sub-command."""
        return f"{word}: no such command; {did_you_mean(word, self.list_commands(ctx))}"


class Plain(Page):
    """A command without sub-commands."""

    allow_extra_args = True  # they are refused below, by name

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **{"options_metavar": None} | settings)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Name a word too many."""
        left = super().parse_args(ctx, args)
        if left and not ctx.resilient_parsing:
            usage = " ".join([ctx.command_path, *self.collect_usage_pieces(ctx)])
            refuse(ctx, f"{left[0]}: one word too many; type `{usage}`")
        return left


class Worded(Plain):
    """A command of words, overrides and switches, in any order; it is handed `overrides` too.

    After ``--`` all are words. A word may begin with one hyphen, as ``-delta(close, 5)`` does.

    Parameters
    ----------
    is_override : callable
        Whether a word, among all that were typed, is an override such as ``key=value``.
    """

    def __init__(
        self, *args: Any, is_override: Callable[[str, Sequence[str]], bool], **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self.is_override = is_override

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Sort the words, so that click meets switches first."""
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        valued = {name for option in options if not option.is_flag for name in option.opts}
        switches: list[str] = []
        words: list[str] = []
        overrides: list[str] = []
        rest = iter(args)
        for word in rest:
            if word == "--":
                words += rest
            elif word in valued:
                switches.append(f"{word}={next(rest, '')}")
            elif word == "-h" or word.startswith("--"):
                switches.append(word)
            else:
                (overrides if self.is_override(word, args) else words).append(word)
        left = super().parse_args(ctx, [*switches, "--", *words] if args else [])
        ctx.params["overrides"] = tuple(overrides)
        return left


class Untouched(Page):
    """A command that is handed all `words` as they were typed, ``--help`` too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave them alone."""
        ctx.params["words"] = tuple(args)
        return []


class Switch(click.Option):
    """A switch; one that takes a value refuses an empty one."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Read the value."""
        if value == "":
            raise click.BadOptionUsage(self.opts[0], "", ctx)
        return super().type_cast_value(ctx, value)


switch = partial(click.option, cls=Switch)


class OneOf(click.Choice[str]):
    """One of a few words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word, or name the nearest one."""
        if value not in self.choices:
            name = param.opts[0] if isinstance(param, click.Option) else ""
            refuse(ctx, f"{name} {value}: {did_you_mean(value, self.choices)}".strip())
        return str(value)


def read_count(context: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """A whole number from 1 on."""
    if value is None:
        return None
    if not value.isdecimal() or int(value) < 1:
        refuse(context, f"{param.opts[0]} {value}: write a number from 1 on")
    return int(value)


def read_gigabytes(
    context: click.Context, param: click.Parameter, value: str | None
) -> float | None:
    """A size in gigabytes, as bytes."""
    if value is None:
        return None
    if not re.fullmatch(r"\d*\.?\d+", value) or not float(value):
        refuse(context, f"{param.opts[0]} {value}: write gigabytes, such as 4 or 0.5")
    return float(value) * 1e9


def mend(error: click.ClickException) -> NoReturn:
    """Raise as ConfigError, in one line, what click refuses; for all commands, guests' too."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    options = context.command.get_params(context) if context else []
    switches = {name: p for p in options if isinstance(p, click.Option) for name in p.opts}
    match error:
        case click.NoSuchOption():
            hint = did_you_mean(error.option_name, switches)
            refuse(context, f"{error.option_name}: no such switch; {hint}")
        case click.BadOptionUsage() if context and (found := switches.get(error.option_name)):
            name = error.option_name
            if found.is_flag:
                refuse(context, f"{name} takes no value: type it alone")
            refuse(context, f"{name} needs a value: type {name} {found.make_metavar(context)}")
        case _:
            text = " ".join(error.format_message().split()).rstrip(".")
            said = text[:1].lower() + text[1:]
            path = _path(context)
            raise ConfigError(f"{path}: {said}; see engine {path} --help" if path else said)
