"""The columns of exports: documented as they are, and cells that say what ``telephony.numbers`` says."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from records.calldetail import DetailSource, LegRole
from records.export import cells
from records.export.columns import MODES, OUTCOMES, RELEASES, RESOLUTIONS, ROLES, SHEETS, SOURCES, STATES, Sheet
from telephony import numbers
from telephony.handoff import Mode, Outcome, Release, Resolution, State

DOCUMENT = (Path(__file__).parents[3] / "docs" / "call-detail.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=lambda sheet: sheet.kind)
def test_the_document_has_every_column_in_its_order_and_no_other(sheet: Sheet) -> None:
    section = DOCUMENT.split(f"## `{sheet.kind}` · {sheet.zh}\n")[1].split("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]

    assert [(row[0][3:-1], row[1], row[2]) for row in rows] == [(c.key, c.zh, c.holds.value) for c in sheet.columns]
    assert all(row[3].startswith(column.means) for row, column in zip(rows, sheet.columns, strict=True))


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=lambda sheet: sheet.kind)
def test_no_two_columns_share_a_name(sheet: Sheet) -> None:
    assert len({column.key for column in sheet.columns}) == len({column.zh for column in sheet.columns})
    assert len({column.key for column in sheet.columns}) == len(sheet.columns)


@pytest.mark.parametrize(
    ("words", "of"),
    [
        (MODES, Mode),
        (STATES, State),
        (OUTCOMES, Outcome),
        (RESOLUTIONS, Resolution),
        (RELEASES, Release),
        (ROLES, LegRole),
        (SOURCES, DetailSource),
    ],
)
def test_each_word_has_its_chinese(words: dict[str, str], of: type[Mode]) -> None:
    assert list(words) == [each.value for each in of]


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=16)
plain_numbers = st.from_regex(r"\+?[0-9]{0,15}", fullmatch=True)
told = st.lists(
    st.sampled_from(
        ["tel ", "13800001111", "+123456", "138-0000-1111", "PJSIP/", "T", "x", "_", " ", "-", ".", "2026-11-21", "\n"]
    )
).map("".join)
"""What comes near telephone numbers: channels, times, words."""


@settings(deadline=None)
@given(
    st.lists(st.none() | texts | st.from_regex(r"\+?[0-9]{0,15}", fullmatch=True) | st.sampled_from(["Anonymous", " "]))
)
def test_a_column_is_masked_as_each_number_is(column: list[str | None]) -> None:
    masked = cells.masked(pa.chunked_array([column], pa.string())).to_pylist()

    assert masked == [each if numbers.is_withheld(each) else numbers.mask(each) for each in column]


@settings(deadline=None)
@given(st.lists(st.none() | texts | st.sampled_from(["=1", "+86138", "+1*2", "-", "@", "\t", "＝", "+86****5678"])))
def test_no_cell_begins_as_a_formula_unless_it_is_a_number(column: list[str | None]) -> None:
    harmless = cells.harmless(pa.chunked_array([column], pa.string())).to_pylist()

    for before, after in zip(column, harmless, strict=True):
        assert after in (before, f"'{before}")
        if after and after[0] in "=+-@\t\r\n＝＋－＠":
            assert after.removeprefix("+").replace("*", "").isdecimal()


@settings(deadline=None)
@given(st.lists(st.none() | texts | told), texts | plain_numbers | st.sampled_from(["Anonymous", "+123456"]))
def test_prose_is_masked_as_each_text_is(column: list[str | None], caller: str) -> None:
    known = pa.chunked_array([[caller] * len(column)], pa.string())
    in_two = pa.chunked_array([column[:2], column[2:]], pa.string())  # as a database's driver may bring it
    masked = cells.prose(in_two, known).to_pylist()

    assert masked == [text if text is None else numbers.mask_all(text, [caller]) for text in column]
