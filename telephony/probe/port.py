"""What a synthetic call is asked to do and what it found out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

ENDPOINT = "hotline.probe"
"""The probe's SIP account. The dot keeps it apart from the ids of seats and trunks, which have none."""

MARK = "X-Hotline-Probe"
"""The header that an INVITE of the probe is known by, before its address is looked at: it may be a trunk's as well."""

PROMPT = "handoff-announce"
"""What a test number plays, of the prompts' catalogue."""


class Trouble(StrEnum):
    """Why a call could not be placed at all."""

    UNREACHABLE = "unreachable"
    """Nothing answers SIP there."""
    NO_PORT = "no-port"
    """The machine gave the phone no UDP port at its address."""
    HUNG = "hung"
    """The phone did not come to an end and was killed."""
    BROKEN = "broken"
    """The phone failed by itself."""


@dataclass(frozen=True, slots=True)
class Order:
    """``source``: the phone's own address. ``caller``: shown in P-Asserted-Identity, as a trunk shows a citizen's.

    ``prompt``: the file with what should be heard. ``patience``: seconds to wait for the answer. ``key``: one digit.
    """

    server: str
    port: int
    source: str
    username: str
    secret: str = field(repr=False)
    number: str
    caller: str
    key: str
    prompt: str
    patience: float


@dataclass(frozen=True, slots=True)
class Sound:
    """From the first loud 20 ms to the last one; ``dbfs``: its mean level, 0 being full scale."""

    seconds: float
    dbfs: float


@dataclass(frozen=True, slots=True)
class Facts:
    """``sip_code``: the refusal. ``answered_after``: seconds, None when it was not. ``wanted``: the prompt's file, None
    where it holds no sound. ``key`` was sent; ``keys`` were heard, ``KEY*NUMBER#`` where all is well.
    """

    trouble: Trouble | None = None
    sip_code: int | None = None
    answered_after: float | None = None
    prompt: Sound | None = None
    wanted: Sound | None = None
    key: str = ""
    keys: str = ""


def facts_of(told: Mapping[str, Any]) -> Facts:
    """As ``dataclasses.asdict`` makes them. Raises TypeError, ValueError."""
    trouble, prompt, wanted = told["trouble"], told["prompt"], told["wanted"]
    return Facts(
        trouble=Trouble(trouble) if trouble else None,
        sip_code=told["sip_code"],
        answered_after=told["answered_after"],
        prompt=Sound(**prompt) if prompt else None,
        wanted=Sound(**wanted) if wanted else None,
        key=str(told["key"]),
        keys=str(told["keys"]),
    )


class ProbePhone(Protocol):
    async def call(self, order: Order) -> Facts:
        """Always ends within 90 s, whatever becomes of the call."""
