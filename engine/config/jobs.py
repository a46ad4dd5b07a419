"""``engine run``: Hydra's own switches, one job, or a sweep of them.

1. The configuration is composed, and refused where it says of Hydra what it may not.
2. The folder of the run or the sweep is taken; only then does anybody write.
3. Hydra's launcher runs each job; `Job` leaves ``.hydra`` in its folder, without secrets.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from hydra import version
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import configure_log
from hydra.core.utils import run_job as hydra_job
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from engine.config.compose import (
    CONF,
    ROOT,
    VERSION_BASE,
    compose_config,
    hydra_over,
    shorten_errors,
)
from engine.config.places import hide, write_yaml
from engine.config.private import Callbacks, _run_hydra, get_args_parser
from engine.config.secrets import find_secrets
from engine.core.errors import ConfigError
from engine.core.folders import take
from engine.core.text import quote


def launch(argv: Sequence[str], task: Callable[[DictConfig], Any]) -> list[Any]:
    """Run `task` as Hydra's application does, and return what each job returned.

    Hydra's own switches (``--cfg``, ``--info``, ``--help``, ``--multirun`` …) work; the list
    is empty for those that run nothing.
    """
    parser = get_args_parser()
    parser.prog = "engine run"
    parser.error = _refuse_switch  # type: ignore[method-assign]  # one line, not its usage
    args = parser.parse_args(_flags_first(argv))
    if args.experimental_rerun is not None:
        raise ConfigError("--experimental-rerun reads a pickle, which the engine never does")
    if args.shell_completion:
        raise ConfigError("--shell-completion: type engine completion bash, which completes more")
    version.setbase(VERSION_BASE)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come back to us; the CLI shortens them
    if args.cfg or args.info is not None or args.help or args.hydra_help:
        compose_config(args.overrides)  # so that what is not allowed is refused before Hydra acts
        shorten_errors(lambda: _run_hydra(args, parser, task, str(CONF), ROOT), args.overrides)
        return []
    results: list[Any] = shorten_errors(lambda: _jobs(args, task), args.overrides)
    return results


def _refuse_switch(message: str) -> NoReturn:
    raise ConfigError(f"{message}; see engine run --help")


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


def _jobs(args: Any, task: Callable[..., Any]) -> list[Any]:
    with hydra_over(args.config_dir) as hydra:
        name, words = args.config_name or ROOT, args.overrides
        many = args.multirun or "hydra.mode=MULTIRUN" in words
        mode = RunMode.MULTIRUN if many else RunMode.RUN
        config = hydra.compose_config(name, words, mode)
        configure_log(config.hydra.hydra_logging, config.hydra.verbose)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())
        kind = "sweep" if many or config.hydra.mode == RunMode.MULTIRUN else "run"
        folder, lock = take(config, kind)
        try:
            if kind == "sweep":
                return _sweep(config, context, folder, task)
            return [_run(config, context, folder, partial(task, lock=lock))]
        finally:
            lock.release()


def _run(config: DictConfig, context: HydraContext, folder: Path, task: Callable[..., Any]) -> Any:
    job = Job(task, config.hydra.output_subdir)
    config.hydra.run.dir, config.hydra.output_subdir = str(folder), None
    done = hydra_job(
        hydra_context=context,
        task_function=job,
        config=config,
        job_dir_key="hydra.run.dir",
        job_subdir_key=None,
    )
    return _result(done)


def _sweep(
    config: DictConfig, context: HydraContext, folder: Path, task: Callable[..., Any]
) -> list[Any]:
    from engine.config.sweep import install

    install()
    job = Job(task, config.hydra.output_subdir)
    config.hydra.sweep.dir = str(folder)
    config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quote(str(folder))}")
    sweeper = Plugins.instance().instantiate_sweeper(
        config=config, hydra_context=context, task_function=job
    )
    # each job says what is wrong with it
    sweeper.validate_batch_is_legal = lambda batch: None  # type: ignore[method-assign]
    if sweeper.config is not None:  # which it saves as multirun.yaml
        sweeper.config = _hide_secrets(config)
    words: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    return [_result(done) for batch in sweeper.sweep(words) for done in batch]


def _result(done: Any) -> Any:
    """What a job returned; its error as it was raised, without a line of Hydra's own."""
    if isinstance(done._return_value, Exception):
        raise done._return_value
    return done.return_value


def _hide_secrets(config: DictConfig) -> DictConfig:
    shown: DictConfig = OmegaConf.create(hide(config, find_secrets(config)))
    return shown


@dataclass(frozen=True)
class Job:
    """What Hydra calls: writes ``.hydra`` without secrets, then runs the task."""

    task: Callable[[DictConfig], Any]
    subdir: str | None

    def __call__(self, config: DictConfig) -> Any:
        """Run one job."""
        hydra, secrets = HydraConfig.get(), find_secrets(config)
        if self.subdir is not None:
            folder = Path(hydra.runtime.output_dir, self.subdir)
            folder.mkdir(parents=True, exist_ok=True)
            nodes = {
                "config": config,
                "hydra": OmegaConf.create({"hydra": hydra}),
                "overrides": hydra.overrides.task,
            }
            for name, node in nodes.items():
                (folder / f"{name}.yaml").write_text(write_yaml(node, secrets), "utf-8")
        return self.task(config)
