"""What may stand in a cell: numbers masked, times and words as people write them, nothing that a spreadsheet would run.

A column at a time (Arrow). ``masked`` is ``telephony.numbers.mask`` on columns; a test holds the two together. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from telephony import numbers

_CHINA = timedelta(hours=8)  # no summer time since 1991
_RISKY = r"^[=+\-@\t\r\n＝＋－＠]"
_A_NUMBER = r"^\+?[0-9]{1,24}(\*{4}[0-9]{2,4})?$"
_PLAIN_NUMBER = r"^\+?[0-9]*$"
_MAYBE_A_PHONE = r"[0-9][0-9 -]{5,}[0-9]"


def masked(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """``138****5678``. What only says that no number was shown is left as it is."""
    length = pc.utf8_length(column)
    last4, last2 = pc.utf8_slice_codeunits(column, -4), pc.utf8_slice_codeunits(column, -2)
    first3, first1 = pc.utf8_slice_codeunits(column, 0, 3), pc.utf8_slice_codeunits(column, 0, 1)

    def joined(begin: pa.ChunkedArray, end: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.binary_join_element_wise(begin, end, "****")

    long, middling = pc.greater_equal(length, 10), pc.greater(length, 5)
    hidden = pc.if_else(long, joined(first3, last4), pc.if_else(middling, joined(first1, last4), joined(first1, last2)))
    shown = pc.or_(pc.less_equal(length, 4), _withheld(column))
    return pc.if_else(shown, column, hidden)


def _withheld(column: pa.ChunkedArray) -> pa.ChunkedArray:
    word = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    return pc.is_in(word, pa.array(sorted(numbers.NOT_SHOWN), pa.string()))


def prose(column: pa.ChunkedArray, *known: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text with all that looks like a telephone number masked, and the ``known`` numbers of its row."""
    wanted = pc.match_substring_regex(column, _MAYBE_A_PHONE)
    for number in known:  # what is no plain number may be hidden in any text
        odd = pc.invert(pc.match_substring_regex(number, _PLAIN_NUMBER))
        wanted = pc.or_kleene(wanted, pc.and_(odd, pc.is_valid(column)))
    if not pc.any(wanted).as_py():
        return column
    rows = zip(wanted.to_pylist(), column.to_pylist(), *(number.to_pylist() for number in known), strict=True)
    return pa.chunked_array([[numbers.mask_all(text, own) if look else text for look, text, *own in rows]], pa.string())


def harmless(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """With an apostrophe before what a spreadsheet would take for a formula; a telephone number is none."""
    risky = pc.match_substring_regex(column, _RISKY)
    if pc.any(risky).as_py():
        risky = pc.and_(risky, pc.invert(pc.match_substring_regex(column, _A_NUMBER)))
    if not pc.any(risky).as_py():
        return column
    return pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column)


def in_words(column: pa.ChunkedArray, words: Mapping[str, str]) -> pa.ChunkedArray:
    """A word that is not known stays as it is."""
    index = pc.index_in(column, pa.array(list(words), pa.string()))
    return pc.coalesce(pa.array(list(words.values()), pa.string()).take(index.combine_chunks()), column)


def in_china(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """What clocks there show, to the millisecond."""
    return pc.add(to_milliseconds(times).cast(pa.timestamp("ms")), pa.scalar(_CHINA, pa.duration("ms")))


def to_milliseconds(times: pa.ChunkedArray) -> pa.ChunkedArray:
    return times.cast(pa.timestamp("ms", "UTC"), safe=False)


def as_iso(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """``2026-11-21T08:00:00.012Z``; what has no zone as clocks show it, ``2026-11-21 16:00:00.012``."""
    text = times.cast(pa.string())
    return text if times.type.tz is None else pc.replace_substring(text, " ", "T", max_replacements=1)


def mapped(column: pa.ChunkedArray, change: Callable[[str], object], type: pa.DataType) -> pa.ChunkedArray:
    """Each different text changed once."""
    encoded = column.combine_chunks().dictionary_encode()
    changed = pa.array([change(text) for text in encoded.dictionary.to_pylist()], type)
    return pa.chunked_array([changed.take(encoded.indices)])


def words_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """JSON lists of words as lists."""
    return mapped(column, orjson.loads, pa.list_(pa.string()))


def listed(column: pa.ChunkedArray, words: Mapping[str, str] | None = None) -> pa.ChunkedArray:
    """JSON lists of words as one text, or nothing. A word that is not known stays as it is."""
    known = words or {}

    def joined(text: str) -> str | None:
        return "; ".join(known.get(word, word) for word in orjson.loads(text)) or None

    return mapped(column, joined, pa.string())
