"""What a command of ``hotline`` prints about a running instance."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

import orjson


class CommandFailed(Exception):
    """It printed no JSON; the message is what it complained about."""


async def printed(environment: Mapping[str, str], *command: str) -> dict[str, Any]:
    """Its answer with ``--json``. Raises CommandFailed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", *command, "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    output, complaint = await process.communicate()
    if not output:
        raise CommandFailed(complaint.decode(errors="replace")[-3000:])
    return dict(orjson.loads(output))
