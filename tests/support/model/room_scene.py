"""A three-way call in each situation, and all that can happen in it (tests/unit/service/test_three_way_matrix.py)."""

from __future__ import annotations

from collections.abc import Callable

from telephony.conference import CALLER, SEAT, TARGET
from telephony.handoff import Mode
from telephony.service import HandoffRequest, PartyAction
from tests.support.model import transfer_scene as transfers
from tests.support.model.channels import At, Channel
from tests.support.model.transfer_scene import Scene, die, link_is_lost, link_is_lost_and_back, named
from tests.unit.service.conftest import POLICE, WANG

# ------------------------------------------------------------ situations


def asked(scene: Scene) -> None:
    request = HandoffRequest(scene.caller.uniqueid, Mode.CONFERENCE, "110")
    scene.ask(scene.board.start_handoff(request, WANG))
    scene.id = "h1"


def rings(scene: Scene) -> None:
    asked(scene)
    scene.hear()


def refused(scene: Scene) -> None:
    rings(scene)
    scene.plan.refuse(scene.one(At.RINGING), 486)
    scene.hear()


def joining(scene: Scene) -> None:
    """The third has answered, and nobody is in the room yet as far as we know."""
    rings(scene)
    scene.plan.answer(scene.one(At.RINGING))
    scene.hear(2)


def together(scene: Scene) -> None:
    rings(scene)
    scene.plan.answer(scene.one(At.RINGING))
    scene.hear()


def caller_held(scene: Scene) -> None:
    together(scene)
    scene.answer_to(scene.board.control_party(scene.id, CALLER, PartyAction.HOLD, WANG))


def caller_muted(scene: Scene) -> None:
    together(scene)
    scene.answer_to(scene.board.control_party(scene.id, CALLER, PartyAction.MUTE, WANG))


def third_gone(scene: Scene) -> None:
    together(scene)
    scene.plan.hang_up(scene.plan.channels[f"{scene.id}-target"])
    scene.hear()


def seat_gone(scene: Scene) -> None:
    together(scene)
    scene.plan.hang_up(scene.seat)
    scene.hear()


def alone(scene: Scene) -> None:
    """The caller was held when both left: down the ladder."""
    caller_held(scene)
    scene.plan.hang_up(scene.seat)
    scene.plan.hang_up(scene.plan.channels[f"{scene.id}-target"])
    scene.plan.music_ends(scene.caller)
    scene.hear()


def over(scene: Scene) -> None:
    seat_gone(scene)
    scene.plan.hang_up(scene.caller)
    scene.hear()


SITUATIONS = named(
    asked, rings, refused, joining, together, caller_held, caller_muted, third_gone, seat_gone, alone, over
)

# ------------------------------------------------------------ events


def third_phone(scene: Scene) -> Channel | None:
    far = scene.plan.channels.get(f"{scene.id}-target-dial")
    return scene.plan.rung_by(far)[0] if far and scene.plan.rung_by(far) else None


def third_answers(scene: Scene) -> str:
    phone = third_phone(scene)
    if phone is None:
        return "."
    scene.plan.answer(phone)
    return ""


def third_is_busy(scene: Scene) -> str:
    phone = third_phone(scene)
    if phone is None:
        return "."
    scene.plan.refuse(phone, 486)
    return ""


def third_does_not_answer(scene: Scene) -> str:
    if third_phone(scene) is None:
        return "."
    scene.plan.time_out(scene.plan.channels[f"{scene.id}-target-dial"])
    return ""


def a_seat_answers(scene: Scene) -> str:
    return transfers.a_seat_answers(scene)


def no_seat_answers(scene: Scene) -> str:
    return transfers.nobody_answers(scene)


def caller_hangs_up(scene: Scene) -> str:
    return transfers.caller_hangs_up(scene)


def seat_hangs_up(scene: Scene) -> str:
    return transfers.first_seat_hangs_up(scene)


