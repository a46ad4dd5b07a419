"""Which state of the market a close was in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.core.panel import FloatArray


def find_likeliest(probabilities: FloatArray) -> npt.NDArray[np.intp]:
    """Return the likeliest of S states at each close, shape (T,); -1 where one is not known.

    Parameters
    ----------
    probabilities : float array, shape (T, S)
        Filtered; of states that are as likely, the first is meant.
    """
    known = np.isfinite(probabilities).all(axis=1)
    return np.where(known, np.argmax(np.nan_to_num(probabilities), axis=1), -1)
