"""A checksum that tells when a file is not what was written.

It is BLAKE2b of the CRC-32 of each megabyte: the store looks for damage, not for somebody who means
harm, and SHA-256 takes ten times as long where a processor has no instructions for it.
"""

from __future__ import annotations

from hashlib import blake2b, file_digest
from io import FileIO
from zlib import crc32

KIND = "crc32:"  # what a checksum begins with; that of an earlier version is SHA-256 in hex
PART = 1 << 20  # bytes


def compute(file: FileIO) -> str:
    """Return the checksum of a file, from where it stands to its end."""
    part, digest = memoryview(bytearray(PART)), blake2b(digest_size=16)
    while size := _fill(part, file):
        digest.update(crc32(part[:size]).to_bytes(4, "little"))
    return KIND + digest.hexdigest()


def _fill(part: memoryview, file: FileIO) -> int:
    """Read until a part is full or the file ends: parts end at the same bytes on any disk."""
    size = 0
    while more := file.readinto(part[size:]):
        size += more
    return size


def fits(file: FileIO, kept: str) -> bool:
    """Whether a file has the checksum that was kept of it."""
    if kept.startswith(KIND):
        return compute(file) == kept
    return file_digest(file, "sha256").hexdigest() == kept
