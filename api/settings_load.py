"""What ``hotline.yaml`` says about load and danger: surge of a line, shares of a trunk, the key that leads to 110."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Protocol

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from api.settings_callbacks import LineId
from api.settings_reports import Part

Where = tuple[str | int, ...]
Key = Annotated[str, Field(pattern=r"^[1-9*]$")]


class SurgeEntry(Part):
    """When more than ``waiting_over`` callers wait, or one has to wait longer than ``wait_over`` seconds.

    ``overflow``: where who stays on the line goes then, if somebody is free there.
    """

    waiting_over: Annotated[int, Field(ge=0, le=10_000)] | None = None
    wait_over: Annotated[int, Field(ge=1, le=86_400)] | None = None
    announce: bool = True
    offer: bool = True
    overflow: LineId | None = None

    @model_validator(mode="after")
    def _says_when(self) -> SurgeEntry:
        if self.waiting_over is None and self.wait_over is None:
            raise PydanticCustomError("no_limit", "缺少 waiting_over 或 wait_over · one of them is needed")
        return self


class DangerEntry(Part):
    """While a caller of the line waits: ``key`` leads to ``target`` at once, recorded; the line joins as the third."""

    key: Key = "*"
    target: LineId


class _Line(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def call_back_key(self) -> str | None: ...
    @property
    def surge(self) -> SurgeEntry | None: ...
    @property
    def danger(self) -> DangerEntry | None: ...


class _Trunk(Protocol):
    @property
    def channels(self) -> int | None: ...
    @property
    def reserved(self) -> Mapping[str, int]: ...


def load_problems(
    lines: Iterable[_Line], trunks: Iterable[_Trunk], targets: Iterable[str], at_once: Iterable[str]
) -> Iterator[tuple[Where, object, str]]:
    """Where, the value, and what is wrong. ``at_once``: the lines that say nothing before they ring."""
    known, lines, silent = set(targets), list(lines), set(at_once)
    for at, line in enumerate(lines):
        if line.surge is not None:
            yield from _surge(("lines", at, "surge"), line, known, silent)
        if line.danger is not None:
            where = ("lines", at, "danger")
            if line.danger.target not in known - {line.id}:
                yield (*where, "target"), line.danger.target, _no_target(line.danger.target, known - {line.id})
            if line.danger.key == line.call_back_key:
                yield (*where, "key"), line.danger.key, "已是回电键 · is the key for a call-back already"
    ids = {line.id for line in lines}
    for at, trunk in enumerate(trunks):
        yield from _trunk(("trunks", at), trunk, ids)


def _surge(where: Where, line: _Line, known: set[str], silent: set[str]) -> Iterator[tuple[Where, object, str]]:
    surge = line.surge
    assert surge is not None
    if surge.overflow is not None and surge.overflow not in known - {line.id}:
        yield (*where, "overflow"), surge.overflow, _no_target(surge.overflow, known - {line.id})
    if line.id in silent and (surge.announce or surge.offer):
        text = "立即接听的热线不放音：须设 announce: false、offer: false · this line answers at once: set both to false"
        yield (*where, "announce"), surge.announce, text
    elif surge.offer and line.call_back_key is None:
        yield (*where, "offer"), surge.offer, "须设 call_back_key · set call_back_key for the line, or offer: false"


def _trunk(where: Where, trunk: _Trunk, ids: set[str]) -> Iterator[tuple[Where, object, str]]:
    for line, channels in trunk.reserved.items():
        if line not in ids:
            yield (*where, "reserved", line), channels, f"没有热线 {line} · no such line: {', '.join(sorted(ids))}"
    kept = sum(trunk.reserved.values())
    if trunk.reserved and trunk.channels is None:
        yield (*where, "reserved"), kept, "须设 channels：中继的总路数 · set channels: how many the trunk has"
    elif trunk.channels is not None and kept >= trunk.channels:
        yield (*where, "reserved"), kept, f"须少于 channels（{trunk.channels}） · leaves nothing for the other lines"


def _no_target(target: str, known: set[str]) -> str:
    return f"不能转到 {target} · no such target: 可用 · known: {', '.join(sorted(known))}"
