"""source=lean: raw bars, factor and map files, adjusted by us."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import ALL, Shared

from engine import ConfigError, DataError, Universe
from engine.bars.layout import build
from engine.plugins.sources.lean import Lean

# a dividend of 2% on the 3rd, a 2:1 split on the 7th, a 1:10 reverse split on the 9th
FACTORS = "20200102,0.98,5,100\n20200106,1,5,100\n20200108,1,10,50\n20501231,1,1,0\n"
MAP = "20200102,x,Q\n20501231,x,Q\n"
CLOSES = {2: 100.0, 3: 98.0, 6: 98.0, 7: 49.0, 8: 49.0, 9: 490.0}


def bars(folder: Path, ticker: str, closes: dict[int, float]) -> None:
    rows = [
        f"202001{d:02} 00:00,{p * 1e4:.0f},{p * 1.1e4:.0f},{p * 0.9e4:.0f},{p * 1e4:.0f},1000"
        for d, p in closes.items()
    ]
    with zipfile.ZipFile(folder / f"{ticker}_daily.zip", "w") as archive:
        archive.writestr(f"{ticker}.csv", "\n".join(rows))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bars(tmp_path, "x", CLOSES)
    (tmp_path / "x_factor.csv").write_text(FACTORS)
    (tmp_path / "x_map.csv").write_text(MAP)
    return tmp_path


def load(folder: Path, adjusted: str = "total_return", as_of: str | None = None) -> pd.DataFrame:
    return Lean(path=str(folder), adjusted=adjusted, as_of=as_of).load(ALL)


@pytest.mark.parametrize(
    ("adjusted", "wanted"),
    [
        ("none", [100, 98, 98, 49, 49, 490]),
        ("splits", [500, 490, 490, 490, 490, 490]),
        ("total_return", [490, 490, 490, 490, 490, 490]),
    ],
)
def test_prices_in_shares_of_the_end(folder: Path, adjusted: str, wanted: list[float]) -> None:
    frame = load(folder, adjusted)
    np.testing.assert_allclose(frame["close"], wanted, rtol=1e-12)
    np.testing.assert_allclose(frame["high"], np.multiply(wanted, 1.1), rtol=1e-12)
    assert frame["symbol"].unique().tolist() == ["X"]


@pytest.mark.parametrize("adjusted", ["none", "splits", "total_return"])
def test_volume_goes_the_other_way(folder: Path, adjusted: str) -> None:
    frame = load(folder, adjusted)
    money = [1000 * price for price in CLOSES.values()]
    np.testing.assert_allclose(frame["close"] * frame["volume"], money, rtol=1e-12)


@pytest.mark.parametrize(
    ("as_of", "wanted"),
    [
        ("2020-01-02", [100]),
        ("2020-01-03", [98, 98]),  # the dividend has been paid, no split is known
        ("2020-01-06", [98, 98, 98]),  # the eve of the split
        ("2020-01-07", [49, 49, 49, 49]),
        ("2020-01-09", [490] * 6),
        ("2020-01-12", [490] * 6),
    ],
)
def test_a_view_as_of_a_day_knows_no_later_event(
    folder: Path, as_of: str, wanted: list[float]
) -> None:
    np.testing.assert_allclose(load(folder, "total_return", as_of)["close"], wanted, rtol=1e-12)


def test_the_view_is_what_a_file_of_that_day_would_have_given(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    then = tmp_path_factory.mktemp("then")
    bars(then, "x", {d: p for d, p in CLOSES.items() if d <= 7})
    (then / "x_factor.csv").write_text("20200102,0.98,0.5,100\n20200106,1,0.5,100\n20501231,1,1,0")
    (then / "x_map.csv").write_text(MAP)
    pd.testing.assert_frame_equal(load(folder, as_of="2020-01-07"), load(then), rtol=1e-12)


def test_returns_do_not_depend_on_the_day_of_the_view(folder: Path) -> None:
    full = load(folder)["close"].pct_change()
    view = load(folder, as_of="2020-01-07")["close"].pct_change()
    np.testing.assert_allclose(view, full[: len(view)], atol=1e-12)


def test_bars_come_from_the_tickers_of_the_map(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """OLD until the 3rd, LOST on the 6th, then X; another company's X before is left out."""
    (folder / "x_map.csv").write_text("20200103,old\n20200103,old\n20200106,lost\n20501231,x\n")
    bars(folder, "old", {2: 7.0, 3: 8.0, 6: 9.0})
    with caplog.at_level(logging.WARNING):
        frame = load(folder, "none")
    assert frame["close"].tolist() == [8, 49, 49, 490]
    assert "X was LOST from 2020-01-04 to 2020-01-06: lost_daily.zip is not there" in caplog.text


def test_nothing_comes_after_the_delisting(folder: Path) -> None:
    (folder / "x_map.csv").write_text("20200102,x\n20200107,x\n")
    assert load(folder, "none")["close"].tolist() == [100, 98, 98, 49]


