"""Observers are told here; what they are given is read-only, and what they raise is reported."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.core.errors import PluginError
from engine.core.kinds import Observer, Stage
from engine.plugin import calling, lend

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
    key_of : callable
        The data's fingerprint to the keys of the stages, by name.
    """

    observers: tuple[Observer, ...]
    strict: bool
    folder: Path
    key_of: Callable[[str], dict[str, str]] = lambda data: {}
    keys: dict[str, str] = field(default_factory=dict)
    data: str = ""

    def learn(self, data: str) -> None:
        """Take the fingerprint of the data into the keys."""
        self.data, self.keys = data, self.key_of(data)

    def tell(self, name: str, seconds: float, load: Callable[[], Any]) -> None:
        """Tell every observer that a stage has ended; in the order of the configuration."""
        key = self.keys.get(name, "")
        for observer in self.observers:
            result = load() if observer.reads_results else None
            try:
                with calling(observer, f"observer {observer.name}"):
                    observer.on_stage(
                        Stage(name, key, seconds, lend(result, observer), self.folder)
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
