"""Rank correlations in parts of a row, against those of each part by itself."""

from __future__ import annotations

import numpy as np
from builders import NAN

from engine.kernels.parts import correlate_parts
from engine.kernels.ranks import average_ranks
from engine.study.ic import RankedOutcome, rank_ic


def test_a_rank_in_a_part_is_among_the_names_of_the_part():
    """By halves of the row, and all but the first; ranks in a half are 1, 2, 3 and 1, 2.5, 2.5."""
    ranks = average_ranks(np.array([[1.0, 5.0, 9.0, 2.0, 6.0, 6.0]]))
    outcome = RankedOutcome.of(np.array([[3.0, 2.0, 1.0, 0.0, 4.0, 4.0]]))
    codes = np.array([[[0, 0, 0, 1, 1, 1], [-1, 2, 2, 2, 2, 2]]], np.int16)
    made = np.empty((1, 4))
    correlate_parts(ranks, outcome.twice, codes, made)
    assert made[0, :2].tolist() == [-1.0, 1.0]
    # 2, 5, 1, 3.5, 3.5 against 3, 2, 1, 4.5, 4.5, and a part that nobody is in
    assert made[0, 2] == 3.5 / 9.5
    assert np.isnan(made[0, 3])


def test_parts_correlate_as_their_cells_do():
    """With ties, and with cells that either lacks, to the last bit."""
    random = np.random.default_rng(1)
    for _ in range(100):
        shape = 5, int(random.integers(1, 60))
        factor, outcome = (
            np.where(random.random(shape) < 0.3, NAN, random.normal(size=shape).round(places))
            for places in random.integers(0, 4, 2)
        )
        codes = np.stack([random.integers(-1, 3, shape), random.integers(3, 7, shape)], axis=1)
        made = np.empty((5, 7))
        twice = RankedOutcome.of(outcome).twice
        correlate_parts(average_ranks(factor), twice, codes.astype(np.int16), made)
        for part in range(7):
            inside = codes[:, int(part > 2)] == part
            alone = rank_ic(np.where(inside, factor, NAN), np.where(inside, outcome, NAN))
            np.testing.assert_array_equal(made[:, part], alone)
