"""Arrays that nobody can write into, and sums that tell whether somebody did all the same."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

Scalar = TypeVar("Scalar", bound=np.generic)
Array = npt.NDArray[Any]


def seal(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """The array on a read-only buffer of the same memory: `flags.writeable = True` is refused.

    It is refused on ``.base`` too. What no buffer can hold (text, objects) is copied.
    """
    if _is_sealed(array):
        return array
    if array.dtype.kind in "mM":  # no buffer of dates, but one of their numbers
        return seal(array.view(np.int64)).view(array.dtype)
    try:
        return np.asarray(memoryview(array).toreadonly())  # type: ignore[arg-type]  # it is a buffer
    except ValueError:
        twin = array.copy()
        twin.flags.writeable = False
        return twin


def _is_sealed(array: Array) -> bool:
    """Whether it stands on a buffer that is read-only itself, such as a mapped file's."""
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    if array.flags.writeable or root.flags.writeable or root.base is None:
        return False
    try:
        return memoryview(root.base).readonly
    except TypeError:
        return False


def seal_all(value: Any) -> Any:
    """The value with sealed twins for its arrays and copies of its frames, all the way down."""
    if isinstance(value, np.ndarray):
        return seal(value)
    if isinstance(value, (pd.DataFrame, pd.Series, pd.Index)):
        return value.copy(deep=True)  # their `.values` would lead to the memory of the original
    if isinstance(value, Mapping):
        return {key: seal_all(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [seal_all(item) for item in value]
        return value._make(items) if hasattr(value, "_make") else tuple(items)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        twin = copy.copy(value)
        for name, item in vars(value).items():  # fields, and what is cached beside them
            object.__setattr__(twin, name, seal_all(item))
        return twin
    return value


def sums(value: Any, path: str = "") -> dict[str, bytes]:
    """A sum of the bits of each array inside a value, by its place, such as ``fields.close``."""
    return {place: _sum(array) for place, array in _arrays(value, path)}


def _arrays(value: Any, path: str) -> Iterator[tuple[str, Array]]:
    if isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, pd.DataFrame):
        for column in value.columns:
            yield from _arrays(value[column], f"{path}.{column}")
    elif isinstance(value, pd.Series) and isinstance(value.dtype, pd.CategoricalDtype):
        yield path, np.asarray(value.cat.codes)
    elif isinstance(value, pd.Series) and value.dtype.kind in "fiub":
        yield path, value.to_numpy()
    elif isinstance(value, (pd.Series, pd.Index)):
        yield path, pd.util.hash_pandas_object(value, index=False).to_numpy()
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        known = {name: item for name, item in vars(value).items() if not name.startswith("_")}
        yield from _arrays(known, path)
    elif isinstance(value, (Mapping, list, tuple)):
        items = value if isinstance(value, Mapping) else dict(enumerate(value))
        for name, item in items.items():
            yield from _arrays(item, f"{path}.{name}" if path else str(name))


def _sum(array: Array) -> bytes:
    """Sums of the bits by row and by column, at the speed of memory; a hash of what is odd."""
    if array.dtype.kind in "fiumMb" and array.dtype.itemsize in (1, 8) and array.ndim == 2:
        bits = array.view(f"u{array.dtype.itemsize}")
        return bytes(bits.sum(axis=1, dtype=np.uint64)) + bytes(bits.sum(axis=0, dtype=np.uint64))
    if array.dtype.kind in "OSU":
        return hashlib.sha256(repr(array.tolist()).encode()).digest()
    return hashlib.sha256(array.tobytes()).digest()
