"""Files to another machine over SFTP. A file has its name there only when all of it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import asyncssh
import structlog

from telephony.errors import ExportFailed

log = structlog.get_logger(__name__)

_SECONDS = 300.0
_CONNECT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class SftpPlace:
    """``known_hosts``: a file with the host's key, without which nobody can tell whose machine answers."""

    host: str
    user: str
    key: Path = field(repr=False)
    known_hosts: Path
    folder: str = "."
    port: int = 22


async def bring(files: Sequence[Path], place: SftpPlace) -> list[str]:
    """Those that are not there yet, in their order; their names. Raises ExportFailed."""
    try:
        async with asyncio.timeout(_SECONDS):
            return await _bring(files, place)
    except TimeoutError as error:
        raise ExportFailed(f"SFTP {place.host}: 超时 · took too long") from error
    except (asyncssh.Error, OSError) as error:
        raise ExportFailed(f"SFTP {place.host}: {error}") from error


async def _bring(files: Sequence[Path], place: SftpPlace) -> list[str]:
    brought: list[str] = []
    async with (
        asyncssh.connect(
            place.host,
            place.port,
            username=place.user,
            client_keys=[str(place.key)],
            known_hosts=str(place.known_hosts),
            config=None,
            connect_timeout=_CONNECT_SECONDS,
        ) as connection,
        connection.start_sftp_client() as sftp,
    ):
        folder = PurePosixPath(place.folder)
        await sftp.makedirs(str(folder), exist_ok=True)
        there = {str(name) for name in await sftp.listdir(str(folder))}
        for file in files:
            if file.name in there:
                continue
            partial = str(folder / f".{file.name}.partial")
            await sftp.put(str(file), partial)
            await sftp.posix_rename(partial, str(folder / file.name))
            brought.append(file.name)
            log.info("daily_export.brought", host=place.host, file=file.name)
    return brought
