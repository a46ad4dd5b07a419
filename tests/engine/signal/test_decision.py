"""What is a decision: on which rows one is taken, whose values count, and what it leaves alone."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import DAILY, FREE, NAN, panel_of

import engine
from engine.account import simulate
from engine.account.account import Account
from engine.account.options import Backtest
from engine.account.plan import Plan
from engine.account.simulation import decide_all
from engine.bars.delisting import Delisting, outcomes
from engine.expr.executor import evaluate
from engine.factors.sets import spans
from engine.plugins.portfolios import LongOnlyTop, QuantileLongShort
from engine.signal.seasoning import mask_young
from engine.study.market import benchmark


def with_holidays(seed: int, shape: tuple[int, int] = (90, 8)) -> engine.Panel:
    """Suspensions, late listings, ends, and days on which few names trade."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, shape), axis=0))
    missing = rng.random(shape) < 0.05
    missing[rng.random(shape[0]) < 0.15] |= rng.random(shape[1]) < 0.7
    missing[:30, 0] = missing[60:, 1] = missing[20:55, 2] = True
    return panel_of(np.where(missing, NAN, close))


def full_by_hand(panel: engine.Panel, share: float) -> list[bool]:
    """Row by row, with sets of names."""
    trading = [{i for i, here in enumerate(row) if here} for row in panel.present]
    made = []
    for t, today in enumerate(trading):
        lately = set().union(*trading[max(0, t - 20) : t])
        made.append(len(today & lately) >= share * len(lately))
    return made


@pytest.mark.parametrize("share", [0.0, 0.3333, 0.5, 1.0])
def test_a_row_is_full_when_enough_of_those_that_traded_lately_trade(share):
    panel = engine.Panel(**{**vars_of(with_holidays(4)), "quorum": share})
    expected = full_by_hand(panel, share)
    assert panel.full.tolist() == expected
    assert share == 0.0 or not all(expected)
    assert panel.cut(50).full.tolist() == expected[:50]
    assert panel.take([5, 2, 0, 7, 1, 3, 4, 6]).full.tolist() == expected


def vars_of(panel: engine.Panel) -> dict[str, Any]:
    return {"dates": panel.dates, "symbols": panel.symbols, "fields": panel.fields}


# D has a bad print on a holiday of the others: 18 for 10, and back again.
HOLIDAY = [[10, 10, 10, 10], [NAN, NAN, NAN, 18], [11, 11, 11, 10], [11, 11, 11, 10]]


def test_a_holiday_of_most_is_no_day_of_the_market():
    """The mean of one name was +80 %; now the next full row's return spans the holiday."""
    panel = panel_of(HOLIDAY)
    assert panel.full.tolist() == [True, False, True, True]
    np.testing.assert_allclose(panel.market, [NAN, NAN, 0.075, 0.0])
    np.testing.assert_allclose(panel.returns[1:3, 3], [0.8, 10 / 18 - 1])  # what a holder earned
    np.testing.assert_allclose(evaluate({"m": "market"}, panel)["m"][2], 0.075)


def test_the_benchmark_spans_a_holiday_too():
    panel = panel_of(HOLIDAY)
    made = benchmark(panel, outcomes(panel, Delisting()), 0, "close")
    np.testing.assert_allclose(made, [0.0, 0.0, 0.075, 0.0])
    begun = benchmark(panel, outcomes(panel, Delisting()), 1, "close")  # filled on the holiday
    np.testing.assert_allclose(begun, [0.0, 0.0, 0.0, 0.0])


def test_the_benchmark_pays_a_delisting_of_a_holiday_on_the_next_full_row():
    """A ends on row 0 and is paid on row 1, a holiday of B and C: it counts on row 2."""
    close = [[10, 10, 10, 10], [NAN, NAN, NAN, 18], [NAN, 11, 11, 10], [NAN, 11, 11, 10]]
    panel = panel_of(close)
    ended = outcomes(panel, Delisting(after=1, long_return=-0.3))
    made = benchmark(panel, ended, 0, "close")
    np.testing.assert_allclose(made, [0.0, 0.0, (-0.3 + 0.1 + 0.1 + 0.0) / 4, 0.0])


