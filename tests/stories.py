"""Small files in the shapes in which the public gets them: those of docs/files.md."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

NAMES = ("BRAVO", "DELTA", "ECHO", "GOLF", "HOTEL", "INDIA", "KILO", "LIMA", "MIKE", "OSCAR")


def bars(freq: str) -> dict[str, pd.DataFrame]:
    """Open, high, low, close and volume of ten names, 400 days each, by name."""
    random = np.random.default_rng(11)
    days = pd.date_range("2020-01-02", periods=400, freq=freq)
    made = {}
    for name in NAMES:
        close = 40 * np.exp(np.cumsum(random.normal(0, 0.015, len(days))))
        start = close * random.uniform(0.99, 1.01, len(days))
        high, low = np.maximum(start, close) * 1.004, np.minimum(start, close) * 0.996
        volume = random.integers(10**6, 10**7, len(days))
        columns = {"Open": start, "High": high, "Low": low, "Close": close, "Volume": volume}
        made[name] = pd.DataFrame(columns, index=days.rename("Date"))
    return made


def yfinance(folder: Path) -> None:
    both = pd.concat(bars("B"), axis=1, names=["Ticker", "Price"]).swaplevel(axis=1)
    both.sort_index(axis=1).to_csv(folder / "prices.csv")


def binance(folder: Path) -> None:
    (folder / "klines").mkdir()
    for name, frame in bars("D").items():
        opens = pd.DatetimeIndex(frame.index).as_unit("ms").asi8
        rows = frame.reset_index(drop=True)
        rows.insert(0, "opens", opens)
        rest = {"closes": opens + 86_399_999, "quote": 1.5, "n": 3, "buy": 1.5, "buyq": 1.5, "x": 0}
        rows.assign(**rest).to_csv(folder / "klines" / f"{name}.csv", header=False, index=False)


def lean(folder: Path) -> None:
    (folder / "lean").mkdir()
    for name, frame in bars("B").items():
        prices = (frame[["Open", "High", "Low", "Close"]] * 10_000).round().astype(int)
        stamps = pd.DatetimeIndex(frame.index).strftime("%Y%m%d 00:00")
        rows = prices.set_axis(stamps).assign(volume=frame["Volume"].to_numpy())
        stem = folder / "lean" / name.lower()
        with zipfile.ZipFile(f"{stem}_daily.zip", "w") as archive:
            archive.writestr(f"{name.lower()}.csv", rows.to_csv(header=False))
        Path(f"{stem}_factor.csv").write_text("20200102,1,1,1\n20501231,1,1,0\n")
        last = name.lower()
        Path(f"{stem}_map.csv").write_text(f"20200102,{last},Q\n20501231,{last},Q\n")


FILES = {
    "A download of yfinance": yfinance,
    "Coins from Binance": binance,
    "Traded prices from QuantConnect": lean,
}
