"""A portfolio of everything: the higher the rank, the larger the weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import engine


@dataclass(frozen=True)
class RankWeights(engine.Portfolio):
    """Weights in proportion to the signal's rank less the mean rank, long and short."""

    name: ClassVar[str] = "rank_weights"

    gross: float = engine.option(1.0, "long plus short", unit="fraction of equity", ge=0.0)
    every: int = engine.option(5, "rows between decisions", unit="trading days", ge=1)

    def weights(
        self, signal: engine.FloatArray, panel: engine.Panel, exposure: engine.FloatArray
    ) -> engine.FloatArray:
        """Return weights on every `every`-th row, NaN between; 0 for names without a signal."""
        can = panel.present & panel.member & np.isfinite(signal)
        ranks = panel.wide(np.where(can, signal, np.nan)).rank(axis=1).to_numpy(np.float64)
        out = np.full(panel.shape, np.nan)
        for t in range(0, len(out), self.every):
            distance = np.nan_to_num(ranks[t] - (can[t].sum() + 1) / 2)  # mean rank of n: (n+1)/2
            total = np.abs(distance).sum()
            if total > 0.0:
                out[t] = distance * (self.gross * exposure[t] / total)
        return out
