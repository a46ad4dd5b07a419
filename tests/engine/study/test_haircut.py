"""Haircut Sharpe ratios: those of p-values that statsmodels adjusts, and the paper's example."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from engine.core.errors import DataError
from engine.study import cut_sharpe

NAN = float("nan")


def p_value(annual: float, n: int, year: float) -> float:
    return float(2.0 * stats.t.sf(abs(annual) * math.sqrt(n / year), n - 1))


@pytest.mark.parametrize("at", [0, 2, 3, 5])
def test_haircuts_are_the_ratios_of_adjusted_p_values(at):
    """statsmodels adjusts; `cut_sharpe` inverts."""
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    sharpes = np.array([0.75, -0.4, 0.9, 0.62, NAN, 1.4])
    lengths = np.array([240, 240, 120, 240, 240, 96])
    known = np.isfinite(sharpes)
    p = [p_value(s, n, 12.0) for s, n in zip(sharpes[known], lengths[known], strict=True)]
    made = cut_sharpe(sharpes, lengths, at, 12.0)
    place = at - (at > 4)
    for method, cut in (
        ("bonferroni", made.bonferroni),
        ("holm", made.holm),
        ("fdr_by", made.bhy),
    ):
        adjusted = multipletests(p, method=method)[1][place]
        if adjusted < 1.0:
            assert p_value(cut, int(lengths[at]), 12.0) == pytest.approx(adjusted, rel=1e-9)
        else:
            assert cut == 0.0
        assert abs(cut) <= sharpes[at]


def test_the_papers_ratio_after_200_tests():
    """Harvey & Liu (2015): 0.75 a year over 20 years of months, p = 0.0008, is cut by 60 %."""
    sharpes, lengths = np.array([0.75] + [0.0] * 199), np.full(200, 240)
    made = cut_sharpe(sharpes, lengths, 0, 12.0)
    assert p_value(0.75, 240, 12.0) == pytest.approx(0.0009, abs=1e-4)
    assert made.bonferroni == pytest.approx(0.30, abs=0.02)
    assert made.holm == made.bonferroni
    assert made.bhy < 0.05


def test_one_trial_is_not_cut_and_a_loss_stays_one():
    made = cut_sharpe(np.array([-0.9]), np.array([500]), 0, 252.0)
    assert (made.bonferroni, made.holm, made.bhy) == pytest.approx((-0.9, -0.9, -0.9), rel=1e-9)


def test_a_trial_without_a_ratio_is_not_judged():
    with pytest.raises(DataError, match="trial 1 has no Sharpe ratio"):
        cut_sharpe(np.array([0.5, NAN]), np.array([500, 500]), 1, 252.0)


def test_a_ratio_whose_chance_is_too_small_for_a_number_is_kept():
    made = cut_sharpe(np.array([20.0, 0.1]), np.array([5000, 5000]), 0, 252.0)
    assert (made.bonferroni, made.holm, made.bhy) == (20.0, 20.0, 20.0)
