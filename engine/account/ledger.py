"""The account's state, and how it moves from one row to the next.

`advance` keeps the books of some rows with the compiled loop of `engine.account.kernel`. Given
all weights at once, it runs through; a portfolio that decides is asked at each close, and a
cost model with a `carry` of its own at each opening. A state that is saved, loaded and
advanced gives the bytes of one that was never saved.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from engine.account import kernel
from engine.account.charges import total
from engine.account.rows import Charges, Market
from engine.core.book import Memory
from engine.core.errors import DataError
from engine.core.panel import FloatArray

Decide = Callable[[int, "State"], "FloatArray | None"]
Carry = Callable[[int, "State", float], float]


@dataclass(eq=False)
class State:
    """What an account is at a close; everything that the next row needs to know of the past.

    Parameters
    ----------
    symbols : tuple of str, length N
    row : int
        How many rows the account has seen.
    cash, equity : float
        In currency; `equity` is the initial capital before the first row.
    ruined : bool
        Whether no equity is left; nothing changes after that.
    shares, last : float array, shape (N,)
        Shares held, and the price that they were last marked at.
    issued : float array, shape (N,)
        Weights decided at this close, to be traded on the next row; NaN holds.
    waiting : float array, shape (N,)
        Targets of older orders that have not met a bar yet; NaN without one.
    owed : float array, shape (N,)
        The part of the last target that is not filled, as a signed fraction of equity.
    cause : float array, shape (N,)
        Why: the column of `kernel` that it is lost to, unless it is asked for again.
    memory : dict
        What the portfolio remembers.
    """

    symbols: tuple[str, ...]
    row: int
    cash: float
    equity: float
    ruined: bool
    shares: FloatArray
    last: FloatArray
    issued: FloatArray
    waiting: FloatArray
    owed: FloatArray
    cause: FloatArray
    memory: Memory = field(default_factory=dict)

    @classmethod
    def open(cls, symbols: tuple[str, ...], capital: float) -> State:
        """An account in cash, before its first row."""
        n = len(symbols)
        none, zero = np.full(n, np.nan), np.zeros(n)
        return cls(
            symbols, 0, capital, capital, False,
            zero.copy(), np.ones(n), none.copy(), none.copy(), zero.copy(),
            np.full(n, float(kernel.BY_CASH)),
        )  # fmt: skip

    @property
    def held(self) -> FloatArray:
        """Weights at the close, as fractions of equity, shape (N,)."""
        return self.shares * self.last / self.equity

    def save(self, folder: Path) -> None:
        """Write ``state.npz`` (arrays) and ``state.json`` (the rest) into a folder."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        for name, value in self.memory.items():
            if isinstance(value, np.ndarray):
                arrays[f"memory.{name}"] = value
            else:
                plain = value.item() if isinstance(value, np.generic) else value
                numbers[f"memory.{name}"] = plain
        np.savez(folder / "state.npz", allow_pickle=False, **arrays)
        text = json.dumps({"symbols": self.symbols, **numbers}, indent=1)
        (folder / "state.json").write_text(text + "\n")

    @classmethod
    def load(cls, folder: Path) -> State:
        """Read what `save` wrote.

        Raises
        ------
        DataError
            If it is not there, or is something else.
        """
        try:
            with np.load(folder / "state.npz", allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            numbers = json.loads((folder / "state.json").read_text())
            plain = {name: numbers.pop(name) for name in _NUMBERS}
            plain |= {name: arrays.pop(name) for name in _ARRAYS}
            symbols = tuple(numbers.pop("symbols"))
            if any(plain[name].shape != (len(symbols),) for name in _ARRAYS):
                raise ValueError("its arrays do not fit its symbols")
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            EOFError,
            BadZipFile,
        ) as error:
            raise DataError(
                f"{folder}: holds no account that can be gone on with ({error}): name a folder "
                "that an account was saved in"
            ) from error
        rest = {**numbers, **arrays}
        memory = {name.removeprefix("memory."): value for name, value in rest.items()}
        return cls(symbols=symbols, memory=memory, **plain)


_ARRAYS = ("shares", "last", "issued", "waiting", "owed", "cause")
_NUMBERS = ("row", "cash", "equity", "ruined")


