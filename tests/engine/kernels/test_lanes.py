"""Vectors of series: what numba makes of them, against numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders import NAN
from numba import njit

from engine.expr import merging
from engine.kernels.lanes import (
    LANES,
    TILES,
    WIDE,
    are_known,
    at_least,
    every,
    fill,
    floor,
    fma,
    load,
    pack,
    pick,
    pluck,
    root,
    size,
    store,
    unpack,
)
from engine.kernels.sources import digest


@njit
def _worked(x, y, out):
    a, b = load(x, 0), load(y, 0)
    answers = (
        a + b,
        a - 2.0,
        3.0 * b,
        1.0 / b,
        pick(a < b, a, b),
        pick((a >= b) & (b > 0.0), a, -1.0),
        pick(are_known(a, b), 1.0, 0.0),
        root(size(a)),
        floor(a),
        fma(a, b, fill(0.5)),
        at_least(a, 0.25),
    )
    for i in range(len(answers)):
        store(out, i * LANES, answers[i])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_arithmetic_is_numpys(dtype):
    random = np.random.default_rng(1)
    x, y = random.normal(size=(2, LANES)).astype(dtype)
    x[3] = y[5] = NAN
    y[7] = x[7]
    out = np.empty(11 * LANES)
    _worked(x, y, out)
    x, y = x.astype(float), y.astype(float)
    expected = (
        x + y,
        x - 2.0,
        3.0 * y,
        1.0 / y,
        np.where(x < y, x, y),
        np.where((x >= y) & (y > 0.0), x, -1.0),
        np.where(np.isnan(x) | np.isnan(y), 0.0, 1.0),
        np.sqrt(np.abs(x)),
        np.floor(x),
        x * y + 0.5,
        np.where(x > 0.25, x, 0.25),
    )
    np.testing.assert_allclose(out.reshape(11, LANES), expected, rtol=1e-15)


@njit
def _all_below(x, limit):
    return every(load(x, 0) < limit)


def test_every_lane_counts():
    x = np.zeros(LANES)
    assert _all_below(x, 1.0)
    x[-1] = NAN
    assert not _all_below(x, 1.0)


@njit
def _plucked(x, rows, out):
    store(out, 0, pluck(x, load(rows, 0)))


def test_each_lane_is_plucked_from_its_own_row():
    x, rows, out = np.arange(4.0 * LANES), np.arange(LANES) % 4.0, np.empty(LANES)
    _plucked(x, rows, out)
    assert out.tolist() == [row * LANES + lane for lane, row in enumerate(rows)]


@pytest.mark.parametrize("columns", [1, LANES, LANES + 1, WIDE, WIDE + 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_was_packed_is_unpacked(columns, dtype):
    x = np.random.default_rng(2).normal(size=(6, columns)).astype(dtype)
    out, tiles = np.zeros((6, columns), dtype), np.full((TILES, 8 * LANES), 7.0)
    for left in range(0, columns, WIDE):
        pack(x, -2, left, tiles)
        assert np.isnan(tiles[0, : 2 * LANES]).all()  # before the first row
        used = columns - left
        if used < LANES:
            assert not tiles[0].reshape(8, LANES)[2:, used:].any()  # they lack nothing
        unpack(tiles[:, 2 * LANES :].copy(), left, out)
    np.testing.assert_array_equal(out, x)


def test_a_kernel_is_compiled_anew_when_what_it_is_built_on_changes():
    made_of = digest(Path(merging.__file__))
    assert made_of in merging.sums._cache._cache_file._source_stamp
