"""From entry points to plugins, and from a configuration node to an instance.

1. Every entry point of the group ``engine`` is loaded; what fails is kept as a `Failure`, and
   everything else goes on.
2. Kinds that distributions bring are added to the engine's own.
3. The hooks of all kinds are called; each returns classes. Each class is checked
   (`engine.plugin.admission`) and filed under its kind and name. A name that two distributions
   claim is nobody's until one of them is disabled or uninstalled. Rows of commands are kept with
   their distribution; which of them are typed, the prompt decides.
4. `Registry.build` reads a node: ``name`` picks the class, the other keys are its fields.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

import pluggy
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from engine.core.command import Command
from engine.core.errors import ConfigError, PluginError, did_you_mean
from engine.core.fields import about, mapping, structure
from engine.core.kinds import KINDS, Kind, groups
from engine.core.nesting import Nest, find_nests, get_option
from engine.core.options import in_yaml
from engine.plugin import hookspecs
from engine.plugin.admission import find_unmet, no_kind, objection
from engine.plugin.hookspecs import spec_of
from engine.plugin.patches import Before

HOME = "alpha-engine"  # the distribution of the built-ins
NO_PLUGINS = "ENGINE_NO_PLUGINS"  # set it to start without any third-party plugin


@dataclass(frozen=True)
class Entry:
    """A plugin class, and the distribution (with version) that it came from."""

    kind: str
    cls: type[Kind]
    dist: str
    version: str

    @property
    def origin(self) -> str:
        """Distribution and version."""
        return f"{self.dist} {self.version}".strip()

    @property
    def line(self) -> str:
        """The first line of the plugin's docstring."""
        return (self.cls.__doc__ or "").strip().split("\n")[0]


@dataclass(frozen=True)
class Failure:
    """What could not be used, and why; kind and name where they are known."""

    dist: str
    message: str
    kind: str = ""
    name: str = ""