def test_a_month_is_decided_on_at_its_first_full_row():
    """Thursday 2019-12-31 … : 1 January is a holiday of all but A, which would be all there is."""
    close = np.full((4, 3), 10.0)
    close[1, 1:] = NAN
    panel = panel_of(close, start="2019-12-31")
    signal = np.where(panel.present, [3.0, 2.0, 1.0], NAN)
    signal[2:] = [1.0, 2.0, 3.0]
    got = decide_all(LongOnlyTop(top_n=1), signal, panel, np.ones(4))
    np.testing.assert_array_equal(got, [[1.0, 0, 0], [NAN] * 3, [0, 0, 1.0], [NAN] * 3])


@pytest.mark.parametrize(("rebalance", "days"), [("daily", [0, 2, 3, 4]), ("every_n", [0, 3])])
def test_rows_that_are_not_full_do_not_count(rebalance, days):
    close = np.full((5, 3), 10.0)
    close[1, 1:] = NAN
    signal = np.tile([1.0, 2.0, 3.0], (5, 1))
    portfolio = LongOnlyTop(top_n=1, rebalance=rebalance, every=2)
    got = decide_all(portfolio, signal, panel_of(close), np.ones(5))
    assert np.flatnonzero(np.isfinite(got).any(axis=1)).tolist() == days


def test_weights_that_are_given_at_once_are_looked_up_on_all_rows():
    close = np.full((3, 3), 10.0)
    close[1, 1:] = NAN
    weights = np.array([[0.5, 0, 0], [0.2, 0, 0], [NAN, NAN, NAN]])
    account = simulate(weights, panel_of(close), FREE, Backtest())
    np.testing.assert_allclose(account.realised[:, 0], [0.0, 0.5, 0.2])


def judged(signal: Any, close: Any, **others: Any) -> Account:
    panel = panel_of(close, **others)
    portfolio = LongOnlyTop(top_n=2, **DAILY)
    plan = Plan(portfolio, np.asarray(signal, float), np.ones(len(panel.dates)))
    return simulate(plan, panel, FREE, Backtest())


def test_a_name_without_a_score_is_kept_and_counts_and_is_told(caplog):
    """A has half; without a score it keeps it, so that the best two others share what is left."""
    signal = [[4, 3, 2, 1], [4, 3, 2, 1], [NAN, 3, 2, 1], [1, 4, 3, 2], [1, 4, 3, 2]]
    with caplog.at_level(logging.WARNING):
        account = judged(signal, np.full((5, 4), 10.0))
    half, quarter = [0.5, 0.5, 0, 0], [NAN, 0.25, 0.25, 0]
    sold = [0.0, 0.5, 0.5, 0]  # a known score that does not qualify
    np.testing.assert_allclose(account.targets, [half, half, quarter, sold, sold])
    assert account.decisions["kept_without_score"] == 1
    assert account.decisions["taken"] == 5
    assert caplog.messages[-1] == (
        "for want of a score 1 holdings were left alone, at 5 decisions: only a score that does "
        "not qualify sells; look at the coverage of the factors"
    )


def test_a_name_that_leaves_the_universe_is_sold_without_a_score():
    signal = [[4, 3, 2, 1], [4, 3, 2, 1], [NAN, 3, 2, 1]]
    member = np.ones((3, 4), bool)
    member[2, 0] = False
    account = judged(signal, np.full((3, 4), 10.0), member=member)
    np.testing.assert_allclose(account.targets[2], [0.0, 0.5, 0.5, 0.0])
    assert account.decisions["kept_without_score"] == 0


@pytest.mark.parametrize("seed", range(5))
def test_no_side_grows_by_what_is_kept(seed):
    """With holes in the signal, long and short stay within half of equity, or what is held."""
    panel, rng = with_holidays(seed), np.random.default_rng(seed)
    signal = np.where(
        panel.present & (rng.random(panel.shape) > 0.2), rng.normal(size=panel.shape), NAN
    )
    signal = np.asarray(signal)
    plan = Plan(QuantileLongShort(quantile=0.5, **DAILY), signal, np.ones(len(signal)))
    account = simulate(plan, panel, FREE, Backtest(engine="fast"))
    assert account.decisions["kept_without_score"] > 10
    decided = np.isfinite(account.targets).any(axis=1)
    assert not decided[~panel.full].any()
    for t in np.flatnonzero(decided):
        kept = np.where(np.isnan(account.targets[t]), account.realised[t], 0.0)
        for sign in (1.0, -1.0):
            whole = np.maximum(sign * np.nan_to_num(account.targets[t]), 0.0).sum()
            stuck = np.maximum(sign * kept, 0.0).sum()
            assert whole + stuck <= max(0.5, stuck) + 1e-9


