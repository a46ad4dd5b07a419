"""Formulas on a few dates at a time: the bytes are those of all dates at once."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import CONF
from omegaconf import OmegaConf

from engine.core.errors import DataError
from engine.core.panel import FloatArray, Panel
from engine.expr.executor import evaluate
from engine.expr.formula import Formula, trees
from engine.expr.pieces import STRIP, evaluate_pieces, make_plan
from engine.expr.spanning import spans
from engine.pipeline.settings import factor_set
from engine.plugin.registry import installed

SETS = sorted((CONF / "factors").glob("*.yaml"))


def bars(days: int = 300, symbols: int = 12) -> Panel:
    """A market with a late listing, a delisting, suspensions, and members that come and go."""
    random = np.random.default_rng(3)
    close = 40.0 * np.exp(np.cumsum(0.02 * random.normal(size=(days, symbols)), axis=0))
    spread = 1.0 + 0.01 * random.random((days, symbols))
    fields = {
        "open": close * (1.0 + 0.005 * random.normal(size=close.shape)),
        "high": close * spread,
        "low": close / spread,
        "close": close,
        "volume": np.round(np.exp(random.normal(12.0, 1.0, close.shape))),
        "vwap": close * (1.0 + 0.002 * random.normal(size=close.shape)),
        "cap": close * 1e6,
    }
    fields["volume"][random.random(close.shape) < 0.05] = 0.0
    none = np.zeros(close.shape, bool)
    none[:80, 0] = none[200:, 1] = none[100:190, 2] = True
    none |= random.random(close.shape) < 0.02
    for array in fields.values():
        array[none] = np.nan
    labels = tuple("ab"[i % 2] for i in range(symbols))
    member = np.ones(close.shape, bool)
    member[120:160, 3] = False
    return Panel(
        dates=pd.date_range("2020-01-01", periods=days, tz="UTC"),
        symbols=tuple(f"S{i:03}" for i in range(symbols)),
        fields=fields,
        groups={"sector": labels, "industry": labels, "subindustry": labels},
        member=member,
    )


PANEL = bars()


def joined(pieces: list[dict[str, FloatArray]]) -> dict[str, bytes]:
    return {name: np.concatenate([p[name] for p in pieces]).tobytes() for name in pieces[0]}


def same_in_pieces(formulas: dict[str, str], rows: int, panel: Panel = PANEL) -> None:
    whole = {name: array.tobytes() for name, array in evaluate(formulas, panel).items()}
    made = joined([values for _, values in evaluate_pieces(formulas, panel, rows, threads=1)])
    assert [name for name in whole if whole[name] != made[name]] == []
    assert list(made) == list(whole)


@pytest.mark.parametrize("rows", [1, 37, 300])
def test_a_holiday_of_most_is_the_same_in_pieces(rows: int) -> None:
    """Nine of twelve names rest on every seventh date: the market's next return spans it."""
    fields = {name: array.copy() for name, array in PANEL.fields.items()}
    for array in fields.values():
        array[::7, 3:] = np.nan
    panel = replace(PANEL, fields=fields)
    assert 30 < (~panel.full).sum() < 50
    same_in_pieces({"m": "market", "beta": "beta(returns, market, 20)"}, rows, panel)


@pytest.mark.parametrize("path", SETS, ids=lambda p: p.stem)
def test_every_factor_set_is_the_same_in_pieces(path: Path) -> None:
    factors = factor_set(OmegaConf.load(path), installed())
    formulas = trees({n: f for n, f in factors.items() if isinstance(f, Formula)}, PANEL)
    assert formulas
    same_in_pieces(formulas, 37)


