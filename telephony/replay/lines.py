"""A recording's lines as events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import orjson

from telephony.ami.frames import AmiEvent
from telephony.errors import TelephonyError


class BrokenRecording(TelephonyError):
    """A line that is no JSON object of headers; the message begins with ``file:line``."""

    slug = "broken-recording"


def read(
    lines: Iterable[bytes], name: str, *, skipped: Callable[[BrokenRecording], None], skip_broken: bool = False
) -> Iterator[AmiEvent]:
    """The events of the recording called ``name``. Empty lines are passed over, and so is what has no ``Event``.

    A line that is no JSON object of headers raises BrokenRecording; with ``skip_broken`` it is left out and told to
    ``skipped``, as is in any case a last line that was cut off in the middle.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            headers = _headers(line)
        except ValueError as error:
            broken = BrokenRecording(f"{name}:{number}: {error}")
            cut_off = line.startswith(b"{") and not line.endswith(b"\n")
            if not (skip_broken or cut_off):
                raise broken from error
            skipped(broken)
            continue
        event = headers.get("Event")
        if isinstance(event, str):
            yield AmiEvent(event, headers)


def _headers(line: bytes) -> dict[str, str | list[str]]:
    """Raises ValueError; orjson's own error is one."""
    found = orjson.loads(line)
    if not isinstance(found, dict):
        raise ValueError("not a JSON object of headers")
    return {name: _value(value) for name, value in found.items()}


def _value(value: object) -> str | list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    return "" if value is None else str(value)