def test_only_the_universes_symbols_are_read(folder: Path) -> None:
    (folder / "bad_map.csv").write_text("nonsense")
    assert set(Lean(path=str(folder)).load(Universe(symbols=["X", "Q"]))["symbol"]) == {"X"}
    with pytest.raises(DataError, match=r"bad_map.csv cannot be read"):
        load(folder)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("x_factor.csv", None, "there is no file .*x_factor.csv"),
        ("x_factor.csv", "20200102,0,1,1\n", "factor that is not positive in '20200102,0,1,1"),
        ("x_factor.csv", "20200102,a,1,1\n", "factor that is not positive"),
        ("x_factor.csv", "20200102,1\n", "has 2 columns, 3 are needed"),
        ("x_factor.csv", "", "cannot be read"),
        ("x_map.csv", None, "has no file like aapl_map.csv"),
        ("x_map.csv", "20200102\n", "has 1 columns, 2 are needed"),
        ("x_daily.zip", "no zip", "cannot be read as daily bars"),
        ("x_daily.zip", None, "no bar"),
    ],
)
def test_missing_and_broken_files_are_named_in_one_line(
    folder: Path, file: str, text: str | None, message: str
) -> None:
    (folder / file).unlink()
    if text is not None:
        (folder / file).write_text(text)
    with pytest.raises(DataError, match=message) as error:
        load(folder)
    assert "\n" not in str(error.value)


def test_what_is_not_set_is_said(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"source\.path is not set"):
        Lean().load(ALL)
    with pytest.raises(DataError, match="there is no folder"):
        Lean(path="nowhere").load(ALL)
    with pytest.raises(ConfigError, match=r"source\.as_of='soon' is not a date"):
        load(folder, as_of="soon")
    with pytest.raises(DataError, match="has no bar up to 1999"):
        load(folder, as_of="1999-01-01")


# --- real data -------------------------------------------------------------------------


def test_real_securities_follow_their_tickers(shared: Shared) -> None:
    frame = Lean(path=str(shared("data/lean_raw"))).load(ALL)
    panel = build(frame, ALL)[0]
    assert panel.shape[1] == 10
    first = frame.groupby("symbol")["timestamp"].min().dt.strftime("%Y-%m-%d")
    assert first["EEM"] == "2003-04-11"  # the file has another company's bars from 1998 on
    assert first["GOOGL"] == "2004-08-19"  # it was GOOG until April 2014
    assert first["GOOG"] == "2014-04-03"
    qqq = frame.loc[frame["symbol"] == "QQQ", "timestamp"]
    assert not qqq.between("2004-12-01", "2011-03-22").any()  # it was QQQQ, which is not there
    worst = np.nanmin(panel.returns[:, panel.symbols.index("AAPL")])
    assert worst == pytest.approx(-0.516, abs=0.001)  # 2000-09-29; no split shows


@pytest.mark.parametrize("symbol", ["AAPL", "BAC", "GOOG"])
def test_real_returns_equal_another_providers_adjusted_closes(symbol: str, shared: Shared) -> None:
    """On days whose raw closes are the same: the two take them from different exchanges."""
    other = pd.read_parquet(shared("data/stocknet_prices_2012_2017.parquet")).dropna()
    theirs = other[other["symbol"] == symbol].set_index("date")
    folder, one = str(shared("data/lean_raw")), Universe(symbols=[symbol])
    ours = {
        how: Lean(path=folder, adjusted=how, as_of="2017-09-01")
        .load(one)
        .assign(date=lambda f: f["timestamp"].dt.tz_localize(None))
        .set_index("date")["close"]
        for how in ("splits", "total_return")
    }
    days = theirs.index.intersection(ours["splits"].index)
    same = (ours["splits"][days] / theirs["close"][days] - 1).abs() < 1e-6
    both = same & same.shift(fill_value=False)
    # one took the dividends on these days for 8, the other for 7.5 cents
    both[both.index.isin(pd.to_datetime(["2016-08-31", "2016-11-30"]))] = False
    assert both.sum() > 550
    for how, column in (("splits", "close"), ("total_return", "adj_close")):
        gap = ours[how][days].pct_change() - theirs[column][days].pct_change()
        assert gap[both].abs().max() < 1e-6
    assert (ours["splits"][days] / theirs["close"][days] - 1).abs().max() < 0.005


@pytest.mark.parametrize("day", ["2005-02-25", "2014-06-06", "2014-06-09", "2020-08-28"])
def test_a_real_view_ends_in_the_raw_price_and_moves_the_same_money(
    day: str, shared: Shared
) -> None:
    """On the eve of a split, and on its day: nothing later than `day` is in the view."""
    folder, one = str(shared("data/lean_raw")), Universe(symbols=["AAPL"])
    raw = Lean(path=folder, adjusted="none", as_of=day).load(one)
    for how in ("splits", "total_return"):
        view = Lean(path=folder, adjusted=how, as_of=day).load(one)
        assert view["close"].iloc[-1] == pytest.approx(raw["close"].iloc[-1], rel=1e-12)
        assert view["volume"].iloc[-1] == pytest.approx(raw["volume"].iloc[-1], rel=1e-12)
        assert (view["close"].iloc[0] < raw["close"].iloc[0]) == (len(view) > 1)
        money = raw["close"] * raw["volume"]
        np.testing.assert_allclose(view["close"] * view["volume"], money, rtol=1e-9)
