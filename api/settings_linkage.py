"""What the linkage may be told in ``hotline.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class LinkageSettings(BaseModel):
    """``city``: whose acceptance catalogue decides. ``catalogues``: a folder of the city's own, before the shipped.

    ``local_unit``: who gets the order beside 110 in a dual push (属地政府和相关职能部门).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    city: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] = "bayannur"
    catalogues: Path | None = None
    local_unit: Annotated[str, Field(min_length=1, max_length=60)] = "属地政府"
