"""Checksums of the store's files: what they are made of, and what they tell."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

from engine.storage import checksums

MB = 1 << 20


def test_it_is_blake2b_of_the_crc_32_of_each_megabyte(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(MB) + b"abc")
    crcs = zlib.crc32(bytes(MB)).to_bytes(4, "little") + (0x352441C2).to_bytes(4, "little")
    with file.open("rb", buffering=0) as opened:
        assert (
            checksums.compute(opened)
            == "crc32:" + hashlib.blake2b(crcs, digest_size=16).hexdigest()
        )


def test_one_bit_that_turned_is_told(tmp_path: Path) -> None:
    file, content = tmp_path / "file", bytearray(3 * MB)
    file.write_bytes(content)
    with file.open("rb", buffering=0) as opened:
        kept = checksums.compute(opened)
    content[2 * MB + 5] = 16
    (tmp_path / "damaged").write_bytes(content)
    (tmp_path / "short").write_bytes(content[: 2 * MB])
    for name, same in (("file", True), ("damaged", False), ("short", False)):
        with (tmp_path / name).open("rb", buffering=0) as opened:
            assert checksums.fits(opened, kept) is same


def test_what_an_earlier_version_kept_fits(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"rows")
    sha256 = "92c17f73a00b5bda9ddb5fdb1d7e8c4a"  # of other content
    with file.open("rb", buffering=0) as opened:
        assert checksums.fits(opened, hashlib.sha256(b"rows").hexdigest())
    with file.open("rb", buffering=0) as opened:
        assert not checksums.fits(opened, sha256)
