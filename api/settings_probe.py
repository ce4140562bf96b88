"""``probe`` in ``hotline.yaml``: the synthetic calls to the lines' test numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.settings_reports import Part


class ProbeSettings(Part):
    """``caller``: the number they are placed with; no subscriber has it. ``every_minutes``: null for only on demand."""

    caller: Annotated[str, Field(pattern=r"^[0-9]{3,20}$")] = "10000000000"
    every_minutes: Annotated[int, Field(ge=1, le=1440)] | None = None
    answer_within_seconds: Annotated[int, Field(ge=1, le=15)] = 5
