"""Which handoffs a recording shows: transfers that Asterisk tells of, redirects and conferences that it does not."""

from __future__ import annotations

from dataclasses import dataclass

from telephony.ami.frames import AmiEvent
from telephony.handoff import Outcome
from telephony.replay.attempts import Attempt, Result, result_of, result_of_dials
from telephony.replay.facts import NEVER, NO_EXTENSION, Channel, Facts, Stay, grouped
from telephony.replay.parties import Parties, number_in


@dataclass(slots=True)
class Found:
    """A handoff. ``acting`` dials for the transferee; ``result`` is what a transfer itself told of its end."""

    kind: str
    start: float
    transferor: Channel | None
    transferee: Channel
    acting: Channel
    target: str | None
    result: Result | None = None


def handoffs(facts: Facts, parties: Parties) -> list[tuple[Found, Result]]:
    """In the order they began, each with what became of it."""
    found = _transfers(facts, parties)
    found += _rooms(facts, parties, grouped(found, lambda each: each.transferee.uniqueid))
    found += _redirects(facts, parties, grouped(found, lambda each: each.acting.uniqueid))
    found += _thirds_refused(facts, parties)
    found.sort(key=lambda each: each.start)
    of_caller = grouped(found, lambda each: each.acting.uniqueid)
    return [(each, each.result or _result(each, of_caller[each.acting.uniqueid], parties)) for each in found]


def _result(handoff: Found, of_caller: list[Found], parties: Parties) -> Result:
    until = min((other.start for other in of_caller if other.start > handoff.start), default=NEVER)
    attempt = Attempt(handoff.acting, handoff.transferee, handoff.start, until, handoff.target, handoff.transferor)
    return result_of(attempt, parties)


# -------------------------------------------------------------- transfers


def _transfers(facts: Facts, parties: Parties) -> list[Found]:
    found = []
    for place, event in facts.transfers:
        make = _blind if event.name == "BlindTransfer" else _attended
        if handoff := make(place, event, facts, parties):
            found.append(handoff)
    return found


def _blind(place: int, event: AmiEvent, facts: Facts, parties: Parties) -> Found | None:
    transferor = _channel(event, "Transferer", facts)
    acting = _channel(event, "Transferee", facts) or _other_in(event.get("BridgeUniqueid"), transferor, facts)
    if acting is None:
        return None
    before = [stay.leave for stay in facts.stays_of(acting.uniqueid) if stay.bridge == event.get("BridgeUniqueid")]
    return Found(
        "blind",
        min(place, *before) if before else place,
        parties.behind(transferor) if transferor else None,
        parties.behind(acting) or acting,
        acting,
        event.get("Extension") or None,
        None if _succeeded(event) else Result(None, Outcome.FAILED),
    )


def _attended(place: int, event: AmiEvent, facts: Facts, parties: Parties) -> Found | None:
    transferor, second = _channel(event, "OrigTransferer", facts), _channel(event, "SecondTransferer", facts)
    acting = _channel(event, "Transferee", facts) or _other_in(event.get("OrigBridgeUniqueid"), transferor, facts)
    if acting is None:
        return None
    transferee = parties.behind(acting) or acting
    asked = _channel(event, "TransferTarget", facts) or _other_in(event.get("SecondBridgeUniqueid"), second, facts)
    to = parties.behind(asked) or asked if asked else _rung_by(second, facts, parties)
    if to and transferee.dialled_by_us and not to.dialled_by_us and to.since < transferee.since:
        transferee, to, transferor = to, transferee, second or transferor  # the phone referred the target to the caller
    return Found(
        "attended",
        place,
        parties.behind(transferor) if transferor else None,
        transferee,
        acting,
        _asked_for(asked, to, facts, parties),
        _attended_result(event, Attempt(acting, transferee, place, NEVER, None, transferor), to, parties),
    )


def _attended_result(event: AmiEvent, attempt: Attempt, to: Channel | None, parties: Parties) -> Result:
    """The target may still ring when the caller is handed to it."""
    if not _succeeded(event) or to is None:
        return Result(to, None if _succeeded(event) else Outcome.FAILED)
    if to.answered < NEVER:
        return Result(to, Outcome.ANSWERED)
    dial = parties.facts.dial_to(to.uniqueid)
    return result_of_dials([dial], attempt, parties) if dial else Result(to, None)


