"""What was worked out, kept: runs that differ in portfolio and costs alone share what signals knew.

What score, forecasts and factors knew does not depend on the account. It is worked out once a
process for the same arrays, whose content is the key, and kept for the last few of them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any, TypeVar

import numpy as np

from engine.core.panel import FloatArray

T = TypeVar("T")
MOST = 16  # results: of three signals or so
LARGEST = 2**18  # dates × names that were studied: what is larger is not kept
_kept: OrderedDict[tuple[str, object], Any] = OrderedDict()


def find_key(words: object, arrays: Iterable[FloatArray]) -> str:
    """What tells apart the inputs of a result: the text of `words`, and arrays to the bit."""
    digest = blake2b(repr(words).encode(), digest_size=32)
    for array in arrays:
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def recall(key: str, what: object, work: Callable[[], T]) -> T:
    """The result of `work`, which is `what`, of the inputs that have this key; "" keeps nothing."""
    if not key:
        return work()
    place = key, what
    if place not in _kept:
        _kept[place] = work()
    _kept.move_to_end(place)
    while len(_kept) > MOST:
        _kept.popitem(last=False)
    made: T = _kept[place]
    return made
