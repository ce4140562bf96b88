"""Numbers, dates and times as lists of prompts, in Mandarin: 12 is 十 二, 205 is 二 百 零 五."""

from __future__ import annotations

from datetime import date, time

DIGITS = "0123456789"
LARGEST = 99_999
"""Beyond it a number is read digit by digit."""

_UNITS = ((10_000, "digits/ten-thousand"), (1_000, "digits/thousand"), (100, "digits/hundred"))


def digits(text: str) -> tuple[str, ...]:
    """Digit by digit; what is not a digit is left out."""
    return tuple(f"digits/{each}" for each in text if each in DIGITS)


def number(value: int) -> tuple[str, ...]:
    """As a number is spoken, where ``value`` is 0 … LARGEST; otherwise digit by digit."""
    if not 0 <= value <= LARGEST:
        return digits(str(value))
    if value == 0:
        return ("digits/0",)
    said: list[str] = []
    rest, skipped = value, False
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            said += [*_zero(said, skipped), f"digits/{count}", unit]
        skipped = count == 0
    if rest:
        said += _zero(said, skipped or rest < 10) + _below_hundred(rest, first=not said)
    return tuple(said)


def _zero(said: list[str], skipped: bool) -> list[str]:
    return ["digits/0"] if said and skipped else []


def _below_hundred(value: int, *, first: bool) -> list[str]:
    tens, ones = divmod(value, 10)
    # 十二 for 12, but 一百一十二 for 112
    spoken = [f"digits/{tens * 10}"] if tens > 1 or (tens and first) else ["digits/1", "digits/10"] if tens else []
    return spoken + ([f"digits/{ones}"] if ones else [])


def day(value: date) -> tuple[str, ...]:
    return (
        *digits(f"{value.year:04}"),
        "time/year",
        *number(value.month),
        "time/month",
        *number(value.day),
        "time/day",
    )


def clock(value: time) -> tuple[str, ...]:
    """Hours and minutes; a full hour has no minutes."""
    if value.minute == 0:
        return (*number(value.hour), "time/hour")
    zero = ("digits/0",) if value.minute < 10 else ()
    return (*number(value.hour), "time/hour", *zero, *number(value.minute), "time/minute")
