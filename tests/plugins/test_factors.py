"""Factors: columns of files, and every formula of our own sets on random and on tiny panels."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import CONF, NAN, panel_of
from numpy.testing import assert_allclose, assert_array_equal
from omegaconf import OmegaConf

from engine import ConfigError, DataError, Factor, FloatArray, Formula, Panel, evaluate, parse
from engine.expr.facts import fields
from engine.plugins import factors
from engine.plugins.factors.file import FileFactor

SETS = {
    path.stem: OmegaConf.to_container(OmegaConf.load(path))
    for path in CONF.glob("factors/core_*.yaml")
}
FACTORS = [(group, name) for group, made in SETS.items() for name in made]
ALL = pytest.mark.parametrize(("group", "name"), FACTORS)


def bars(days: int = 300, symbols: int = 5, seed: int = 1) -> Panel:
    random = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(0.02 * random.normal(size=(days, symbols)), axis=0))
    wide = 1.0 + 0.01 * random.random(close.shape)
    return panel_of(
        close,
        start="2023-01-02",
        open=close * random.uniform(0.99, 1.01, close.shape),
        high=close * wide * 1.01,
        low=close / wide / 1.01,
        volume=np.exp(random.normal(12.0, 0.5, close.shape)),
    )


def value(name: str, on: Panel) -> FloatArray:
    """The factor of core_ta_price, shape (T, N)."""
    return Formula(formula=SETS["core_ta_price"][name]["formula"]).compute(on)


# --- formulas ---------------------------------------------------------------------------


@ALL
def test_a_factor_says_what_it_is(group, name):
    entry = SETS[group][name]
    assert set(entry) == {"name", "formula", "about", "source"}
    assert entry["name"] == "formula"
    assert not entry["about"].endswith(".")
    assert any(year in entry["source"] for year in map(str, range(1980, 2027)))


@ALL
def test_a_factor_reads_a_bounded_past(group, name):
    """Or, by returns and market, back to the last bar before a suspension."""
    formula = SETS[group][name]["formula"]
    rows = Formula(formula=formula).lookback
    if rows is None:
        assert fields(parse(formula)) & {"returns", "market"}
    else:
        assert rows <= 252


@ALL
def test_a_factor_has_values_where_its_history_is_there(group, name):
    got = Formula(formula=SETS[group][name]["formula"]).compute(bars())
    assert not np.isinf(got).any()
    assert np.isfinite(got[-1]).all()
    assert np.ptp(got[-1]) > 0.0  # it tells symbols apart


@ALL
def test_a_factor_does_not_look_ahead(group, name):
    factor, whole = Formula(formula=SETS[group][name]["formula"]), bars(days=270)
    assert_array_equal(factor.compute(whole.cut(260)), factor.compute(whole)[:260])


def test_core_price_only_is_what_needs_no_more_than_closes():
    closes = {"close", "returns", "market"}
    every = SETS["core_ta_price"]
    chosen = {n: e for n, e in every.items() if fields(parse(e["formula"])) <= closes}
    assert SETS["core_price_only"] == chosen
    bare = Panel(bars().dates, bars().symbols, {"close": bars()["close"]})
    evaluate({name: entry["formula"] for name, entry in chosen.items()}, bare)


def test_returns_12m_is_the_change_over_252_rows():
    close = np.arange(1.0, 261.0)[:, None]
    days = pd.date_range("2023-01-02", periods=260, freq="B", tz="UTC")
    got = value("returns_12m", Panel(days, ("A",), {"close": close}))[:, 0]
    assert np.isnan(got[:252]).all()
    assert_allclose(got[[252, 259]], [253 / 1 - 1, 260 / 8 - 1], rtol=1e-15)


def test_momentum_leaves_out_the_last_month():
    close = bars()["close"]
    assert_allclose(value("returns_12m_1m", bars())[-1], close[-22] / close[-253] - 1.0, rtol=1e-12)


def test_rv_20_is_the_annualised_deviation_of_20_returns():
    returns = bars()["close"][1:] / bars()["close"][:-1] - 1.0
    expected = returns[-20:].std(axis=0, ddof=1) * np.sqrt(252)
    assert_allclose(value("rv_20", bars())[-1], expected, rtol=1e-10)


def test_downside_vol_60_counts_gains_as_zero():
    returns = bars()["close"][1:] / bars()["close"][:-1] - 1.0
    expected = np.sqrt((np.minimum(returns[-60:], 0.0) ** 2).mean(axis=0) * 252)
    assert_allclose(value("downside_vol_60", bars())[-1], expected, rtol=1e-10)


def test_beta_252_and_idio_vol_60_are_a_regression_on_the_market():
    returns = bars()["close"][1:] / bars()["close"][:-1] - 1.0
    market = returns.mean(axis=1)
    slopes = [np.polyfit(market[-252:], returns[-252:, j], 1)[0] for j in range(5)]
    assert_allclose(value("beta_252", bars())[-1], slopes, rtol=1e-9)
    left = []
    for j in range(5):
        line = np.polyfit(market[-60:], returns[-60:, j], 1)
        rest = returns[-60:, j] - np.polyval(line, market[-60:])
        left.append(np.sqrt((rest**2).sum() / 58 * 252))
    assert_allclose(value("idio_vol_60", bars())[-1], left, rtol=1e-9)


def test_amihud_20_is_return_per_million_traded():
    close, volume = bars()["close"], bars()["volume"]
    each = np.abs(close[1:] / close[:-1] - 1.0) / (close * volume)[1:]
    assert_allclose(value("amihud_20", bars())[-1], each[-20:].mean(axis=0) * 1e6, rtol=1e-10)


def test_amihud_20_skips_days_without_trade():
    days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    made = {"close": [[10.0], [11.0], [11.0]], "volume": [[5.0], [2.0], [0.0]]}
    small = Panel(days, ("A",), {n: np.array(a) for n, a in made.items()})
    assert_allclose(value("amihud_20", small), [[NAN], [0.1 / 22 * 1e6], [0.1 / 22 * 1e6]])


def test_distance_52w_high_is_zero_at_the_high():
    days = pd.date_range("2024-01-01", periods=4, tz="UTC")
    small = Panel(days, ("A",), {"close": np.array([[8.0], [10.0], [5.0], [12.0]])})
    assert_array_equal(value("distance_52w_high", small), [[0.0], [0.0], [-0.5], [0.0]])


def test_slope_60_of_steady_growth_is_its_rate_per_year():
    close = 100.0 * np.exp(0.001 * np.arange(80.0))[:, None]
    for freq, rate in (("B", 0.252), ("D", 0.365), ("W", 0.052), ("ME", 0.012)):
        days = pd.date_range("2024-01-01", periods=80, freq=freq, tz="UTC")
        assert_allclose(value("slope_60", Panel(days, ("A",), {"close": close}))[-1], rate)


def test_up_days_20_is_a_share_of_known_days():
    days = pd.date_range("2024-01-01", periods=5, tz="UTC")
    close = np.array([[1.0], [2.0], [NAN], [3.0], [2.0]])
    got = value("up_days_20", Panel(days, ("A",), {"close": close}))[:, 0]
    assert_allclose(got, [NAN, 1.0, 1.0, 1.0, 2 / 3])


# --- file -------------------------------------------------------------------------------


def _write(folder: Path, **columns: object) -> str:
    pd.DataFrame(columns).to_parquet(folder / "old.parquet", index=False)
    return str(folder / "old.parquet")


DAYS = pd.date_range("2024-01-01", periods=3, tz="UTC")
PANEL = Panel(DAYS, ("A", "B"), {"close": np.ones((3, 2))})


def test_a_file_is_laid_on_the_panels_dates_and_symbols(tmp_path):
    """Any order of rows; other dates and symbols are left out; what it lacks is NaN."""
    path = _write(
        tmp_path,
        timestamp=[DAYS[2], DAYS[0], DAYS[1], pd.Timestamp("2030-01-01", tz="UTC"), DAYS[0]],
        symbol=["A", "B", "A", "A", "ZZZ"],
        score=[3.0, 1.0, NAN, 9.0, 9.0],
    )
    factor = FileFactor(path=path, column="score")
    assert_array_equal(factor.compute(PANEL), [[NAN, 1.0], [NAN, NAN], [3.0, NAN]])
    assert factor.lookback == 0


@pytest.mark.parametrize(
    "stamps",
    [
        DAYS.tz_localize(None),
        DAYS.as_unit("ns"),
        DAYS.as_unit("ms"),
        DAYS.tz_convert("US/Eastern"),
        ["2024-01-01", "2024-01-02", "2024-01-03"],
    ],
    ids=["no zone", "ns", "ms", "another zone", "text"],
)
def test_dates_may_be_written_in_other_ways(tmp_path, stamps):
    path = _write(tmp_path, timestamp=stamps, symbol=["A", "A", "B"], score=[1, 2, 3])
    got = FileFactor(path=path, column="score").compute(PANEL)
    assert_array_equal(got, [[1.0, NAN], [2.0, NAN], [NAN, 3.0]])


def test_integers_with_holes_and_categories_are_read(tmp_path):
    score = pd.array([1, None, 3], dtype="Int64")
    path = _write(tmp_path, timestamp=DAYS, symbol=pd.Categorical(["A"] * 3), score=score)
    got = FileFactor(path=path, column="score").compute(PANEL)
    assert_array_equal(got[:, 0], [1.0, NAN, 3.0])


def test_a_runs_own_frame_comes_back(tmp_path):
    given = bars(days=10)
    given.long({"score": given["close"]}).to_parquet(tmp_path / "forecasts.parquet")
    factor = FileFactor(path=str(tmp_path / "forecasts.parquet"), column="score")
    assert_array_equal(factor.compute(given), given["close"])


def _monthly(folder: Path, days: list[str], symbols: list[str]) -> FileFactor:
    stamps = pd.to_datetime(np.repeat(days, len(symbols)))
    score = np.arange(1.0, 1.0 + len(stamps))
    path = _write(folder, timestamp=stamps, symbol=symbols * len(days), score=score)
    return FileFactor(path=path, column="score")


def test_as_of_takes_the_last_row_at_or_before_a_date(tmp_path):
    """Rows of A on Sunday (two), Tuesday and Thursday, of B on Tuesday; Tuesday's of A is NaN."""
    days = pd.date_range("2024-01-01", periods=4, tz="UTC")  # from Monday on
    panel = Panel(days, ("A", "B"), {"close": np.ones((4, 2))})
    path = _write(
        tmp_path,
        timestamp=pd.to_datetime(
            [
                "2024-01-04",
                "2023-12-31 09:00",
                "2023-12-31 08:00",
                "2024-01-02",
                "2024-01-02 12:00",
            ],
            format="ISO8601",
        ),
        symbol=["A", "A", "A", "A", "B"],
        score=[4.0, 2.0, 1.0, NAN, 3.0],
    )
    factor = FileFactor(path=path, column="score", as_of=True)
    expected = [[2.0, NAN], [NAN, NAN], [NAN, 3.0], [4.0, 3.0]]
    assert_array_equal(factor.compute(panel), expected)
    for stop in range(1, 5):  # what comes later changes nothing before
        assert_array_equal(factor.compute(panel.cut(stop)), expected[:stop])
    for start in range(4):  # nor does where the panel begins
        assert_array_equal(factor.compute(panel.between(start, 4)), expected[start:])


