"""source=yahoo: against a real HTTP server on this machine, and without any."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

from engine import ConfigError, DataError, Universe
from engine.plugins.sources._yahoo import Kept, adjust, join, read, write
from engine.plugins.sources.yahoo import Yahoo

DAYS = pd.bdate_range("2020-01-02", "2020-02-28").as_unit("s")
ZONE = "America/New_York"


def table(closes: Any, days: pd.DatetimeIndex = DAYS) -> pd.DataFrame:
    close = np.broadcast_to(np.asarray(closes, float), len(days))
    names = ("open", "high", "low", "close")
    bars = pd.DataFrame(dict.fromkeys(names, close), index=days)
    return bars.assign(volume=1000.0, dividend=0.0)


# --- arithmetic ------------------------------------------------------------------------


def test_a_dividend_comes_off_all_earlier_prices() -> None:
    bars = table([100, 100, 98, 49], DAYS[:4]).assign(dividend=[0, 0, 2, 0.98])
    got = adjust(bars)
    left = 0.99  # 0.98 off 98 on the last day; 2 off 100 on the third
    np.testing.assert_allclose(got["close"], [98 * left, 98 * left, 98 * left, 49])
    np.testing.assert_allclose(got["close"] * got["volume"], bars["close"] * 1000)


def test_new_bars_join_old_ones_unless_a_split_restated_the_past() -> None:
    old, new = table(10, DAYS[:5]), table(10, DAYS[3:8])
    both = join(old, new)
    assert both is not None
    assert both.index.equals(DAYS[:8])
    assert join(old, table(5, DAYS[3:8])) is None
    assert join(old, table(10, DAYS[6:8])) is None  # nothing in common to compare


def test_what_is_written_is_read(tmp_path: Path) -> None:
    kept = Kept(table(10.0), DAYS[0], DAYS[-1])
    write(tmp_path, "BRK/B", kept)
    again = read(tmp_path, "BRK/B")
    assert again is not None
    assert (again.first, again.last) == (DAYS[0], DAYS[-1])
    pd.testing.assert_frame_equal(again.bars, kept.bars, check_freq=False)
    assert [p.name for p in tmp_path.iterdir()] == ["BRK%2fB.parquet"]
    assert read(tmp_path, "A") is None


def test_a_foreign_file_in_the_cache_is_refused(tmp_path: Path) -> None:
    (tmp_path / "A.parquet").write_text("nonsense")
    with pytest.raises(DataError, match="is no cache of ours: delete it"):
        read(tmp_path, "A")


# --- settings --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "symbols", "message"),
    [
        ({}, None, "needs universe.symbols: type universe=us_large"),
        ({"start": "soon"}, ["A"], "source.start='soon' is not a date"),
        ({"start": "2020-02-01", "end": "2020-01-01"}, ["A"], "is before source.start"),
    ],
)
def test_wrong_settings(
    tmp_path: Path, fields: dict[str, Any], symbols: list[str] | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Yahoo(cache=str(tmp_path), **fields).load(Universe(symbols=symbols))


def test_without_the_extra_it_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yfinance", None)
    with pytest.raises(ConfigError, match=r"pip install 'alpha-engine\[yahoo\]'"):
        Yahoo(cache=str(tmp_path)).load(Universe(symbols=["A"]))


def test_offline_reads_the_disk_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "A", Kept(table(10.0), DAYS[0], DAYS[-1]))
    source = Yahoo(cache=str(tmp_path), offline=True, start="2020-01-06", end="2020-03-31")
    with caplog.at_level(logging.WARNING):
        frame = source.load(Universe(symbols=["A", "B"]))
    assert frame["timestamp"].min() == pd.Timestamp("2020-01-06", tz="UTC")
    assert "1 of 2 symbols: B (offline)" in caplog.text
    assert "A (2020-01-02 to 2020-02-28, offline)" in caplog.text
    with pytest.raises(DataError, match=r"none of 1 symbols: B .*source=sample universe=us_large"):
        source.load(Universe(symbols=["B"]))


def test_a_multiplier_counts_contracts_in_units(tmp_path: Path) -> None:
    for symbol in ("CL=F", "A"):
        write(tmp_path, symbol, Kept(table(10.0), DAYS[0], DAYS[-1]))
    plain = Yahoo(cache=str(tmp_path), offline=True, start="2020-01-06", end="2020-02-28")
    universe = Universe(symbols=["CL=F", "A"])
    frame, counted = (
        source.load(universe).set_index("symbol")["volume"]
        for source in (plain, replace(plain, volume_multiplier={"CL=F": 1000.0}))
    )
    assert counted["CL=F"].tolist() == [1000.0 * volume for volume in frame["CL=F"]]
    assert counted["A"].tolist() == frame["A"].tolist()
    with pytest.raises(ConfigError, match=r"CL=G: universe\.symbols has no .* did you mean 'CL=F'"):
        replace(plain, volume_multiplier={"CL=G": 1.0}).load(universe)


# --- a server --------------------------------------------------------------------------


class Market:
    """What the server has, how it fails next, and what it was asked for."""

    def __init__(self) -> None:
        self.tables = {"A": table(10.0), "B": table(np.arange(len(DAYS)) + 20.0)}
        self.fails: dict[str, list[int]] = {}
        self.asked: list[tuple[str, str]] = []

    def answer(self, symbol: str, query: dict[str, list[str]]) -> tuple[int, str]:
        meta = {
            "symbol": symbol,
            "currency": "USD",
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": ZONE,
            "timezone": "EST",
            "gmtoffset": -18000,
            "regularMarketTime": 1583000000,
            "dataGranularity": "1d",
            "validRanges": ["1d", "max"],
        }
        if "period1" not in query:
            found = symbol in self.tables
            return 200, json.dumps(_chart({"meta": meta} if found else None))
        first, last = (pd.Timestamp(int(query[k][0]), unit="s") for k in ("period1", "period2"))
        self.asked.append((symbol, f"{first:%Y-%m-%d}"))
        if self.fails.get(symbol):
            return self.fails[symbol].pop(0), "out of order"
        bars = self.tables[symbol]
        opens = pd.DatetimeIndex(bars.index) + pd.Timedelta(hours=9.5)
        stamps = opens.tz_localize(ZONE).tz_convert(None)
        inside = (stamps >= first) & (stamps < last)
        bars, stamps = bars[inside], stamps[inside]
        seconds = [int(stamp.timestamp()) for stamp in stamps]
        quote = {n: bars[n].tolist() for n in ("open", "high", "low", "close", "volume")}
        dividends = {
            str(s): {"amount": d, "date": s}
            for s, d in zip(seconds, bars["dividend"], strict=True)
            if d
        }
        result = {
            "meta": meta,
            "timestamp": seconds,
            "indicators": {"quote": [quote], "adjclose": [{"adjclose": quote["close"]}]},
            "events": {"dividends": dividends} if dividends else {},
        }
        return 200, json.dumps(_chart(result))


def _chart(result: dict[str, Any] | None) -> dict[str, Any]:
    if result is None:
        error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
        return {"chart": {"result": None, "error": error}}
    return {"chart": {"result": [result], "error": None}}


@pytest.fixture
def market(monkeypatch: pytest.MonkeyPatch) -> Iterator[Market]:
    """A server that yfinance takes for Yahoo's."""
    pytest.importorskip("yfinance", reason="the extra yahoo is not installed")
    import requests
    from yfinance import base
    from yfinance.data import YfData

    monkeypatch.setattr(base, "_tz_info_fetch_ctr", 2)  # no detour over the symbol's profile
    market = Market()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            head, _, symbol = url.path.rpartition("/")
            chart = head.endswith("/chart")
            status, text = market.answer(symbol, parse_qs(url.query)) if chart else (200, "crumb")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"

    class Detour(requests.adapters.HTTPAdapter):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            parts = urlsplit(request.url)
            request.url = f"{here}{parts.path or '/'}?{parts.query}"
            return super().send(request, *args, **kwargs)

    session = requests.Session()
    session.trust_env = False
    session.mount("https://", Detour())
    YfData(session=session)
    yield market
    server.shutdown()
    server.server_close()