def _rung_by(channel: Channel | None, facts: Facts, parties: Parties) -> Channel | None:
    """The phone that the transferor's second call was ringing (``DestType: App``)."""
    dials = facts.dials_of(channel.uniqueid) if channel else []
    phones = [phone for dial in dials for phone in parties.phones_rung(dial)]
    return facts.channels[phones[-1].dest] if phones else None


def _asked_for(asked: Channel | None, to: Channel | None, facts: Facts, parties: Parties) -> str | None:
    """The extension that the consulting call was made to."""
    if asked and asked.is_local:
        return number_in(asked.name)
    if to is None:
        return None
    dial = facts.dial_to(to.uniqueid)
    parent = facts.channels.get(dial.parent or "") if dial else None
    if parent and (dialled := parent.extensions()):
        return dialled[0]
    return parties.number_of(to)


def _succeeded(event: AmiEvent) -> bool:
    return event.get("Result", "Success") == "Success"


def _channel(event: AmiEvent, role: str, facts: Facts) -> Channel | None:
    uniqueid = event.get(f"{role}Uniqueid") or facts.names.get(event.get(f"{role}Channel"), "")
    return facts.channels.get(uniqueid)


def _other_in(bridge: str, channel: Channel | None, facts: Facts) -> Channel | None:
    """Somebody else who was in this bridge with a channel."""
    stays = [stay for stay in facts.stays_of(channel.uniqueid) if stay.bridge == bridge] if channel else []
    beside = [other for stay in stays for other in facts.beside(stay)]
    return facts.channels[beside[0].channel] if beside else None


# -------------------------------------------------------------- redirects


def _redirects(facts: Facts, parties: Parties, known: dict[str, list[Found]]) -> list[Found]:
    """A channel that was talking, was moved in the dialplan by nobody's transfer, and calls somebody."""
    found = []
    for stay in facts.stays:
        channel = facts.channels[stay.channel]
        calls_at = _calls_next(stay, facts)
        peer = _talked_to(stay, facts, parties)
        if calls_at == NEVER or peer is None or not _was_moved(stay, peer, facts):
            continue
        if any(stay.enter < other.start <= calls_at for other in known.get(channel.uniqueid, [])):
            continue
        transferee = parties.behind(channel) or channel
        found.append(Found("redirect", stay.leave, peer, transferee, channel, _moved_to(stay, calls_at, facts)))
    return found


def _calls_next(stay: Stay, facts: Facts) -> float:
    """Where the channel dials or queues, or tries to, before it is in any bridge again."""
    again = min((other.enter for other in facts.stays_of(stay.channel, stay.enter)), default=NEVER)
    dials = [dial.begin for dial in facts.dials_of(stay.channel, stay.enter, again)]
    queues = [spell.begin for spell in facts.queues_of(stay.channel, stay.enter, again)]
    return min((*dials, *queues, *facts.tries_of(stay.channel, stay.leave, again)), default=NEVER)


def _talked_to(stay: Stay, facts: Facts, parties: Parties) -> Channel | None:
    """The other party of a talk between two; the one who was there last where others came and went."""
    others = sorted(facts.beside(stay), key=lambda other: other.enter)
    found = [parties.behind(facts.channels[other.channel]) for other in reversed(others)]
    return next((party for party in found if party), None)


def _was_moved(stay: Stay, peer: Channel, facts: Facts) -> bool:
    """Whether somebody put the channel elsewhere in the dialplan; when the peer hangs up it goes on where it was."""
    channel = facts.channels[stay.channel]
    inside = channel.place(stay.enter + 1)
    left_for = channel.place(stay.leave + 1)
    if stay.left and inside and left_for:
        return inside != left_for
    return peer.asked_to_go > stay.leave


def _moved_to(stay: Stay, calls_at: float, facts: Facts) -> str | None:
    """The extension it was sent to."""
    channel = facts.channels[stay.channel]
    inside = channel.place(stay.enter + 1)
    if told := facts.target_told(stay.channel, stay.leave, calls_at):
        return told
    for since, place in channel.places:
        if stay.enter < since <= calls_at and place != inside and place[1] not in NO_EXTENSION:
            return place[1]
    dial = next(iter(facts.dials_of(stay.channel, stay.enter)), None)
    return number_in(dial.string) if dial else None


