"""The composed configuration: Hydra's search path, its launcher, and its errors made short.

``conf/`` of this distribution is the primary source. Behind it come the packages that other
distributions name in the entry-point group ``engine.conf``; before it, a ``conf/`` in the
working directory. All three are read as files: nothing is imported to find a bundle.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir, version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import _run_hydra, create_config_search_path, get_args_parser
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, OverrideParseException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from engine.errors import ConfigError, did_you_mean
from engine.fields import moved

CONF = Path(__file__).resolve().parents[1] / "conf"
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


def composed(overrides: Sequence[str]) -> DictConfig:
    """Return the configuration (with its ``hydra`` node) for command-line overrides."""

    def work() -> DictConfig:
        with initialize_config_dir(str(CONF), version_base=VERSION_BASE):
            return compose(ROOT, overrides=list(overrides), return_hydra_config=True)

    config: DictConfig = _shortened(work, overrides)  # from outside: a hint composes again
    return config


def launch(argv: Sequence[str], task: Callable[[DictConfig], Any]) -> list[Any]:
    """Run `task` as Hydra's application does, and return what each job returned.

    Hydra's own switches (``--cfg``, ``--info``, ``--help``, ``--multirun`` …) work; the list
    is empty for those that run nothing.
    """
    parser = get_args_parser()
    parser.prog = "engine run"
    args = parser.parse_args(_flags_first(argv))
    if args.experimental_rerun is not None:
        raise ConfigError("--experimental-rerun reads a pickle, which the engine never does")
    version.setbase(VERSION_BASE)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come back to us; the CLI shortens them
    if args.cfg or args.info is not None or args.help or args.hydra_help or args.shell_completion:
        _shortened(lambda: _run_hydra(args, parser, task, str(CONF), ROOT), args.overrides)
        return []
    results: list[Any] = _shortened(lambda: _jobs(args, task), args.overrides)
    return results


def _jobs(args: Any, task: Callable[[DictConfig], Any]) -> list[Any]:
    search = create_config_search_path(str(CONF))
    if args.config_dir:
        search.prepend(provider="command-line", path=f"file://{Path(args.config_dir).absolute()}")
    hydra = Hydra.create_main_hydra2(task_name="engine", config_search_path=search)
    try:
        name = args.config_name or ROOT
        if args.multirun or "hydra.mode=MULTIRUN" in args.overrides:
            from engine.sweep import install

            install()
            batches = hydra.multirun(name, task, args.overrides)
            return [job.return_value for batch in batches for job in batch]
        return [hydra.run(name, task, args.overrides).return_value]
    finally:
        GlobalHydra.instance().clear()


def _flags_first(argv: Sequence[str]) -> list[str]:
    """Hydra's parser refuses a flag between overrides: move flags (and values) in front."""
    takes_value = {"--cfg", "-c", "--package", "-p", "--config-name", "-cn", "--config-path",
                   "-cp", "--config-dir", "-cd", "--experimental-rerun"}  # fmt: skip
    flags: list[str] = []
    rest: list[str] = []
    words = deque(argv)
    while words:
        word = words.popleft()
        if not word.startswith("-"):
            rest.append(word)
            continue
        flags.append(word)
        may_take = word in {"--info", "-i"} and words and "=" not in words[0]
        if words and (word in takes_value or may_take):
            flags.append(words.popleft())
    return flags + rest


def _shortened(work: Callable[[], Any], overrides: Sequence[str]) -> Any:
    """Run `work`; Hydra's and OmegaConf's errors become one ConfigError line."""
    try:
        return work()
    except RecursionError as error:
        raise ConfigError("the defaults of some configuration files include one another") from error
    except OverrideParseException as error:
        raise ConfigError(f"{error.override}: this override cannot be read; quote it") from error
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_line(str(error).strip(), overrides)) from error
    except OSError as error:  # a job catches its own: this one is about Hydra's folder
        raise ConfigError(
            f"{error.filename}: {error.strerror}; choose a folder with hydra.run.dir=…"
        ) from error


def _line(text: str, overrides: Sequence[str]) -> str:
    missing = re.search(r"Could not find '([\w/]+)/([^/']+)'", text)
    if missing:
        group, name = missing.groups()
        broken = "".join(f"; {p.problem}" for p in packages() if p.problem)
        return f"{group}={name}: no such {group}; {did_you_mean(name, options(group))}{broken}"
    key = re.search(r"Could not override '([\w.]+)'", text)
    if key and moved(key[1]):
        return moved(key[1])
    if key:
        return f"{key[1]}: no such key; {_near(key[1], overrides)}, or add it with +{key[1]}=…"
    return " ".join(line.strip() for line in text.splitlines() if line.strip())[:300]


def _near(key: str, overrides: Sequence[str]) -> str:
    """The nearest key beside the one that is not there."""
    parent, _, name = key.rpartition(".")
    others = [word for word in overrides if word.lstrip("+~").split("=")[0] != key]
    config = composed(others)
    node = OmegaConf.select(config, parent) if parent else config
    keys = [str(k) for k in node if k != "hydra"] if isinstance(node, DictConfig) else []
    return did_you_mean(name, keys)


def options(group: str) -> list[str]:
    """Names of a group's files, over the whole search path."""
    if GlobalHydra.instance().is_initialized():
        loader = GlobalHydra.instance().config_loader()
    else:
        loader = ConfigLoaderImpl(create_config_search_path(str(CONF)))
    return list(loader.get_group_options(group))