def load(folder: Path, symbols: list[str], **fields: Any) -> pd.DataFrame:
    given = {"start": "2020-01-02", "end": "2020-01-31", "pause": 0.001, "retries": 2, **fields}
    return Yahoo(cache=str(folder), **given).load(Universe(symbols=symbols))


def test_bars_of_the_asked_days(tmp_path: Path, market: Market) -> None:
    market.tables["A"].loc["2020-01-31", "dividend"] = 1.0
    frame = load(tmp_path, ["B", "A"])
    assert list(frame) == ["timestamp", "symbol", "open", "high", "low", "close", "volume"]
    one = frame[frame["symbol"] == "A"].set_index("timestamp")
    assert one.index.equals(pd.bdate_range("2020-01-02", "2020-01-31", tz="UTC"))
    np.testing.assert_allclose(one["close"], [9.0] * (len(one) - 1) + [10.0])
    plain = load(tmp_path, ["A"], adjusted="splits")
    np.testing.assert_allclose(plain["close"], 10.0)


def test_a_second_run_asks_for_nothing_and_gives_the_same(tmp_path: Path, market: Market) -> None:
    first = load(tmp_path, ["A", "B"])
    market.asked.clear()
    pd.testing.assert_frame_equal(load(tmp_path, ["A", "B"]), first)
    load(tmp_path, ["A"], start="2020-01-10", end="2020-01-20")
    assert market.asked == []


