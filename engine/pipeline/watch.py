"""Observers are told here; what they are given is read-only, and what they raise is reported."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.core.errors import PluginError
from engine.core.kinds import Observer, Stage
from engine.plugin import calling, lent

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
            try:
                with calling(observer, f"observer {observer.name}"):
                    observer.on_stage(
                        Stage(name, key, seconds, lent(result, observer), self.folder)
                    )
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # SystemExit too: no observer ends a run
                cause = error.__cause__ or error
                message = (
                    f"observer {observer.name} failed on {name}: {type(cause).__name__}: {cause}"
                )
                if self.strict:
                    raise PluginError(f"{message}; strict_observers=false goes on") from error
                log.warning(message)


def identity(config: object) -> str:
    """SHA-256 of a resolved configuration."""
    text = json.dumps(config, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
