"""Records as a reader may see them. The only place that decides whether a caller's number goes out unmasked.

Unmasked for who has the permission ``see-numbers``, for a seat when the call is or was there, or was handed over from
or to it (its phone showed the number anyway), and for a program's key on its own line. Everyone else, the auditor by
default, gets ``138****5678``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass

from api.messages import WHY
from api.schemas import (
    CallOut,
    ConferenceOut,
    CorrectionOut,
    DecisionOut,
    DeskOut,
    HandoffOut,
    LegOut,
    LineOut,
    ParticipantOut,
    SeatOut,
    StepOut,
)
from api.schemas_calls import MenuPassageOut, OrderOfCallOut, RecordingOfCallOut, StandingOut, WholeCallOut
from api.schemas_reports import DifferenceOut, NumberProofOut, ReconciliationOut
from linkage.orders import Order
from records.menus import MenuPassage
from records.recordings.store import Kept
from telephony import numbers
from telephony.call import Call, Leg
from telephony.conference import Conference, Participant
from telephony.corrections import CORRECTED, Correctable
from telephony.handoff import Decision, Handoff, Step, durations_ms
from telephony.lines import Directory
from telephony.nuisance import Standing
from telephony.presence import LineStatus, SeatStatus
from telephony.proof import ProofOfDay, bounds
from telephony.reconcile import Difference, holds_a_number
from telephony.regions import region_of
from telephony.service.reconciliation import ReconciliationJob

_NUMBER_KEYS = frozenset(
    {"original_caller", "caller_seen_by_target", "shown", "seen", "number", "caller", "dialled_by"}
)


@dataclass(frozen=True, slots=True)
class Viewer:
    sees_numbers: bool
    seat: str | None = None
    line: str | None = None
    saw: Callable[[str, str], None] = lambda kind, record_id: None
    """Told of each record whose caller's number goes out unmasked."""

    def sight(
        self, *, seats: Collection[str | None], lines: Collection[str | None], private: Collection[str | None]
    ) -> Sight:
        """Of a record that these seats and lines have to do with, and that holds these numbers of the caller's."""
        at_my_seat = self.seat is not None and self.seat in seats
        on_my_line = self.line is not None and self.line in lines
        clear = self.sees_numbers or at_my_seat or on_my_line
        return Sight(clear, tuple(private))


@dataclass(frozen=True, slots=True)
class Sight:
    """How much of one record its reader sees."""

    clear: bool
    private: tuple[str | None, ...] = ()

    def number(self, number: str | None) -> str | None:
        return number if self.clear or number is None else numbers.mask(number)

    def text(self, text: str) -> str:
        """Without the caller's numbers, nor anything that looks like a telephone number."""
        return text if self.clear else numbers.mask_all(text, self.private)


# --- handoffs and conferences ----------------------------------------------------------------------------------------


def handoff(record: Handoff, viewer: Viewer) -> HandoffOut:
    sight = viewer.sight(
        seats=(record.from_seat, record.target_seat),
        lines=(record.from_line, record.target),
        private=(record.original_caller, record.caller_seen_by_target),
    )
    if sight.clear and (record.original_caller or record.caller_seen_by_target):
        viewer.saw("handoff", record.id)
    return HandoffOut(
        id=record.id,
        call_id=record.call_id,
        mode=record.mode,
        state=record.state,
        outcome=record.outcome,
        resolution=record.resolution,
        release=record.release,
        via=record.via,
        original_caller=sight.number(record.original_caller),
        original_caller_e164=sight.number(numbers.e164(record.original_caller)),
        caller_seen_by_target=sight.number(record.caller_seen_by_target or None),
        caller_seen_by_target_e164=sight.number(numbers.e164(record.caller_seen_by_target)),
        number_mismatch=record.number_mismatch,
        numbers_masked=not sight.clear,
        from_line=record.from_line,
        from_seat=record.from_seat,
        target=record.target,
        target_channel=record.target_channel,
        target_seat=record.target_seat,
        category_id=record.category_id,
        reason=sight.text(record.reason) if record.reason else record.reason,
        hangup_cause=record.hangup_cause,
        sip_code=record.sip_code,
        decision=_decision(record.decision, sight) if record.decision else None,
        order_ids=list(record.order_ids),
        timeline=[_step(step, sight) for step in record.timeline],
        corrections=[_correction(step, sight) for step in record.timeline if step.event == CORRECTED],
        durations_ms=durations_ms(record),
        requested_by=record.requested_by,
        created_at=record.created_at,
        ended_at=record.ended_at,
        node=record.node,
    )


def _step(step: Step, sight: Sight) -> StepOut:
    return StepOut(at=step.at, event=step.event, detail={key: sight.text(text) for key, text in step.detail.items()})


def _correction(step: Step, sight: Sight) -> CorrectionOut:
    detail = {key: sight.text(text) for key, text in step.detail.items()}
    return CorrectionOut(
        at=step.at,
        field=Correctable(step.detail["field"]),
        before=detail["before"],
        value=detail["value"],
        reason=detail["reason"],
        by=step.detail["by"],
    )


def _decision(decision: Decision, sight: Sight) -> DecisionOut:
    return DecisionOut(
        accepted_by=decision.accepted_by,
        reason=sight.text(decision.reason),
        decided_by=decision.decided_by,
        at=decision.at,
        automatic=decision.automatic,
    )


def participant(party: Participant) -> ParticipantOut:
    return ParticipantOut(
        id=party.id,
        target=party.target,
        channel=party.channel,
        state=party.state,
        muted=party.muted,
        outcome=party.outcome,
        joined_at=party.joined_at,
        left_at=party.left_at,
    )


