"""From entry points to plugins, and from a configuration node to an instance.

1. Every entry point of the group ``engine`` is loaded into a pluggy manager.
2. The manager's hooks are called in the order of `KINDS`; each returns classes.
3. Each class is checked (a dataclass of its kind, with a name that is free) and filed under
   its kind and name.
4. `Registry.build` reads a node: ``name`` picks the class, the other keys are its fields.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pluggy
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from engine import hookspecs
from engine.errors import ConfigError, PluginError, did_you_mean
from engine.kinds import Cost, Factor, Kind, Model, Portfolio, Regime, Source

KINDS: Mapping[str, type[Kind]] = {
    "source": Source,
    "factor": Factor,
    "regime": Regime,
    "model": Model,
    "portfolio": Portfolio,
    "cost": Cost,
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ROOMS = frozenset(f"plugins.{kind}s" for kind in KINDS)
T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """A plugin class and where it came from (distribution and version)."""

    kind: str
    cls: type[Kind]
    origin: str

    @property
    def line(self) -> str:
        """The first line of the plugin's docstring."""
        return (self.cls.__doc__ or "").strip().split("\n")[0]


class Registry:
    """All plugins, by kind and name."""

    def __init__(self, points: Iterable[EntryPoint]) -> None:
        self._entries: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
        for point in sorted(points, key=lambda p: (p.group, p.name, p.value)):
            origin = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
            self._add(_load(point), origin)

    def _add(self, module: ModuleType, origin: str) -> None:
        manager = pluggy.PluginManager("engine")
        manager.add_hookspecs(hookspecs)
        try:
            manager.register(module)
            manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise PluginError(f"plugin {module.__name__} of {origin}: {error}") from error
        for kind in KINDS:
            for classes in getattr(manager.hook, f"register_{kind}s")():
                for cls in classes:
                    self._file(kind, cls, origin)

    def _file(self, kind: str, cls: type[Kind], origin: str) -> None:
        where = f"{cls.__module__}.{cls.__qualname__} of {origin}"
        if not (isinstance(cls, type) and issubclass(cls, KINDS[kind])):
            raise PluginError(f"{where} is not an engine.{KINDS[kind].__name__}: derive from it")
        if not dataclasses.is_dataclass(cls) or "__init__" not in vars(cls):
            raise PluginError(f"{where} is no dataclass: put @dataclass(frozen=True) above it")
        name = getattr(cls, "name", None)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise PluginError(
                f"{where} has the name {name!r}: use lower case letters, digits and _ only"
            )
        taken = self._entries[kind].get(name)
        if taken:
            raise PluginError(
                f"two plugins are called {kind} {name!r}: {taken.cls.__module__} of "
                f"{taken.origin}, and {cls.__module__} of {origin}; uninstall or rename one"
            )
        self._entries[kind][name] = Entry(kind, cls, origin)

    def entries(self, kind: str) -> dict[str, Entry]:
        """All plugins of a kind, by name, sorted."""
        return dict(sorted(self._entries[kind].items()))

    def find(self, kind: str, name: str, key: str) -> Entry:
        """Return the plugin, or raise ConfigError with the nearest name."""
        if name not in self._entries[kind]:
            hint = did_you_mean(name, self._entries[kind])
            raise ConfigError(f"{key}.name={name}: no such {kind}; {hint}")
        return self._entries[kind][name]

    def build(self, kind: str, node: Any, key: str, ignore: Iterable[str] = ()) -> Any:
        """Return an instance from a configuration node.

        Parameters
        ----------
        kind : str
            A key of `KINDS`.
        node : DictConfig
            ``name`` and the plugin's fields.
        key : str
            The node's place in the configuration, for messages.
        ignore : iterable of str
            Keys that belong to the reader of the configuration, not to the plugin.
        """
        if not isinstance(node, DictConfig) or "name" not in node:
            raise ConfigError(f"{key}: write `name: …`; {did_you_mean('', self._entries[kind])}")
        cls = self.find(kind, str(node.name), key).cls
        fields = {k: v for k, v in node.items() if k not in {"name", *ignore}}
        return structured(cls, fields, key)


def structured(cls: type[T], values: Mapping[Any, Any], key: str) -> T:
    """Return a `cls` from plain values, refusing unknown keys, wrong types and bounds."""
    known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise ConfigError(f"{key}.{name}: no such field; {did_you_mean(str(name), known)}")
    try:
        base = OmegaConf.structured(cls)
        OmegaConf.set_readonly(base, False)  # frozen classes arrive read-only
        made = OmegaConf.to_object(OmegaConf.merge(base, OmegaConf.create(dict(values))))
    except OmegaConfBaseException as error:
        place = f"{key}.{error.full_key}" if getattr(error, "full_key", None) else key
        raise ConfigError(f"{place}: {str(error).splitlines()[0]}") from error
    assert isinstance(made, cls)
    _check_options(made, key)
    return made


def _check_options(made: object, key: str) -> None:
    for field in dataclasses.fields(made):  # type: ignore[arg-type]
        value, rules = getattr(made, field.name), field.metadata
        choices = rules.get("choices", ())
        if choices and value not in choices:
            hint = did_you_mean(str(value), map(str, choices))
            raise ConfigError(f"{key}.{field.name}={value}: {hint}")
        if isinstance(value, (int, float)):
            low, high = rules.get("ge"), rules.get("le")
            if (low is not None and not value >= low) or (high is not None and not value <= high):
                bounds = f"{'-inf' if low is None else low} to {'inf' if high is None else high}"
                raise ConfigError(f"{key}.{field.name}={value}: choose from {bounds}")


def _load(point: EntryPoint) -> ModuleType:
    try:
        module: ModuleType = point.load()
    except Exception as error:  # a stranger's import may raise anything
        dist = point.dist.name if point.dist else "?"
        raise PluginError(
            f"plugin {point.name} ({point.value}) of {dist} cannot be imported: "
            f"{type(error).__name__}: {error}; mend it or `pip uninstall {dist}`"
        ) from error
    if point.value in _ROOMS:
        _check_home(module)
    return module


def _check_home(module: ModuleType) -> None:
    """Refuse another distribution's top-level `plugins` package in the place of ours."""
    found = Path(str(module.__file__)).resolve().parents[2]
    ours = Path(__file__).resolve().parents[1]
    if found != ours:
        raise PluginError(
            f"{module.__name__} was imported from {found}, not {ours}: another package called "
            "'plugins' is in the way; uninstall it or change to another directory"
        )


@cache
def installed() -> Registry:
    """Return the registry of everything that is installed."""
    return Registry(entry_points(group="engine"))
