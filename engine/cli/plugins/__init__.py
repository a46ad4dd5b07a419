"""``engine plugins …``: what is installed, what one plugin is, does it hold, a new project."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.core.errors import ConfigError, did_you_mean

HELP = """\
engine plugins: what extends the engine

  engine plugins list [KIND]                what is installed, from where, and what failed
  engine plugins show [KIND] NAME           one plugin: its fields, and YAML that builds it
  engine plugins yaml [KIND] NAME           that YAML alone, for a file of your own
  engine plugins check [KIND] NAME [key=value …]
                                            does it keep its kind's contract?
  engine plugins new NAME [--here DIR]      start a distribution of your own in ./NAME
"""


def plugins(words: Sequence[str]) -> int:
    """Run ``engine plugins WORDS``; return the exit code. Mistakes raise ConfigError."""
    if not words or {"-h", "--help"} & {*words} or [*words] == ["help"]:
        print(HELP, end="")
        return 0
    commands: dict[str, Callable[[Sequence[str]], int]] = {
        "list": _list,
        "show": _show,
        "yaml": _yaml,
        "check": _check,
        "new": _new,
    }
    if words[0] not in commands:
        raise ConfigError(
            f"plugins {words[0]}: no such command; {did_you_mean(words[0], commands)}"
        )
    return commands[words[0]](words[1:])


def _list(words: Sequence[str]) -> int:
    from engine.cli.plugins.catalog import catalog
    from engine.cli.plugins.lookup import known_kind
    from engine.config import packages
    from engine.plugin import installed

    if len(words) > 1:
        raise ConfigError("plugins list: type `engine plugins list`, or add one kind")
    kind = known_kind(words[0], installed()) if words else None
    print(catalog(installed(), [] if kind else packages(), kind))
    return 0


def _show(words: Sequence[str]) -> int:
    from engine.cli.plugins.lookup import find
    from engine.cli.plugins.page import page
    from engine.plugin import installed

    print(page(find(installed(), words, "show")))
    return 0


def _yaml(words: Sequence[str]) -> int:
    from engine.cli.plugins.lookup import find
    from engine.cli.plugins.page import example
    from engine.plugin import installed

    print(example(find(installed(), words, "yaml")))
    return 0


def _check(words: Sequence[str]) -> int:
    from engine.cli.plugins.lookup import find
    from engine.cli.plugins.trial import trial
    from engine.plugin import installed

    names = [word for word in words if "=" not in word]
    text, holds = trial(find(installed(), names, "check"), [word for word in words if "=" in word])
    print(text)
    return 0 if holds else 2


def _new(words: Sequence[str]) -> int:
    from engine.cli.scaffold import new

    print(new(words))
    return 0
