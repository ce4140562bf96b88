"""The catalogues that are in force: read again when a file changes; a broken one never is. Old versions are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from linkage.catalogue import Catalogue
from linkage.load import SHIPPED, Read, read

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
_IN_FORCE = "in-force"


@dataclass(frozen=True, slots=True)
class Taken:
    """A catalogue came in force. ``before`` is None when this node has had none of that city."""

    before: Catalogue | None
    after: Catalogue


def files(city_folder: Path | None) -> tuple[Path, ...]:
    """The shipped catalogues; an operator's file takes the place of the shipped one of the same name."""
    found: dict[str, Path] = {}
    for folder in (SHIPPED, city_folder):
        if folder is not None:
            found |= {path.name: path for path in sorted(folder.glob("*.yaml"))}
    return tuple(found.values())


class Archive:
    """Every version that was ever in force here, as the file it was: a record that names one can be explained later."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, found: Read) -> Catalogue | None:
        """What was in force before, None when nothing was or when it was this version. Raises OSError."""
        assert found.catalogue is not None
        folder = self._folder / found.catalogue.id
        folder.mkdir(parents=True, exist_ok=True)
        marker = folder / _IN_FORCE
        before = marker.read_text(encoding="ascii") if marker.exists() else None
        _write(folder / f"{found.catalogue.version}.yaml", found.content)
        _write(marker, found.catalogue.version.encode())
        return None if before in (None, found.catalogue.version) else self.version(found.catalogue.id, before or "")

    def had(self, city: str) -> str | None:
        """The version that was in force last. Raises OSError."""
        marker = self._folder / city / _IN_FORCE
        return marker.read_text(encoding="ascii") if marker.exists() else None

    def version(self, city: str, version: str) -> Catalogue | None:
        """``version`` may be its beginning; None when none or several begin so. Raises OSError."""
        if not version.isalnum() or not city.replace("-", "").isalnum():
            return None
        found = sorted((self._folder / city).glob(f"{version}*.yaml"))
        return read(found[0]).catalogue if len(found) == 1 else None

    def versions(self, city: str) -> tuple[str, ...]:
        """Newest first, as they came here."""
        kept = (self._folder / city).glob("*.yaml")
        return tuple(path.stem for path in sorted(kept, key=lambda path: path.stat().st_mtime, reverse=True))


def _write(path: Path, content: bytes) -> None:
    if path.exists() and path.read_bytes() == content:
        return
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)


class Catalogues:
    """``on_taken`` is told of each version that comes in force; it must not wait. Nothing here is on a call's way."""

    def __init__(self, archive: Archive, folder: Path | None, on_taken: Callable[[Taken], None]) -> None:
        self.in_force: Mapping[str, Catalogue] = {}
        self.archive = archive
        self._folder, self._on_taken = folder, on_taken
        self._stamp: tuple[object, ...] | None = None

    def move(self, folder: Path | None) -> None:
        """The operator's own are elsewhere now; looked for at the next `refresh`."""
        self._folder, self._stamp = folder, None

    async def refresh(self) -> None:
        """Takes up what has changed. Files that cannot be read leave everything as it was."""
        try:
            stamp = await asyncio.to_thread(self._stamp_now)
            if stamp == self._stamp:
                return
            reads = await asyncio.to_thread(lambda: [read(path) for path in files(self._folder)])
        except OSError as error:
            log.warning("catalogue.files_unreadable", error=str(error))
            return
        self._stamp = stamp
        await self._take_up(reads)

    def _stamp_now(self) -> tuple[object, ...]:
        stats = ((path, path.stat()) for path in files(self._folder))
        return tuple((str(path), found.st_mtime_ns, found.st_size) for path, found in stats)

    async def _take_up(self, reads: list[Read]) -> None:
        fresh: dict[str, Catalogue] = {}
        for each in reads:
            for mistake in each.mistakes:
                log.warning("catalogue.refused", mistake=str(mistake))
            if each.catalogue is None:  # what the file had before stays in force
                name = Path(each.source.file).stem
                fresh |= {city: old for city, old in self.in_force.items() if city == name}
                continue
            fresh[each.catalogue.id] = each.catalogue
            if self.in_force.get(each.catalogue.id) != each.catalogue:
                await self._kept(each)
        self.in_force = fresh

    async def _kept(self, found: Read) -> None:
        assert found.catalogue is not None
        log.info("catalogue.in_force", catalogue=found.catalogue.stamp)
        try:
            had = await asyncio.to_thread(self.archive.had, found.catalogue.id)
            before = await asyncio.to_thread(self.archive.keep, found)
        except OSError as error:
            log.warning("catalogue.not_kept", catalogue=found.catalogue.stamp, error=str(error))
            return
        if had != found.catalogue.version:
            self._on_taken(Taken(before, found.catalogue))

    async def keep_fresh(self) -> None:
        """Until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(_LOOK_SECONDS)
