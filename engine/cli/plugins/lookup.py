"""From the words at the prompt to one plugin."""

from __future__ import annotations

from collections.abc import Sequence

from engine.core.errors import ConfigError, PluginError, did_you_mean
from engine.plugin import Entry, Registry


def expect_kind(word: str, registry: Registry) -> str:
    """Return the word when it is a kind; ConfigError with the nearest one otherwise."""
    if word not in registry.kinds:
        raise ConfigError(f"{word!r} is no kind of plugin; {did_you_mean(word, registry.kinds)}")
    return word


def find(registry: Registry, words: Sequence[str], command: str) -> Entry:
    """Return the plugin that ``NAME`` or ``KIND NAME`` means.

    Raises
    ------
    ConfigError
        Nothing has that name, or plugins of two kinds have it.
    PluginError
        Something has that name and cannot be used.
    """
    if len(words) not in {1, 2}:
        raise ConfigError(f"plugins {command}: type `engine plugins {command} NAME`")
    name = words[-1]
    kinds = [expect_kind(words[0], registry)] if len(words) == 2 else list(registry.kinds)
    found = [e for kind in kinds if (e := registry.entries(kind).get(name))]
    if len(found) > 1:
        choices = " or ".join(f"`engine plugins {command} {e.kind} {name}`" for e in found)
        raise ConfigError(f"{name} is the name of {len(found)} plugins: type {choices}")
    if found:
        return found[0]
    for failure in [*registry.find_contested(), *registry.failures]:
        if failure.kind in kinds and failure.name == name:
            raise PluginError(f"{failure.kind} {name}: {failure.message}")
    known = [each for kind in kinds for each in registry.entries(kind)]
    broken = sorted({f.dist for f in registry.failures})
    more = f"; {', '.join(broken)} failed: see engine plugins list" if broken else ""
    what = kinds[0] if len(kinds) == 1 else "plugin"
    raise ConfigError(f"{name}: no such {what}; {did_you_mean(name, known)}{more}")
