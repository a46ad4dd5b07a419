"""`engine warm`, and where compiled operators are kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from builders import ROOT

import engine
from engine.cli.prompt import main
from engine.expr.ops import TABLE

CHECK = """
import gc
import time
from pathlib import Path
from numba.core.dispatcher import Dispatcher
from omegaconf import OmegaConf
from engine import Panel
from engine.cli import main
from engine.expr import evaluate, parse
from engine.checks.panels import small_panel
import numpy as np

def signatures():
    found = [d for d in gc.get_objects() if isinstance(d, Dispatcher)]
    ours = [d for d in found if d.py_func.__module__.startswith("engine.")]
    return {(d.py_func.__module__, d.__name__, str(s)) for d in ours for s in d.signatures}

assert main(["warm"]) == 0
before = signatures()
assert len(before) > 15
panel = small_panel(days=60, symbols=8)
formulas = {}
for name in ("core_ta_price", "alpha158", "alpha101", "gtja191"):
    for factor, node in OmegaConf.load(f"conf/factors/{name}.yaml").items():
        text = node if isinstance(node, str) else node.formula
        lacks = any(word in str(text) for word in ("IndClass", "cap", "BANCHMARK"))
        if factor == "_dialect_" or not isinstance(text, str) or lacks:
            continue
        formulas[f"{name} {factor}"] = parse(text, "gtja" if name == "gtja191" else None)
assert len(formulas) > 380
evaluate(formulas, panel)
print(sorted(signatures() - before))
start = time.perf_counter()
assert main(["warm"]) == 0
print(time.perf_counter() - start)
"""


def _python(code: str, folder: Path = ROOT, **environment: str) -> list[str]:
    kept = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().split("\n")


def test_after_it_the_factor_sets_compile_nothing():
    *_, compiled, again, seconds = _python(CHECK)
    assert compiled == "[]"
    assert "operators are ready after" in again
    assert float(seconds) < 3.0


def test_it_says_how_many_and_where(capsys):
    assert main(["warm"]) == 0
    last = capsys.readouterr().out.strip().split("\n")[-1]
    assert last.startswith(f"{len(TABLE)} operators are ready after ")
    assert Path(last.partition(" kept in ")[2]).is_dir()


def test_it_takes_no_words(capsys):
    assert main(["warm", "up"]) == 2
    assert capsys.readouterr().err == "engine: warm up: one word too many; type `engine warm`\n"
    assert main(["warm", "--help"]) == 0
    assert "NUMBA_CACHE_DIR" in capsys.readouterr().out


def test_nothing_is_kept_beside_the_package(tmp_path):
    """Two copies of one version share their kernels, in the user's cache folder."""
    package = tmp_path / "lib" / "engine"
    shutil.copytree(
        Path(engine.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    code = (
        "import engine, pandas as pd, numpy as np\n"
        "from engine.expr import evaluate\n"
        "from engine.expr.cells import finite\n"
        "days = pd.date_range('2024-01-01', periods=3, tz='UTC')\n"
        "panel = engine.Panel(days, ('A',), {'close': np.ones((3, 1))})\n"
        "print(evaluate({'f': 'ema(close, 3)'}, panel)['f'].sum(), engine.__file__)\n"
        "print(finite.stats.cache_path)"
    )
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    result, where = _python(code, tmp_path, PYTHONPATH=str(tmp_path / "lib"), **home)
    assert result == f"3.0 {package / '__init__.py'}"
    assert where.startswith(str(tmp_path / "cache" / "alpha-engine" / "kernels"))
    assert list(Path(where).glob("*.nbi"))
    assert list(package.rglob("*.nbi")) == []
    other = package.parents[1] / "other"
    shutil.copytree(package, other / "engine")
    assert _python(code, tmp_path, PYTHONPATH=str(other), **home)[1] == where
