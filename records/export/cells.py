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
_MANY_DIGITS = r"[0-9]{7}"
"""In every text with a number that is digits alone and long enough to hide."""
_A_PHONE = r"[0-9][0-9 -]{5,}[0-9](?:$|[^0-9A-Za-z_.-]|[-.](?:$|[^0-9A-Za-z_]))"
"""Whatever ``numbers.mask_all`` finds in a text, and little else: no date of a time has such an end."""


def masked(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """``138****5678``. What only says that no number was shown is left as it is."""
    length = pc.utf8_length(column)

    def kept(first: int, last: int) -> pa.ChunkedArray:
        return pc.utf8_replace_slice(column, first, -last, "****")

    short = pc.if_else(pc.greater(length, 5), kept(1, 4), kept(1, 2))
    shown = pc.or_(pc.less_equal(length, 4), _withheld(column))
    return pc.if_else(shown, column, pc.if_else(pc.greater_equal(length, 10), kept(3, 4), short))


def _withheld(column: pa.ChunkedArray) -> pa.ChunkedArray:
    word = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    return pc.is_in(word, pa.array(sorted(numbers.NOT_SHOWN), pa.string()))


def prose(column: pa.ChunkedArray, *known: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text with the ``known`` numbers of its row masked, and all else that looks like a telephone number."""
    for number in known:
        column = _without(column, number)
    rest = pc.fill_null(pc.match_substring_regex(column, _A_PHONE), False)
    return _replaced(column, rest, [numbers.mask_all(text) for text in column.filter(rest).to_pylist()])


def _without(column: pa.ChunkedArray, number: pa.ChunkedArray) -> pa.ChunkedArray:
    odd = pc.invert(pc.ascii_is_decimal(number))  # it may be hidden in any text
    maybe = pc.or_(odd, pc.match_substring_regex(column, _MANY_DIGITS))
    maybe = pc.and_(maybe, pc.greater_equal(pc.utf8_length(number), numbers.LONG_ENOUGH_TO_HIDE))
    maybe = pc.fill_null(maybe, False)
    if not pc.any(maybe).as_py():
        return column
    texts, known = column.filter(maybe), number.filter(maybe)
    hidden = pc.if_else(_withheld(known), "-", masked(known))
    rows = zip(texts.to_pylist(), known.to_pylist(), hidden.to_pylist(), strict=True)
    return _replaced(column, maybe, [text.replace(one, other) for text, one, other in rows])


def _replaced(column: pa.ChunkedArray, where: pa.ChunkedArray, texts: list[str]) -> pa.ChunkedArray:
    return pc.replace_with_mask(column, where.combine_chunks(), pa.array(texts, pa.string()))


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
    text = times.cast(pa.timestamp("ms")).cast(pa.string())  # with a zone it takes ten times as long
    if times.type.tz is None:
        return text
    return pc.binary_join_element_wise(pc.utf8_replace_slice(text, 10, 11, "T"), "Z", "")


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
