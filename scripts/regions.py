"""Writes telephony/regions.gz anew: China's prefixes out of the installed phonenumbers. For a new version of it.

.venv/bin/python scripts/regions.py
"""

from __future__ import annotations

import gzip
import sys
from array import array
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from phonenumbers.geodata import GEOCODE_DATA

from telephony.regions import DATA, DIGITS


def main() -> None:
    names, place_of = [""], array("H", [0]) * 10**DIGITS
    for prefix, name in sorted(_prefixes(), key=lambda each: len(each[0])):  # a longer one lies within a shorter one
        if name not in names:
            names.append(name)
        width = 10 ** (DIGITS - len(prefix))
        first = int(prefix) * width
        place_of[first : first + width] = array("H", [names.index(name)]) * width
    starts, which = array("I"), array("H")
    for place, run in groupby(range(len(place_of)), place_of.__getitem__):
        starts.append(next(run))
        which.append(place)
    if sys.byteorder == "big":
        starts.byteswap()
        which.byteswap()
    content = "\n".join(names).encode() + b"\n\n" + starts.tobytes() + which.tobytes()
    DATA.write_bytes(gzip.compress(content, 9, mtime=0))
    print(f"{DATA}: {len(starts)} ranges, {len(names) - 1} places, {DATA.stat().st_size} bytes")


def _prefixes() -> Iterator[tuple[str, str]]:
    for prefix, names in GEOCODE_DATA.items():
        if prefix.startswith("86") and "zh" in names:
            yield prefix.removeprefix("86"), f"{names['zh']} · {names['en']}"


if __name__ == "__main__":
    main()
