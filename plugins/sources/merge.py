"""Bars with fundamentals, sentiment and the like: each figure from the day after it was known."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from engine import ConfigError, DataError, FloatArray, Source, Universe, option, reading
from engine.plugins.sources._asof import Keys, days, find_known_days, gather, newest
from engine.plugins.sources._frames import Files
from engine.plugins.sources._paths import existing
from engine.plugins.sources.csv import Csv
from engine.plugins.sources.lean import Lean
from engine.plugins.sources.parquet import Parquet
from engine.plugins.sources.sample import Sample
from engine.plugins.sources.sql import Sql
from engine.plugins.sources.yahoo import Yahoo

logger = logging.getLogger(__name__)
BARS: Mapping[str, type[Source]] = {
    source.name: source for source in (Csv, Lean, Parquet, Sample, Sql, Yahoo)
}


@dataclass  # not frozen: OmegaConf would refuse to fill it in
class Join:
    """One file of figures: a row per symbol and moment of becoming known."""

    path: str = option("", "parquet or csv, by its ending")
    known: str = option("", "their column: when the figures became known")
    how: str = option(
        "last", "last stands until replaced; mean and sum are of what is new since the last bar"
    )
    lag: int = option(1, "from the known day to the first day of use", unit="calendar days")
    symbol: str | None = option(None, "their column; null looks for symbol or ticker")
    period: str | None = option(
        None, "their column, such as end_date: an older period never replaces a newer one"
    )
    columns: dict[str, str] | None = option(None, "our name: their name; null takes all numbers")
    prefix: str = option("", "before our names")
    expires: int | None = option(
        None, "after which a figure no longer stands; null is never", unit="calendar days"
    )
    timezone: str = option("UTC", "of times without one")


@dataclass(frozen=True)
class Merge(Source):
    """Bars with figures of other files, each from the day after it was known.

    As-of joins by symbol: a bar has what was visible on its date. Restatements and late
    filings come in when they were filed. Bars are daily; a row without a close is no bar.
    """

    name: ClassVar[str] = "merge"

    bars: dict[str, Any] = option(
        {},
        "where the bars come from: parquet, csv, lean, sample, sql or yahoo; further keys are its "
        "fields",
    )
    joins: dict[str, Join] = option({}, "files of figures, by any name; of each:")
    zone: str = option("America/New_York", "the market's: in it, times become dates")
    close: str = option("16:00", "of the market: what is known later belongs to the next day")

    def load(self, universe: Universe) -> pd.DataFrame:
        """Return the bars, in their order, with a column for each figure; NaN before the first.

        Raises
        ------
        ConfigError
            A key does not fit the file, or two columns would have one name.
        DataError
            A file is missing, broken, or has none of the bars' symbols.
        """
        frame = self._bars(universe)
        cut = self._cut()
        symbol = pd.Categorical(frame["symbol"])
        close = np.asarray(frame["close"], np.float64)
        alive = np.flatnonzero(~np.isnan(close))
        keys = Keys(symbol.codes.astype(np.int64), days(pd.DatetimeIndex(frame["timestamp"])))
        keys = keys.take(alive)
        for name, join in self.joins.items():
            key = f"source.joins.{name}"
            _refuse_join(key, join)
            for column, values in self._figures(key, join, keys, symbol.categories, cut):
                if column in frame:
                    raise ConfigError(
                        f"{key}: there is a column {column!r} already: set {key}.prefix={name}_"
                    )
                laid = np.full(len(frame), np.nan)
                laid[alive] = values
                frame[column] = laid
        return frame

    def series(self, universe: Universe) -> pd.DataFrame | None:
        """Return the market-wide series of the bars' source."""
        return self._source().series(universe)

    def facts(self, universe: Universe) -> Mapping[str, Any]:
        """Return what the bars' source knows."""
        return self._source().facts(universe)

    def _bars(self, universe: Universe) -> pd.DataFrame:
        """The bars; a message on source.path speaks of source.bars.path."""
        source = self._source()
        try:
            return source.load(universe)
        except (ConfigError, DataError) as error:
            keys = "|".join(field.name for field in fields(source))
            raise type(error)(
                re.sub(rf"\bsource\.(?=({keys})\b)", "source.bars.", str(error))
            ) from error

    def _source(self) -> Source:
        from omegaconf import OmegaConf  # only this source reads a configuration of its own
        from omegaconf.errors import OmegaConfBaseException

        name = str(self.bars.get("name", "parquet"))
        if name not in BARS:
            raise ConfigError(f"source.bars.name={name}: choose from: {', '.join(BARS)}")
        known = [field.name for field in fields(BARS[name])]
        given = {key: value for key, value in self.bars.items() if key != "name"}
        for key in given:
            if key not in known:
                near = get_close_matches(key, known, n=1) or [", ".join(known)]
                raise ConfigError(f"source.bars.{key}: no such field; did you mean {near[0]!r}?")
        try:
            base = OmegaConf.structured(BARS[name])
            OmegaConf.set_readonly(base, False)  # frozen classes arrive read-only
            made = OmegaConf.to_object(OmegaConf.merge(base, given))
        except OmegaConfBaseException as error:
            raise ConfigError(f"source.bars: {str(error).splitlines()[0]}") from error
        assert isinstance(made, Source)
        return made

    def _cut(self) -> pd.Timedelta:
        try:
            pd.Timestamp(0, tz=self.zone)
        except (KeyError, ValueError) as error:
            raise ConfigError(
                f"source.zone={self.zone} is no timezone: write America/New_York"
            ) from error
        try:
            return pd.Timedelta(f"{self.close}:00")
        except ValueError as error:
            raise ConfigError(
                f"source.close={self.close!r} is no time: write '16:00', in quotes"
            ) from error

    def _figures(
        self, key: str, join: Join, bars: Keys, symbols: pd.Index, cut: pd.Timedelta
    ) -> list[tuple[str, FloatArray]]:
        """Our names and values on the bars, shape (B,) each."""
        path = existing(f"{key}.path", join.path)
        frame, symbol, ours = _table(key, join, path, [str(name) for name in symbols])
        code = (
            pd.Index(symbols)
            .astype(str)
            .get_indexer(pd.Index(frame[symbol].map(reading.name_symbol)))
        )
        moment = reading.stamps(frame[join.known], f"{path}: {join.known!r}", join.timezone, None)
        known = find_known_days(moment, self.zone, cut)
        period = known if join.period is None else _periods(key, join, path, frame, known)
        known = np.maximum(known, period)  # nobody knew a period's figures before its end
        order = np.lexsort((np.arange(len(code)), period, moment.asi8, known, code))
        order = order[code[order] >= 0]
        rows = Keys(code[order].astype(np.int64), known[order] + join.lag)
        period = period[order] if join.period is not None else rows.day
        _report(key, join, rows, period, moment.asi8[order], symbols)
        out = []
        for name, theirs in ours.items():
            values = reading.numbers(frame[theirs], f"{path}: {theirs!r}")[order]
            laid = (
                newest(bars, rows, period, values, join.expires)
                if join.how == "last"
                else gather(bars, rows, values, join.how)
            )
            out.append((join.prefix + name, laid))
        return out


