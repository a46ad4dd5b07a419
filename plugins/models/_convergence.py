"""A fit that does not converge is told in the run's log, where the manifest and report find it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


@contextmanager
def telling(advice: str) -> Iterator[None]:
    """Log one line, with what to type, in place of scikit-learn's own warning of convergence."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", ConvergenceWarning)
        yield
    late = [each for each in heard if issubclass(each.category, ConvergenceWarning)]
    for each in heard:
        if each not in late:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    if late:
        tell(advice)


def tell(advice: str) -> None:
    """Log that a training has not converged, and what to type."""
    log.warning("a training did not converge, its forecasts are used: %s", advice)
