"""The composed configuration: Hydra's search path, its loader, and its errors made short.

``conf/`` of this distribution is the primary source. Behind it come the packages that other
distributions name in the entry-point group ``engine.conf``; before it, a ``conf/`` in the
working directory. All three are read as files: nothing is imported to find a bundle.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from hydra import version
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, OverrideParseException
from hydra.initialize import get_gh_backup, restore_gh_from_backup
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from engine.config import kept
from engine.config.hydra_node import refuse_strange, refuse_strange_job
from engine.config.private import (
    ConfigLoaderImpl,
    Hydra,
    SourcesRegistry,
    config_loader_impl,
    create_config_search_path,
)
from engine.config.yaml_files import FileConfigSource
from engine.core.errors import ConfigError, did_you_mean
from engine.core.fields import KEYED, explain_moved
from engine.core.kinds import groups

CONF = (Path(__file__).parents[1] / "conf").resolve()  # a link in a checkout
ROOT = "config"
VERSION_BASE = "1.3"


class EngineSearchPath(SearchPathPlugin):
    """Adds the working directory's ``conf/`` and other distributions' packages."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Called by Hydra while it builds its search path."""
        here = Path.cwd() / "conf"
        if here.is_dir() and here.resolve() != CONF:
            search_path.prepend(provider="engine-cwd", path=f"file://{here}")
        for package in packages():
            if not package.problem:
                search_path.append(provider=package.dist, path=f"file://{package.folder}")


@dataclass(frozen=True)
class Package:
    """A conf package that a distribution brings, or what is wrong with it."""

    dist: str
    name: str
    folder: Path
    problem: str = ""

    def files(self) -> list[str]:
        """Its YAML files as ``group/name``, sorted."""
        found = self.folder.rglob("*.yaml")
        return sorted(str(f.relative_to(self.folder).with_suffix("")) for f in found)


def packages() -> list[Package]:
    """Every installed conf package, in a fixed order; found without importing any."""
    if os.environ.get("ENGINE_NO_PLUGINS"):
        return []
    points = sorted(entry_points(group="engine.conf"), key=lambda p: (p.name, p.value))
    return [_package(p.dist.name if p.dist else p.name, p.value) for p in points]


def _package(dist: str, name: str) -> Package:
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)  # of the top alone: a parent would be imported
    except (ImportError, ValueError):
        spec = None
    homes = (spec.submodule_search_locations if spec else None) or ()
    folder = next((f for f in (Path(home, *rest) for home in homes) if f.is_dir()), None)
    if folder is None:
        return Package(dist, name, Path(), f"conf package {name!r} is not there: reinstall {dist}")
    if not (folder / "__init__.py").is_file():
        return Package(dist, name, folder, f"conf package {name!r} has no __init__.py: add one")
    return Package(dist, name, folder)


Plugins.instance().register(EngineSearchPath)
SourcesRegistry.instance().types["file"] = FileConfigSource  # instead of Hydra's own
vars(config_loader_impl)["create_defaults_list"] = kept.list_defaults


def compose_config(overrides: Sequence[str]) -> DictConfig:
    """Return the configuration (with its ``hydra`` node) for command-line overrides."""

    def work() -> DictConfig:
        with hydra_over() as hydra:
            return hydra.compose_config(ROOT, list(overrides), RunMode.RUN, from_shell=False)

    config: DictConfig = shorten_errors(work, overrides)  # from outside: a hint composes again
    return config


def refuse_lists(words: Sequence[str]) -> None:
    """Refuse several files of a group that chooses one plugin: Hydra would merge them into one."""
    for word in words:
        found = re.match(r"\+?(\w+)=\[(.+)\]$", word)
        if found and found[1] in groups():
            group, first = found[1], found[2].split(",")[0].strip()
            side = "; models stand side by side in model=each" if group == "model" else ""
            raise ConfigError(
                f"{word}: Hydra would merge these files into one; choose one, {group}={first}, or "
                f"try each in a sweep, -m {group}={found[2]}{side}"
            )


class Loader(ConfigLoaderImpl):
    """Hydra's loader; what it composes is on the allow-list, and mappings of data are open."""

    def load_configuration(self, *args: Any, **options: Any) -> DictConfig:
        """Compose, and refuse what a configuration may not say of Hydra."""
        refuse_lists(options["overrides"] if "overrides" in options else args[1])
        try:
            config: DictConfig = super().load_configuration(*args, **options)
        except (ValueError, TypeError, AttributeError, AssertionError, KeyError) as error:
            what = " ".join(str(error).split())  # Hydra's own, of a file's list of defaults
            raise ConfigError(f"a list of defaults cannot be followed: {what[:200]}") from error
        refuse_strange(config)
        return config

    def load_sweep_config(
        self, master_config: DictConfig, sweep_overrides: list[str]
    ) -> DictConfig:
        """One job of a sweep; its ``.hydra`` is written by `engine.config.jobs.Job`."""
        refuse_lists(sweep_overrides)
        config = super().load_sweep_config(master_config, sweep_overrides)
        refuse_strange_job(config)
        config.hydra.output_subdir = None
        return config

    def _parse_overrides_and_create_caching_repo(self, *args: Any, **options: Any) -> Any:
        overrides, repo = super()._parse_overrides_and_create_caching_repo(*args, **options)
        for each in overrides:
            group = each.key_or_group
            if each.is_delete() or each.is_sweep_override() or not repo.group_exists(group):
                continue
            value = each.value()
            if isinstance(value, dict):  # keys in place of a file
                continue
            names = value if isinstance(value, list) else [value]
            if not names or not all(isinstance(name, str) for name in names):
                hint = did_you_mean("", repo.get_group_options(group))
                raise ConfigError(f"{each.input_line}: name a file of {group}; {hint}")
        return overrides, repo

    def _compose_config_from_defaults_list(self, defaults: Any, repo: Any) -> DictConfig:
        def work() -> DictConfig:
            config: DictConfig = super(Loader, self)._compose_config_from_defaults_list(
                defaults, repo
            )
            _open(config)
            return config

        return kept.merge(defaults, work)


