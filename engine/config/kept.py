"""Compositions, kept: configurations that choose the same files share the work of merging them.

Hydra composes in two steps. Which files are merged follows from the choices of groups and from
what the files say; that takes a fifth of a second. Then single values are set. A sweep over
values, and many runs from Python, take the first step once a process. It is taken again when a
file of the search path, or the environment, is another one.
"""

from __future__ import annotations

import copy
import os
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from omegaconf import DictConfig

from engine.config.private import DefaultsList, Overrides, config_loader_impl

MOST = 32  # compositions
FILES = 5_000  # and folders on the search path: with more of them, nothing is kept
RESOLVED = re.compile(r"\$\{\s*[\w.]+\s*:")  # what may differ from call to call

_list_defaults: Callable[..., DefaultsList] = vars(config_loader_impl)["create_defaults_list"]
_kept: OrderedDict[Any, _Composition] = OrderedDict()


@dataclass(eq=False)
class _Composition:
    """The files of some choices, in their order, and what they are when they are merged."""

    files: DefaultsList
    asked: bool = False
    merged: DictConfig | None = None


def list_defaults(repo: Any, config_name: str, overrides_list: list[Any], **how: Any) -> Any:
    """What Hydra's own function returns, whose parameters these are."""
    values = Overrides(repo=repo, overrides_list=overrides_list).config_overrides
    free = {id(each) for each in values}
    choices = tuple(each.input_line for each in overrides_list if id(each) not in free)
    folders = tuple((each.provider, each.scheme(), each.path) for each in repo.get_sources())
    key = (config_name, choices, folders, _stamp(folders), (*how.items(),))
    found = _kept.get(key)
    if found is not None:
        _kept.move_to_end(key)
        return replace(found.files, config_overrides=values)
    made = _list_defaults(repo=repo, config_name=config_name, overrides_list=overrides_list, **how)
    if key[3] is not None and not RESOLVED.search(repr(made.defaults_tree)):
        _kept[key] = _Composition(made)
        while len(_kept) > MOST:
            _kept.popitem(last=False)
    return made


def merge(defaults: Sequence[Any], work: Callable[[], DictConfig]) -> DictConfig:
    """The files of a list merged into one configuration, which is the caller's own."""
    found = next((each for each in _kept.values() if each.files.defaults is defaults), None)
    if found is None or not found.asked:  # most processes compose once
        if found is not None:
            found.asked = True
        return work()
    if found.merged is None:
        found.merged = work()
    return copy.deepcopy(found.merged)


def _stamp(folders: Sequence[tuple[str, str, str]]) -> Any:
    """What tells that a file or the environment was changed; None with too many files."""
    files: list[tuple[str, int, int, int]] = []
    seen: set[tuple[int, int]] = set()
    for _, scheme, path in folders:
        if scheme == "file":
            for each in _walk(path, seen):
                files.append(each)
                if len(files) > FILES:
                    return None
    return (*files, frozenset(os.environ.items()))


def _walk(path: str, seen: set[tuple[int, int]]) -> Iterator[tuple[str, int, int, int]]:
    """What is below a folder, links followed, each with what tells that it was changed."""
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            with suppress(OSError):  # a link that leads nowhere
                stat = entry.stat()
                yield entry.path, stat.st_mtime_ns, stat.st_size, stat.st_ino
                if entry.is_dir() and (stat.st_dev, stat.st_ino) not in seen:
                    seen.add((stat.st_dev, stat.st_ino))
                    yield from _walk(entry.path, seen)
