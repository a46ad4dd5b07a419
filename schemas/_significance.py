"""The columns of a mean over dates that was tested against zero."""

from __future__ import annotations

from engine.schemas._frames import count, known_together, number, rule
from engine.schemas.contract import Check, Column


def significance(name: str, mean: Column) -> tuple[dict[str, Column], list[Check]]:
    """Return the contracts of a mean and of its test, and the rules between them.

    Parameters
    ----------
    name : str
        Of the mean's column.
    mean : Column
        Its contract; NaN with fewer than two dates.

    Returns
    -------
    columns, rules
        The mean, ``standard_error`` >= 0, ``t``, ``p`` within 0 and 1, and ``dates`` (int64, >= 0).
        The error is known with the mean, which has two dates; `t` and `p` where the error is above
        0, and only there.
    """
    columns = {
        name: mean,
        "standard_error": number(nullable=True, ge=0.0),
        "t": number(nullable=True),
        "p": number(nullable=True, within=(0.0, 1.0)),
        "dates": count(),
    }
    rules = [
        known_together(name, "standard_error"),
        rule("dates", "a mean has two dates", lambda f: f[name].notna() == (f["dates"] > 1)),
        rule("t", "t needs an error", lambda f: f["t"].notna() == (f["standard_error"] > 0.0)),
        rule("p", "p goes with t", lambda f: f["p"].notna() == f["t"].notna()),
    ]
    return columns, rules
