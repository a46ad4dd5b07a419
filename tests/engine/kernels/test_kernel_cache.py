"""Compiled kernels on disk: whatever is wrong there costs a compilation and one warning."""

from __future__ import annotations

import errno
import logging
import subprocess
import sys
from pathlib import Path

import numba
import pytest
from llvmlite.binding import get_host_cpu_name
from numba.core.caching import NullCache

from engine import __version__
from engine.kernels import cache as kernel_cache
from engine.kernels import sources
from engine.kernels.cache import njit

SOURCE = """
from engine.kernels.cache import njit

@njit(cache=True)
def double(x):
    return 2 * x
"""


@pytest.fixture
def warned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> pytest.LogCaptureFixture:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(kernel_cache, "_told", set())
    caplog.set_level(logging.WARNING)
    return caplog


def compiled(folder: Path) -> object:
    """A kernel of a file in a folder, as a new process finds it."""
    file = folder / "kernels.py"
    file.write_text(SOURCE)
    names: dict[str, object] = {"__name__": "kernels", "__file__": str(file)}
    exec(compile(SOURCE, str(file), "exec"), names)
    return names["double"]


def used(kernel: object) -> int:
    assert kernel(21) == 42  # type: ignore[operator]
    return sum(kernel.stats.cache_hits.values())  # type: ignore[attr-defined]


def test_what_is_whole_is_used_again(tmp_path: Path, warned: pytest.LogCaptureFixture) -> None:
    assert used(compiled(tmp_path)) == 0
    assert used(compiled(tmp_path)) == 1
    assert warned.messages == []


def test_they_stand_in_the_users_cache_by_version_and_processor(
    tmp_path: Path, warned: pytest.LogCaptureFixture
) -> None:
    used(compiled(tmp_path))
    home = kernel_cache.folder()
    assert home.parent == tmp_path / "cache" / "alpha-engine" / "kernels"
    assert home.name == f"{__version__}-numba{numba.__version__}-{get_host_cpu_name()}"
    assert list(home.rglob("*.nbi"))
    assert not list((tmp_path / "__pycache__").glob("*"))


@pytest.mark.parametrize("pattern", ["*.nbi", "*.nbc"])
@pytest.mark.parametrize("how", ["empty", "cut", "junk", "flipped"])
def test_what_is_damaged_is_compiled_again(
    tmp_path: Path, warned: pytest.LogCaptureFixture, pattern: str, how: str
) -> None:
    used(compiled(tmp_path))
    file = next((tmp_path / "cache").rglob(pattern))
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    file.write_bytes(
        {"empty": b"", "cut": whole[: len(whole) // 2], "junk": b"junk", "flipped": flipped}[how]
    )
    assert used(compiled(tmp_path)) == 0
    assert len(warned.messages) <= 1
    if pattern == "*.nbc":
        assert warned.messages[0].endswith("are compiled again")
        assert str(tmp_path) in warned.messages[0]
    assert used(compiled(tmp_path)) == 1  # it has been replaced


def test_what_belongs_to_another_user_is_not_read(
    tmp_path: Path, warned: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    used(compiled(tmp_path))
    found = compiled(tmp_path)
    monkeypatch.setattr(found._cache._cache_file, "_owners", frozenset({-1}))  # type: ignore[attr-defined]
    assert used(found) == 0
    assert "belongs to another user" in warned.messages[0]


def test_a_full_disk_is_one_line(
    tmp_path: Path, warned: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    found = compiled(tmp_path)
    monkeypatch.setattr(found._cache._cache_file, "_save_data", full)  # type: ignore[attr-defined]
    assert used(found) == 0
    assert found(2.5) == 5.0  # type: ignore[operator]
    assert len(warned.messages) == 1
    assert "cannot be kept" in warned.messages[0]
    assert "No space left on device" in warned.messages[0]
    assert "NUMBA_CACHE_DIR" in warned.messages[0]


def test_without_a_folder_it_goes_on(
    tmp_path: Path, warned: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    kernels = [njit(cache=True)(lambda x: x + 1) for _ in range(2)]
    assert [kernel(1) for kernel in kernels] == [2, 2]
    assert isinstance(kernels[0]._cache, NullCache)
    assert len(warned.messages) == 1
    assert warned.messages[0].startswith("there is no folder for compiled kernels: ")


def test_a_kernel_is_made_of_all_that_it_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of files that it imports from, however far away, and of no others."""
    texts = {
        "a.py": "from engine.room import b, c\nfrom engine.room.d import (\n    one,\n)\n",
        "room/__init__.py": "from engine.room.e import other\n",
        "room/b.py": "",
        "room/c.py": "    from engine.f import deep  # not at the top\n",
        "room/d.py": "from engine.room import door\n",
        "room/e.py": "",
        "f.py": "",
        "g.py": "from engine.a import one\n",
    }
    monkeypatch.setattr(sources, "ROOT", tmp_path / "engine")

    def digest(changed: str = "") -> str:
        for name, text in texts.items():
            file = tmp_path / "engine" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text + ("x = 1\n" if name == changed else ""))
        sources.digest.cache_clear()
        sources._read.cache_clear()
        return sources.digest(tmp_path / "engine" / "a.py")

    assert [name for name in texts if digest(name) == digest()] == ["g.py"]
    sources._read.cache_clear()


LOADING = """
import sys
import numpy as np
from engine.kernels.ranks import average_ranks
average_ranks(np.arange(6.0).reshape(2, 3))
before = "scipy.linalg" in sys.modules
from numba import njit
@njit
def product(a, b):
    return a @ b, np.linalg.inv(a)
made, inverse = product(np.array([[2.0, 0.0], [0.0, 4.0]]), np.ones((2, 2)))
print(before, made.tolist(), (inverse + 0.0).tolist())
from scipy.linalg import cython_blas
print("dgemm" in cython_blas.__pyx_capi__)
"""


def test_kernels_do_not_wait_for_scipys_linear_algebra_and_others_have_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADING], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "False [[2.0, 2.0], [4.0, 4.0]] [[0.5, 0.0], [0.0, 0.25]]",
        "True",
    ]