def conference(room: Conference) -> ConferenceOut:
    return ConferenceOut(
        id=room.id,
        call_id=room.call_id,
        started_at=room.started_at,
        over=room.over,
        participants=[participant(party) for party in room.parties],
    )


# --- calls -----------------------------------------------------------------------------------------------------------


def call(record: Call, viewer: Viewer) -> CallOut:
    sight = viewer.sight(
        seats=(record.seat, *(leg.seat for leg in record.legs.values())),
        lines=(record.first_line, record.line),
        private=(record.original_caller,),
    )
    if sight.clear and record.original_caller:
        viewer.saw("call", record.id)
    return CallOut(
        id=record.id,
        node=record.node,
        state=record.state,
        original_caller=sight.number(record.original_caller),
        original_caller_e164=sight.number(numbers.e164(record.original_caller)),
        caller_name=record.caller_name if sight.clear else None,
        presentation=record.presentation,
        numbers_masked=not sight.clear,
        dialled=record.dialled,
        trunk=record.trunk,
        first_line=record.first_line,
        line=record.line,
        seat=record.seat,
        arrived_at=record.arrived_at,
        answered_at=record.answered_at,
        ended_at=record.ended_at,
        legs=[_leg(leg, record, sight) for leg in record.legs.values()],
    )


def whole_call(
    record: Call,
    menus: Iterable[MenuPassage] | None,
    recordings: Iterable[Kept] | None,
    standing: Standing | None,
    viewer: Viewer,
    orders: Iterable[Order] | None = None,
) -> WholeCallOut:
    """``menus``, ``recordings``, ``standing``, ``orders``: None where they are unknown."""
    seen = call(record, viewer)
    return WholeCallOut(
        **dict(seen),
        region=None if seen.numbers_masked else region_of(seen.original_caller_e164),
        menus=None if menus is None else [MenuPassageOut(**asdict(each)) for each in menus],
        recordings=None
        if recordings is None
        else [
            RecordingOfCallOut(id=each.id, state=each.state, seconds=each.seconds, sha256=each.sha256)
            for each in recordings
        ],
        standing=standing
        and StandingOut(traits=sorted(standing.traits), calls=standing.calls, silent_calls=standing.silent_calls),
        orders=None
        if orders is None
        else [
            OrderOfCallOut(id=each.id, kind=each.kind, state=each.state, to_line=each.to_line, unit=each.unit)
            for each in orders
        ],
    )


def _leg(leg: Leg, of: Call, sight: Sight) -> LegOut:
    outside = numbers.same(leg.number, of.original_caller) or numbers.e164(leg.number) is not None
    return LegOut(
        uniqueid=leg.uniqueid,
        channel=leg.channel,
        number=numbers.mask(leg.number) if outside and not sight.clear else leg.number,
        seat=leg.seat,
        created_at=leg.created_at,
        answered_at=leg.answered_at,
        ended_at=leg.ended_at,
        bridge=leg.bridge,
        held=leg.held,
        cause=leg.cause,
        sip_code=leg.sip_code,
    )


# --- reports ---------------------------------------------------------------------------------------------------------


def number_proof(proof: ProofOfDay) -> NumberProofOut:
    since, until = bounds(proof.day)
    return NumberProofOut(
        day=proof.day,
        since=since,
        until=until,
        handoffs=proof.handoffs,
        reached=proof.reached,
        equal=proof.equal,
        mismatched=len(proof.mismatched),
        mismatched_ids=list(proof.mismatched),
        withheld=proof.withheld,
        not_observed={why.value: count for why, count in proof.not_observed.items()},
    )


def reconciliation(job: ReconciliationJob, viewer: Viewer) -> ReconciliationOut:
    last = job.last
    explained = [each for each in last.differences if each.why is not None] if last else []
    return ReconciliationOut(
        node=job.node,
        at=last.at if last else None,
        since=last.since if last else None,
        until=last.until if last else None,
        compared=len(last.compared) if last else 0,
        unexplained=len(job.unexplained),
        differences=[_difference(each, viewer) for each in (*job.unexplained.values(), *explained)],
    )


def _difference(found: Difference, viewer: Viewer) -> DifferenceOut:
    hidden = holds_a_number(found) and not viewer.sees_numbers
    ours, theirs = (numbers.mask(text) if hidden else text for text in (found.ours, found.asterisk))
    return DifferenceOut(
        handoff_id=found.handoff_id,
        call_id=found.call_id,
        field=found.field,
        ours=ours,
        asterisk=theirs,
        why=found.why.value if found.why else None,
        why_in_words=" · ".join(WHY[found.why]) if found.why else None,
    )


# --- presence --------------------------------------------------------------------------------------------------------


def seat(status: SeatStatus) -> SeatOut:
    return SeatOut(
        id=status.seat,
        name=status.name,
        lines=list(status.lines),
        state=status.state,
        phone=status.phone,
        user=status.user,
        signed_in_at=status.signed_in_at,
        paused_reason=status.paused_reason,
        call_id=status.call_id,
    )


def line(status: LineStatus, directory: Directory) -> LineOut:
    ours = directory.line(status.id)
    return LineOut(
        id=status.id,
        name=status.name,
        kind=status.kind,
        numbers=list(status.numbers),
        desks=[DeskOut(id=desk.id, name=desk.name, seats=list(desk.seats)) for desk in ours.desks] if ours else [],
        waiting=status.waiting,
        talking=status.talking,
        seats_free=status.seats_free,
    )