@pytest.mark.parametrize(
    "formula",
    [
        "returns",
        "market",
        "returns - delay(market, 3)",
        "ema(close, 5)",
        "rank(ema(returns, 3)) + ts_mean(ema(ts_mean(volume, 4), 9), 6)",
        "EMA($close, 12) - EMA($close, 26)",
        "Mean($close, 0)",
        "adv20 / volume",
        "ts_idxmax(close, 50) + slope(close, 30)",
        "7",
        "close",
    ],
)
@pytest.mark.parametrize("rows", [1, 45, 299, 300, 1000])
def test_what_reaches_back_without_end_is_exact_too(formula: str, rows: int) -> None:
    if rows == 1:
        same_in_pieces({"x": formula}, rows, PANEL.between(60, 110))
    else:
        same_in_pieces({"x": formula}, rows)


def test_a_later_start_gives_the_last_rows() -> None:
    whole = evaluate({"x": "ts_mean(returns, 20)"}, PANEL)["x"]
    made = {
        span.start: values["x"]
        for span, values in evaluate_pieces({"x": "ts_mean(returns, 20)"}, PANEL, 20, start=250)
    }
    assert list(made) == [250, 270, 290]
    assert np.concatenate(list(made.values())).tobytes() == whole[250:].tobytes()


def test_a_piece_reads_its_lookback_and_no_more() -> None:
    with make_plan({"x": "ts_mean(delay(close, 5), 20)", "y": "rank(returns)"}, PANEL) as plan:
        assert plan.lookback == 24
        assert plan.whole == ()
        folder = next(iter(plan.files.values())).parent
        assert folder.is_dir()
    assert not folder.exists()


def test_what_was_computed_over_all_dates_is_told() -> None:
    with make_plan({"x": "rank(ema(close, 5)) + ts_sum(ema(close, 5), 3)"}, PANEL) as plan:
        assert plan.whole == ("ema(close, 5)",)
        assert plan.lookback == 2


def test_a_mistake_bears_the_name_of_its_formula() -> None:
    with pytest.raises(DataError, match="factor 'x': the bars have no field 'eps'"):
        list(evaluate_pieces({"x": "ema(eps, 3)"}, PANEL, 10))


def test_a_price_of_nothing_makes_no_infinite_market() -> None:
    close = np.array([[1.0, 2.0], [0.0, 2.0], [3.0, 2.0], [3.0, 3.0]])
    panel = Panel(pd.date_range("2020-01-01", periods=4, tz="UTC"), ("A", "B"), {"close": close})
    assert not np.isinf(evaluate({"x": "market"}, panel)["x"]).any()
    same_in_pieces({"x": "market", "y": "returns < 1"}, 1, panel)


def test_there_is_one_nan_wherever_it_is_made() -> None:
    """Else its sign would tell where in a processor's vector it was."""
    close = np.full((33, 7), 4.0)
    panel = Panel(
        pd.date_range("2020-01-01", periods=33, tz="UTC"), tuple("ABCDEFG"), {"close": close}
    )
    made = evaluate({"x": "(close - 4) / (4 - close) + log(-close)"}, panel)["x"]
    assert np.isnan(made).all()
    assert set(made.view(np.uint64).ravel()) == {np.array(np.nan).view(np.uint64)[()]}


def test_memory_is_that_of_a_piece() -> None:
    panel = bars(days=1500, symbols=300)
    formulas = {f"x{d}": f"rank(ts_mean(close * volume, {d})) - returns" for d in range(2, 22)}
    peaks = {}
    for rows in (1500, 60):
        tracemalloc.start()
        with make_plan(formulas, panel, 1) as plan:
            for span in spans(0, 1500, rows):
                values = dict(plan.each(span, 1))
                assert len(values) == 20
                del values
        peaks[rows] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    made_on = 4 * STRIP  # what returns are made of, before
    assert peaks[60] < max(1.5 * plan.bytes(60), made_on) < peaks[1500] < 1.2 * plan.bytes(1500)


def test_rows_are_as_many_as_fit() -> None:
    with make_plan({"x": "ts_mean(close, 20)"}, PANEL) as plan:
        rows = plan.rows(plan.bytes(50))
        assert rows == 50
        assert plan.rows(plan.bytes(1) - 1) == 0
        assert plan.rows(1e12) == 300
    assert [(s.start, s.stop) for s in spans(5, 12, 3)] == [(5, 8), (8, 11), (11, 12)]
