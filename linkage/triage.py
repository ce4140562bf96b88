"""Advice from a caller's words (智能推荐): the category, what the line does with it, and why. Pure, offline.

Advice only: it never decides, and nothing waits for it. It is tuned never to miss danger: whatever sounds like danger
is called so, at the price of false alarms (docs/triage.md has the figures).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from linkage import lexicon, precedents
from linkage.catalogue import GOVERNMENT, Action, Catalogue, Kind, Place
from linkage.decisions import Channel, Facts, Row, Table, facts_of, table
from linkage.lexicon import Found, Lexicon
from linkage.precedents import Precedents

MOST_CHARACTERS = 2000
_CANDIDATES = 3
_SURE = 6.0  # points from which a topic is no guess
_LIKELY = 2.5  # fewer are no more than a hint
_DANGER_FIRST, _ALARM_FIRST = 1.8, 1.3  # what an alarm of a danger, and of any other topic, weighs more
_LIKE_DANGER, _LIKE_DANGER_ALTHOUGH_SURE = 4.0, 14.0  # of Precedents.danger, which is 0 for "as like as not"
_ALIKE = 0.15  # of Precedents.nearest: half of those are right


@dataclass(frozen=True, slots=True)
class Candidate:
    """``words``: what was said that speaks for it."""

    category_id: str
    item_id: str
    name: str
    topic: str
    points: float
    action: Action
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """``category_id`` is None when the catalogue has nothing for it. ``why``: for people, the words first.

    ``row``: of the decision table, with the quoted sentence that it rests on; ``document``: where that stands.
    ``catalogue``: the stamp of the version that advised. ``peers``: who else to add, such as 119.
    """

    category_id: str | None
    item_id: str | None
    urgent: bool
    why: str
    row: Row
    document: str
    catalogue: str
    peers: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()

    @property
    def action(self) -> Action:
        return self.row.action


@dataclass(frozen=True, slots=True)
class _Guess:
    """What a text may mean: an id of the catalogue, and why."""

    id: str
    topic: str
    points: float
    words: tuple[str, ...]
    escalating: bool = False


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What advice rests on; the shipped data unless somebody brings their own."""

    lexicon: Lexicon
    precedents: Precedents

    @classmethod
    @cache
    def shipped(cls) -> Knowledge:
        """Reading it takes 0.1 s."""
        return cls(lexicon.shipped(), precedents.shipped())


def advise(
    text: str,
    *,
    received_by: str,
    catalogue: Catalogue,
    channel: Channel = Channel.PHONE,
    knowledge: Knowledge | None = None,
) -> Advice:
    """On what a caller says to the line ``received_by``. Of a long text the first 2000 characters are looked at."""
    known, text, decisions = knowledge or Knowledge.shipped(), text[:MOST_CHARACTERS], table()
    found = known.lexicon.search(text)
    danger = _sounds_dangerous(text, found, known.precedents)
    guesses = _guesses(text, found, catalogue, received_by, danger, known.precedents)
    said = Facts(received_by, Kind.NOT_LISTED, danger, channel=channel, violent=any(map(_is_violent, found)))
    if not guesses:
        return _nothing_found(decisions, said, catalogue)
    facts = [_facts(catalogue, each, said) for each in guesses]
    rows = [decisions.decide(each) for each in facts]
    best, row, place = guesses[0], rows[0], catalogue.places[guesses[0].id]
    return Advice(
        category_id=place.category_id,
        item_id=None if best.id == place.category_id else best.id,
        urgent=facts[0].danger,
        why=_why(best, place),
        row=row,
        document=decisions.documents[row.source.document],
        catalogue=catalogue.stamp,
        peers=_peers(found) if danger else (),
        candidates=tuple(_candidate(catalogue, each, its) for each, its in zip(guesses, rows, strict=True)),
    )


def _sounds_dangerous(text: str, found: Sequence[Found], before: Precedents) -> bool:
    """An alarm was heard; or it is like what was danger before, the more so the surer a harmless topic is."""
    if any(each.alarmed for each in found) or any(_is_danger(each) for each in found[:1]):
        return True
    sure = any(each.points >= _SURE for each in found)
    return before.danger(text) > (_LIKE_DANGER_ALTHOUGH_SURE if sure else _LIKE_DANGER)


def _guesses(
    text: str, found: Sequence[Found], catalogue: Catalogue, received_by: str, danger: bool, before: Precedents
) -> list[_Guess]:
    """The likeliest first. Where no topic is sure, the case of before that is the most alike goes before them."""
    heard: list[_Guess] = []
    for each in found:
        id = each.topic.leads_to(catalogue.id, received_by)
        if each.points >= _LIKELY and id is not None and id in catalogue.places:
            heard.append(_Guess(id, each.topic.name, _weight(each), each.words, each.topic.escalating))
    ranked = sorted(heard, key=lambda each: -each.points)
    if not ranked or ranked[0].points < _SURE:
        like = before.nearest(text, city=catalogue.id, received_by=received_by, danger=danger)
        if like is not None and like.similarity >= _ALIKE and like.case.category_ids[0] in catalogue.places:
            alike = _Guess(like.case.category_ids[0], "像以前的来电 · like an earlier call", _LIKELY, (like.case.text,))
            ranked = [alike, *ranked] if danger or not ranked else ranked
    return ranked[:_CANDIDATES]


def _nothing_found(decisions: Table, facts: Facts, catalogue: Catalogue) -> Advice:
    special = catalogue.special_of(Kind.NOT_LISTED) or catalogue.special_of(Kind.UNCLEAR)
    row = decisions.decide(facts)
    return Advice(
        category_id=special.id if special else None,
        item_id=None,
        urgent=facts.danger,
        why="没有听到目录中的事项 · nothing of the catalogue was heard",
        row=row,
        document=decisions.documents[row.source.document],
        catalogue=catalogue.stamp,
    )


def _is_danger(found: Found) -> bool:
    return found.topic.danger == "always"


def _is_violent(found: Found) -> bool:
    return found.alarmed and found.topic.violent


def _weight(found: Found) -> float:
    if not found.alarmed:
        return found.points
    return found.points * (_DANGER_FIRST if _is_danger(found) else _ALARM_FIRST)


def _facts(catalogue: Catalogue, guess: _Guess, said: Facts) -> Facts:
    facts = facts_of(catalogue, guess.id, said.received_by, danger=said.danger)
    escalating = guess.escalating and said.received_by == GOVERNMENT
    return replace(facts, channel=said.channel, violent=said.violent, escalating=escalating)


def _candidate(catalogue: Catalogue, guess: _Guess, row: Row) -> Candidate:
    place = catalogue.places[guess.id]
    name = place.name if place.item is None else f"{place.name}：{place.item.short or place.item.text}"
    return Candidate(place.category_id, guess.id, name, guess.topic, round(guess.points, 1), row.action, guess.words)


def _why(guess: _Guess, place: Place) -> str:
    said = "、".join(f"“{word}”" for word in guess.words[:4])
    item = f"·{place.item.short or place.item.text}" if place.item else ""
    return f"{guess.topic}（{said}）→ {place.name}{item}"


def _peers(found: Sequence[Found]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(peer for each in found if each.alarmed for peer in each.topic.peers))
