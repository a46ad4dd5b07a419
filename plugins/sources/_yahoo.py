"""Yahoo's prices: fetching them, keeping them on disk, and adjusting them for dividends.

Yahoo gives prices in shares of today and dividends by their day. A split restates them all, so
bars that come later are joined to those on disk only where the two agree on the days in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from engine import ConfigError, DataError, FloatArray, writing_whole

COLUMNS = ("open", "high", "low", "close", "volume", "dividend")
EXTRA = "pip install 'alpha-engine[yahoo]'"
DAY = pd.Timedelta(days=1)
RESTATED = 1e-4  # prices come as 32-bit floats


class NoPricesError(Exception):
    """Yahoo answers, and has no prices of the symbol."""


@dataclass(frozen=True)
class Kept:
    """What is known of a symbol: bars by date, and for which dates they were asked for."""

    bars: pd.DataFrame  # index: dates without a zone, ascending; COLUMNS
    first: pd.Timestamp
    last: pd.Timestamp


def fetch(symbol: str, first: pd.Timestamp, last: pd.Timestamp, folder: Path) -> pd.DataFrame:
    """Return a symbol's bars, split- but not dividend-adjusted, both days included.

    Raises
    ------
    ConfigError
        yfinance is not installed.
    NoPricesError
        Yahoo has none.
    Exception
        Whatever the network or yfinance raises.
    """
    try:
        import yfinance as yf
        from yfinance.data import YfData
        from yfinance.exceptions import YFTickerMissingError
    except ImportError as error:
        raise ConfigError(f"source=yahoo needs an extra: {EXTRA}") from error
    yf.set_tz_cache_location(str(folder))
    yf.config.debug.hide_exceptions = False  # else no network looks like no such symbol
    YfData.cache_get.cache_clear()  # it would answer a second try with the first one's error
    try:
        frame = yf.Ticker(symbol).history(
            start=first.strftime("%Y-%m-%d"),
            end=(last + DAY).strftime("%Y-%m-%d"),
            auto_adjust=False,
        )
    except YFTickerMissingError as error:
        raise NoPricesError from error
    if frame.empty:
        raise NoPricesError
    frame = frame.rename(columns=str.lower).rename(columns={"dividends": "dividend"})
    frame.index = pd.DatetimeIndex(frame.index).tz_localize(None).normalize().as_unit("s")
    bars: pd.DataFrame = frame[list(COLUMNS)].astype(np.float64).loc[first:last]
    return bars


def join(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame | None:
    """Return old bars followed by new ones; None where they disagree, as after a split."""
    common = old.index.intersection(new.index)
    if common.empty:
        return None
    gap = (new.loc[common, "close"] / old.loc[common, "close"] - 1.0).abs()
    if not (gap < RESTATED).all():
        return None
    return pd.concat([old.loc[: new.index[0] - DAY], new])


def adjust(bars: pd.DataFrame) -> pd.DataFrame:
    """Return bars with dividends reinvested; price × volume stays what was traded.

    A dividend d takes d over the close before it off all earlier prices.
    """
    close = bars["close"].to_numpy()
    left = 1.0 - bars["dividend"].to_numpy()[1:] / close[:-1]
    ratio: FloatArray = np.append(np.cumprod(left[::-1])[::-1], 1.0)
    out = bars.drop(columns="dividend")
    prices = ["open", "high", "low", "close"]
    return out.assign(**{name: out[name] * ratio for name in prices}, volume=out["volume"] / ratio)


def read(folder: Path, symbol: str) -> Kept | None:
    """Return what is on disk of a symbol, or None."""
    import pyarrow.parquet as pq  # slow to import, needed only here

    path = _path(folder, symbol)
    if not path.is_file():
        return None
    try:
        table = pq.read_table(path)
        notes = table.schema.metadata
        first, last = (pd.Timestamp(notes[key].decode()) for key in (b"first", b"last"))
        bars = table.to_pandas()
        index = pd.DatetimeIndex(bars.pop("date")).rename(None).as_unit("s")
        return Kept(bars[list(COLUMNS)].set_axis(index), first, last)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no cache of ours: delete it, and run again") from error


def write(folder: Path, symbol: str, kept: Kept) -> None:
    """Put a symbol's bars on disk: all of them or none."""
    import pyarrow as pa  # slow to import, needed only here
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(
        kept.bars.rename_axis("date").reset_index(), preserve_index=False
    ).replace_schema_metadata({"first": f"{kept.first:%Y-%m-%d}", "last": f"{kept.last:%Y-%m-%d}"})
    with writing_whole(_path(folder, symbol)) as part:
        pq.write_table(table, part)


def _path(folder: Path, symbol: str) -> Path:
    safe = "".join(c if c.isalnum() or c in "-." else f"%{ord(c):02x}" for c in symbol)
    return folder / f"{safe}.parquet"