def third_hangs_up(scene: Scene) -> str:
    near = scene.plan.channels.get(f"{scene.id}-target")
    if near is None or near.at not in (At.ROOM, At.HELD):
        return "."
    scene.plan.hang_up(near)
    return ""


def all_hang_up(scene: Scene) -> str:
    if scene.caller.uniqueid not in scene.plan.channels:
        return "."
    seat_hangs_up(scene)
    third_hangs_up(scene)
    caller_hangs_up(scene)
    return ""


def seat_presses_a_feature_code(scene: Scene) -> str:
    return transfers.seat_presses_a_feature_code(scene)


def service_dies_and_starts(scene: Scene) -> str:
    die(scene)
    scene.start()
    return ""


def control(scene: Scene, party: str, action: PartyAction) -> str:
    return scene.answer_to(scene.board.control_party(scene.id, party, action, WANG))


def caller_is_put_on_hold(scene: Scene) -> str:
    return control(scene, CALLER, PartyAction.HOLD)


def caller_is_taken_back(scene: Scene) -> str:
    return control(scene, CALLER, PartyAction.UNHOLD)


def caller_is_muted(scene: Scene) -> str:
    return control(scene, CALLER, PartyAction.MUTE)


def third_is_removed(scene: Scene) -> str:
    return control(scene, TARGET, PartyAction.REMOVE)


def seat_is_removed(scene: Scene) -> str:
    return control(scene, SEAT, PartyAction.REMOVE)


def fourth_is_asked_in(scene: Scene) -> str:
    return scene.answer_to(scene.board.add_party(scene.id, "120", WANG))


def they_decide(scene: Scene) -> str:
    return scene.answer_to(scene.board.decide(scene.id, "110", "", POLICE))


def cancel(scene: Scene) -> str:
    return scene.answer_to(scene.board.cancel_handoff(scene.id, WANG))


def cancel_as_third_answers(scene: Scene) -> str:
    return third_answers(scene) or cancel(scene)


def cancel_as_third_refuses(scene: Scene) -> str:
    return third_is_busy(scene) or cancel(scene)


def complete(scene: Scene) -> str:
    return scene.answer_to(scene.board.complete_handoff(scene.id, WANG))


def complete_as_third_hangs_up(scene: Scene) -> str:
    return third_hangs_up(scene) or complete(scene)


def second_click(scene: Scene) -> str:
    return scene.click(Mode.CONFERENCE)


def transfer_is_asked_for(scene: Scene) -> str:
    return scene.click(target="120")


TOLD = (
    third_answers, third_is_busy, third_does_not_answer, a_seat_answers, no_seat_answers, caller_hangs_up,
    seat_hangs_up, third_hangs_up, all_hang_up, seat_presses_a_feature_code,
)  # fmt: skip
ASKED = (
    link_is_lost, link_is_lost_and_back, service_dies_and_starts, caller_is_put_on_hold, caller_is_taken_back,
    caller_is_muted, third_is_removed, seat_is_removed, fourth_is_asked_in, they_decide, cancel,
    cancel_as_third_answers, cancel_as_third_refuses, complete, complete_as_third_hangs_up, second_click,
    transfer_is_asked_for,
)  # fmt: skip
EVENTS: dict[str, Callable[[Scene], str]] = named(*TOLD, *ASKED)


def described(scene: Scene) -> str:
    """What is on record of the handoff; and who is in the room, where there is one."""
    record = transfers.described(scene.record)
    conference = scene.board.tracker.rooms.conferences.get(scene.id)
    if conference is None:
        return record
    return f"{record.partition('>')[0]}:{'/'.join(_short(p.state.value, p.muted) for p in conference.parties)}"


def _short(state: str, muted: bool) -> str:
    letters = {"joined": "in", "left": "-", "held": "held", "joining": "to", "dialling": "dial", "ringing": "ring"}
    return "muted" if muted else letters[state]