def _refuse_join(key: str, join: Join) -> None:
    if join.how not in ("last", "sum", "mean"):
        raise ConfigError(f"{key}.how={join.how}: choose from: last, mean, sum")
    if join.lag < 0:
        raise ConfigError(f"{key}.lag={join.lag} looks ahead: write 0 or more calendar days")
    if join.how != "last" and (join.period is not None or join.expires is not None):
        raise ConfigError(f"{key}: period and expires go with how=last only: set them to null")
    if join.expires is not None and join.expires < 1:
        raise ConfigError(f"{key}.expires={join.expires}: write 1 or more calendar days")
    if not join.known:
        raise ConfigError(f"{key}.known is not set: name the column that says when it was known")


def _table(
    key: str, join: Join, path: Path, symbols: list[str]
) -> tuple[pd.DataFrame, str, dict[str, str]]:
    """The file's rows of these symbols, its symbol column, and our names with theirs."""
    form: Files = Csv() if ".csv" in path.suffixes else Parquet()
    found = form.columns_of(path)
    symbol = join.symbol or reading.find("symbol", found)
    if symbol is None:
        raise DataError(f"{path} has no column 'symbol': say which it is with {key}.symbol=…")
    asked = {"symbol": symbol, "known": join.known, "period": join.period}
    for what, name in [*asked.items(), *(join.columns or {}).items()]:
        if name is not None and name not in found:
            where = f"{key}.{what}" if what in asked else f"{key}.columns.{what}"
            raise ConfigError(f"{where}={name} is not a column of {path}: {', '.join(found)}")
    used = [name for name in asked.values() if name is not None]
    wanted = list(join.columns.values()) if join.columns else [n for n in found if n not in used]
    frame = form.read(path, list(dict.fromkeys([*used, *wanted])), symbol, symbols)
    mine = set(pd.Categorical(reading.names(frame[symbol], f"{path}: {symbol!r}")).categories)
    if not mine & set(symbols):
        raise DataError(
            f"{path} has none of the bars' {len(symbols)} symbols ({', '.join(symbols[:3])} …): "
            f"set {key}.symbol, or another {key}.path"
        )
    if join.columns:
        return frame, symbol, join.columns
    plain = [n for n in wanted if reading.is_readable(frame[n]) and not reading.is_label(frame[n])]
    return frame, symbol, {name: name for name in plain}


def _periods(
    key: str, join: Join, path: Path, frame: pd.DataFrame, known: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    period = days(
        reading.stamps(frame[join.period], f"{path}: {join.period!r}", join.timezone, None)
    )
    early = int((known < period).sum())
    if early:
        logger.warning("%s: %d rows were known before their period's end: used from it", key, early)
    return period


def _report(
    key: str,
    join: Join,
    rows: Keys,
    period: np.ndarray[Any, Any],
    moment: np.ndarray[Any, Any],
    symbols: pd.Index,
) -> None:
    """Warn of symbols without figures, and of figures of which the file's order decides."""
    lacking = sorted(set(range(len(symbols))) - set(rows.symbol.tolist()))
    if lacking:
        few = ", ".join(str(symbols[i]) for i in lacking[:5])
        logger.warning("%s: %d of %d symbols have no row: %s", key, len(lacking), len(symbols), few)
    if join.how == "last":
        twin = pd.DataFrame({"s": rows.symbol, "p": period, "m": moment}).duplicated().sum()
        if twin:
            logger.warning("%s: %d rows are known at once: the file's last one counts", key, twin)
