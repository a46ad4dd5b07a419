"""`engine factors`, as it is typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from engine.cli.prompt import main


@pytest.fixture
def bars(tmp_path: Path) -> str:
    """40 days of 3 symbols; the third one is listed on the 11th day."""
    random = np.random.default_rng(4)
    close = 50.0 * np.exp(np.cumsum(0.02 * random.normal(size=(40, 3)), axis=0))
    frame = pd.DataFrame(
        {
            "timestamp": np.repeat(pd.date_range("2024-01-01", periods=40, tz="UTC"), 3),
            "symbol": ["A", "B", "C"] * 40,
            "open": (close * 1.001).ravel(),
            "high": (close * 1.01).ravel(),
            "low": (close * 0.99).ravel(),
            "close": close.ravel(),
            "volume": np.exp(random.normal(10.0, 1.0, 120)),
        }
    )
    frame.drop(index=[3 * day + 2 for day in range(10)]).to_parquet(tmp_path / "bars.parquet")
    return str(tmp_path / "bars.parquet")


def _compute(bars: str, *words: str) -> int:
    return main(["factors", "compute", *words, "source=parquet", f"source.path={bars}"])


def test_sets_single_factors_and_formulas_become_columns(bars, tmp_path, capsys):
    out = tmp_path / "factors.parquet"
    words = ("alpha158", "alpha101.alpha012", "close / delay(close, 5) == 1", "Ref($close, 2)")
    assert _compute(bars, *words, "--out", str(out), "--threads=1") == 0
    made, given = pd.read_parquet(out), pd.read_parquet(bars)
    assert list(made)[:3] == ["timestamp", "symbol", "KMID"]
    assert list(made)[-4:] == ["VSUMD60", "alpha012", *words[2:]]
    assert len(made) == len(given) == 110
    pd.testing.assert_series_equal(made["timestamp"], given["timestamp"], check_index=False,
                                   check_dtype=False)  # fmt: skip
    assert_allclose(made["KMID"], given["close"] / given["open"] - 1.0)
    lagged = given.groupby("symbol")["close"].shift(2)
    assert_allclose(made["Ref($close, 2)"], lagged)


def test_the_report_counts_cells_with_a_value(bars, capsys):
    assert _compute(bars, "delay(close, 5)", "close", "log(-close)") == 0
    lines = capsys.readouterr().out.strip().split("\n")
    assert lines[-5:] == [
        "3 factors, 3 symbols, 40 dates (2024-01-01 to 2024-02-09)",
        "factor            finite  first",
        "delay(close, 5)    86.4%  2024-01-06",
        "close             100.0%  2024-01-01",
        "log(-close)         0.0%  never",
    ]


def test_threads_change_no_byte(bars, tmp_path):
    for threads in ("1", "3"):
        out = str(tmp_path / f"{threads}.parquet")
        assert _compute(bars, "alpha101", "--out", out, "--threads", threads) == 0
    one, three = ((tmp_path / f"{n}.parquet").read_bytes() for n in (1, 3))
    assert one == three


def test_what_the_bars_lack_is_a_warning_and_may_be_an_error(bars, capsys, caplog):
    assert _compute(bars, "alpha101.alpha056") == 0
    assert "no field 'cap': the factor is NaN" in caplog.text
    assert _compute(bars, "alpha101.alpha056", "factors.alpha056.missing=raise") == 2
    assert "factor 'alpha056': the bars have no field 'cap'" in capsys.readouterr().err


def test_every_formula_may_be_let_off_or_held_to_it(bars, capsys, caplog):
    assert _compute(bars, "alpha101.alpha056", "--missing", "raise") == 2
    assert _compute(bars, "close", "close / eps", "--missing", "warn") == 0
    assert capsys.readouterr().out.strip().split("\n")[-2:] == [
        "close         100.0%  2024-01-01",
        "close / eps     0.0%  never",
    ]
    assert "no field 'eps'" in caplog.text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to compute: name a factor set, such as alpha101, or a formula"),
        (["alpha110"], "alpha110: no such factor set; did you mean 'alpha101'?"),
        (["alpha101.alpha999"], "alpha101.alpha999: no such factor; did you mean 'alpha0"),
        (["close", "close"], "close: asked for twice; take one out"),
        (["rnk(close)"], "unknown operator 'rnk'; did you mean 'rank'?"),
        (["closee"], "the bars have no field 'closee'; did you mean 'close'?"),
        (["Ref($close, -1)"], "delay by -1 looks ahead"),
        (["close", "--threads", "none"], "--threads none: write a number from 1 on"),
        (["close", "--missing=nan"], "--missing nan: choose from: raise, warn"),
        (["close", "--outt=x"], "factors compute --outt: no such switch; did you mean '--out'?"),
        (["close", "--out="], "--out needs a value: type --out FILE"),
        (["close", "--out=no/such/x.parquet"], "--out no/such/x.parquet: no such folder"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(bars, capsys, words, message):
    assert _compute(bars, *words) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.startswith("engine: ")


def test_explain_tells_of_a_formula(capsys):
    assert main(["factors", "explain", "Mean($close, 5)"]) == 0
    assert capsys.readouterr().out.startswith("formula    ts_mean(close, 5)\n")
    assert main(["factors", "explain", "close", "/", "open"]) == 2
    assert "explain takes one formula: put it between quotes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["factors"], ["factors", "--help"], ["factors", "compute", "-h"]]
)
def test_help_shows_the_commands(words, capsys):
    assert main(words) == 0
    assert "engine factors compute" in capsys.readouterr().out
    assert main(["factors", "explian"]) == 2
    assert "did you mean 'explain'?" in capsys.readouterr().err


def test_the_101_alphas_on_200_real_stocks(shared, tmp_path, capsys):
    """The file has neither caps nor industries."""
    real, out = shared("data/us_liquid200_2014_2020.parquet"), tmp_path / "a.parquet"
    assert _compute(str(real), "alpha101", "--out", str(out)) == 0
    made = pd.read_parquet(out)
    assert made.shape == (344_600, 103)
    assert not np.isinf(made.iloc[:, 2:].to_numpy()).any()
    covered = made.iloc[:, 2:].notna().mean()
    assert covered["alpha056"] == 0.0
    assert covered.drop("alpha056").min() > 0.8


TWO = [
    "+factors.twice={name: formula, formula: 'reversal_5d * 2'}",
    "+factors.more={name: formula, formula: 'TWICE + close'}",
]


def test_a_factor_of_a_set_may_name_others_of_it(bars, tmp_path, capsys):
    out = tmp_path / "f.parquet"
    for words in (["core_ta_price.more"], ["core_ta_price.more", "core_ta_price.twice"]):
        assert _compute(bars, *words, *TWO, "--out", str(out)) == 0
        made, given = pd.read_parquet(out), pd.read_parquet(bars)
        assert list(made)[2:] == [word.partition(".")[2] for word in words]  # no others are shown
        week = given.groupby("symbol")["close"].pct_change(5, fill_method=None)
        assert_allclose(made["more"], given["close"] - 2.0 * week)
    assert _compute(bars, "core_ta_price.more", "core_ta_price.more", *TWO) == 2
    assert "asked for twice" in capsys.readouterr().err


def test_figures_of_a_merged_file_can_be_named(bars, tmp_path):
    """From the day after they were known, as any other field."""
    known = pd.DataFrame({"symbol": ["A", "B"], "filed": ["2024-01-09"] * 2, "eps": [2.0, 5.0]})
    known.to_parquet(tmp_path / "reports.parquet")
    out = tmp_path / "f.parquet"
    assert main([
        "factors", "compute", "eps / close", "rank(eps)", "source=merge",
        f"source.bars.path={bars}", "--out", str(out),
        f"+source.joins.reports={{path: {tmp_path}/reports.parquet, known: filed}}",
    ]) == 0  # fmt: skip
    made, given = pd.read_parquet(out), pd.read_parquet(bars)
    late = given["timestamp"] > pd.Timestamp("2024-01-09", tz="UTC")
    eps = given["symbol"].map({"A": 2.0, "B": 5.0}).where(late)
    assert_allclose(made["eps / close"], eps / given["close"])
    assert_allclose(made["rank(eps)"], eps.map({2.0: 0.5, 5.0: 1.0}))


def test_windows_of_a_set_longer_than_the_bars_are_a_warning(bars, caplog):
    assert _compute(bars, "core_ta_price.returns_12m", "core_ta_price.rv_20") == 0
    assert [r.message for r in caplog.records] == [
        "windows of up to 252 rows, and the bars have 40 dates: take more dates, or do without "
        "returns_12m"
    ]


@pytest.mark.parametrize("text", ["ts_mean(close, 41)", "rank(delay(close, 41)) / 2"])
def test_a_typed_window_longer_than_the_bars_is_refused(bars, capsys, text):
    assert _compute(bars, text) == 2
    assert ", 41) reaches back 41 rows, the bars have 40: shorten it" in capsys.readouterr().err
    assert _compute(bars, text.replace("41", "40"), "Mean($close, 0)") == 0


def test_a_typed_average_of_dollars_longer_than_the_bars_is_refused(bars, capsys):
    assert _compute(bars, "rank(adv41)") == 2
    assert "adv41 reaches back 41 rows, the bars have 40: shorten it" in capsys.readouterr().err


def test_what_a_source_states_of_delistings_is_out_of_sight(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On its last bar nobody knew what holders would be paid."""
    days = pd.bdate_range("2020-01-01", periods=30, tz="UTC")
    bars = pd.DataFrame({"timestamp": [*days] * 2, "symbol": ["A"] * 30 + ["B"] * 30,
                         "close": 10.0, "delisting_return": -0.5})  # fmt: skip
    bars.to_parquet(tmp_path / "bars.parquet")
    words = ["source=parquet", f"source.path={tmp_path}/bars.parquet", "universe=all"]
    assert main(["factors", "compute", "delisting_return", *words]) == 2
    assert "the bars have no field 'delisting_return'" in capsys.readouterr().err