class Smooth(engine.Factor):
    """A class that looks 19 rows back."""

    name = "smooth"

    @property
    def lookback(self) -> int:
        return 19

    def compute(self, panel: engine.Panel) -> engine.FloatArray:
        return np.array(panel["close"])


class Endless(Smooth):
    """A class that reads all rows."""

    name = "endless"

    @property
    def lookback(self) -> None:  # type: ignore[override]
        return None


@pytest.mark.parametrize(
    ("formula", "rows"),
    [
        ("close", 1),
        ("stddev(returns, 20) * annual ^ 0.5", 20),
        ("close / delay(close, 252) - 1", 252),
        ("ts_mean(delay(close, 21), 63) / adv180", 180),
        ("ema(close, 30)", 30),  # without end: its largest window
        ("rank(Smooth) + ts_sum(close, 5)", 20),  # a class that it names
        ("ts_mean(other, 7)", 50),  # a formula that it names
    ],
)
def test_the_longest_window_is_read_off_the_formula(formula, rows):
    factors = {
        "x": engine.Formula(formula),
        "smooth": Smooth(),
        "endless": Endless(),
        "other": engine.Formula("ts_max(close, 50)"),
    }
    found = spans(factors, panel_of(np.ones((3, 2))))
    assert found == {"x": rows, "smooth": 20, "endless": 1, "other": 50}


def test_a_value_counts_after_half_of_its_window_in_bars_of_its_symbol():
    """Six rows at a half: three bars. A has them on row 2, B comes late and pauses."""
    close = np.full((6, 2), 10.0)
    close[[0, 1, 3], 1] = NAN
    values = np.arange(12.0).reshape(6, 2)
    made = mask_young({"x": values, "now": values}, {"x": 6, "now": 1}, panel_of(close), 0.5)
    assert np.isfinite(made["x"][:, 0]).tolist() == [False, False, True, True, True, True]
    assert np.isfinite(made["x"][:, 1]).tolist() == [False] * 5 + [True]
    np.testing.assert_array_equal(made["x"][-1], values[-1])
    assert made["now"] is values
    young = made.find_young()
    assert [*young] == ["x"]
    np.testing.assert_array_equal(young["x"], np.isnan(made["x"]))


def test_values_are_masked_when_they_are_asked_for_and_no_second_copy_of_them_is_kept():
    values = np.ones((4, 2))
    panel = panel_of(np.ones((4, 2)))
    made = mask_young({"x": values, "y": values}, {"x": 6, "y": 1}, panel, 0.5)
    assert made.columns["x"] is values
    assert [*made] == ["x", "y"]
    assert len(made) == 2
    assert made["x"] is not made["x"]
    np.testing.assert_array_equal(np.isfinite(made["x"])[:, 0], [False, False, True, True])
    wider = made.add("x", values)
    assert wider["x"] is values
    assert made["x"] is not values
    assert [*made.add("z", values)] == ["x", "y", "z"]
    assert "z" not in made
    with pytest.raises(KeyError, match="z"):
        made["z"]


def test_an_odd_window_is_not_rounded_down():
    """Half of 5 rows is 2.5: three bars."""
    values = np.ones((4, 1))
    made = mask_young({"x": values}, {"x": 5}, panel_of(np.ones((4, 1))), 0.5)["x"]
    assert np.isfinite(made[:, 0]).tolist() == [False, False, True, True]


