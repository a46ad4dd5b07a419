"""The run folder: what a run leaves behind.

A folder holds ``INCOMPLETE`` until its last file is written; the marker then goes. So a
folder that was left by an error, a full disk or Ctrl-C never looks finished.
"""

from __future__ import annotations

import errno
import logging
import os
import resource
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from engine.config import Hidden
from engine.core.contracts import validate
from engine.core.errors import ConfigError
from engine.core.folders import MARKER, refuse_foreign, tell_left
from engine.core.lock import Lock
from engine.core.plain import to_plain, write_json
from engine.core.progress import hearing, progress
from engine.core.text import LINES, escape
from engine.pipeline.stage import Artifact, Note, Stage, Table
from engine.pipeline.stages import CONTRACTS, STAGES
from engine.pipeline.watch import Watch
from engine.plugin import Guard, is_ours
from engine.storage import OF_STORE

T = TypeVar("T")
Announce = Callable[[str, int, int], None]
WRITTEN = (
    *(f"{name}.parquet" for name in CONTRACTS),
    *(f"{name}.{kind}" for row in STAGES for name in row.notes for kind in ("json", "npz")),
    *(
        "manifest.json",
        "timings.json",
        "trials.json",
        "audit.json",
        "*.jsonl",
        "report.*",
        "report_*.png",
    ),  # and observers'
)
PAGE = 1 << 16  # values that parquet takes at a time
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
log = logging.getLogger(__name__)


def _start_writer() -> ThreadPoolExecutor:
    """A thread, which starts with its first table."""
    return ThreadPoolExecutor(1, thread_name_prefix="engine-tables")


@dataclass(frozen=True)
class Pending:
    """A table that is being written while the run goes on."""

    stage: str  # that left it
    file: Path
    done: Future[None]


