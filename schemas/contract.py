"""What a contract is: the columns of a table, and the rules that hold in and between them.

A table that keeps its contract is judged here, by the rules alone. One that may not is handed to
pandera, which says which column breaks which check in which rows. Nearly all tables keep theirs,
and pandera takes longer to be imported than to be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema


@dataclass(frozen=True, eq=False)
class Check:
    """A rule that sees the whole column or frame, nulls included.

    Parameters
    ----------
    name, error : str
        The rule in a word, and in the words of a report.
    holds : callable
        From the column or the frame to whether it keeps the rule, row by row or as a whole.
    implied : bool
        Whether the checks before it imply it: it is asked for the report of what is broken.
    cells : callable, optional
        The same as `holds` from a column's array, which takes no time of pandas'.
    """

    name: str
    error: str
    holds: Callable[[Any], Any]
    implied: bool = False
    cells: Callable[[Any], Any] | None = None

    def is_kept(self, values: pd.Series[Any] | pd.DataFrame) -> bool:
        """Whether a column or frame that keeps the checks before it keeps this one."""
        if self.implied:
            return True
        held = self.holds(values) if self.cells is None else self.cells(values.to_numpy())
        return bool(np.all(held))


@dataclass(frozen=True, eq=False)
class Column:
    """What a column holds.

    Parameters
    ----------
    kind : str, optional
        Its type, as pandas spells it; None where a check judges that.
    checks : sequence of Check
    nullable : bool
        Whether values may be missing.
    """

    kind: str | None
    checks: Sequence[Check] = ()
    nullable: bool = False

    def is_kept(self, values: pd.Series[Any]) -> bool:
        """Whether a column keeps all of this."""
        return (
            self._fits(values.dtype)
            and (self.nullable or not _lacks(values))
            and all(check.is_kept(values) for check in self.checks)
        )

    def _fits(self, dtype: Any) -> bool:
        if self.kind is None:
            return True
        if self.kind == "category":
            return isinstance(dtype, pd.CategoricalDtype)
        if self.kind == "str":
            return isinstance(dtype, pd.StringDtype)
        return isinstance(dtype, np.dtype) and dtype == np.dtype(self.kind)


def _lacks(values: pd.Series[Any]) -> bool:
    """Whether a value is missing."""
    if isinstance(values.dtype, np.dtype):
        return bool(pd.isna(values.to_numpy()).any())
    return bool(values.isna().to_numpy().any())


@dataclass(frozen=True, eq=False)
class Contract:
    """Strict and without coercion: a frame has these columns and no others, of these types.

    Parameters
    ----------
    name : str
        What the frame holds, as reports call it.
    columns : mapping of str to Column
    checks : sequence of Check
        What must hold between the columns.
    """

    name: str
    columns: Mapping[str, Column]
    checks: Sequence[Check] = ()

    def validate(
        self, frame: pd.DataFrame, *, lazy: bool = False, inplace: bool = False
    ) -> pd.DataFrame:
        """Return the frame; pandera raises its own errors for one that breaks the contract.

        Parameters
        ----------
        frame : pandas.DataFrame
        lazy, inplace : bool
            As pandera takes them: whether all checks are made before it raises, and whether it
            may do without a copy.
        """
        if self.is_kept(frame):
            return frame
        judged: pd.DataFrame = self.schema().validate(frame, lazy=lazy, inplace=inplace)
        return judged

    def is_kept(self, frame: pd.DataFrame) -> bool:
        """Whether a frame surely keeps the contract; what cannot be judged is for pandera."""
        if len(frame.columns) != len(self.columns) or {*frame.columns} != {*self.columns}:
            return False
        try:
            return all(
                self.columns[str(name)].is_kept(values) for name, values in frame.items()
            ) and (all(check.is_kept(frame) for check in self.checks))
        except Exception:  # a rule that meets other values than it is made for
            return False

    def schema(self) -> DataFrameSchema:
        """Return the same contract for pandera."""
        from pandera import pandas as pandera  # slow to import

        def translate(checks: Sequence[Check]) -> list[pandera.Check]:
            return [
                pandera.Check(each.holds, name=each.name, error=each.error, ignore_na=False)
                for each in checks
            ]

        columns = {
            name: pandera.Column(each.kind, checks=translate(each.checks), nullable=each.nullable)
            for name, each in self.columns.items()
        }
        return pandera.DataFrameSchema(
            columns, checks=translate(self.checks), strict=True, coerce=False, name=self.name
        )
