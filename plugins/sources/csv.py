"""Your own CSV file."""

from __future__ import annotations

import lzma
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from engine import ConfigError, DataError, option
from plugins.sources._dates import row_of
from plugins.sources._frames import Files
from plugins.sources._memory import COPIES, refuse_beyond

# What means "no value"; not in the column of symbols, where NA is a ticker.
NULLS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None", "<NA>")
BROKEN = (zlib.error, lzma.LZMAError, zipfile.BadZipFile)  # archives cut short, or none
CHUNK = 250_000  # rows read at a time
POINT = "\"source.decimal=','\""
GROUPS = "\"source.thousands=','\""
READS = (  # text that stands in a number column, and what else than mending it may help
    (r"[+-]?\d{1,3},\d{3}", f", or set {POINT} if commas are decimal points, else {GROUPS}"),
    (r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", f", or set {GROUPS}"),
    (r"[+-]?\d+,\d+", f", or set {POINT}"),
    (r"[+-]?\d{1,3}(\.\d{3})+,\d+", f", or set {POINT} and source.thousands=."),
    (r"[^\w\s]\s?[\d.,]*\d|\d[\d.,]*\s?([^\w\s]|[A-Z]{3})", ", and write the number alone"),
)


@dataclass(frozen=True)
class Csv(Files):
    """Bars from a CSV file with a header, compressed or not.

    Every row is read, in pieces, so a ragged one cannot slip by; only the universe's rows and
    the needed columns are kept. Memory: those, and one piece of 250 000 rows.
    """

    name: ClassVar[str] = "csv"

    separator: str = option(",", "between columns, one character; \\t is a tab")
    decimal: str = option(".", "the decimal point", choices=(".", ","))
    thousands: str | None = option(None, "between groups of three digits, such as a comma")
    encoding: str = option("utf-8-sig", "of the file; the default also takes a byte-order mark")

    def columns_of(self, path: Path) -> list[str]:
        """Return the names in the header."""
        self._check()
        with self._blamed(path):
            header = pd.read_csv(path, header=None, nrows=1, dtype=str, **self._form())
        found = ["" if name is None else str(name) for name in header.iloc[0]]
        twice = sorted({name for name in found if name and found.count(name) > 1})
        if twice:
            raise DataError(
                f"{path} has {found.count(twice[0])} columns {twice[0]!r}: rename all but one"
            )
        if len(found) == 1:
            other = next((s for s in (";", "\t", "|", ",") if s in found[0]), None)
            shown = "'\\t'" if other == "\t" else repr(other)
            remedy = f'set "source.separator={shown}"' if other else "set source.separator"
            raise DataError(f"{path} has a single column, {found[0][:60]!r}: {remedy}")
        return [name or f"Unnamed: {i}" for i, name in enumerate(found)]  # as pandas calls them

    def symbols_of(self, path: Path, symbol: str) -> list[str]:
        """Return the symbols in the file, each once, sorted."""
        found: set[str] = set()
        for chunk in self._chunks(path, symbol):
            found.update(chunk[symbol].dropna())
        return sorted(found)

    def read(
        self,
        path: Path,
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
        for chunk in self._chunks(path, symbol):
            part = chunk[list(columns)]
            if symbol is not None and symbols:
                part = part[part[symbol].isin([*symbols, ""])]
            if stamp is not None and len(part):
                part = part[self.within(part[stamp], path, slack=1)]
            kept.append(part)
            size += int(part.memory_usage(deep=True).sum())
            refuse_beyond(
                str(path), size * (COPIES - 1), "narrow universe.symbols, or set source.start"
            )
        return pd.concat(kept)

    def remedy(self, value: str) -> str:
        """Which option reads this text as a number, if one does."""
        text = value.strip()
        return next((advice for form, advice in READS if re.fullmatch(form, text)), "")

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
        found = self.columns_of(path)
        stamp = self.stamp_of(found)
        text = [name for name in (symbol, stamp) if name is not None]
        with self._blamed(path):
            for chunk in pd.read_csv(
                path,
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

    def _check(self) -> None:
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
    def _blamed(self, path: Path) -> Iterator[None]:
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
                f"{row_of(column, wrong)}, and source.decimal is a comma: mend it, or set "
                "source.decimal=., or source.thousands=. if points group digits"
            )
