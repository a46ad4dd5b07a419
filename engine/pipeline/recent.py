"""Results of stages that this process made or read lately, in memory, bounded in bytes."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from engine.core.panel import Panel


class Recent:
    """The results that were used last, by key, as long as they fit. Threads may share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def get(self, key: str) -> Any | None:
        """Return what a key stands for; None where it is not there."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: str, result: Any, limit: float) -> None:
        """Keep a result, and let go those used longest ago, until all take `limit` bytes."""
        size = count_bytes(result)
        with self._lock:
            self._kept.pop(key, None)
            if size <= limit:
                self._kept[key] = result, size
            total = sum(each for _, each in self._kept.values())
            while total > limit:
                _, (_, freed) = self._kept.popitem(last=False)
                total -= freed

    def clear(self) -> None:
        """Let all go."""
        with self._lock:
            self._kept.clear()


RECENT = Recent()


def count_bytes(value: Any) -> int:
    """Return about how many bytes the arrays and frames of a result take."""
    sizes: dict[int, int] = {}
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, np.ndarray):
            whole = each if each.base is None else each.base
            sizes[id(whole)] = max(each.nbytes, getattr(whole, "nbytes", 0))
        elif isinstance(each, (pd.DataFrame, pd.Series, pd.Index)):
            sizes[id(each)] = int(np.sum(each.memory_usage()))
        else:
            waiting += _parts(each)
    return sum(sizes.values())


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, (list, tuple, set)):
        return value if len(value) < 10_000 else ()
    if isinstance(value, Panel) or dataclasses.is_dataclass(value):
        return vars(value).values()
    return ()