# -------------------------------------------------------------- conferences


def _rooms(facts: Facts, parties: Parties, known: dict[str, list[Found]]) -> list[Found]:
    """Two who were talking go into a room, and a third is or was to be there."""
    members: dict[str, list[Channel]] = {spell.where: [] for spell in facts.rooms}
    for where, uniqueid in _present(facts):
        party = parties.behind(facts.channels[uniqueid]) if where in members else None
        if party and party not in members[where]:
            members[where].append(party)
    found = []
    for room, inside in members.items():
        pair = _came_from_a_talk(room, inside, facts, parties)
        if pair and not any(pair.met < other.start <= pair.left for other in known.get(pair.caller.uniqueid, [])):
            found += _thirds(pair, inside, facts, parties)
    return found


def _present(facts: Facts) -> list[tuple[str, str]]:
    """Room and channel, once by the room's own word and once by its bridge's, in case one of them was lost."""
    joined = [(spell.where, spell.channel) for spell in facts.rooms]
    return joined + [(stay.bridge, stay.channel) for stay in facts.stays]


@dataclass(frozen=True, slots=True)
class _Pair:
    caller: Channel
    seat: Channel
    met: float
    left: float


def _came_from_a_talk(room: str, inside: list[Channel], facts: Facts, parties: Parties) -> _Pair | None:
    """Two who talked, of whom at least the caller is here: who came in, or was there first."""
    for channel in inside:
        talks = [stay for stay in facts.stays_of(channel.uniqueid) if stay.bridge != room and stay.leave < NEVER]
        for stay in reversed(talks):
            peer = _talked_to(stay, facts, parties)
            if peer and _was_moved(stay, peer, facts):
                caller, seat = sorted((channel, peer), key=lambda each: (each.dialled_by_us, each.since))
                return _Pair(caller, seat, stay.enter, stay.leave) if caller in inside else None
    return None


def _thirds(pair: _Pair, inside: list[Channel], facts: Facts, parties: Parties) -> list[Found]:
    others = [party for party in inside if party not in (pair.caller, pair.seat)]
    if not others:
        return [_conference(pair, *_asked_in_vain(pair, facts, parties))] if pair.seat in inside else []
    return [
        _conference(pair, _third_asked_for(party, facts, parties), Result(party, Outcome.ANSWERED)) for party in others
    ]


def _conference(pair: _Pair, target: str | None, result: Result) -> Found:
    return Found("conference", pair.left, pair.seat, pair.caller, pair.caller, target, result)


def _third_asked_for(party: Channel, facts: Facts, parties: Parties) -> str | None:
    dial = facts.dial_to(party.uniqueid)
    parent = facts.channels.get(dial.parent or "") if dial else None
    if parent and parent.is_local:
        return number_in(parent.name)
    return (number_in(dial.string) if dial else None) or parties.number_of(party)


def _asked_in_vain(pair: _Pair, facts: Facts, parties: Parties) -> tuple[str | None, Result]:
    """The originated call that did not come to be, while the two were waiting."""
    for dial in facts.dials:
        if dial.parent is None and pair.left < dial.begin < pair.caller.gone:
            attempt = Attempt(pair.caller, pair.caller, pair.left, NEVER, None, None)
            return number_in(dial.string), result_of_dials([dial], attempt, parties)
    return None, Result(None, None)


def _thirds_refused(facts: Facts, parties: Parties) -> list[Found]:
    """Where the third party is asked first, as in our dialplan, a refusal leaves no room: only the mark of the call."""
    found = []
    callers = {each.mark: each for each in facts.channels.values() if each.is_party and not each.dialled_by_us}
    for dial in facts.dials:
        phone = facts.channels[dial.dest]
        caller = callers.get(phone.mark) if phone.mark else None
        if dial.parent is not None or caller is None or phone.answered < NEVER:
            continue
        talks = [stay for stay in facts.stays_of(caller.uniqueid) if stay.enter < dial.begin < stay.leave]
        seat = _talked_to(talks[-1], facts, parties) if talks else None
        attempt = Attempt(caller, caller, dial.begin, NEVER, None, seat)
        result = result_of_dials([dial], attempt, parties)
        found.append(Found("conference", dial.begin, seat, caller, caller, number_in(dial.string), result))
    return found
