"""Formulas in other processes: the same bytes, also when one of them dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import panel_of

from engine.core.errors import ConfigError, DataError, EngineError
from engine.core.panel import Panel
from engine.expr import shards
from engine.expr.executor import evaluate
from engine.expr.shards import evaluate_shards

FORMULAS = {
    "plain": "rank(correlation(close, volume, 10))",
    "suspended": "ts_mean(returns, 5) - market",
    "endless": "rank(ema(close, 5) / ema(close, 20))",
    "grouped": "indneutralize(ts_rank(adv20, 8), sector)",
    "nothing": "7",
}
needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="the extra `scale`")
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="the extra `ray`")


def bars(days: int = 120) -> Panel:
    random = np.random.default_rng(8)
    close = 30.0 * np.exp(np.cumsum(0.02 * random.normal(size=(days, 6)), axis=0))
    close[20:70, 2] = close[:50, 4] = np.nan
    member = random.random(close.shape) < 0.9
    return panel_of(close, volume=1e4 + 100.0 * close, sectors="xxyyzz", member=member)


PANEL = bars()


def joined(parallel: str, rows: int = 25, start: int = 0) -> dict[str, bytes]:
    made = evaluate_shards(FORMULAS, PANEL, rows, start=start, parallel=parallel, workers=2)
    pieces = [{name: array.copy() for name, array in values.items()} for _, values in made]
    return {name: np.concatenate([p[name] for p in pieces]).tobytes() for name in FORMULAS}


def whole(start: int = 0) -> dict[str, bytes]:
    return {name: array[start:].tobytes() for name, array in evaluate(FORMULAS, PANEL).items()}


def test_two_local_processes_give_the_same_bytes() -> None:
    assert joined("local", start=77) == whole(77)


@needs_dask
def test_two_dask_workers_give_the_same_bytes() -> None:
    assert joined("dask") == whole()


@needs_ray
def test_two_ray_workers_give_the_same_bytes() -> None:
    assert joined("ray") == whole()


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Two Dask processes that the settings name."""
    import dask
    from dask.distributed import LocalCluster

    settings = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with (
        LocalCluster(**settings, dashboard_address=None, memory_limit=0) as made,
        dask.config.set({"scheduler-address": made.scheduler_address}),
    ):
        yield made


@pytest.mark.long
@needs_dask
def test_a_worker_that_is_killed_at_its_work_is_survived(cluster: Any, tmp_path: Path) -> None:
    from dask.distributed import Client

    with Client(cluster.scheduler_address) as client:
        pids = client.run(os.getpid)
        assert len(set(pids.values()) - {os.getpid()}) == 2
        made = evaluate_shards(FORMULAS, PANEL, 4, parallel="dask", workers=2)
        pieces = []
        for number, (_, values) in enumerate(made):
            pieces.append({name: array.copy() for name, array in values.items()})
            if number == 2:
                os.kill(next(iter(pids.values())), signal.SIGKILL)
        after = client.run(os.getpid)
    assert set(after.values()) != set(pids.values())
    assert {n: np.concatenate([p[n] for p in pieces]).tobytes() for n in FORMULAS} == whole()


def test_a_task_done_again_replaces_its_file(tmp_path: Path) -> None:
    with shards.make_plan(FORMULAS, PANEL) as plan:
        shared = shards.Shared.of(plan, tmp_path)
        first = Path(shards.work(shared, slice(10, 20))).read_bytes()
        assert Path(shards.work(shared, slice(10, 20))).read_bytes() == first
    assert [p.name for p in tmp_path.glob("rows-*")] == ["rows-10.npy"]
    assert not [p for p in tmp_path.iterdir() if p.is_dir()]


def test_only_so_many_tasks_are_begun_ahead() -> None:
    begun: list[int] = []
    todo = shards.spans(0, 10, 1)
    done = shards._in_order(lambda s: begun.append(s.start) or s, str, todo, 3)
    next(done)
    assert begun == [0, 1, 2, 3]
    assert len(list(done)) == 9
    assert begun == list(range(10))


def test_mistakes_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="--parallel dusk: did you mean 'dask'"):
        list(evaluate_shards({"x": "close"}, PANEL, 9, parallel="dusk"))
    with pytest.raises(DataError, match="factor 'x': the bars have no field 'eps'"):
        list(evaluate_shards({"x": "eps"}, PANEL, 9))
    monkeypatch.setitem(shards.PACKAGES, "dask", "no_such_package")
    with pytest.raises(ConfigError, match=r"pip install 'alpha-engine\[scale\]'"):
        list(evaluate_shards({"x": "close"}, PANEL, 9, parallel="dask"))


def test_what_a_manager_of_workers_raises_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Iterator[str]:
        yield from ()
        raise RuntimeError("a worker\nwas lost")

    monkeypatch.setitem(shards.BACKENDS, "local", broken)
    with pytest.raises(EngineError, match="--parallel local: RuntimeError: a worker was lost; try"):
        list(evaluate_shards({"x": "close"}, PANEL, 9))