def test_as_of_agrees_with_pandas(tmp_path):
    rng = np.random.default_rng(0)
    days = pd.bdate_range("2024-01-01", periods=60, tz="UTC")
    rows = pd.DataFrame(
        {
            "timestamp": rng.choice(pd.date_range("2023-12-20", periods=90, tz="UTC"), 80),
            "symbol": rng.choice(list("ABCX"), 80),
        }
    ).drop_duplicates()
    rows["score"] = rng.normal(size=len(rows))
    rows.to_parquet(tmp_path / "old.parquet")
    got = FileFactor(path=str(tmp_path / "old.parquet"), column="score", as_of=True).compute(
        Panel(days, ("A", "B", "C"), {"close": np.ones((60, 3))})
    )
    for i, symbol in enumerate("ABC"):
        own = rows[rows["symbol"] == symbol].sort_values("timestamp")
        joined = pd.merge_asof(pd.DataFrame({"timestamp": days}), own, on="timestamp")
        assert_array_equal(got[:, i], joined["score"])


@pytest.mark.parametrize(
    ("days", "symbols", "says"),
    [
        (  # month ends among business days: 29 February is one, 31 March none
            ["2024-01-31", "2024-02-29", "2024-03-31"], ["A", "B"],
            "it has rows for 2 of 43 dates of the bars (it has 2024-03-31, they have 2024-01-01) "
            "and 2 of their 2 symbols; as_of: true takes each symbol's last row at or before a "
            "date",
        ),
        (
            ["2024-01-31 16:00", "2024-02-29 16:00"], ["A US", "B"],
            "it has rows for 0 of 21 dates of the bars (it has 2024-01-31 16:00, they have "
            "2024-01-01) and 1 of their 2 symbols (it has A US, they have A); as_of: true takes "
            "each symbol's last row at or before a date",
        ),
        (
            ["2025-01-31"], ["A", "B"],
            "it has rows for 0 of 70 dates of the bars (it has 2025-01-31, they have 2024-01-01) "
            "and 2 of their 2 symbols; as_of: true takes each symbol's last row at or before a "
            "date",
        ),
    ],
)  # fmt: skip
def test_dates_and_symbols_that_hardly_meet_are_told(tmp_path, caplog, days, symbols, says):
    dates = pd.bdate_range("2024-01-01", periods=70, tz="UTC")
    panel = Panel(dates, ("A", "B"), {"close": np.ones((70, 2))})
    factor = _monthly(tmp_path, days, symbols)
    with caplog.at_level(logging.WARNING):
        factor.compute(panel)
    assert caplog.messages == [f"{factor.path}: {says}"]
    assert factor.complaint(panel) == caplog.messages[0]


