"""Folders that runs and sweeps write into: taken before anything is written, and nobody else's."""

from __future__ import annotations

import logging
from contextlib import suppress
from itertools import count
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from engine.core.errors import ConfigError
from engine.core.lock import Lock, find_culprits

log = logging.getLogger(__name__)
MARKER = "INCOMPLETE"
OWN = {"run": ("manifest.json", MARKER), "sweep": ("multirun.yaml",)}  # what ours have in them
HARMLESS = ("run.log",)  # all that a run leaves which stopped at its configuration
BY_TIME = "${now:"


def refuse_path(key: str, name: object) -> None:
    """Refuse a name that is to be part of a path and is more than one step of it."""
    text = name if isinstance(name, str) else ""
    if not text.strip() or text.startswith(".") or any(c in "/\\" or ord(c) < 32 for c in text):
        raise ConfigError(f"{key}={name}: write a name without / and \\, and no . in front")


def take(config: DictConfig, kind: str) -> tuple[Path, Lock]:
    """Take the folder of a run or a sweep, as ``hydra.run.dir`` or ``hydra.sweep.dir`` says.

    A folder that is named by the time is a new one: of several that begin in one second, the
    later ones are called ``…-2``, ``…-3``. One that was chosen may be an earlier run's.

    Raises
    ------
    ConfigError
        It is at work, somebody else's, no folder, or a name leads out of it.
    """
    key = f"hydra.{kind}.dir"
    path = _path(config, kind, key)
    raw = str(OmegaConf.to_container(config.hydra[kind], resolve=False)["dir"])  # type: ignore[index, call-overload]
    if BY_TIME in raw:
        path = _new(path)
    else:
        refuse_foreign(path, kind)
        path.mkdir(parents=True, exist_ok=True)
    return path, Lock.take(path, key)


def _path(config: DictConfig, kind: str, key: str) -> Path:
    node = config.hydra[kind]
    text, raw = node.get("dir"), OmegaConf.to_container(node, resolve=False)["dir"]  # type: ignore[index, call-overload]
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise ConfigError(f"{key}={text}: write a folder, such as {key}=outputs/mine")
    path, pattern = Path(text), Path(str(raw))
    if "${" in str(raw) and (
        path.parts.count("..") > pattern.parts.count("..")
        or path.is_absolute() > (pattern.is_absolute() or str(raw).startswith("${"))
    ):
        raise ConfigError(f"{key}={text}: a name in it leads elsewhere: write names without /")
    return path


def _new(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        folder = path if number == 1 else path.with_name(f"{path.name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError


def refuse_foreign(path: Path, kind: str = "run") -> None:
    """Raise ConfigError where a folder holds something, and nothing of a run or a sweep."""
    if not path.is_dir() or any((path / name).exists() for name in OWN[kind]):
        return
    others = sorted(
        file.name
        for file in path.iterdir()
        if not file.name.startswith(".") and file.name not in HARMLESS
    )
    if others:
        raise ConfigError(
            f"hydra.{kind}.dir={path}: holds {others[0]}, which no {kind} wrote; choose an empty "
            "folder, or a new one"
        )


def is_finished(path: Path) -> bool:
    """Whether a folder is that of a run that has finished."""
    return (path / "manifest.json").is_file() and not (path / MARKER).exists()


def tell_left(path: Path, own: str = "") -> None:
    """Warn of runs that died in strangers' code, once each: in this folder, and beside it."""
    if own and (path / MARKER).is_file():
        log.warning("%s: a run died in %s; mend that first", path, own)
    for folder, where in find_culprits(path):
        if (folder / MARKER).is_file():  # else it is no run's
            log.warning("%s: a run died in %s; mend that first", folder, where)
            settle(folder, where)


def settle(folder: Path, where: str) -> None:
    """Write into the marker of a run that died where it did, and take its lock file away."""
    with suppress(OSError, ConfigError):
        lock = Lock.take(folder)
        (folder / MARKER).write_text(f"died in {where}\n", encoding="utf-8")
        lock.release()
