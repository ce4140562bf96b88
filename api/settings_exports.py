"""``exports`` in ``hotline.yaml``: the daily file, and where it is brought."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from api.settings_reports import Part
from records.export.spec import Format, Kind


class SftpSettings(Part):
    """``key``: our private key (OpenSSH). ``known_hosts``: a file with the host's own."""

    host: Annotated[str, Field(min_length=1, max_length=253)]
    user: Annotated[str, Field(min_length=1, max_length=64)]
    key: Path
    known_hosts: Path
    folder: str = "."
    port: Annotated[int, Field(ge=1, le=65535)] = 22


class ExportSettings(Part):
    """``daily``: the kinds of which there is a file each day; none by default."""

    daily: tuple[Kind, ...] = ()
    format: Format = Format.CSV
    folder: Path | None = None
    full_numbers: bool = False
    sftp: SftpSettings | None = None
