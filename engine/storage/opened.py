"""The files that a store has open: hot ones mapped, cold ones with what was decoded of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

from engine.core.errors import DataError
from engine.storage.cold import Cold, Decoded, open_cold
from engine.storage.rows import LOST, Segment
from engine.storage.segments import COLD, MEND, BrokenFileError, Hot, Stamp, digest, map_file

NAMED = 5  # keys that an error names


class Opened:
    """Open files; one that is not as it was when it was checked is checked first.

    Parameters
    ----------
    folder : pathlib.Path
    symbols : callable
        The names of an axis, by its number.
    name : callable
        The keys of series, by their numbers.
    remember : callable
        Notes that a segment's file, as it now is, was checked.
    """

    def __init__(
        self,
        folder: Path,
        symbols: Callable[[int], tuple[str, ...]],
        name: Callable[[list[int]], list[str]],
        remember: Callable[[int, Stamp], None],
    ) -> None:
        self.folder, self._symbols, self._name, self._remember = folder, symbols, name, remember
        self._files: dict[str, Hot | Cold] = {}
        self.decoded = Decoded()
        self.hits = self.misses = 0

    def open(self, segment: Segment) -> Hot | Cold:
        """Open a segment's file.

        Raises
        ------
        DataError
            It is missing or damaged; it says which keys it held.
        """
        file = self._files.get(segment.file)
        if file is not None:
            self.hits += 1
            return file
        self.misses += 1
        try:
            file = self._open(segment)
            stamp = Stamp.of(self.folder / segment.file)
        except BrokenFileError as error:
            raise self._tell(segment, error.what, living(segment)) from error
        if stamp != segment.stamp:
            bad = self.find_damage(segment)
            if bad:
                raise self._tell(segment, "damaged", bad)
            self._remember(segment.id, stamp)
        self._files[segment.file] = file
        return file

    def _open(self, segment: Segment) -> Hot | Cold:
        path = self.folder / segment.file
        count = len(self._symbols(segment.symbols))
        file = open_cold(path, count, self.decoded) if path.suffix == COLD else map_file(path)
        if file.shape != (len(segment.series), len(segment.dates), count):
            raise BrokenFileError(path, f"damaged (its shape is {file.shape})")
        return file

    def _tell(self, segment: Segment, what: str, places: list[int]) -> DataError:
        names = self._name(segment.series[places].tolist())
        more = f" and {len(names) - NAMED} others" if len(names) > NAMED else ""
        held = ", ".join(names[:NAMED]) + more
        return DataError(f"{self.folder / segment.file}: {what}, where it held {held}; {MEND}")

    def find_damage(self, segment: Segment) -> list[int]:
        """Return the places of the factors whose pieces are not what was written.

        All of them where the file is missing or of another shape.
        """
        try:
            file = self._open(segment)
        except BrokenFileError:
            return living(segment)

        def is_bad(place: int) -> bool:
            try:
                return digest(file.piece(place)) != segment.digests[place]
            except BrokenFileError:  # one that cannot be decoded does not hide the others
                return True

        places = living(segment)
        with ThreadPoolExecutor(cpu_count() or 1) as pool:
            return [k for k, bad in zip(places, pool.map(is_bad, places), strict=True) if bad]

    def drop(self, file: str) -> None:
        """Let a file go; arrays that were read stay."""
        if self._files.pop(file, None) is not None:
            self.decoded.drop(file)

    def clear(self) -> None:
        """Let all go."""
        self._files.clear()
        self.decoded.clear()

    @property
    def mapped(self) -> int:
        """Bytes of the hot files that are mapped."""
        return sum(f.values.nbytes for f in self._files.values() if isinstance(f, Hot))


def living(segment: Segment) -> list[int]:
    """The places of the factors that were not taken out of a file."""
    return [k for k, number in enumerate(segment.series.tolist()) if number != LOST]