@dataclass
class RunFolder:
    """Writes artifacts, and measures the stages that make them.

    A table is written while the run goes on; at most one at a time, and none is left behind a
    finisher, an observer or the end.

    Parameters
    ----------
    path : pathlib.Path
        Created when missing.
    announce : callable
        Called with a stage's name, and how many of how many parts are done, when a stage
        begins and as it goes on; shows nothing by default.
    """

    path: Path
    announce: Announce = lambda stage, done, total: None
    timings: list[dict[str, Any]] = field(default_factory=list)
    validating: float = 0.0  # seconds spent on contracts
    warnings: list[str] = field(default_factory=list)
    watch: Watch | None = None
    current: str = ""  # the stage that runs
    lock: Lock | None = None  # of who took the folder already
    guard: Guard = field(default_factory=Guard)
    secrets: Hidden = field(default_factory=Hidden)
    pending: Pending | None = None
    writer: ThreadPoolExecutor = field(default_factory=_start_writer)  # a forked run has its own

    def open(self) -> None:
        """Create the folder and mark it as incomplete; an earlier run's files are removed.

        Files that no run wrote are never touched: a folder that holds anything and is not a
        run's is refused, and so is one in which another run is at work.
        """
        try:
            refuse_foreign(self.path)
            self.path.mkdir(parents=True, exist_ok=True)
            self.lock = self.lock or Lock.take(self.path)
            self.guard.say = self.lock.say
            tell_left(self.path, self.lock.left)
            self._clear()
        except OSError as error:
            self.release()
            raise ConfigError(
                f"hydra.run.dir={self.path}: cannot be written ({error.strerror}); choose "
                "another folder with hydra.run.dir=…"
            ) from error
        except ConfigError:
            self.release()
            raise

    def _clear(self) -> None:
        left = [file for pattern in WRITTEN for file in sorted(self.path.glob(pattern))]
        (self.path / MARKER).write_text("the run has not finished\n", encoding="utf-8")
        for file in left:
            file.unlink()

    def release(self, *, leave: bool = False) -> None:
        """Let the folder go to others; `leave` what its lock file says of whose code ran."""
        self.writer.shutdown()  # nobody else may find us at work in their folder
        if self.lock is not None:
            self.lock.release(leave=leave)
            self.lock = None

    def finish(self) -> None:
        """Take the marker away once everything is written."""
        self.settle()
        (self.path / MARKER).unlink()

    def close(self) -> None:
        """Finish, and let the folder go."""
        self.finish()
        self.release()

    @contextmanager
    def listening(self, heard: list[str] | None = None) -> Iterator[None]:
        """Collect what the engine and its plugins warn of, for the manifest and the report."""
        ear = _Ear(self.warnings if heard is None else heard)
        logging.getLogger().addHandler(ear)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(ear)

    def fail(self, reason: str) -> None:
        """Write into the marker in which stage the run ended, and why."""
        if self.path.is_dir():
            with suppress(OSError):  # a full disk: the marker itself is there since `open`
                text = f"{self.current}: {reason}\n" if self.current else f"{reason}\n"
                text = escape(self.secrets.text(text), LINES)
                (self.path / MARKER).write_text(text, encoding="utf-8")
        self.release(leave=bool(self.guard.inside))  # the next command names whose code it was

    def stage(self, name: str, work: Callable[[], T], load: Callable[[], Any] | None = None) -> T:
        """Run one stage, and note its seconds and the process's peak memory in it.

        Observers are handed what `load` returns, by default the result.
        """
        with hearing(partial(self.announce, name)):
            return self._stage(name, work, load)

    def _stage(self, name: str, work: Callable[[], T], load: Callable[[], Any] | None) -> T:
        self.current = name
        progress(0, 0)
        _reset_peak()
        start, before = time.perf_counter(), self.validating
        with self.guard.on_stage(name):
            with self._writing(self.path):  # what a stage writes by itself, such as the report
                result = work()
            seconds = time.perf_counter() - start
            self._note(name, seconds, before)
            if self.watch is not None and self.watch.observers:
                if not all(is_ours(observer) for observer in self.watch.observers):
                    self.settle()  # a stranger may read what the stage has left
                self.watch.tell(name, seconds, load or (lambda: result))
        return result

    def _note(self, name: str, seconds: float, before: float) -> None:
        self.timings.append(
            {
                "stage": name,
                "seconds": round(seconds, 3),
                "contract_seconds": round(self.validating - before, 3),
                "peak_mb": _peak_mb(),
            }
        )
        log.info("%s: %.2f s", name, seconds)

    def leave(self, stage: Stage, artifact: Artifact) -> None:
        """Write what a stage leaves; its contract validates a table first."""
        if isinstance(artifact, Table):
            self.table(artifact.name, self._validate(stage, artifact), artifact.noisy)
        elif isinstance(artifact, Note):
            self.note(artifact.name, artifact.content)
        else:
            artifact.save(self.path)

    def _validate(self, stage: Stage, table: Table) -> Iterator[pd.DataFrame]:
        """Yield a table's rows as its contract lets them pass, and count the seconds of it."""
        contract = stage.tables[table.name](**table.facts)
        for block, judged in table.blocks():
            start = time.perf_counter()
            validate(contract, judged, table.name)
            self.validating += time.perf_counter() - start
            yield block

    def table(self, name: str, blocks: Iterable[pd.DataFrame], noisy: bool = False) -> None:
        """Write rows as ``NAME.parquet``, a block after the other.

        The same rows give the same bytes. In a `noisy` table hardly any number is there twice.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        file, writer = self.path / f"{name}.parquet", None
        for block in blocks:
            rows = pa.Table.from_pandas(block, preserve_index=False)
            self.settle()
            if writer is None:
                with self._writing(file):
                    writer = pq.ParquetWriter(file, rows.schema, **_choose_encoding(block, noisy))
            self._hand_over(file, writer.write_table, rows)
        if writer is not None:
            self._hand_over(file, _follow, self.pending, writer.close)
            self.once_written(pa.default_memory_pool().release_unused)

    def once_written(self, work: Callable[..., None], *args: Any) -> None:
        """Have some work done after what is being written; never, where that goes wrong."""
        self.writer.submit(_follow, self.pending, work, *args)

    def _hand_over(self, file: Path, work: Callable[..., None], *args: Any) -> None:
        self.pending = Pending(self.current, file, self.writer.submit(work, *args))

    def settle(self) -> None:
        """Wait until the last table is written; what went wrong is told of its own stage."""
        if self.pending is None:
            return
        try:
            with self._writing(self.pending.file):
                self.pending.done.result()
        except Exception:
            self.current = self.pending.stage
            raise
        self.pending = None

    def note(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a mapping as ``NAME.json``; NaN becomes null, and no secret is written."""
        told = self.secrets.everywhere(to_plain(content))
        file = self.path / f"{name}.json"
        with self._writing(file):
            write_json(file, told)

    def note_timings(self, how: Mapping[str, str], job: str) -> None:
        """Write how long each stage took, whether it was computed or reused, and the job's key."""
        rows = [{**row, "how": how.get(row["stage"], "computed")} for row in self.timings]
        self.note("timings", {"job": job, "stages": rows})

    @contextmanager
    def _writing(self, what: Path) -> Iterator[None]:
        """A full disk becomes one line; it names `what`, and how much space there is."""
        try:
            yield
        except OSError as error:
            if error.errno not in FULL:
                raise
            free = shutil.disk_usage(self.path).free / 1e6
            raise ConfigError(
                f"{error.filename or what}: {os.strerror(error.errno)} ({free:.1f} MB free); free "
                "some, or choose another folder with hydra.run.dir=…"
            ) from error


def _choose_encoding(block: pd.DataFrame, noisy: bool) -> dict[str, Any]:
    """How parquet writes the columns of a frame.

    Noise hardly compresses: bytes of like weight, side by side, give what there is to be had, and
    LZ4 looks for no more. Its least and largest values tell nothing either.
    """
    kinds = {str(name): kind.kind for name, kind in block.dtypes.items()}
    keys = [name for name, kind in kinds.items() if kind not in "fi"]
    if not noisy:
        return {"compression": "zstd", "compression_level": 1, "use_dictionary": keys}
    numbers = [name for name, kind in kinds.items() if kind == "f"]
    return {
        "compression": "lz4",
        "column_encoding": dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),
        "use_dictionary": keys,
        "write_statistics": [name for name in kinds if name not in numbers],
        "write_batch_size": PAGE,
    }


def _follow(earlier: Pending | None, work: Callable[..., None], *args: Any) -> None:
    """Do some work where what was handed over before it went well."""
    if earlier is not None:
        earlier.done.result()
    work(*args)


class _Ear(logging.Handler):
    """Writes each warning down once."""

    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message of a record, unless it is about the store, which changes no result."""
        if getattr(record, OF_STORE, False):
            return
        message = escape(record.getMessage())
        if message not in self.heard:
            self.heard.append(message)


def _reset_peak() -> None:
    """Start a new high-water mark of memory, where Linux lets us."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak_mb() -> float:
    """High-water mark of resident memory, in MB (10^6 bytes)."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM"))
        return round(int(peak.split()[1]) * 1024 / 1e6, 1)
    except (OSError, StopIteration):
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1)