def _open(node: DictConfig) -> None:
    """Let `key=value` add to mappings that begin empty, such as ``source.columns``."""
    for key in node:
        child = node._get_node(key)
        if key == "hydra" or not isinstance(child, DictConfig) or child._is_none():
            continue
        if child._is_interpolation() or child._is_missing():
            continue
        if not child or key == "tags":
            OmegaConf.set_struct(child, False)
        else:
            _open(child)


@contextmanager
def hydra_over(folder: str | None = None) -> Iterator[Hydra]:
    """Hydra over our search path; one that somebody else began is put back afterwards."""
    search = create_config_search_path(str(CONF))
    if folder:
        search.prepend(provider="command-line", path=f"file://{Path(folder).absolute()}")
    before = get_gh_backup()
    GlobalHydra.instance().clear()  # in a sweep, one is at work
    version.setbase(VERSION_BASE)
    try:
        hydra = Hydra("engine", Loader(search))
        GlobalHydra.instance().initialize(hydra)
        yield hydra
    finally:
        restore_gh_from_backup(before)


def shorten_errors(work: Callable[[], Any], overrides: Sequence[str]) -> Any:
    """Run `work`; Hydra's and OmegaConf's errors become one ConfigError line."""
    try:
        return work()
    except RecursionError as error:
        raise ConfigError("the defaults of some configuration files include one another") from error
    except OverrideParseException as error:
        raise ConfigError(f"{error.override}: this override cannot be read; quote it") from error
    except HydraException as error:
        raise ConfigError(_line(_explain(error), overrides)) from error
    except OmegaConfBaseException as error:
        key = f"{error.full_key}: " if error.full_key else ""
        raise ConfigError(f"{key}{str(error).splitlines()[0]}") from error
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        raise
    except OSError as error:  # a job catches its own: this one is about Hydra's folder
        raise ConfigError(
            f"{error.filename}: {error.strerror}; choose a folder with hydra.run.dir=…"
        ) from error


def _explain(error: HydraException) -> str:
    """What Hydra says, with its reason where that is what matters."""
    text, cause = str(error).strip(), error.__cause__
    word = re.fullmatch(r"Error merging override (.*)", text)
    if not word or not cause:
        return text
    reason = str(cause).splitlines()[0]
    if reason.startswith(("Cannot merge", "Cannot assign")):
        reason = KEYED.format(key=word[1].lstrip("+").partition("=")[0])
    return f"{word[1]}: {reason}"


def _line(text: str, overrides: Sequence[str]) -> str:
    missing = re.search(r"Could not find '(\w+(?:/\w+)*)/([^']*)'", text)
    if missing:
        group, name = missing.groups()
        broken = "".join(f"; {p.problem}" for p in packages() if p.problem)
        return f"{group}={name}: no such {group}; {did_you_mean(name, options(group))}{broken}"
    guess = re.match(r"Error resolving interpolation '([^']*)'", text)
    if guess:
        return f"{guess[1]}: a group takes the name of a file: write the name itself"
    key = re.search(r"Could not override '([\w.]+)'", text)
    if key and explain_moved(key[1]):
        return explain_moved(key[1])
    if key:
        lost, hint = _near(key[1], overrides)
        return f"{lost}: no such key; {hint}, or add it with +{key[1]}=…"
    return " ".join(line.strip() for line in text.splitlines() if line.strip())[:300]


def _near(key: str, overrides: Sequence[str]) -> tuple[str, str]:
    """The first step of a key that is not there, and the nearest key beside it."""
    others = [word for word in overrides if word.lstrip("+~").split("=")[0] != key]
    node: Any = compose_config(others)
    steps = key.split(".")
    for i, step in enumerate(steps):
        inside = isinstance(node, DictConfig) and step in node
        child = node._get_node(step) if inside else None
        if child is None or i + 1 == len(steps):
            keys = [str(k) for k in node if k != "hydra"] if isinstance(node, DictConfig) else []
            return ".".join(steps[: i + 1]), did_you_mean(step, keys)
        node = child
    raise AssertionError


def options(group: str) -> list[str]:
    """Names of a group's files, over the whole search path."""
    if GlobalHydra.instance().is_initialized():
        loader = GlobalHydra.instance().config_loader()
    else:
        loader = ConfigLoaderImpl(create_config_search_path(str(CONF)))
    return list(loader.get_group_options(group))
