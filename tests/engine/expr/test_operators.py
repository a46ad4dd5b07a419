"""Every operator of the table: its kernel against its slow twin, and its causality.

The panels are hard on purpose: holes, constants, ties, both signs, tiny and huge values with
small differences, fewer rows than the window, one symbol, windows of one row.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from engine.expr import slow
from engine.expr.ops import TABLE, Op
from engine.panel import FloatArray

NAN = np.nan
OPS = pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
WINDOWED = pytest.mark.parametrize(
    "op", [op for op in TABLE.values() if "d" in op.args], ids=lambda op: op.name
)
LABELS = np.array([0, 1, 0, 2, 1, 1])


def _hard_panels() -> dict[str, FloatArray]:
    random = np.random.default_rng(5)
    normal = random.normal(size=(40, 6))
    holes = np.where(random.random(normal.shape) < 0.3, NAN, normal)
    empty = holes.copy()
    empty[:, 2], empty[10:22] = NAN, NAN
    return {
        "normal": normal,
        "prices": 100.0 * np.exp(np.cumsum(0.02 * normal, axis=0)),
        "holes": holes,
        "mostly holes": np.where(random.random(normal.shape) < 0.8, NAN, normal),
        "empty rows and columns": empty,
        "nothing": np.full((12, 6), NAN),
        "ties": np.round(holes),
        "zero": np.zeros((15, 6)),
        "constant": np.full((15, 6), 0.1),
        "steps": np.repeat(np.round(normal[:8], 2), 5, axis=0),
        "large and a little": 1e8 + normal,
        "tiny": 1e-150 * normal,
        "a spike": np.where(np.arange(40)[:, None] == 7, 1e12, normal),
        "few rows": normal[:3],
        "one row": normal[:1],
        "one symbol": holes[:, :1],
    }


PANELS = _hard_panels()
SMALL = {  # how far a sum may be off, as a share of the largest value in the panel
    "large and a little": 1e-15,
    "a spike": 1e-15,
}


def _arguments(op: Op, x: FloatArray, d: int) -> list[object]:
    """Arguments of `op`: x, and panels made of x, so that holes and ties fall together too."""
    arrays = iter((x, np.roll(np.where(np.isnan(x), 1.0, x), 1, axis=-1), np.abs(x[::-1])))
    given = {"d": lambda: d, "n": lambda: 0.7, "g": lambda: LABELS[: x.shape[1]]}
    return [given.get(kind, lambda: next(arrays))() for kind in op.args]


def _fast(op: Op, args: list[object]) -> FloatArray:
    """The kernel's result, as the executor keeps it: finite or NaN."""
    with np.errstate(all="ignore"):
        out = getattr(import_module(f"engine.expr.{op.room}"), op.name)(*args)
    return np.where(np.isinf(out), NAN, out)


def _slow(op: Op, args: list[object]) -> FloatArray:
    with np.errstate(all="ignore"):
        out = getattr(slow, op.name)(*args)
    return np.where(np.isinf(out), NAN, out)


def _on(args: list[object], change) -> list[object]:
    """The arguments with every array changed."""
    return [change(a) if isinstance(a, np.ndarray) and a.ndim == 2 else a for a in args]


def test_names_and_signs_are_used_once():
    names = [name for op in TABLE.values() for name in (op.name, *op.aliases)]
    signs = [op.infix for op in TABLE.values() if op.infix]
    assert len(names) == len(set(names))
    assert len(signs) == len(set(signs))


@OPS
def test_an_operator_has_a_kernel_a_slow_twin_and_a_meaning(op):
    assert callable(getattr(import_module(f"engine.expr.{op.room}"), op.name))
    assert callable(getattr(slow, op.name))
    assert op.doc
    assert set(op.args) <= set("xdng")
    assert (op.reach in {"window", "shift"}) <= (op.args.count("d") == 1)
    assert (op.reach == "none") == ("d" not in op.args)


@OPS
@pytest.mark.parametrize("kind", PANELS)
def test_the_kernel_agrees_with_its_slow_twin(op, kind):
    x = PANELS[kind]
    for d in (1, 2, 3, 5, 20) if "d" in op.args else (1,):
        args = _arguments(op, x, d)
        assert_allclose(
            _fast(op, args), _slow(op, args), rtol=1e-9, atol=1e-13, err_msg=f"window {d}"
        )
