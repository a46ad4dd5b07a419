"""A run from Python, and what every run ends with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from engine import trials
from engine.bars import Handed
from engine.config import compose_config
from engine.core.errors import ConfigError
from engine.core.folders import take
from engine.pipeline import Finisher, Running, execute, job
from engine.reading import Reading
from engine.report import Report, draw

if TYPE_CHECKING:
    import pandas as pd

HANDED = f"source={Handed.name}"  # what the manifest's command says of handed bars


def _audit(running: Running) -> None:
    from engine.audit import finish  # few runs ask for it

    finish(running)


FINISHERS = (  # the report last: it shows what ledger and audit say
    Finisher(
        "trials",
        lambda settings: settings.trials.file is not None,
        trials.finish,
        trials.begin,
    ),
    Finisher("audit", lambda settings: settings.audit.cuts > 0, _audit),
    Finisher(
        "report", lambda settings: settings.report.figures, lambda running: draw(running.path)
    ),
)


def run(
    overrides: Sequence[str], *, path: str | Path | None = None, bars: pd.DataFrame | None = None
) -> Report:
    """Run a bundle, as ``engine run`` does, and return its report.

    Parameters
    ----------
    overrides : sequence of str
        What one would type after ``engine run``, such as ``["+bundle=ai_tech_core_ml"]``.
    path : path, optional
        The run folder; by default that of the configuration (``hydra.run.dir``).
    bars : pandas.DataFrame, optional
        The bars, instead of a source's: a row per bar with ``timestamp`` (or ``date``),
        ``symbol``, ``close`` and more, or closes as dates × symbols. They are checked like
        any source's (``bars.*``), and not changed. ``source.date_format=…`` and the other keys of
        ``conf/source/panel.yaml`` say how they are read; the manifest calls their source ``panel``.

    Raises
    ------
    EngineError
        When the configuration, the data or a plugin does not allow the run.
    """
    words = list(overrides) if bars is None else _handing(overrides)
    config = compose_config(words)
    plain = job(config)
    if bars is not None:  # a bundle's values are those of the source that it names
        known = ("name", *(field.name for field in fields(Reading)))
        plain.source = {key: plain.source[key] for key in known if key in plain.source}
    folder, lock = (Path(path), None) if path is not None else take(config, "run")
    return execute(plain, folder, words, bars=bars, lock=lock, finishers=FINISHERS, result=Report)


def _handing(overrides: Sequence[str]) -> list[str]:
    """The overrides with the handed bars as the source; its options say how they are read."""
    words = [word for word in overrides if word != HANDED]
    known = {f"source.{field.name}" for field in fields(Reading)}
    for word in words:
        key = word.lstrip("+~").split("=")[0]
        if key.split(".")[0] == "source" and not known & {key, ".".join(key.split(".")[:2])}:
            raise ConfigError(f"{word}: the bars are handed over: leave out {key}, or bars")
    return [*words, HANDED]
