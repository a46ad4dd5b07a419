"""What each command of the command line does, once its words are known."""

from __future__ import annotations

import logging
import math
import os
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.bar import Show, bar
from engine.cli.offers import offer_for_run
from engine.cli.warned import tell_in_one_line
from engine.cli.words import Untouched
from engine.core.errors import ConfigError, EngineError, explain_unforeseen
from engine.core.text import LINES, escape, guard_logs

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem
    from omegaconf import DictConfig

    from engine.config import Outcome
    from engine.core.lock import Lock
    from engine.pipeline import Start


FROM = "--from"  # STAGE RUN


class Run(Untouched):
    """``engine run``, whose words are Hydra's to complete."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete ``--from STAGE RUN`` here, and leave the rest to Hydra."""
        return offer_for_run(ctx.params["words"], incomplete)


@click.command(cls=Run)
def run(words: tuple[str, ...]) -> int:
    """Compose, run one job or a sweep, print what came out."""
    from engine.config import launch, showing

    logging.raiseExceptions = False  # a full disk under run.log is told once, by the run itself
    start, rest = _start(words)
    with _sweep_bar(rest) as show, showing(show):
        outcomes: list[Outcome] = launch(rest, partial(run_job, start=start))
    for error, count in Counter(outcome.error for outcome in outcomes if outcome.error).items():
        many = f" ({count} jobs)" if count > 1 else ""
        print(f"engine: {escape(error, LINES)}{many}", file=sys.stderr)
    if len(outcomes) == 1 and outcomes[0].result is not None:
        print(outcomes[0].result.summary())
    if len(outcomes) > 1:
        _print_sweep(outcomes)
    return 2 if any(outcome.error for outcome in outcomes) else 0


def _sweep_bar(words: Sequence[str]) -> AbstractContextManager[Show]:
    """What shows how far a sweep has come; a single run shows its stages alone."""
    many = {"-m", "--multirun", "hydra.mode=MULTIRUN"}.intersection(words)
    return bar() if many else nullcontext(lambda line, done, total: None)


def _start(words: Sequence[str]) -> tuple[Start | None, list[str]]:
    """Where to begin, and the words with those that the finished run was given before them."""
    if FROM not in words:
        return None, [*words]
    from engine.pipeline import STAGES, Start

    at = [*words].index(FROM)
    named, rest = words[at + 1 : at + 3], [*words[:at], *words[at + 3 :]]
    wrong = len(named) < 2 or any(word.startswith("-") for word in named)
    if wrong or ("=" in named[1] and not Path(named[1]).exists()):  # an override, and no run
        raise ConfigError(f"{FROM} wants a stage and a run, as in {FROM} signal outputs/NAME/TIME")
    start = Start.of(named[0], Path(named[1]), STAGES)
    return start, [*start.overrides, *rest]


def run_job(config: DictConfig, lock: Lock | None = None, start: Start | None = None) -> Outcome:
    """One job, in this process or in a worker of Hydra's launcher; its folder may be taken."""
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    from engine.api import FINISHERS
    from engine.config import Outcome, find_secrets, hide_in_logs
    from engine.pipeline import Among, execute, job
    from engine.report import Report

    guard_logs()
    hydra = HydraConfig.get()
    path = Path(hydra.runtime.output_dir)
    words: Any = OmegaConf.to_container(hydra.overrides.task, resolve=False)  # as they were typed
    overrides = tuple(words)
    hide_in_logs(find_secrets(config))
    if not os.environ.get("ENGINE_DEBUG"):
        tell_in_one_line()  # in a worker of a launcher, too
    finished, sweeps = _stamp(path), not OmegaConf.is_missing(hydra.job, "num")
    try:
        with bar() as announce:
            report = execute(
                job(config),
                path,
                overrides,
                announce,
                lock=lock,
                finishers=FINISHERS,
                start=start,
                among=Among(resume=sweeps, last=not sweeps),
                result=Report,
            )
    except (EngineError, OSError) as error:
        logging.getLogger(__name__).info("stopped", exc_info=error)
        if os.environ.get("ENGINE_DEBUG"):
            raise
        return Outcome(path, overrides, _line(error))
    except Exception as error:
        logging.getLogger(__name__).exception("stopped")
        if os.environ.get("ENGINE_DEBUG"):
            raise
        return Outcome(path, overrides, explain_unforeseen(error))
    sharpe = report.artifacts.metrics.performance.net.sharpe
    before = finished == _stamp(path)
    return Outcome(path, overrides, result=report, score=sharpe, before=before)


def _stamp(path: Path) -> float | None:
    """When the run in a folder finished; None where there is none."""
    manifest = path / "manifest.json"
    return manifest.stat().st_mtime_ns if manifest.is_file() else None


def _line(error: Exception) -> str:
    if isinstance(error, OSError):
        return (
            f"{error.filename or 'a file'}: {error.strerror or error}; free it, or choose another"
        )
    return str(error)


def _print_sweep(outcomes: Sequence[Outcome]) -> None:
    from engine.report import sweep
    from engine.trials import tell_now

    done = [
        (o.overrides, o.path, o.result.artifacts.metrics) for o in outcomes if o.result is not None
    ]
    if done:
        best = max(outcomes, key=lambda o: -math.inf if o.score is None else o.score)
        print(sweep(done, tell_now(best.path)))
    before = sum(outcome.before for outcome in outcomes)
    if before:
        print(f"{before} of {len(outcomes)} jobs had finished before, and were not run again")