class Registry:
    """All plugins, by kind and name, commands with their distributions, and what failed."""

    def __init__(self, points: Iterable[EntryPoint]) -> None:
        self.failures: list[Failure] = []
        self.commands: list[tuple[Command, str]] = []  # with the distribution and its version
        self.kinds: dict[str, type[Kind]] = dict(KINDS)
        self._claims: list[Entry] = []
        ordered = sorted(points, key=lambda p: (p.group, p.name, p.value))
        loaded = [(point, module) for point in ordered if (module := self._load(point))]
        sound = []
        for point, module in loaded:
            with self._blaming(point):
                self._add_kinds(module)
                sound.append((point, module))
        for point, module in sound:
            with self._blaming(point):
                self._collect(module, _name(point), point.dist.version if point.dist else "")

    @property
    def groups(self) -> dict[str, str]:
        """The conf groups that choose one plugin of a kind: group to kind."""
        return groups(self.kinds)

    def limit(self, disable: Iterable[str] = (), only: Iterable[str] | None = None) -> Registry:
        """The registry without the distributions of `disable`, or with those of `only` alone.

        The built-ins stay in any case.
        """
        known = {entry.dist for entry in self._claims} | {f.dist for f in self.failures}
        for name in [*disable, *(only or ())]:
            if name not in known:
                key = "plugins.disable" if name in [*disable] else "plugins.only"
                raise ConfigError(f"{key}: no plugin of {name!r}; {did_you_mean(name, known)}")
        kept = known - {*disable} if only is None else {*only} - {*disable}
        smaller = Registry([])
        smaller.kinds = self.kinds
        smaller._claims = [e for e in self._claims if e.dist in kept | {HOME}]
        smaller.failures = [f for f in self.failures if f.dist in kept]
        return smaller

    def entries(self, kind: str) -> dict[str, Entry]:
        """All usable plugins of a kind, by name, sorted."""
        claims: dict[str, list[Entry]] = {}
        for entry in self._claims:
            if entry.kind == kind:
                claims.setdefault(entry.cls.name, []).append(entry)
        return {name: claims[name][0] for name in sorted(claims) if len(claims[name]) == 1}

    def find_contested(self) -> list[Failure]:
        """Names that more than one class claims."""
        claims: dict[tuple[str, str], list[Entry]] = {}
        for entry in self._claims:
            claims.setdefault((entry.kind, entry.cls.name), []).append(entry)
        return [
            Failure(rivals[-1].dist, _contest(kind, name, rivals), kind, name)
            for (kind, name), rivals in sorted(claims.items())
            if len(rivals) > 1
        ]

    def find(self, kind: str, name: str, key: str) -> Entry:
        """Return the plugin, or raise with why it cannot be used, or with the nearest name."""
        entries = self.entries(kind)
        if name in entries:
            return entries[name]
        for failure in [*self.find_contested(), *self.failures]:
            if (failure.kind, failure.name) == (kind, name):
                raise PluginError(f"{key}.name={name}: {failure.message}")
        broken = sorted({f.dist for f in self.failures})
        more = f"; {', '.join(broken)} failed to load: see engine plugins list" if broken else ""
        raise ConfigError(f"{key}.name={name}: no such {kind}; {did_you_mean(name, entries)}{more}")

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
            raise ConfigError(f"{key}: write `name: …`; {did_you_mean('', self.entries(kind))}")
        try:
            fields = {k: v for k, v in node.items() if k not in {"name", *ignore}}
        except OmegaConfBaseException as error:
            raise ConfigError(about(error, key)) from error
        cls = self.find(kind, in_yaml(node.name), key).cls
        inside = {
            name: self._build_inside(nest, fields.pop(name), f"{key}.{name}")
            for name, nest in find_nests(cls).items()
            if name in fields
        }
        return structure(cls, fields, key, inside)

    def build_plain(self, cls: type[Kind], values: Mapping[str, Any], key: str) -> Any:
        """Return an instance from plain values; what it is made of is what its class names."""
        inside = {}
        for name, nest in find_nests(cls).items():
            chosen = get_option(cls, name, "plugins")
            kind = nest.kind.kind_name
            made = {
                place: self.build_plain(self.find(kind, each, f"{key}.{name}").cls, {}, each)
                for place, each in (chosen if nest.many else {"": chosen}).items()
            }
            inside[name] = made if nest.many else made[""]
        return structure(cls, values, key, inside)

    def _build_inside(self, nest: Nest, node: Any, key: str) -> Any:
        """Build what a field of a plugin holds: a plugin, or plugins by their keys."""
        kind = nest.kind.kind_name
        if not nest.many:
            return self.build(kind, node, key)
        held = mapping(node, key)
        try:
            nodes = {str(name): held[name] for name in held}
        except OmegaConfBaseException as error:
            raise ConfigError(about(error, key)) from error
        return {name: self.build(kind, nodes[name], f"{key}.{name}") for name in sorted(nodes)}

    def _load(self, point: EntryPoint) -> ModuleType | None:
        """Import the module of an entry point; None where it cannot be used."""
        wish = find_unmet(point.dist) if point.dist and _name(point) != HOME else ""
        if wish:
            self.failures.append(Failure(_name(point), wish))
            return None
        with self._blaming(point):
            before = None if _name(point) == HOME else Before.now()
            module: ModuleType = point.load()
            patched = before.undo() if before else []
            if patched:
                raise PluginError(f"it changes {patched[0]}, which others use: take that out")
            return module
        return None

    @contextmanager
    def _blaming(self, point: EntryPoint) -> Iterator[None]:
        """Keep what a distribution's code raises as its failure; Ctrl-C passes."""
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a stranger's code may raise anything, SystemExit too
            what = str(error) if isinstance(error, PluginError) else _describe(error)
            message = f"plugin {point.name} ({point.value}) of {_name(point)}: {what}"
            self.failures.append(Failure(_name(point), message))

    def _manager(self, module: ModuleType) -> pluggy.PluginManager:
        manager = pluggy.PluginManager("engine")
        manager.add_hookspecs(hookspecs)
        for kind in self.kinds.values():
            if kind not in KINDS.values():
                manager.add_hookspecs(spec_of(kind))
        manager.register(module)
        return manager

    def _add_kinds(self, module: ModuleType) -> None:
        for kinds in self._manager(module).hook.register_kinds():
            for kind in kinds:
                wrong = no_kind(kind) or (
                    f"the engine has a kind {kind.kind_name!r} already: choose another kind_name"
                    if kind.kind_name in self.kinds
                    else f"the conf group {kind.config_key!r} is another kind's: choose another"
                    if kind.config_key in self.groups
                    else ""
                )
                if wrong:
                    raise PluginError(wrong)
                self.kinds[kind.kind_name] = kind

    def _collect(self, module: ModuleType, dist: str, version: str) -> None:
        manager = self._manager(module)
        manager.check_pending()
        for name, kind in self.kinds.items():
            hook = kind.kind_hook()
            for classes in getattr(manager.hook, hook)():
                if not isinstance(classes, list):
                    raise PluginError(f"{hook} returned no list: return [YourClass]")
                for cls in classes:
                    self._file(Entry(name, cls, dist, version))
        for rows in manager.hook.register_commands():
            if not isinstance(rows, list) or not all(isinstance(row, Command) for row in rows):
                raise PluginError("register_commands returned no list of engine.Command")
            self.commands += [(row, f"{dist} {version}".strip()) for row in rows]

    def _file(self, entry: Entry) -> None:
        wrong = objection(self.kinds[entry.kind], entry.cls)
        if wrong:
            name = getattr(entry.cls, "name", None)
            shown = name if isinstance(name, str) else ""
            self.failures.append(
                Failure(entry.dist, f"{wrong} ({entry.origin})", entry.kind, shown)
            )
        else:
            self._claims.append(entry)


def _name(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value


def _contest(kind: str, name: str, rivals: list[Entry]) -> str:
    homes = " and ".join(f"{r.cls.__module__} of {r.origin}" for r in rivals)
    strangers = sorted({r.dist for r in rivals} - {HOME})
    return (
        f"two plugins are called {kind} {name!r}: {homes}; uninstall or rename one, or type "
        f"'plugins.disable=[{strangers[-1] if strangers else rivals[-1].dist}]'"
    )


def _describe(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "it calls sys.exit while it is imported: take that out"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


@cache
def installed() -> Registry:
    """Return the registry of everything that is installed.

    With the environment variable ``ENGINE_NO_PLUGINS`` set, of the built-ins alone.
    """
    points = entry_points(group="engine")
    if os.environ.get(NO_PLUGINS):
        return Registry(p for p in points if p.dist is not None and p.dist.name == HOME)
    return Registry(points)
