"""What a configuration may say of Hydra itself: an allow-list of the node ``hydra``.

Hydra makes objects of what some of its keys name, sets environment variables, and writes files
where others point. A bundle is a file that one gets from somebody; it may choose folders, launch
jobs in parallel and change levels of logging, and nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from engine.core.errors import ConfigError
from engine.core.fields import KEYED
from engine.core.folders import refuse_path

SUBDIR = ".hydra"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "NOTSET")
LOG = "run.log"
FREE: dict[str, Callable[[Any], bool]] = {  # keys of logging that are data; what they may hold
    "version": lambda v: v == 1,
    "level": lambda v: v in LEVELS,
    "format": lambda v: isinstance(v, str),
    "datefmt": lambda v: isinstance(v, str),
    "style": lambda v: v in {"%", "$"},
    "class": lambda v: v in {"logging.StreamHandler", "logging.FileHandler", "logging.NullHandler"},
    "formatter": lambda v: isinstance(v, str),
    "handlers": lambda v: isinstance(v, list) and all(isinstance(item, str) for item in v),
    "stream": lambda v: v in {"ext://sys.stderr", "ext://sys.stdout"},
    "filename": lambda v: isinstance(v, str) and v.startswith("${hydra.runtime.output_dir}/")
    and Path(v).name == v.removeprefix("${hydra.runtime.output_dir}/"),
    "mode": lambda v: v in {"a", "w"},
    "delay": lambda v: isinstance(v, bool),
    "encoding": lambda v: v == "utf-8",
    "propagate": lambda v: isinstance(v, bool),
    "disable_existing_loggers": lambda v: isinstance(v, bool),
}  # fmt: skip
NESTED = ("formatters", "handlers", "loggers")  # whose keys are names


def refuse_strange(config: DictConfig) -> None:
    """Raise ConfigError, naming the key, unless the node ``hydra`` is on the allow-list."""
    hydra = config.get("hydra")
    if not isinstance(hydra, DictConfig):
        raise ConfigError(f"hydra={hydra}: leave Hydra's own node as it is")
    bundle = config.get("bundle")
    if bundle is not None and not isinstance(bundle, DictConfig):
        raise ConfigError(f"bundle={bundle}: {KEYED.format(key='bundle')}")
    if isinstance(bundle, DictConfig) and "name" in bundle:
        refuse_path("bundle.name", _resolve(bundle, "name", "bundle.name"))
    for key in ("callbacks", "job.env_copy", "job.env_set", "env"):
        if OmegaConf.select(hydra, key):
            _refuse(f"hydra.{key}", OmegaConf.select(hydra, key), "this is never run: take it out")
    plain: Any = OmegaConf.to_container(hydra, resolve=False)
    _refuse_values(plain)
    for key, kind in (("launcher", Launcher), ("sweeper", Sweeper)):
        _refuse_plugin(plain[key], key, kind)
    for key in ("job_logging", "hydra_logging"):
        _refuse_logging(plain[key], f"hydra.{key}")


def _refuse_values(plain: dict[str, Any]) -> None:
    if plain["output_subdir"] not in {SUBDIR, None}:
        _refuse("hydra.output_subdir", plain["output_subdir"], f"it is always {SUBDIR}")
    if str(plain["mode"] or "RUN").rpartition(".")[2] not in RunMode.__members__:
        _refuse("hydra.mode", plain["mode"], "write RUN or MULTIRUN")
    loud = plain["verbose"]
    if not isinstance(loud, (bool, str)) and not (
        isinstance(loud, list) and all(isinstance(name, str) for name in loud)
    ):
        _refuse("hydra.verbose", loud, "write true, false or the names of loggers")
    for path in plain["searchpath"] or []:
        if str(path).startswith("pkg://"):
            _refuse("hydra.searchpath", path, "write file:// and a folder")


def refuse_strange_job(config: DictConfig) -> None:
    """The same for one job of a sweep, whose folder has to be inside that of the sweep."""
    refuse_strange(config)
    raw = OmegaConf.to_container(config.hydra.sweep, resolve=False)["subdir"]  # type: ignore[index, call-overload]
    text = str(raw).replace("${hydra.job.num}", "0").replace("${hydra.job.id}", "0")
    if "${" in text:
        text = str(_resolve(config.hydra.sweep, "subdir", "hydra.sweep.subdir"))
    parts = Path(text).parts
    if not parts or Path(text).is_absolute() or ".." in parts:
        _refuse("hydra.sweep.subdir", text, "write a folder inside that of the sweep")


def _refuse_plugin(node: Any, key: str, kind: Any) -> None:
    if not isinstance(node, dict):
        _refuse(f"hydra.{key}", node, f"choose one with hydra/{key}=…")
    known = {f"{cls.__module__}.{cls.__name__}" for cls in Plugins.instance().discover(kind)}
    if node.get("_target_") not in known:
        _refuse(f"hydra.{key}._target_", node.get("_target_"), f"choose one with hydra/{key}=…")
    for name, value in node.items():
        if name != "_target_":
            _refuse_targets(value, f"hydra.{key}.{name}")


def _refuse_targets(value: Any, key: str) -> None:
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for name, item in value.items():
            if str(name).startswith("_"):
                _refuse(f"{key}.{name}", item, "this is never run: take it out")
            _refuse_targets(item, f"{key}.{name}")


def _refuse_logging(node: Any, key: str) -> None:
    if node is None:
        _refuse(key, node, "choose one, such as hydra/job_logging=engine")
    if not isinstance(node, dict):
        _refuse(key, node, "write a mapping, as conf/hydra/job_logging/engine.yaml does")
    for name, value in node.items():
        where = f"{key}.{name}"
        if name in NESTED and isinstance(value, dict):
            for inner, item in value.items():
                _refuse_leaves(item, f"{where}.{inner}")
        elif name == "root":
            _refuse_leaves(value or {}, where)
        else:
            _refuse_leaves({name: value}, key)


def _refuse_leaves(node: Any, key: str) -> None:
    if not isinstance(node, dict):
        _refuse(key, node, "write a mapping, as conf/hydra/job_logging/engine.yaml does")
    for name, value in node.items():
        if name not in FREE or not FREE[name](value):
            _refuse(f"{key}.{name}", value, "not allowed here: see conf/hydra/job_logging")


def _resolve(node: DictConfig, name: str, key: str) -> Any:
    try:
        return node.get(name)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{key}: {str(error).splitlines()[0]}") from error


def _refuse(key: str, value: Any, what: str) -> None:
    raise ConfigError(f"{key}={value}: {what}")