def bars(holiday: bool = True) -> pd.DataFrame:
    """Eight names for 140 business days from 2020-01-01; H is listed on row 60."""
    rng, days = np.random.default_rng(2), pd.bdate_range("2020-01-01", periods=140)
    close = pd.DataFrame(
        50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (140, 8)), axis=0)),
        index=pd.Index(days, name="date"),
        columns=pd.Index(list("ABCDEFGH"), name="symbol"),
    )
    frame = close.melt(ignore_index=False, value_name="close").reset_index()
    frame = frame[(frame["symbol"] != "H") | (frame["date"] >= days[60])]
    thin = frame["date"].isin([days[23], days[64]]) & (frame["symbol"] > "B")
    return frame[~thin] if holiday else frame


WORDS = [
    "+bundle=ai_tech_core",
    "universe=all",
    "report=none",
    "costs=free",
    "~factors",
    "+factors.slow='close / ts_mean(close, 40) - 1'",
    "+factors.fast='close / ts_mean(close, 3) - 1'",
    "bundle.factors=[{name: slow, weight: 0.5}, {name: fast, weight: 0.5}]",
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> engine.Report:
    return engine.run(WORDS, path=tmp_path_factory.mktemp("decision") / "run", bars=bars())


def test_a_run_decides_on_full_rows_alone(report):
    weights = pd.read_parquet(report.path / "weights.parquet")
    days = weights[weights["weight"].notna()]["timestamp"].dt.strftime("%m-%d").unique().tolist()
    # the third of February, its first business day, is a holiday of all but two
    assert "02-03" not in days
    assert "02-04" in days
    assert report.manifest["source"]["thin_dates"] == 2
    assert report.metrics["decisions"]["taken"] == len(days)


def test_a_run_scores_what_is_seasoned_and_writes_all_that_the_language_gives(report):
    def first(frame: pd.DataFrame, column: str, symbol: str) -> int:
        own = frame[(frame["symbol"] == symbol) & frame[column].notna()]
        return int(np.busday_count("2020-01-01", own["timestamp"].iloc[0].date()))

    for symbol, listed in (("A", 0), ("H", 60)):
        assert first(report.factors, "slow", symbol) == listed
    score = pd.read_parquet(report.path / "signal.parquet")
    # `fast` counts from the second bar on (and missing: renormalize scores by it alone)
    assert first(score, "mf_score", "A") == 1


def test_statistics_look_at_members_with_a_bar_on_full_rows(report):
    coverage = pd.read_parquet(report.path / "coverage.parquet").set_index("timestamp")
    day = pd.Timestamp("2020-02-03", tz="UTC")
    assert np.isnan(coverage.loc[day, "fast"])
    ic = pd.read_parquet(report.path / "ic.parquet").set_index("timestamp")
    assert ic.loc[day].isna().all()
    assert coverage["fast"].iloc[2:].dropna().between(6 / 7, 1.0).all()
    assert coverage["slow"].iloc[:19].max() == 0.0
    assert coverage["slow"].iloc[70] == pytest.approx(7 / 8)  # H has ten bars of twenty


def test_a_forecast_is_seasoned_when_its_features_are(tmp_path: Path):
    words = [
        *WORDS[:-1],
        "bundle.factors=[{name: ml_alpha_ridge_5d, weight: 1.0}]",
        "label.horizon=5",
        "validation.min_train=30",
        "validation.min_train_rows=50",
        "validation.n_splits=3",
    ]
    made = engine.run(words, path=tmp_path / "run", bars=bars(holiday=False)).forecasts
    own = made[made["symbol"] == "H"].set_index("timestamp")["ml_alpha_ridge_5d"]
    assert own.iloc[:19].isna().all()
    assert own.iloc[19:].notna().all()
    assert made["slow"].notna().all()  # the file's factors stay as the language gives them


def test_what_is_never_seasoned_is_refused_with_the_key(tmp_path: Path):
    words = [
        *WORDS[:5],
        "+factors.slow='ts_mean(close, 300)'",
        "bundle.factors=[{name: slow, weight: 1}]",
    ]
    with pytest.raises(engine.ConfigError, match=r"300 rows, .* decision\.seasoning=0\.5"):
        engine.run(words, path=tmp_path / "run", bars=bars())


@pytest.fixture
def month_ends(tmp_path: Path) -> list[str]:
    """Words of a run whose only factor has rows at the ends of months, all of them no bars."""
    days = pd.date_range("2020-01-31 17:00", periods=6, freq="ME")
    frame = pd.DataFrame(
        {"timestamp": np.repeat(days, 8), "symbol": list("ABCDEFGH") * 6, "value": np.arange(48.0)}
    )
    frame["timestamp"] = frame["timestamp"].where(frame["timestamp"].dt.month != 4, "2020-04-30")
    frame.to_parquet(tmp_path / "old.parquet")
    entry = f"{{name: file, path: '{tmp_path / 'old.parquet'}', column: value"
    return [*WORDS[:5], f"+factors.old={entry}}}", "bundle.factors=[{name: old, weight: 1}]"]


def test_a_file_of_month_ends_is_told_of_and_may_be_read_as_of(month_ends, tmp_path, caplog):
    """Of six month ends one is a date of the bars: one decision, and three without any score."""
    with caplog.at_level(logging.WARNING):
        made = engine.run(month_ends, path=tmp_path / "run", bars=bars())
    assert any("it has rows for 1 of" in line for line in caplog.messages)
    assert made.metrics["decisions"]["taken"] == 1
    assert made.metrics["decisions"]["without_any_score"] == 3
    assert any(
        "3 of 4 decisions kept all that was held, for no name had a score (the first: 2020-05-01)"
        in line
        for line in caplog.messages
    )
    words = [word.replace("column: value", "column: value, as_of: true") for word in month_ends]
    made = engine.run(words, path=tmp_path / "as_of", bars=bars())
    assert made.metrics["decisions"]["taken"] == 6
    assert made.metrics["decisions"]["without_any_score"] == 0


def test_a_file_that_meets_no_bar_says_so(month_ends, tmp_path):
    frame = bars()
    frame = frame[frame["date"] != "2020-04-30"]
    with pytest.raises(
        engine.ConfigError, match=r"old has no value .* rows for 0 of .*as_of: true"
    ):
        engine.run(month_ends, path=tmp_path / "run", bars=frame)


@pytest.mark.parametrize("transform", ["none", "zscore", "rank"])
@pytest.mark.parametrize("formula", ["close / close", "cs_mean(close)", "sign(volume - 1)"])
def test_a_constant_signal_is_refused_as_that(transform, formula, tmp_path: Path):
    words = [
        *WORDS[:5],
        f"+factors.flat='{formula}'",
        "bundle.factors=[{name: flat, weight: 1}]",
        f"bundle.transform={transform}",
    ]
    frame = bars().assign(volume=5.0)
    with pytest.raises(engine.ConfigError, match="the signal is constant, flat never differs"):
        engine.run(words, path=tmp_path / "run", bars=frame)


def test_ties_are_split_or_go_by_symbol_in_a_run(tmp_path: Path):
    """A −1/0/+1 factor: shared places, and by symbol; a third word is refused."""
    words = [
        *WORDS[:5],
        "+factors.side='(close > ts_mean(close, 3)) - (close < delay(close, 3))'",
        "bundle.factors=[{name: side, weight: 1}]",
        "bundle.transform=none",
        "portfolio.quantile=0.4",
    ]
    for ties in ("split", "symbol"):
        made = engine.run([*words, f"decision.ties={ties}"], path=tmp_path / ties, bars=bars())
        assert made.metrics["decisions"]["picks_by_tie"] > 0.2
        weights = pd.read_parquet(made.path / "weights.parquet").dropna()
        score = pd.read_parquet(made.path / "signal.parquet")
        both = weights.merge(score, on=["timestamp", "symbol"])
        tied = both.groupby(["timestamp", "mf_score"])["weight"].agg(["min", "max"])
        assert (tied["min"] * tied["max"] >= 0.0).all()
        assert ((tied["max"] - tied["min"]).max() < 1e-12) == (ties == "split")
    with pytest.raises(engine.ConfigError, match=r"decision\.ties=spilt.*did you mean 'split'"):
        engine.run([*words, "decision.ties=spilt"], path=tmp_path / "no", bars=bars())


@pytest.mark.parametrize("word", ["decision.share=1.5", "decision.seasoning=-1"])
def test_a_share_is_a_fraction(word, tmp_path: Path):
    with pytest.raises(engine.ConfigError, match=word.split("=")[0]):
        engine.run([*WORDS, word], path=tmp_path / "run", bars=bars())
