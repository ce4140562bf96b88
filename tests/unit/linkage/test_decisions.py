"""The decision table: it has a row for every case, says what its documents say, and agrees with the catalogues."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from linkage.catalogue import LINES, Action, Kind
from linkage.decisions import Channel, Clarity, Facts, facts_of, table
from tests.unit.linkage.test_catalogue import shipped

_FLAGS = (False, True)


def test_every_case_has_a_row() -> None:
    for line, kind, clarity, channel in product(LINES, Kind, Clarity, Channel):
        for flags in product(_FLAGS, repeat=6):
            table().decide(Facts(line, kind, flags[0], clarity, channel, *flags[1:]))


def test_every_row_can_be_reached_and_names_a_known_document() -> None:
    reached = set()
    for line, kind, clarity, channel in product(LINES, Kind, Clarity, Channel):
        for flags in product(_FLAGS, repeat=6):
            reached.add(table().decide(Facts(line, kind, flags[0], clarity, channel, *flags[1:])).id)

    assert [row.id for row in table().rows if row.id not in reached] == []
    assert {row.source.document for row in table().rows} <= set(table().documents)


@pytest.mark.parametrize("city", ["bayannur", "xingyang"])
@pytest.mark.shows(10, 11, 12, 50)
def test_the_table_does_with_every_item_what_its_catalogue_says(city: str) -> None:
    """Where nobody is in danger; what is always urgent is so here as well."""
    catalogue = shipped(city)
    for id, place in catalogue.places.items():
        for line, action in place.actions.items():
            assert table().decide(facts_of(catalogue, id, line)).action is action, (id, line)


@pytest.mark.parametrize(
    ("facts", "row", "action"),
    [
        (Facts("12345", Kind.GOVERNMENT, danger=True), "T07", Action.TRANSFER_TO_110),
        (Facts("110", Kind.GOVERNMENT, danger=True), "T06", Action.ACCEPT_LOCAL),
        (Facts("110", Kind.GOVERNMENT, violent=True), "T05b", Action.POLICE_FIRST_THEN_12345),
        (Facts("110", Kind.GOVERNMENT, channel=Channel.INTERNET), "T13", Action.ONLINE_TRANSFER),
        (Facts("110", Kind.GOVERNMENT, clarity=Clarity.UNCLEAR), "T17", Action.THREE_WAY),
        (Facts("110", Kind.GOVERNMENT, clarity=Clarity.UNDECIDED), "T16", Action.FIRST_RECEIVER_ACCEPTS),
        (Facts("12345", Kind.GOVERNMENT, clue=True), "T02", Action.DUAL_PUSH),
        (Facts("12345", Kind.GOVERNMENT, escalating=True), "T03", Action.DUAL_PUSH),
        (Facts("110", Kind.NOT_LISTED), "T18", Action.THREE_WAY),
        (Facts("12345", Kind.EXCLUDED), "T19", Action.EXPLAIN),
        (Facts("110", Kind.EXCLUDED), "T20", Action.EXPLAIN),
        (Facts("110", Kind.ABUSE), "T21", Action.FLAG_ABUSE),
        (Facts("110", Kind.GOVERNMENT, refused=True), "T22", Action.FIRST_RECEIVER_ACCEPTS),
    ],
)
@pytest.mark.shows(65, 73, 75, 76, 121)
def test_the_documents_rules(facts: Facts, row: str, action: Action) -> None:
    decided = table().decide(facts)

    assert (decided.id, decided.action) == (row, action)


@pytest.mark.shows(9, 65, 74)
def test_danger_goes_before_whose_it_is_unless_the_police_act_first_anyway() -> None:
    for kind in Kind:
        facts = Facts("110", kind, danger=True)
        assert table().decide(facts).action in (Action.ACCEPT_LOCAL, Action.POLICE_FIRST_THEN_12345)
        assert table().decide(replace(facts, received_by="12345")).action in (Action.TRANSFER_TO_110, Action.DUAL_PUSH)