def test_a_file_that_begins_late_and_knows_more_symbols_is_not_told_of(tmp_path, caplog):
    dates = pd.bdate_range("2024-01-01", periods=70, tz="UTC")
    panel = Panel(dates, ("A", "B"), {"close": np.ones((70, 2))})
    days = [f"{day:%Y-%m-%d}" for day in dates[30:60]]
    with caplog.at_level(logging.WARNING):
        _monthly(tmp_path, days, ["A", "B", "C"]).compute(panel)
    assert caplog.messages == []


@pytest.mark.parametrize("options", [{}, {"path": "x.parquet"}, {"column": "score"}])
def test_path_and_column_must_be_set(options):
    with pytest.raises(ConfigError, match="needs path and column: set both"):
        FileFactor(**options)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.parquet: no such file; set the factor's path"):
        FileFactor(path=str(tmp_path / "gone.parquet"), column="x").compute(PANEL)


def test_what_is_no_parquet_file_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("timestamp,symbol,x\n")
    with pytest.raises(DataError, match=r"a\.csv: not a parquet file"):
        FileFactor(path=str(tmp_path / "a.csv"), column="x").compute(PANEL)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": None}, "no column 'score'; it has timestamp, symbol"),
        ({"symbol": None}, "no column 'symbol'; it has timestamp, score"),
        ({"score": ["a", "b", "c"]}, "column 'score' holds str, not numbers"),
        ({"timestamp": [DAYS[0]] * 3}, r"a \(timestamp, symbol\) pair occurs twice"),
        ({"timestamp": ["soon", "now", "later"]}, "column 'timestamp' holds no dates"),
        ({"timestamp": [20240101, 20240102, 20240103]}, "column 'timestamp' holds no dates"),
    ],
)
def test_a_file_that_does_not_fit_is_named(tmp_path, change, message):
    columns = {"timestamp": DAYS, "symbol": ["A", "A", "A"], "score": [1.0, 2.0, 3.0], **change}
    path = _write(tmp_path, **{n: c for n, c in columns.items() if c is not None})
    with pytest.raises(DataError, match=rf"old\.parquet: {message}"):
        FileFactor(path=path, column="score").compute(PANEL)


def test_the_room_lists_its_plugins():
    listed = factors.register_factors()
    assert [cls.name for cls in listed] == ["file", "formula"]
    assert all(issubclass(cls, Factor) for cls in listed)