@dataclass(frozen=True, eq=False)
class Journal:
    """What happened, row by row; `advance` fills it.

    Parameters
    ----------
    flow : float array, shape (T, N)
        Signed shares traded, or given up on a delisting.
    entries : float array, shape (T, `kernel.COLUMNS`)
        Numbers of the row; `kernel` names the columns.
    targets : float array, shape (T, N)
        Weights decided at each close; NaN holds.
    """

    flow: FloatArray
    entries: FloatArray
    targets: FloatArray

    @classmethod
    def blank(cls, shape: tuple[int, int], targets: FloatArray | None = None) -> Journal:
        """A journal for (T, N), with the weights that are given, if they are."""
        return cls(
            np.zeros(shape),
            np.zeros((shape[0], kernel.COLUMNS)),
            np.full(shape, np.nan) if targets is None else targets,
        )


class TooDear(Exception):  # noqa: N818 — an answer of the loop, told in words by its caller
    """An order would cost as much as it is worth: its row, column and value."""

    def __init__(self, row: int, column: int, value: float) -> None:
        super().__init__(row, column, value)
        self.row, self.column, self.value = row, column, value


def advance(
    state: State,
    market: Market,
    charges: Charges,
    journal: Journal,
    *,
    decide: Decide | None = None,
    carry: Carry | None = None,
) -> State:
    """Keep the books of some rows; return the state at the close of the last one.

    Parameters
    ----------
    state : State
        At the close before the first of the rows; it is left as it is.
    market, charges : Market, Charges
        Of these rows, symbols in the order of `state.symbols`.
    journal : Journal
        Of these rows: its `targets` hold the weights decided, or receive them.
    decide : callable, optional
        Given the row among these and the state at its close, returns target weights (N,) or
        None. Without it the journal's targets are traded.
    carry : callable, optional
        Given the row, the state at the close before and the calendar days since, returns what
        holding earned (+) or cost (-), in currency, beside the charges.

    Raises
    ------
    DataError
        If the rows are of other symbols.
    TooDear
        If an order's costs are its value or more.
    """
    if state.symbols != market.symbols:
        raise DataError(
            f"an account of {len(state.symbols)} symbols cannot go on with {len(market.symbols)} "
            "others: give it the rows of its own, in their order"
        )
    state = copy.deepcopy(state)
    run = _loop(state, market, charges, journal)
    rows = market.shape[0]
    if decide is None and carry is None:
        run(0, rows, np.zeros(rows))
        return state
    given = np.zeros(rows)
    for t in range(rows):
        if carry is not None and not state.ruined:
            given[t] = carry(t, state, float(market.days[t]))
        run(t, t + 1, given)
        if decide is None or state.ruined:
            continue
        targets = decide(t, state)
        if targets is not None:
            journal.targets[t] = state.issued[:] = targets
    return state


def _loop(
    state: State, market: Market, charges: Charges, journal: Journal
) -> Callable[[int, int, FloatArray], None]:
    """The compiled loop over a range of the rows, which changes the state."""
    shape = market.shape
    names = sorted(charges.coefficient)
    coefficient = [charges.coefficient[name] for name in names]
    stacked = coefficient[0][None] if len(names) == 1 else np.array(coefficient, np.float64)
    arguments: tuple[Any, ...] = (
        market.price, market.mark, market.at_open, market.cap,
        market.gone_from, market.payout_long, market.payout_short,
        total(charges.fixed, shape), stacked.reshape(len(names), *shape),
        np.array([charges.exponent[name] for name in names]),
        total(charges.long, shape), total(charges.short, shape), total(charges.cash, shape[:1]),
        market.days,
    )  # fmt: skip
    post = kernel.load_loop()
    money = np.array([state.cash, state.equity, float(state.ruined), 0.0])

    def run(start: int, stop: int, given: FloatArray) -> None:
        how, row, column = post(
            *arguments, given, journal.targets,
            state.shares, state.waiting, state.owed, state.cause, state.issued, state.last, money,
            journal.flow, journal.entries, start, stop,
        )  # fmt: skip
        if how == kernel.TOO_DEAR:
            raise TooDear(row, column, float(money[kernel.MONEY_ORDER]))
        state.cash = float(money[kernel.MONEY_CASH])
        state.equity = float(money[kernel.MONEY_EQUITY])
        state.ruined = bool(money[kernel.MONEY_RUINED])
        state.row += stop - start

    return run
