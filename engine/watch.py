"""Observers are told here; what they are given is read-only, and what they raise is reported."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.errors import PluginError
from engine.kinds import Observer, Stage

log = logging.getLogger(__name__)


@dataclass
class Watch:
    """Tells observers of each stage.

    Parameters
    ----------
    observers : tuple of Observer
    strict : bool
        Whether an observer that fails stops the run.
    folder : pathlib.Path
        The run folder.
    identity : str
        What makes a run the same: its configuration, then its data too.
    """

    observers: tuple[Observer, ...]
    strict: bool
    folder: Path
    identity: str

    def tell(self, name: str, seconds: float, result: Any) -> None:
        """Tell every observer that a stage has ended; in the order of the configuration."""
        key = hashlib.sha256(f"{self.identity}/{name}".encode()).hexdigest()[:16]
        for observer in self.observers:
            stage = Stage(name, key, seconds, read_only(result), self.folder)
            try:
                observer.on_stage(stage)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # SystemExit too: no observer ends a run
                message = (
                    f"observer {observer.name} failed on {name}: {type(error).__name__}: {error}"
                )
                if self.strict:
                    raise PluginError(f"{message}; strict_observers=false goes on") from error
                log.warning(message)


def identity(config: object) -> str:
    """SHA-256 of a resolved configuration."""
    text = json.dumps(config, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def read_only(value: Any) -> Any:
    """The value with read-only twins for its arrays, so that nobody can change the original."""
    if isinstance(value, np.ndarray):
        return _sealed(value)
    if isinstance(value, (pd.DataFrame, pd.Series)):
        return value.copy(deep=False)  # copy on write: what is written stays in the copy
    if isinstance(value, Mapping):
        return {key: read_only(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [read_only(item) for item in value]
        return value._make(items) if hasattr(value, "_make") else tuple(items)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        twin = copy.copy(value)
        for name, item in vars(value).items():  # fields, and what is cached beside them
            object.__setattr__(twin, name, read_only(item))
        return twin
    return value


def _sealed(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A view that cannot be made writeable again; a copy of what no buffer can hold."""
    try:
        return np.asarray(memoryview(array).toreadonly())  # type: ignore[arg-type]  # it is a buffer
    except ValueError:  # dates, for one
        twin = array.copy()
        twin.flags.writeable = False
        return twin
