"""Where a number in China is from: what its prefix says, which is where a mobile number was first sold.

The prefixes are those of phonenumbers' geocoder (libphonenumber, Apache-2.0), which as a whole costs 190 MB and seconds
to load: ``scripts/regions.py`` takes China's out of it.
"""

from __future__ import annotations

import gzip
import sys
from array import array
from bisect import bisect_right
from functools import cache
from pathlib import Path

DATA = Path(__file__).with_name("regions.gz")
DIGITS = 7
"""Of a national number: no prefix is longer."""

_CHINA = "+86"


def region_of(e164: str | None) -> str | None:
    """Both names, as ``广东省深圳市 · Shenzhen, Guangdong``; None where the prefix says nothing, and abroad."""
    national = e164.removeprefix(_CHINA) if e164 and e164.startswith(_CHINA) else ""
    if len(national) < DIGITS:
        return None
    starts, which, names = _table()
    place = bisect_right(starts, int(national[:DIGITS])) - 1
    return names[which[place]] or None


@cache
def _table() -> tuple[array[int], array[int], list[str]]:
    """Where each range of first digits starts, which name it has, and the names; the first of them is none."""
    head, _, packed = gzip.decompress(DATA.read_bytes()).partition(b"\n\n")
    names = head.decode("utf-8").split("\n")
    starts, which = array("I"), array("H")
    count = len(packed) // (starts.itemsize + which.itemsize)
    starts.frombytes(packed[: count * starts.itemsize])
    which.frombytes(packed[count * starts.itemsize :])
    if sys.byteorder == "big":
        starts.byteswap()
        which.byteswap()
    return starts, which, names
