"""What a signal knew is worked out once for the same arrays, and anew for any other."""

from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.bars import USUAL, outcomes
from engine.core.panel import Panel
from engine.study import Evidence, kept, work_out
from engine.study.statistics import STATISTICS

T, N = 60, 6
KNOWN = {"ic", "quantiles", "regime_quantiles", "decay", "correlations", "persistence", "coverage",
         "quantile_returns", "calibration", "slopes"}  # fmt: skip


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    monkeypatch.setattr(kept, "_kept", OrderedDict())


def evidence(**changed):
    rng = np.random.default_rng(5)
    panel = Panel(
        dates=pd.bdate_range("2020-01-01", periods=T, tz="UTC"),
        symbols=tuple("ABCDEF"),
        fields={"close": np.exp(rng.normal(0.0, 0.02, (T, N)).cumsum(axis=0)),
                "volume": np.full((T, N), 1e6)},
    )  # fmt: skip
    score, outcome, traded = rng.normal(size=(3, T, N))
    regimes = np.full((T, 1), 1.0)
    made = {
        "panel": panel, "score": score, "forecasts": {}, "factors": {"value": score**2},
        "outcome": outcome, "target": outcome, "horizon": 1,
        "forward": lambda days: outcome / days, "forward_by": "a label", "regimes": regimes,
        "states": ("calm",), "realised": traded, "targets": traded, "traded": np.abs(traded),
        "ended": outcomes(panel, USUAL),
    }  # fmt: skip
    return Evidence(**{**made, **changed})


def tables(of):
    return {name: frame for name, frame, _ in work_out(of)}


def test_tables_of_a_signal_are_kept_and_those_of_an_account_are_not():
    first, again = tables(evidence()), tables(evidence())
    assert {name for name in first if again[name] is first[name]} == KNOWN
    for name, frame in first.items():
        pd.testing.assert_frame_equal(again[name], frame, check_exact=True)


def test_another_account_has_the_tables_of_its_signal():
    other = np.zeros((T, N))
    other[3:, :2] = 0.5
    first, second = tables(evidence()), tables(evidence(realised=other, traded=other))
    assert all(second[name] is first[name] for name in KNOWN)
    assert not second["positions"].equals(first["positions"])
    fresh = tables(evidence(realised=other, traded=other, forward_by=""))
    for name, frame in fresh.items():
        pd.testing.assert_frame_equal(second[name], frame, check_exact=True)


def changes():
    base = evidence()
    touched = base.score.copy()
    touched[7, 3] = np.nextafter(touched[7, 3], np.inf)
    close = {**base.panel.fields, "close": base.panel["close"] * 2.0}
    return {
        "score": {"score": touched},
        "a factor": {"factors": {"value": touched}},
        "a factor's name": {"factors": {"worth": base.factors["value"]}},
        "a factor that is a forecast": {"factors": {}, "forecasts": base.factors},
        "outcome": {"outcome": touched},
        "target": {"target": touched},
        "horizon": {"horizon": 2},
        "label": {"forward_by": "another"},
        "regimes": {"regimes": base.regimes / 2.0},
        "states": {"states": ("wild",)},
        "panel": {"panel": replace(base.panel, fields=close)},
        "rows a year": {"panel": replace(base.panel, periods_per_year=12.0)},
        "quorum": {"panel": replace(base.panel, quorum=0.9)},
    }


@pytest.mark.parametrize("what", changes())
def test_whatever_else_changes_is_worked_out_anew(what):
    first, second = evidence(), evidence(**changes()[what])
    assert first.key
    assert first.key != second.key
    assert second.studies is not first.studies


def test_nothing_is_kept_without_a_name_for_the_label_or_of_large_panels(monkeypatch):
    assert evidence(forward_by="").key == ""
    assert tables(evidence(forward_by=""))["ic"] is not tables(evidence(forward_by=""))["ic"]
    monkeypatch.setattr("engine.study.statistics.LARGEST", 2 * T - 1)
    assert evidence().key == ""


def test_only_so_many_results_are_kept(monkeypatch):
    monkeypatch.setattr(kept, "MOST", 3)
    for number in range(5):
        kept.recall(str(number), "what", lambda number=number: number)
    assert [place[0] for place in kept._kept] == ["2", "3", "4"]
    kept.recall("2", "what", lambda: None)
    kept.recall("5", "what", lambda: 5)
    assert [place[0] for place in kept._kept] == ["4", "2", "5"]


def test_each_statistic_of_an_account_says_so():
    """A row whose parameters hold nothing of the account must not depend on it."""
    own = {row.work.__name__ for row in STATISTICS if {*row.needs} & {"realised", "traded"}}
    assert own == {"positions", "_capacity"}
