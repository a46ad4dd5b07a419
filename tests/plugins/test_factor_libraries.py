"""The published libraries of conf/factors: all there, all computable, none ahead of its time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from builders import CONF
from numpy.testing import assert_allclose, assert_array_equal
from omegaconf import OmegaConf

from engine import Formula, Panel, parse
from engine.core.universe import Universe
from engine.expr import executor
from engine.expr.facts import lookback, to_text
from engine.expr.formula import trees
from engine.pipeline.settings import factor_set
from engine.plugin.registry import installed

HOME = CONF / "factors"
LIBRARIES = ("alpha101", "alpha158", "alpha360")
SETS = {name: factor_set(OmegaConf.load(HOME / f"{name}.yaml"), installed()) for name in LIBRARIES}
EACH = pytest.mark.parametrize("library", LIBRARIES)


@pytest.fixture(scope="module")
def market() -> Panel:
    """A simulated market: 40 symbols in sectors, listings and delistings, without caps."""
    node = OmegaConf.create({"name": "simulated", "n_days": 420, "n_symbols": 40, "seed": 3})
    source, universe = installed().build("source", node, "source"), Universe()
    frame = source.load(universe)
    sectors = frame.drop_duplicates("symbol").set_index("symbol")["sector"].astype(str)
    panel = Panel.from_long(frame)
    return Panel(
        panel.dates,
        panel.symbols,
        panel.fields,
        {"sector": tuple(sectors[s] for s in panel.symbols)},
    )


@pytest.fixture(scope="module")
def values(market) -> dict[str, dict[str, np.ndarray]]:
    return {name: _values(name, market) for name in LIBRARIES}


def _values(library: str, panel: Panel) -> dict[str, np.ndarray]:
    return executor.evaluate(trees(SETS[library], panel), panel)


@EACH
def test_every_factor_is_there(library):
    windows = (5, 10, 20, 30, 60)
    rolling = (
        "ROC MA STD BETA RSQR RESI MAX MIN QTLU QTLD RANK RSV IMAX IMIN IMXD CORR CORD CNTP CNTN "
        "CNTD SUMP SUMN SUMD VMA VSTD WVMA VSUMP VSUMN VSUMD"
    )
    bars = "KMID KLEN KMID2 KUP KUP2 KLOW KLOW2 KSFT KSFT2 OPEN0 HIGH0 LOW0 VWAP0"
    fields = ("CLOSE", "OPEN", "HIGH", "LOW", "VWAP", "VOLUME")
    names = {
        "alpha101": [f"alpha{i:03d}" for i in range(1, 102)],
        "alpha158": [*bars.split(), *(f"{n}{d}" for n in rolling.split() for d in windows)],
        "alpha360": [f"{n}{d}" for n in fields for d in range(59, -1, -1)],
    }
    assert list(SETS[library]) == names[library]
    assert all(isinstance(factor, Formula) for factor in SETS[library].values())


@EACH
def test_a_set_starts_with_its_command_and_names_its_paper(library):
    first, second, *_ = (HOME / f"{library}.yaml").read_text("utf-8").split("\n")
    assert first == f"# engine run +bundle=ai_tech_ml_alpha factors={library}"
    assert "(2016)" in second or "2020" in second


@EACH
def test_no_window_is_longer_than_a_year_or_so(library):
    most = {"alpha101": 252, "alpha158": 61, "alpha360": 60}[library]
    known = [lookback(parse(factor.formula)) for factor in SETS[library].values()]
    assert max(rows for rows in known if rows is not None) <= most


@EACH
def test_values_are_finite_or_missing_and_tell_symbols_apart(library, values, market):
    for name, array in values[library].items():
        assert not np.isinf(array).any(), name
        last = array[-1][market.present[-1]]
        if name == "alpha056":  # it needs market capitalisations
            assert np.isnan(array).all()
        elif name not in {"CLOSE0", "alpha021", "alpha027"}:
            assert np.isfinite(last).mean() > 0.3, name
            assert len(np.unique(np.round(array[300:], 12))) > 1, name


@EACH
def test_a_factor_does_not_look_ahead(library, values, market):
    cut = _values(library, market.cut(330))
    for name, array in values[library].items():
        assert_array_equal(cut[name], array[:330], err_msg=name)


def test_only_alphas_that_need_more_than_bars_may_do_without():
    for name, factor in SETS["alpha101"].items():
        needs = "IndClass" in factor.formula or "cap" in factor.formula
        assert (factor.missing == "warn") == needs, name


def test_market_caps_are_used_where_they_are(market):
    wealthy = market.with_fields({"cap": market["close"] * 1e6})
    made = Formula(formula=SETS["alpha101"]["alpha056"].formula).compute(wealthy)
    assert np.isfinite(made[-1][market.present[-1]]).mean() > 0.9


def test_windows_of_the_paper_are_floored():
    text = to_text(parse(SETS["alpha101"]["alpha061"].formula))
    assert "ts_min(vwap, 16)" in text
    assert "correlation(vwap, adv180, 17)" in text


def test_alphas_by_hand():
    """Three days of two symbols."""
    days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    made = {
        "open": [[10, 20], [11, 21], [12, 19]],
        "high": [[12, 22], [13, 22], [13, 20]],
        "low": [[9, 19], [10, 20], [11, 17]],
        "close": [[11, 21], [12, 20], [11, 18]],
        "volume": [[5, 5], [6, 4], [7, 4]],
    }
    small = Panel(days, ("A", "B"), {n: np.array(a, float) for n, a in made.items()})
    got = {n: SETS["alpha101"][n].compute(small)[-1] for n in ("alpha012", "alpha033", "alpha101")}
    assert_allclose(got["alpha012"], [1.0, 0.0])
    assert_allclose(got["alpha033"], [1.0, 0.5])  # -(1 - open/close) is .0909 and .0556
    assert_allclose(got["alpha101"], [-1 / 2.001, -1 / 3.001])
