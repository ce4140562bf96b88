"""Caller numbers: the only place that parses and compares them.

A number is kept as it was received; everything here is derived beside it. Nothing in this module invents a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

import phonenumbers

REGION = "CN"

NOT_SHOWN = frozenset({"", "anonymous", "unavailable", "unknown", "restricted", "private", "withheld", "<unknown>"})
"""What stands in a number's place when it is withheld; in any case, with or without spaces around."""

_URI = re.compile(r"\s*(?:sips?:(?P<user>[^@;:>]*)[^@>]*@|tel:(?P<number>[^;>]*))", re.IGNORECASE)
_DIALABLE = re.compile(r"\+?[0-9]{1,24}\Z")
_MOBILE_WITH_TRUNK_ZERO = re.compile(r"01[3-9][0-9]{9}\Z")
_IN_TEXT = re.compile(r"(?<!\w)(?<!\w[-./])\+?[0-9][0-9 -]{5,}[0-9](?![-.]?\w)", re.ASCII)
LONG_ENOUGH_TO_HIDE = 7


def is_withheld(number: str | None) -> bool:
    """Whether nothing that names the caller is here: absent, or one of the words that stand for "not shown"."""
    return number is None or number.strip().lower() in NOT_SHOWN


def from_uri(uri: str) -> str | None:
    """The user part of a SIP or tel URI, with or without a display name; None when there is none.

    RFC 3261 section 19.1.1: a password and the parameters after the user (``;phone-context=…``) are not part of the
    number; the display name before the last ``<`` may hold anything, also a URI.
    """
    found = _URI.match(uri.rpartition("<")[2])
    user = unquote(found["user"] or found["number"] or "") if found else ""
    return None if is_withheld(user) else user


@lru_cache(maxsize=10_000)
def e164(number: str | None) -> str | None:
    """The number in E.164, where it can be derived for China; None for short, withheld and malformed ones."""
    if is_withheld(number) or number is None:
        return None
    digits = re.sub(r"[\s\-().]", "", number)
    if not _DIALABLE.match(digits):
        return None
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    elif _MOBILE_WITH_TRUNK_ZERO.match(digits):
        digits = digits[1:]
    try:
        parsed = phonenumbers.parse(digits, REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def same(left: str | None, right: str | None) -> bool:
    """Whether both name the same caller: equal as received, or equal in E.164. Two withheld numbers are the same."""
    if is_withheld(left) or is_withheld(right):
        return is_withheld(left) and is_withheld(right)
    if left == right:
        return True
    normal = e164(left)
    return normal is not None and normal == e164(right)


def mask(number: str | None) -> str:
    """The number as logs and screens without the right to see it show it: ``138****5678``."""
    if number is None or is_withheld(number):
        return "-"
    if len(number) <= 4:
        return number
    keep = 3 if len(number) >= 10 else 1
    return f"{number[:keep]}****{number[-4:]}" if len(number) > keep + 4 else f"{number[:1]}****{number[-2:]}"


def mask_all(text: str, known: Iterable[str | None] = ()) -> str:
    """The text without the ``known`` numbers, whatever they look like, nor anything that looks like a telephone number.

    Channel names, call ids and times stay.
    """
    for number in known:
        if number and len(number) >= LONG_ENOUGH_TO_HIDE:
            text = text.replace(number, mask(number))
    return _IN_TEXT.sub(lambda found: mask(found[0]), text)
