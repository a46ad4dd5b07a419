"""A run that goes on from a finished one: ``engine run --from STAGE RUN [key=value …]``.

1. The new run's configuration is the finished one's with the new overrides.
2. A stage before STAGE must have the key that it had; else an override, or other code, would
   change what is not made again, and the run is refused with the name of it.
3. What these stages left is copied; their results are read back from it, or worked out again
   where they left nothing.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from engine.config import Hidden
from engine.core.errors import ConfigError, did_you_mean
from engine.pipeline.keys import read_plain
from engine.pipeline.making import Found
from engine.pipeline.manifest import read_told
from engine.pipeline.stage import Stage
from engine.storage import Artifacts, Manifest, refuse_unfinished


@dataclass(frozen=True)
class Start:
    """Where a run begins.

    Parameters
    ----------
    stage : str
        The first one that is run.
    folder : pathlib.Path
        Of the finished run that made those before it.
    """

    stage: str
    folder: Path

    @classmethod
    def of(cls, stage: str, folder: Path, stages: Sequence[Stage]) -> Start:
        """Return it; ConfigError or DataError say why one cannot start there."""
        names = [each.name for each in stages]
        if stage not in names:
            raise ConfigError(f"--from {stage}: no such stage; {did_you_mean(stage, names)}")
        if stage == names[0]:
            raise ConfigError(f"--from {stage}: it is the first stage: leave out --from and RUN")
        refuse_unfinished(folder)
        return cls(stage, folder)

    @cached_property
    def files(self) -> Artifacts:
        """Of the finished run; another one's are refused."""
        return Artifacts(self.folder)

    @property
    def manifest(self) -> Manifest:
        """Of the finished run."""
        return self.files.manifest

    @property
    def overrides(self) -> list[str]:
        """What was typed for the finished run, less its folder."""
        words = shlex.split(self.manifest.command)[2:]
        return [word for word in words if not word.lstrip("+~").startswith("hydra")]

    @property
    def data(self) -> str:
        """The fingerprint of what its source gave."""
        return self.manifest.source.sha256

    def find_earlier(self, stages: Sequence[Stage]) -> list[Stage]:
        """The stages that are not run."""
        names = [stage.name for stage in stages]
        return [*stages[: names.index(self.stage)]]

    @property
    def doubts(self) -> list[str]:
        """What was said of the data, which are not looked over again."""
        return [line for line in self.manifest.warnings if line.startswith(("data: ", "bars: "))]

    def refuse_same(self, folder: Path) -> None:
        """Raise ConfigError where the new run would be written over the finished one."""
        if folder.resolve() == self.folder.resolve():
            raise ConfigError(
                f"hydra.run.dir={folder}: the run to go on from is in it; choose another folder"
            )

    def refuse_other(
        self,
        stages: Sequence[Stage],
        keys: Mapping[str, str],
        config: DictConfig,
        secrets: Hidden,
    ) -> None:
        """Raise ConfigError where an earlier stage would make something else now."""
        for stage in self.find_earlier(stages):
            then, now = self.manifest.keys.get(stage.name), keys[stage.name]
            if now in {then, ""}:
                continue
            said = f"--from {self.stage} {self.folder}: {self._why(stage, config, secrets)}"
            raise ConfigError(secrets.text(said))

    def _why(self, stage: Stage, config: DictConfig, secrets: Hidden) -> str:
        """Why a stage would make something else now, and what to type."""
        other = "run the whole bundle" if not stage.of else f"type --from {stage.name}"
        differs = next(self._differences(stage, config, secrets), "")
        if differs:
            return f"{differs}, which the stage {stage.name!r} reads: {other}"
        if not self.manifest.keys.get(stage.name):
            return f"it had no stage {stage.name!r}, which the bundle asks for now: {other}"
        return f"code, a file or a library of the stage {stage.name!r} has changed since: {other}"

    def find(self, stage: Stage) -> Found:
        """What an earlier stage left."""
        return Found(
            copy=partial(self._copy, stage),
            told=self._told.get(stage.name, {}),
            warned=(),
            files=self.files,
            refusal=f"--from {self.stage} {self.folder}: the source has other data now: run the "
            "whole bundle",
        )

    @cached_property
    def _told(self) -> dict[str, dict[str, Any]]:
        return read_told(self.files.read_plain("manifest"))

    def _differences(self, stage: Stage, config: DictConfig, secrets: Hidden) -> Iterator[str]:
        """What the configuration of a stage says now and did not say then."""
        then = OmegaConf.create(dict(self.manifest.config))
        for key in sorted({*stage.reads.values()}):
            yield from _places(
                read_plain(then, key), secrets.everywhere(read_plain(config, key)), key
            )

    def _copy(self, stage: Stage, folder: Path) -> None:
        """Copy what a stage left."""
        for file in stage.list_files(self.folder):
            shutil.copyfile(file, folder / file.name)
        self.files.refuse_other()


def _places(old: Any, new: Any, key: str) -> Iterator[str]:
    """The keys below which two values differ, with both."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            yield from _places(old.get(name), new.get(name), f"{key}.{name}")
    elif old != new:
        yield f"{key}={new} was {old}"
