"""Your own CSV file."""

from __future__ import annotations

import lzma
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from engine import ConfigError, DataError, option, reading
from engine.plugins.sources._custom import (
    KLINES,
    is_value,
    klines,
    points,
    reads,
    separator,
    show,
    two_levels,
)
from engine.plugins.sources._frames import Files
from engine.plugins.sources._memory import COPIES, refuse_beyond

# What means "no value"; not in the column of symbols, where NA is a ticker.
NULLS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None", "<NA>")
BROKEN = (zlib.error, lzma.LZMAError, zipfile.BadZipFile)  # archives cut short, or none
CHUNK = 250_000  # rows read at a time
HEAD = 1000  # rows that tell which options a file needs
PACKED = ("", ".gz", ".bz2", ".xz", ".zst", ".zip")


@dataclass(frozen=True)
class Csv(Files):
    """Bars from a CSV file with a header, compressed or not.

    Every row is read, in pieces, so a ragged one cannot slip by; only the universe's rows and
    the needed columns are kept. Memory: those, and one piece of 250 000 rows.
    """

    name: ClassVar[str] = "csv"
    repeatable: ClassVar[bool] = True
    suffixes: ClassVar[tuple[str, ...]] = tuple(
        f".{kind}{packed}" for kind in ("csv", "tsv", "txt") for packed in PACKED
    )

    separator: str = option(",", "between columns, one character; \\t is a tab")
    decimal: str = option(".", "the decimal point", choices=(".", ","))
    thousands: str | None = option(
        None, "between groups of three digits, such as a comma; null is none"
    )
    encoding: str = option(
        "utf-8-sig", "utf-8-sig: with or without a byte-order mark; older exports: latin-1"
    )
    names: list[str] | None = option(
        None, "of the columns of a file without a header, in order, such as [date, symbol, close]"
    )

    def columns_of(self, table: Path) -> list[str]:
        """Return the names in the header; those of a header of two levels as pairs."""
        return self._header(table)[0]

    def _header(self, path: Path) -> tuple[list[str], int | None]:
        """The columns' names, and the last row that tells them, from 0; None without any."""
        self._refuse_signs()
        with self._blame(path):
            found = self._first(path)
            if len(found) > 1 and self.names is None:
                rows = pd.read_csv(path, header=None, nrows=3, dtype=str, **self._form())
                pairs = two_levels(rows)
                if pairs is not None:
                    return pairs, 2
        if len(found) == 1:
            other = separator(found[0])
            remedy = f'set "source.separator={show(other)}"' if other else "set source.separator"
            raise DataError(f"{path} has a single column, {found[0][:60]!r}: {remedy}")
        if self.names is not None:
            return self._take_names(path, found), None
        if klines(found):
            return KLINES, None
        if is_value(found[0]):
            raise DataError(
                f"{path} has no header, but {', '.join(found)[:60]!r} in its first row: name its "
                f"columns with source.names=[date,symbol,close,…]"
            )
        twice = sorted({name for name in found if name and found.count(name) > 1})
        if twice:
            raise DataError(
                f"{path} has {found.count(twice[0])} columns {twice[0]!r}: rename all but one"
            )
        return [name or f"Unnamed: {i}" for i, name in enumerate(found)], 0  # as pandas does

    def _take_names(self, path: Path, first: list[str]) -> list[str]:
        """The names that the configuration gives the columns."""
        given = list(self.names or [])
        if len(given) != len(first) or len({*given}) != len(given):
            raise ConfigError(
                f"source.names has {len({*given})} different names, and {path} {len(first)} "
                "columns: name each once"
            )
        return given

    def asks(self, table: Path) -> list[str]:
        """Return options that say how the file is written."""
        _, asked = self._guess(table)
        head = self.head(table)
        own = [head[name].dropna() for name in head if reading.find_any(str(name), reading.BARS)]
        values = [str(value).strip() for column in own for value in column]
        return [*asked, *points(values, self.decimal, self.thousands)]

    def head(self, table: Path) -> pd.DataFrame:
        """Return the first rows as text, read as the file itself seems to be written."""
        guess, _ = self._guess(table)
        names, header = guess._header(table)
        rows: pd.DataFrame = pd.read_csv(
            table, header=header, names=names, nrows=HEAD, dtype=str, **guess._form()
        )
        return rows

    def _guess(self, path: Path) -> tuple[Csv, list[str]]:
        """The source with the separator and the names that the file seems to have, and both."""
        guess, asked = self, []
        with self._blame(path):
            cells = self._first(path)
        other = separator(cells[0]) if len(cells) == 1 else None
        if other:
            guess = replace(guess, separator=other)
            asked.append(f'"source.separator={show(other)}"')
            cells = guess._first(path)
        if self.names is None and is_value(cells[0]) and not klines(cells):
            guess = replace(guess, names=[*("date", "symbol", "close")[: len(cells)], *cells[3:]])
            asked.append("'source.names=[date,symbol,close,…]'")
        return guess, asked

    def _first(self, path: Path) -> list[str]:
        """The cells of the first row."""
        row = pd.read_csv(path, header=None, nrows=1, dtype=str, **self._form())
        return ["" if cell is None else str(cell).strip() for cell in row.iloc[0]]

    def symbols_of(self, table: Path, symbol: str) -> list[str]:
        """Return the symbols in the file, each once, sorted."""
        found: set[str] = set()
        for chunk in self._chunks(table, symbol):
            found.update(map(reading.name_symbol, chunk[symbol].dropna().unique()))
        return sorted(found)

    def read(
        self,
        table: Path,
        columns: Sequence[str],
        symbol: str | None,
        symbols: list[str] | None,
        stamp: str | None = None,
    ) -> pd.DataFrame:
        """Return these columns of the chosen rows.

        Raises
        ------
        DataError
            The file is no table, or what is chosen of it does not fit into memory.
        """
        kept, size = [], 0
        for chunk in self._chunks(table, symbol):
            part = chunk[list(columns)]
            if symbol is not None and symbols:
                code, texts = pd.factorize(part[symbol])
                chosen = {*symbols, ""}
                part = part[np.array([reading.name_symbol(text) in chosen for text in texts])[code]]
            if stamp is not None and len(part):
                part = part[self.within(part[stamp], table, slack=1)]
            kept.append(part)
            size += int(part.memory_usage(deep=True).sum())
            refuse_beyond(
                str(table), size * (COPIES - 1), "narrow universe.symbols, or set source.start"
            )
        return pd.concat(kept)

    def remedy(self, value: str) -> str:
        """Which option reads this text as a number, if one does."""
        return reads(value)

    def written(self, number: str) -> str:
        """Return a number with a decimal point and no groups of digits."""
        return number.replace(self.thousands or "", "").replace(self.decimal, ".")

    def _form(self) -> dict[str, Any]:
        """What every reading has in common."""
        return {
            "sep": "\t" if self.separator == "\\t" else self.separator,
            "encoding": self.encoding,
            "index_col": False,
            "keep_default_na": False,
        }

    def _chunks(self, path: Path, symbol: str | None) -> Iterator[pd.DataFrame]:
        """The file's rows, `CHUNK` at a time; the symbol and the date are text as it stands."""
        found, header = self._header(path)
        stamp = self.stamp_of(found)
        text = [name for name in (symbol, stamp) if name is not None]
        with self._blame(path):
            for chunk in pd.read_csv(
                path,
                header=header,
                names=found,
                decimal=self.decimal,
                thousands=self.thousands,
                na_values={name: list(NULLS) for name in found if name != symbol},
                dtype=dict.fromkeys(text, "str"),
                low_memory=False,
                chunksize=CHUNK,
                **self._form(),
            ):
                if self.decimal == ",":
                    _refuse_points(chunk.drop(columns=text), path)
                yield chunk

    def _refuse_signs(self) -> None:
        for key in ("separator", "thousands"):
            value = getattr(self, key)
            if value is not None and value != "\\t" and len(value) != 1:
                raise ConfigError(f"source.{key}={value}: write one character")
        if self.decimal in (self.thousands, self.separator):
            key = "thousands" if self.decimal == self.thousands else "separator"
            raise ConfigError(
                f"source.{key}={self.decimal} is source.decimal too: choose another of the two"
            )

    @contextmanager
    def _blame(self, path: Path) -> Iterator[None]:
        """Errors of pandas in one line that names the file and the option."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                yield
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            with path.open("rb") as file:
                wide = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
            other = "utf-16" if wide else "latin-1, or what it is"
            raise DataError(
                f"{path} is not {self.encoding} text ({error.reason}: byte 0x{byte:02x}): "
                f"set source.encoding={other}"
            ) from error
        except LookupError as error:
            raise ConfigError(f"source.encoding={self.encoding} is not known: try utf-8") from error
        except (ValueError, OSError, EOFError, *BROKEN, pd.errors.ParserWarning) as error:
            reason = str(error).strip().split("\n")[0]
            raise DataError(
                f"{path} cannot be read as a table ({reason}): mend it, or set source.separator"
            ) from error


def _refuse_points(frame: pd.DataFrame, path: Path) -> None:
    """Refuse 1.500 among decimal commas: nobody knows whether it is a number near 1 or 1500."""
    for name in frame.columns[[isinstance(kind, pd.StringDtype) for kind in frame.dtypes]]:
        column = frame[name]
        wrong = np.flatnonzero(column.str.fullmatch(r"[+-]?\d*\.\d+", na=False))
        if len(wrong):
            raise DataError(
                f"{path}: {name!r} has the point in {column.iloc[wrong[0]]!r}, row "
                f"{reading.row_of(column, wrong)}, and source.decimal is a comma: mend it, or set "
                "source.decimal=., or source.thousands=. if points group digits"
            )
