"""Average ranks, against pandas on numbers that are hard to sort by their bits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from engine.ranks import average_ranks

NAN = np.nan


def test_average_ranks_literal():
    ranks = average_ranks(np.array([[30.0, 10.0, NAN, 10.0], [1.0, 1.0, 1.0, 1.0]]))
    assert_array_equal(ranks, [[3.0, 1.5, NAN, 1.5], [2.5, 2.5, 2.5, 2.5]])


def test_shares_lie_between_0_and_1():
    assert_array_equal(
        average_ranks(np.array([[30.0, 10.0, NAN, 10.0]]), share=True), [[1.0, 0.5, NAN, 0.5]]
    )


RANDOM = np.random.default_rng(3)
NORMAL = RANDOM.normal(size=(40, 700))
HARD = {
    "normal": NORMAL,
    "holes": np.where(RANDOM.random(NORMAL.shape) < 0.4, NAN, NORMAL),
    "ties": np.round(NORMAL, 1),
    "zeros of both signs": np.where(RANDOM.random(NORMAL.shape) < 0.5, -0.0, 0.0) * NORMAL,
    "all magnitudes": np.sign(NORMAL) * 10.0 ** RANDOM.uniform(-320, 308, NORMAL.shape),
    "close together": 1.0 + NORMAL * 1e-15,
    "an outlier": np.where(np.arange(700) == 5, 1e300, NORMAL),
    "infinite": np.where(RANDOM.random(NORMAL.shape) < 0.1, np.inf, -NORMAL),
    "sorted backwards": np.sort(NORMAL)[:, ::-1],
    "one column": NORMAL[:, :1],
    "nothing": np.full((3, 4), NAN),
    "no rows": np.empty((0, 4)),
    "no columns": np.empty((4, 0)),
}


@pytest.mark.parametrize("kind", HARD)
def test_average_ranks_agree_with_pandas(kind):
    expected = pd.DataFrame(HARD[kind]).rank(axis=1).to_numpy(float)
    assert_array_equal(average_ranks(HARD[kind]), expected.reshape(HARD[kind].shape))
