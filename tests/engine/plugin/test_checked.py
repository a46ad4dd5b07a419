"""Whether the conformance kit has seen a plugin's code: by the code's hash, until it changes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from engine.plugin.checked import find_checker
from engine.plugins.factors import register_factors
from engine.testing import verdicts

CODE = '''
from dataclasses import dataclass
from typing import ClassVar
import engine

@dataclass(frozen=True)
class Gap(engine.Factor):
    """Open over close."""
    name: ClassVar[str] = "gap"
    def compute(self, panel):
        return {body}
'''


def module(folder: Path, body: str) -> ModuleType:
    path = folder / "gap_plugin.py"
    path.write_text(CODE.format(body=body), "utf-8")
    spec = importlib.util.spec_from_file_location("gap_plugin", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["gap_plugin"] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield tmp_path
    sys.modules.pop("gap_plugin", None)


def test_sound_code_is_known_until_it_changes(tmp_path):
    gap = module(tmp_path, 'panel["open"] / panel["close"]').Gap
    assert find_checker(gap) is None
    assert all(v.ok for v in verdicts(gap()))
    assert find_checker(gap) == "0.1.0"
    assert find_checker(module(tmp_path, 'panel["open"] / panel["close"] + 0.0').Gap) is None


def test_code_that_looks_ahead_is_never_recorded(tmp_path):
    gap = module(tmp_path, 'panel["close"] / panel["close"][-1]').Gap
    assert not all(v.ok for v in verdicts(gap()))
    assert find_checker(gap) is None


def test_without_a_folder_nothing_is_recorded_and_nothing_fails(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    gap = module(tmp_path, 'panel["open"] / panel["close"]').Gap
    assert all(v.ok for v in verdicts(gap()))
    assert find_checker(gap) is None


def test_the_engine_s_own_are_not_written_down(tmp_path):
    formula = next(cls for cls in register_factors() if cls.name == "formula")
    assert all(v.ok for v in verdicts(formula(formula="close")))
    assert not (tmp_path / "cache").exists()
