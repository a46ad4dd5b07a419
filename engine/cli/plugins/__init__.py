"""``engine plugins …``: what is installed, what one plugin is, does it hold, a new project."""

from __future__ import annotations

import click

from engine.cli.offers import offer_kinds, offer_plugins
from engine.cli.words import Group, Plain, Worded, switch
from engine.core.command import Command
from engine.core.errors import ConfigError

CHECK = """\
does a plugin keep its kind's contract?

  key=value                                 other fields than its defaults; values are YAML

Exit code: 0 when all properties hold, else 2.
"""


@click.group(cls=Group, help="what extends the engine")
def plugins() -> None:
    """Plugins."""


@plugins.command("list", cls=Plain, help="what is installed, from where, and what failed")
@click.argument("kinds", metavar="KIND", nargs=-1, shell_complete=offer_kinds)
@click.pass_context
def list_all(context: click.Context, kinds: tuple[str, ...]) -> None:
    """Print the catalog, or the part of one kind."""
    from engine.cli.plugins.catalog import catalog
    from engine.cli.plugins.lookup import expect_kind
    from engine.config import packages
    from engine.plugin import installed

    if len(kinds) > 1:
        raise ConfigError("plugins list: type `engine plugins list`, or add one kind")
    own: dict[str, Command] = context.find_root().obj
    kind = expect_kind(kinds[0], installed()) if kinds else None
    print(catalog(installed(), [] if kind else packages(), kind, own))


@plugins.command(cls=Plain, help="one plugin: its fields, and YAML that builds it")
@click.argument("words", metavar="[KIND] NAME", nargs=-1, shell_complete=offer_plugins)
def show(words: tuple[str, ...]) -> None:
    """Print a plugin's page."""
    from engine.cli.plugins.lookup import find
    from engine.cli.plugins.page import page
    from engine.plugin import installed

    print(page(find(installed(), words, "show")))


@plugins.command(cls=Plain, help="the YAML that builds a plugin, for a file of your own")
@click.argument("words", metavar="[KIND] NAME", nargs=-1, shell_complete=offer_plugins)
def yaml(words: tuple[str, ...]) -> None:
    """Print a plugin's YAML."""
    from engine.cli.plugins.lookup import find
    from engine.cli.plugins.page import example
    from engine.plugin import installed

    print(example(find(installed(), words, "yaml")))


@plugins.command(cls=Worded, help=CHECK, is_override=lambda word, words: "=" in word)
@click.argument("words", metavar="[KIND] NAME", nargs=-1, shell_complete=offer_plugins)
def check(words: tuple[str, ...], overrides: tuple[str, ...]) -> int:
    """Return 0 when all properties of a plugin hold, else 2."""
    from engine.cli.plugins.lookup import find
    from engine.cli.plugins.trial import trial
    from engine.plugin import installed

    text, holds = trial(find(installed(), words, "check"), overrides)
    print(text)
    return 0 if holds else 2


@plugins.command(cls=Plain, help="start a distribution of your own in ./NAME")
@click.argument("names", metavar="NAME", nargs=-1)
@switch("--here", metavar="DIR", type=click.Path(), default=".", help="the folder to write it into")
def new(names: tuple[str, ...], here: str) -> None:
    """Write a project."""
    from engine.cli.scaffold import new

    print(new(names, here))
