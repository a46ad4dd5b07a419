"""What a cost model states: the terms of trading, and of holding."""

from __future__ import annotations

from dataclasses import dataclass

from engine.core.panel import FloatArray


@dataclass(frozen=True, eq=False)
class Terms:
    """What a trade pays: fixed + coefficient × value ^ exponent, as a fraction of its value.

    Row t prices the orders of t, from rows before t.

    Parameters
    ----------
    fixed : float or float array, shape (T, N)
        Whatever the size, >= 0.
    coefficient : float or float array, shape (T, N)
        Per currency of the order's value to the power of `exponent`, >= 0.
    exponent : float
        Above 0.
    """

    fixed: FloatArray | float = 0.0
    coefficient: FloatArray | float = 0.0
    exponent: float = 0.5


@dataclass(frozen=True, eq=False)
class Holding:
    """What holding earns (+) or pays (-), per calendar day.

    Row t prices the nights from t-1 to t, from rows before t.

    Parameters
    ----------
    long, short : float or float array, shape (T, N), optional
        Fraction of the value of a long position, or of the size of a short one.
    cash : float or float array, shape (T,), optional
        Fraction of cash, the proceeds of shorts included. It is told as interest, not as a cost.
    """

    long: FloatArray | float | None = None
    short: FloatArray | float | None = None
    cash: FloatArray | float | None = None
