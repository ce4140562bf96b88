"""Records ⇄ rows ⇄ JSON lose nothing."""

from __future__ import annotations

from dataclasses import fields

import orjson
import pytest
from hypothesis import given, settings
from sqlalchemy import Table

from records import mapping, tables
from telephony.call import Call
from telephony.callback import CallBack
from telephony.conference import Conference
from telephony.handoff import Handoff
from tests.support import records as any_of
from tests.support.records import a_handoff

in_any_time = settings(deadline=None)  # other work on the machine is no failure


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (Handoff, tables.handoffs),
        (Call, tables.calls),
        (Conference, tables.conferences),
        (CallBack, tables.call_backs),
    ],
)
def test_each_field_of_a_record_has_its_column(kind: type[object], table: Table) -> None:
    derived = {"original_caller_e164", "over", "detailed", *mapping.measured(a_handoff())}
    assert {field.name for field in fields(kind)} == set(table.c.keys()) - derived  # type: ignore[arg-type]


@in_any_time
@given(any_of.handoffs)
def test_any_handoff_comes_back_from_its_row(handoff: Handoff) -> None:
    assert mapping.handoff_of(mapping.handoff_row(handoff)) == handoff


@in_any_time
@given(any_of.calls)
def test_any_call_comes_back_from_its_row(call: Call) -> None:
    assert mapping.call_of(mapping.call_row(call)) == call


@in_any_time
@given(any_of.conferences)
def test_any_conference_comes_back_from_its_row(conference: Conference) -> None:
    assert mapping.conference_of(mapping.conference_row(conference)) == conference


@in_any_time
@given(any_of.call_backs)
def test_any_call_back_comes_back_from_its_row(order: CallBack) -> None:
    assert mapping.call_back_of(mapping.call_back_row(order)) == order


@in_any_time
@given(any_of.handoffs | any_of.calls | any_of.conferences | any_of.call_backs)
def test_any_record_comes_back_from_json(record: mapping.Record) -> None:
    line = orjson.dumps(mapping.plain(record))

    assert mapping.record_of(mapping.kind_of(record), orjson.loads(line)) == record


def test_what_no_database_takes_is_replaced_and_the_rest_kept() -> None:
    row = mapping.handoff_row(a_handoff(reason="a\0b\ud800c张", order_ids=("\udc00",)))

    assert row["reason"] == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c张"
    assert row["order_ids"] == ["\N{REPLACEMENT CHARACTER}"]
    assert mapping.clean("\ud83d\ude00") == "😀"


def test_a_row_has_the_number_in_e164_where_it_can_be_derived() -> None:
    assert mapping.handoff_row(a_handoff())["original_caller_e164"] == "+8613800001111"
