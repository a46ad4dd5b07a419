"""Commands that other distributions bring, by the hook ``register_commands``.

Their modules are imported to ask them; so it is first looked whether there are any at all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.core.command import Command
from engine.core.errors import PluginError

if TYPE_CHECKING:
    from engine.plugin import Registry

HOME = ("alpha_engine-", "alpha_engine.")  # how the folder of the engine's own metadata begins
METADATA = (".dist-info", ".egg-info")


def has_guests() -> bool:
    """Whether another distribution names an entry point of the group ``engine``.

    `importlib.metadata` says it too, and takes half as long as all of ``engine --help``.
    """
    if os.environ.get("ENGINE_NO_PLUGINS"):
        return False
    for folder in sys.path:
        with suppress(OSError), os.scandir(folder or ".") as found:
            for entry in found:
                name = entry.name
                if name.endswith(METADATA) and not name.startswith(HOME) and _names_plugins(entry):
                    return True
    return False


def _names_plugins(info: os.DirEntry[str]) -> bool:
    try:
        with open(os.path.join(info.path, "entry_points.txt"), encoding="utf-8") as file:
            return "[engine]" in file.read()
    except OSError:
        return False


def collect_guests(own: Collection[str]) -> dict[str, tuple[Command, str]]:
    """Return the commands of other distributions, with their origin; sorted by name.

    What has a name of `own`, or of another one, is left out: see `list_rivals`.
    """
    if not has_guests():
        return {}
    from engine.plugin import installed

    registry = installed()
    rivals = list_rivals(registry, own)
    rows = sorted(registry.commands, key=lambda pair: pair[0].name)
    return {row.name: (row, origin) for row, origin in rows if row.name not in rivals}


def list_rivals(registry: Registry, own: Collection[str]) -> dict[str, str]:
    """Return the names that nobody but the engine itself may have, and why."""
    claims: dict[str, list[str]] = {}
    for row, origin in registry.commands:
        claims.setdefault(row.name, []).append(origin)
    told = {}
    for name, origins in sorted(claims.items()):
        all_of = [*(["the engine"] if name in own else []), *origins]
        if len(all_of) > 1:
            homes = " and ".join(all_of)
            told[name] = f"two commands are called {name!r}: of {homes}; uninstall or rename one"
    return told


def load(row: Command, origin: str = "") -> object:
    """Import a command; of a stranger's, whatever is wrong is told as a PluginError."""
    if not origin:
        return row.load()
    import click

    try:
        command = row.load()
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise PluginError(f"command {row.name} of {origin}: {row.target}: {what}") from error
    if not isinstance(command, click.Command):
        wanted = "no click.Command: decorate its function with @click.command()"
        raise PluginError(f"command {row.name} of {origin}: {row.target} is {wanted}")
    return command
