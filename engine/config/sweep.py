"""Jobs of a sweep, one after another or, with ``hydra/launcher=joblib``, in processes.

A job that fails, be it at its configuration, never ends the others. In processes:

1. There are `n_jobs` places, each with an executor of one process, made when it is needed.
2. A place that is free takes the next job.
3. A process that dies breaks its own executor alone: its job is told as lost, and the place
   gets a new one for the next job.
4. Each process watches this one, and ends with it.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hydra import version
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import (
    JobReturn,
    JobStatus,
    configure_log,
    filter_overrides,
    run_job,
    setup_globals,
)
from hydra.types import HydraContext
from hydra_plugins.hydra_joblib_launcher.config import JobLibLauncherConf
from hydra_plugins.hydra_joblib_launcher.joblib_launcher import JoblibLauncher
from omegaconf import DictConfig, open_dict

from engine.config.compose import VERSION_BASE, shorten_errors
from engine.config.outcome import Outcome
from engine.config.places import choose_place
from engine.config.private import BasicLauncher
from engine.config.tally import Tally
from engine.core.errors import ConfigError
from engine.core.folders import settle
from engine.core.lock import find_culprit
from engine.core.orphans import end_with

POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
Job = tuple[int, Sequence[str]]  # its number, and its overrides


class InTurn(BasicLauncher):
    """Hydra's basic launcher, but a job whose configuration cannot be composed ends no other."""

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs; what they returned, in their order."""
        assert self.config is not None
        assert self.hydra_context is not None
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        made, tally = [], Tally(job_overrides)
        for number, words in enumerate(job_overrides, initial_job_idx):
            tally.begin()
            job = number, list(words)
            made.append(_run(job, self.hydra_context, self.config, self.task_function))
            tally.end(made[-1]._return_value)
            configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        return made


class Processes(JoblibLauncher):  # type: ignore[misc]  # untyped
    """Hydra's joblib launcher, but a process that dies loses its own job only."""

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs; what they returned, in their order."""
        places = _places(dict(self.joblib))
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        done = _Pool(self, min(places, len(job_overrides))).run(
            [(initial_job_idx + n, list(words)) for n, words in enumerate(job_overrides)]
        )
        return [done[number] for number in sorted(done)]

    def report_lost(self, job: Job, error: BrokenExecutor) -> JobReturn:
        """What stands for the result of a job whose process died."""
        config, words = _compose(job, self.hydra_context, self.config), job[1]
        folder = Path(str(config.hydra.sweep.dir), str(config.hydra.sweep.subdir)).absolute()
        how = re.search(r"\{([^{}]+)\}", str(error))
        where = find_culprit(folder)
        if where:
            settle(folder, where)
        message = f"{folder}: the process of this job died{f' of {how[1]}' if how else ''}"
        message += f" in {where}" if where else ""
        if "SIGKILL" in message:
            message += ", as when memory runs out: try fewer hydra.launcher.n_jobs"
        made = JobReturn(overrides=words, status=JobStatus.COMPLETED)
        made.return_value = Outcome(folder, tuple(filter_overrides(words)), message)
        return made


@dataclass
class _Pool:
    """Places, of which each has an executor of one process."""

    launcher: Processes
    free: int
    idle: list[Any] = field(default_factory=list)
    running: dict[Future[JobReturn], tuple[Job, Any]] = field(default_factory=dict)

    def run(self, jobs: Sequence[Job]) -> dict[int, JobReturn]:
        """Run jobs; their results by number."""
        self.tally = Tally([words for _, words in jobs])
        self.threads = str(max((os.cpu_count() or 1) // max(self.free, 1), 1))
        waiting, done = deque(jobs), dict[int, JobReturn]()
        try:
            while waiting or self.running:
                while waiting and self.free:
                    self._start(waiting.popleft())
                for future in wait(self.running, return_when=FIRST_COMPLETED).done:
                    (number, words), executor = self.running.pop(future)
                    self.free += 1
                    try:
                        done[number] = future.result()
                        self.idle.append(executor)
                    except BrokenExecutor as error:
                        done[number] = self.launcher.report_lost((number, words), error)
                    self.tally.end(done[number]._return_value)
        finally:
            for executor in [*self.idle, *(executor for _, executor in self.running.values())]:
                executor.shutdown(kill_workers=True)
        return done

    def _start(self, job: Job) -> None:
        executor = self.idle.pop() if self.idle else self._executor()
        hydra = self.launcher
        future = executor.submit(_work, job, hydra.hydra_context, hydra.config, hydra.task_function)
        self.running[future] = job, executor
        self.free -= 1
        self.tally.begin()

    def _executor(self) -> Any:
        from joblib.externals.loky import ProcessPoolExecutor  # slow to import, needed only here

        environment = {name: os.environ.get(name, self.threads) for name in POOLS}
        return ProcessPoolExecutor(
            max_workers=1, initializer=end_with, initargs=(os.getpid(),), env=environment
        )


def _compose(job: Job, context: HydraContext, config: DictConfig) -> DictConfig:
    """The configuration of one job of a sweep's."""
    number, words = job
    own = context.config_loader.load_sweep_config(config, list(words))
    with open_dict(own):
        own.hydra.job.id, own.hydra.job.num = f"{own.hydra.job.name}_{number}", number
    choose_place(own)
    return own


def _run(job: Job, context: HydraContext, config: DictConfig, task: Any) -> JobReturn:
    """One job; where it cannot be composed, what stands for its result says why."""
    try:
        own = shorten_errors(lambda: _compose(job, context, config), job[1])
    except ConfigError as error:
        made = JobReturn(overrides=job[1], status=JobStatus.COMPLETED)
        words = tuple(filter_overrides(job[1]))
        made.return_value = Outcome(Path(str(config.hydra.sweep.dir)), words, str(error))
        return made
    HydraConfig.instance().set_config(own)
    return run_job(
        hydra_context=context,
        config=own,
        task_function=task,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )


def _work(job: Job, context: HydraContext, config: DictConfig, task: Any) -> JobReturn:
    """One job, in a process that knows nothing of Hydra yet."""
    setup_globals()
    version.setbase(VERSION_BASE)  # and what we bring to Hydra is registered
    return _run(job, context, config, task)


def _places(options: dict[str, Any]) -> int:
    """How many jobs run at once; the launcher's other options must be as they were."""
    n_jobs = options.pop("n_jobs")
    for key, default in asdict(JobLibLauncherConf()).items():
        if options.get(key, default) != default:
            raise ConfigError(f"hydra.launcher.{key}={options[key]}: only n_jobs can be set")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    places = n_jobs if n_jobs > 0 else (cores or 1) + 1 + n_jobs
    if n_jobs == 0 or places < 1:
        raise ConfigError(
            f"hydra.launcher.n_jobs={n_jobs}: write how many jobs run at once, or -1 for one a core"
        )
    return int(places)


def install() -> None:
    """Have Hydra take our launchers where a configuration names its own."""
    for theirs, ours in ((BasicLauncher, InTurn), (JoblibLauncher, Processes)):
        Plugins.instance().class_name_to_class[f"{theirs.__module__}.{theirs.__name__}"] = ours
