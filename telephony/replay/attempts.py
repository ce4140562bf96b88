"""What became of a caller who was sent to a target: who was rung for it, and how that ended."""

from __future__ import annotations

from dataclasses import dataclass

from telephony.handoff import Outcome, outcome_of
from telephony.replay.facts import NEVER, Channel, Dial, Spell
from telephony.replay.parties import Parties, number_in

_ANSWERED = "ANSWER"
_CANCELLED = "CANCEL"
_STATUS_OF_CAUSE = {
    **dict.fromkeys((17,), "BUSY"),
    **dict.fromkeys((18, 19), "NOANSWER"),
    **dict.fromkeys((1, 2, 3, 20, 22, 27, 28), "CHANUNAVAIL"),
    **dict.fromkeys((34, 38, 41, 42, 44, 58), "CONGESTION"),
    21: "BUSY",
}
"""Q.850, where the DialEnd was lost. Other causes say nothing of the target."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """``acting`` is the channel that dials: the caller's, or the Local channel that stands for it. From ``start`` until
    ``until``, when the next handoff begins."""

    acting: Channel
    caller: Channel
    start: float
    until: float
    target: str | None
    transferor: Channel | None


@dataclass(frozen=True, slots=True)
class Result:
    """``channel`` is the phone that answered, else the last one that was rung. ``outcome`` None: not to be known."""

    channel: Channel | None
    outcome: Outcome | None


def result_of(attempt: Attempt, parties: Parties) -> Result:
    queue = next(iter(parties.facts.queues_of(attempt.acting.uniqueid, attempt.start, attempt.until)), None)
    rung = _first_round(attempt, queue, parties)
    result = result_of_dials(rung, attempt, parties) if rung else _nobody_rung(attempt, parties)
    return _in_queue(queue, attempt, result) if queue and result.outcome is not Outcome.ANSWERED else result


def _in_queue(queue: Spell, attempt: Attempt, result: Result) -> Result:
    """A member that does not answer says nothing of the queue, which rings the next."""
    if queue.end == NEVER:
        return Result(result.channel, None)
    if attempt.caller.asked_to_go < queue.end:
        return Result(result.channel, Outcome.ABANDONED)
    return Result(result.channel, result.outcome or Outcome.NO_ANSWER)


def result_of_dials(dials: list[Dial], attempt: Attempt, parties: Parties) -> Result:
    """What these dials came to; those to Local channels are judged by the phones behind them."""
    channels = parties.facts.channels
    phones = [phone for dial in dials for phone in parties.phones_rung(dial)]
    for phone in phones:
        if phone.status == _ANSWERED or (not phone.status and channels[phone.dest].answered < attempt.until):
            return Result(channels[phone.dest], Outcome.ANSWERED)
    if not phones:
        return Result(None, _refusal(attempt, dials[-1], parties))
    last = max(phones, key=lambda phone: (_over(phone, parties), phone.begin))
    return Result(channels[last.dest], _refusal(attempt, last, parties))


# -------------------------------------------------------------- who was rung for it


def _first_round(attempt: Attempt, queue: Spell | None, parties: Parties) -> list[Dial]:
    """The dials that belong to the target. What the dialplan dials after them (back to the seat) is not of it."""
    dials = parties.facts.dials_of(attempt.acting.uniqueid, attempt.start, attempt.until)
    until = queue.end if queue else NEVER
    if not dials or until < dials[0].begin or _went_back(attempt, dials[0], parties):
        return []
    until = until if queue else -1
    found: list[Dial] = []
    for dial in dials:
        if found and dial.begin > until:
            break
        found.append(dial)
        until = max(until, _over(dial, parties))
    return found


def _went_back(attempt: Attempt, dial: Dial, parties: Parties) -> bool:
    """Whether the target failed before any phone rang, and this dial is the way back."""
    if any(place < dial.begin for place, _ in _refusals_told(attempt, parties)):
        return True
    phone = parties.facts.channels[dial.dest]
    return _is_seat_again(attempt, phone) and attempt.target != number_in(dial.string)


def _is_seat_again(attempt: Attempt, phone: Channel) -> bool:
    """Whether this is the phone of who handed over; of a trunk every channel has the same endpoint."""
    seat = attempt.transferor
    return seat is not None and phone.dialled_by_us and seat.dialled_by_us and phone.endpoint == seat.endpoint


def _refusals_told(attempt: Attempt, parties: Parties) -> list[tuple[int, str]]:
    told = parties.facts.verdicts_on(attempt.acting.uniqueid, attempt.start, attempt.until)
    return [(place, status) for place, status in told if status != _ANSWERED]


def _over(dial: Dial, parties: Parties) -> float:
    return dial.end if dial.status else parties.facts.channels[dial.dest].gone


# -------------------------------------------------------------- how it ended


def _refusal(attempt: Attempt, dial: Dial, parties: Parties) -> Outcome | None:
    phone, caller = parties.facts.channels[dial.dest], attempt.caller
    if dial.status == _CANCELLED or (not dial.status and min(caller.asked_to_go, caller.gone) < phone.gone < NEVER):
        return _called_off(attempt, dial, parties)
    status = dial.status or _STATUS_OF_CAUSE.get(phone.why or 0, "")
    return outcome_of(status, phone.sip_code, phone.why) if status else None


def _called_off(attempt: Attempt, dial: Dial, parties: Parties) -> Outcome | None:
    """The dial ended before the phone was answered: the caller hung up, or was taken elsewhere and hung up later."""
    facts, acting, caller = parties.facts, attempt.acting, attempt.caller
    over = _over(dial, parties)
    elsewhere = facts.dials_of(acting.uniqueid, over) or facts.stays_of(acting.uniqueid, over)
    talking = any(stay.enter < over < stay.leave for stay in facts.stays_of(caller.uniqueid))
    moved = dial.status and _moved(acting, dial.begin, over)
    if elsewhere or talking or moved or over < caller.asked_to_go < NEVER:
        return Outcome.CANCELLED
    return Outcome.ABANDONED if min(caller.gone, caller.asked_to_go) < NEVER else None


def _moved(channel: Channel, begin: float, over: float) -> bool:
    """Whether it was put elsewhere in the dialplan, and not to the end of a call (``h``)."""
    place = channel.place(over + 1)
    return place is not None and place != channel.place(begin + 1) and place[1] != "h"


def _nobody_rung(attempt: Attempt, parties: Parties) -> Result:
    """No phone was rung that is known of: the dialplan may have said why, the caller may be talking all the same."""
    for _, status in _refusals_told(attempt, parties):
        return Result(None, outcome_of(status))
    met = [party for party in _met(attempt, parties) if party is not attempt.transferor]
    for party in met:
        if not _is_seat_again(attempt, party):
            return Result(party, Outcome.ANSWERED)
    caller = attempt.caller
    if met or caller.gone > attempt.until:
        return Result(None, None)
    if caller.asked_to_go < attempt.until:
        return Result(None, Outcome.ABANDONED)
    known = _STATUS_OF_CAUSE.get(caller.why or 0)
    return Result(None, outcome_of(known, caller.sip_code, caller.why) if known else None)


def _met(attempt: Attempt, parties: Parties) -> list[Channel]:
    """Whom the caller was joined with."""
    facts = parties.facts
    beside = [
        facts.channels[other.channel]
        for stay in facts.stays_of(attempt.acting.uniqueid, attempt.start)
        if stay.enter < attempt.until
        for other in facts.beside(stay)
    ]
    return [party for each in beside if (party := parties.behind(each)) and party is not attempt.caller]
