"""Blocks of rows, and who works on them."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from engine.kernels.threads import blocks_of, share


def test_blocks_cover_each_row_once():
    blocks = blocks_of(1_000, 500)
    assert [(b.start, b.stop) for b in blocks[:2]] == [(0, 131), (131, 262)]
    assert blocks[-1] == slice(917, 1_000)
    assert blocks_of(0, 500) == []
    assert blocks_of(3, 0) == [slice(0, 3)]


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_every_block_is_done_once(threads):
    done = np.zeros(100, int)

    def work(rows: slice) -> None:
        done[rows] += 1

    share([slice(i, i + 1) for i in range(100)], work, threads)
    assert (done == 1).all()


def test_an_error_of_any_thread_reaches_the_caller():
    here = threading.current_thread()
    started = threading.Event()

    def fail(rows: slice) -> None:
        if threading.current_thread() is here:
            started.wait(10.0)
        else:
            started.set()
            raise ValueError("of a helper")

    with pytest.raises(ValueError, match="of a helper"):
        share([slice(0, 1), slice(1, 2)], fail, 2)
