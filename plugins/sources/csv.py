"""Your own CSV file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from engine import ConfigError, DataError, option
from plugins.sources._frames import Files

# What means "no value"; not in the column of symbols, where NA is a ticker.
NULLS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None", "<NA>")


@dataclass(frozen=True)
class Csv(Files):
    """Bars from a CSV file with a header, compressed or not."""

    name: ClassVar[str] = "csv"
    hint: ClassVar[str] = ", or set source.decimal=',' if commas are decimal points"

    separator: str = option(",", "between columns")
    decimal: str = option(".", "the decimal point", choices=(".", ","))
    encoding: str = option("utf-8-sig", "of the file; the default also takes a byte-order mark")

    def columns_of(self, path: Path) -> list[str]:
        """Return the names in the header."""
        found = [str(name) for name in self._parsed(path, rows=0, symbol=None).columns]
        if len(found) == 1:
            other = next((s for s in (";", "\t", "|", ",") if s in found[0]), None)
            shown = "'\\t'" if other == "\t" else repr(other)
            remedy = f"set source.separator={shown}" if other else "set source.separator"
            raise DataError(f"{path} has a single column, {found[0]!r}: {remedy}")
        return found

    def read(
        self, path: Path, columns: Sequence[str], symbol: str | None, symbols: list[str] | None
    ) -> pd.DataFrame:
        """Return these columns; every row is read, since a ragged one must not slip by."""
        return self._parsed(path, rows=None, symbol=symbol)[list(columns)].pipe(
            lambda f: f if symbol is None or not symbols else f[f[symbol].isin([*symbols, ""])]
        )

    def _parsed(self, path: Path, rows: int | None, symbol: str | None) -> pd.DataFrame:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                nulls = None if symbol is None else self._nulls(path, symbol)
                return pd.read_csv(
                    path,
                    sep=self.separator,
                    decimal=self.decimal,
                    encoding=self.encoding,
                    nrows=rows,
                    index_col=False,
                    keep_default_na=False,
                    na_values=list(NULLS) if nulls is None else nulls,
                    dtype=None if symbol is None else {symbol: "str"},
                    low_memory=False,
                )
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path} is not {self.encoding} text ({error.reason} at byte {error.start}): "
                "set source.encoding=latin-1, or what it is"
            ) from error
        except LookupError as error:
            raise ConfigError(f"source.encoding={self.encoding} is not known: try utf-8") from error
        except (ValueError, OSError, EOFError, pd.errors.ParserWarning) as error:
            reason = str(error).strip().split("\n")[0]
            raise DataError(
                f"{path} cannot be read as a table ({reason}): mend it, or set source.separator"
            ) from error

    def _nulls(self, path: Path, symbol: str) -> dict[str, list[str]]:
        return {name: list(NULLS) for name in self.columns_of(path) if name != symbol}