def test_later_days_are_asked_for_alone(tmp_path: Path, market: Market) -> None:
    load(tmp_path, ["B"])
    market.asked.clear()
    longer = load(tmp_path, ["B"], end="2020-02-28")
    assert market.asked == [("B", "2020-01-21")]
    np.testing.assert_allclose(longer["close"], np.arange(len(DAYS)) + 20.0)


def test_a_split_asks_for_everything_again(tmp_path: Path, market: Market) -> None:
    load(tmp_path, ["A"])
    market.tables["A"] = table(5.0)
    frame = load(tmp_path, ["A"], end="2020-02-28")
    assert market.asked[-1] == ("A", "2020-01-02")
    np.testing.assert_allclose(frame["close"], 5.0)


def test_it_tries_again(tmp_path: Path, market: Market) -> None:
    market.fails = {"A": [500, 500]}  # yfinance asks twice by itself
    assert len(load(tmp_path, ["A"]))
    market.fails = {"B": [429, 429]}
    assert len(load(tmp_path, ["B"]))


def test_what_fails_is_listed_and_the_rest_goes_on(
    tmp_path: Path, market: Market, caplog: pytest.LogCaptureFixture
) -> None:
    market.fails = {"B": [500] * 99}
    with caplog.at_level(logging.WARNING):
        frame = load(tmp_path, ["A", "B", "GONE"])
    assert set(frame["symbol"]) == {"A"}
    assert "source=yahoo: 2 of 3 symbols: B (" in caplog.text
    assert "GONE (Yahoo has no prices)" in caplog.text
    market.fails = {}
    assert set(load(tmp_path, ["A", "B"])["symbol"]) == {"A", "B"}


def test_symbols_that_yahoo_lacks_are_no_network_failure(tmp_path: Path, market: Market) -> None:
    frame = load(tmp_path, ["0", "1", "2", "3", "4", "A"])
    assert set(frame["symbol"]) == {"A"}


def test_a_stale_copy_is_used_and_said(
    tmp_path: Path, market: Market, caplog: pytest.LogCaptureFixture
) -> None:
    load(tmp_path, ["A"])
    market.fails = {"A": [500] * 99}
    with caplog.at_level(logging.WARNING):
        frame = load(tmp_path, ["A"], end="2020-02-28")
    assert frame["timestamp"].max() == pd.Timestamp("2020-01-31", tz="UTC")
    assert "1 symbols as on disk: A (2020-01-02 to 2020-01-31" in caplog.text


def test_without_a_network_it_gives_up_soon_and_says_what_to_type(
    tmp_path: Path, market: Market
) -> None:
    import requests
    from yfinance.data import YfData

    class Cut(requests.adapters.HTTPAdapter):
        tries = 0

        def send(self, *args: Any, **kwargs: Any) -> Any:
            Cut.tries += 1
            raise requests.ConnectionError("no route")

    session = requests.Session()
    session.mount("https://", Cut())
    YfData(session=session)
    symbols = [f"S{i}" for i in range(50)]
    with pytest.raises(DataError, match=r"none of 50 symbols: .*no route.*source=sample") as error:
        load(tmp_path, symbols, retries=1)
    assert "\n" not in str(error.value)
    assert Cut.tries < 50
