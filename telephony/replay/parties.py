"""Who is who in a recording: the party behind a Local channel, calls and their first caller, numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from telephony.replay.facts import NEVER, Channel, Dial, Facts, grouped

_DEEPEST = 8
"""Local channels behind each other that are followed."""

_NUMBER = re.compile(r"\+?[0-9*#]+\Z", re.ASCII)
_UNIQUEID = re.compile(r"(?:.*-)?(\d+)\.(\d+)\Z")


class Parties:
    """Answers from the facts of a whole recording."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._merged: dict[str, str] = {}
        self._made_in = grouped(facts.channels.values(), lambda channel: channel.born_in)
        for channel in facts.channels.values():
            for linkedid in channel.linkedids[1:]:
                self._merge(channel.linkedids[0], linkedid)

    # -------------------------------------------------------------- who is behind a Local channel

    def behind(self, channel: Channel, depth: int = _DEEPEST) -> Channel | None:
        """The party whom this channel stands for in a bridge: itself, or across a Local pair; None when unknown."""
        if not channel.is_local:
            return channel if channel.is_party else None
        twin = self.facts.other_half(channel)
        if twin is None or depth == 0:
            return None
        found = list(self._across(channel, twin, depth - 1))
        return next((party for party in found if party.answered < NEVER), found[0] if found else None)

    def _across(self, local: Channel, twin: Channel, depth: int) -> Iterator[Channel]:
        """Whoever the other half was joined with: dialled by it, dialling it, in a bridge with it."""
        near = [dial.dest for dial in self.facts.dials_of(twin.uniqueid)]
        if (dialled := self.facts.dial_to(twin.uniqueid)) and dialled.parent:
            near.append(dialled.parent)
        near += [other.channel for stay in self.facts.stays_of(twin.uniqueid) for other in self.facts.beside(stay)]
        for uniqueid in near:
            neighbour = self.facts.channels.get(uniqueid)
            if neighbour and neighbour not in (local, twin) and (party := self.behind(neighbour, depth)):
                yield party

    def phones_rung(self, dial: Dial, depth: int = _DEEPEST) -> Iterator[Dial]:
        """The dials to real phones that came of this one: itself, or those made behind its Local channel."""
        dest = self.facts.channels[dial.dest]
        if dest.is_party:
            yield dial
        elif depth and (twin := self.facts.other_half(dest)):
            for further in self.facts.dials_of(twin.uniqueid):
                yield from self.phones_rung(further, depth - 1)

    # -------------------------------------------------------------- calls

    def call_of(self, channel: Channel) -> str:
        """Its Linkedid; of several that came together by bridging the oldest, as Asterisk chooses."""
        return self._root(channel.born_in)

    def original_caller(self, channel: Channel) -> str | None:
        """The number that first arrived in the call that this channel came to be in."""
        return self.caller_of(channel.born_in)

    def first_of(self, linkedid: str) -> Channel | None:
        """The channel that a call began with."""
        if linkedid in self.facts.channels:
            return self.facts.channels[linkedid]
        return next(iter(self._made_in.get(linkedid, [])), None)

    def dialled(self, linkedid: str) -> str | None:
        """The extension that a call came in for, or that an originated one was sent to."""
        first = self.first_of(linkedid)
        if first is None:
            return None
        found = first.extensions()
        if not found and (dial := self.facts.dial_to(first.uniqueid)):
            return number_in(dial.string)
        return found[0] if found else None

    def caller_of(self, linkedid: str) -> str | None:
        """The number that first arrived in this call."""
        first = self.first_of(linkedid)
        if first is None:
            return None
        if not first.dialled_by_us and first.is_party:
            return first.numbers[0] if first.numbers else None
        return next(iter(self._numbers_given(linkedid, first)), None)

    def _numbers_given(self, linkedid: str, first: Channel) -> list[str]:
        """Of a call that nobody called in for: what it was told to show, not whom it was to reach."""
        twin = self.facts.other_half(first) if first.is_local else None
        reached = {first.own_number}
        for phone in self._made_in[linkedid]:
            if dial := self.facts.dial_to(phone.uniqueid):
                reached.add(number_in(dial.string))
                reached.update(() if phone is first else phone.numbers)
        shown = [*(twin.numbers if twin else ()), *first.numbers]
        return [number for number in shown if number not in reached and is_number(number)]

    def number_of(self, channel: Channel) -> str | None:
        """Its own number; of a phone that was rung never the caller's, which an originated one carries too."""
        if not channel.dialled_by_us:
            return channel.numbers[0] if channel.numbers else None
        dial = self.facts.dial_to(channel.uniqueid)
        caller = self.caller_of(self.call_of(channel))
        guessed = [number for number in channel.numbers if number != caller and is_number(number)]
        known = (channel.own_number, number_in(dial.string) if dial else None, *guessed)
        return next((number for number in known if number), None)

    def _merge(self, one: str, other: str) -> None:
        younger, older = sorted((self._root(one), self._root(other)), key=_age)
        if younger != older:
            self._merged[younger] = older

    def _root(self, linkedid: str) -> str:
        while linkedid in self._merged:
            linkedid = self._merged[linkedid]
        return linkedid


def _age(linkedid: str) -> tuple[int, int, int, str]:
    """Sorts the youngest first. Uniqueids are ``[system-]seconds.serial``; one that is not was made up for a leg of a
    call that exists, so that it is younger."""
    found = _UNIQUEID.match(linkedid)
    return (1, -int(found[1]), -int(found[2]), linkedid) if found else (0, 0, 0, linkedid)


def is_number(text: str) -> bool:
    return _NUMBER.match(text) is not None


def number_in(dial_string: str) -> str | None:
    """The number in what Dial was told: ``1001``, ``PJSIP/1001``, ``120@trunk``, ``1001@agents/n``, ``t/sip:120@``."""
    number = dial_string.partition("@")[0].rpartition("/")[2].removeprefix("sip:")
    return number if is_number(number) else None
