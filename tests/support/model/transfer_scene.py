"""A transfer in each of its situations, and all that can happen in it (tests/unit/service/test_handoff_matrix.py)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from telephony import events
from telephony.handoff import Handoff, Mode, Release, Resolution, State
from telephony.service import Actor, HandoffRequest
from tests.support.model.channels import At, Channel
from tests.support.model.switchroom import Switchroom
from tests.unit.service.conftest import CHIEF, DIRECTORY, LI, WANG

F = TypeVar("F", bound=Callable[..., Any])
Event = Callable[["Scene"], str]
SHORT = {
    Resolution.TARGET: "target",
    Resolution.FIRST_SEAT: "seat",
    Resolution.QUEUE: "queue",
    Resolution.CALLBACK_ORDER: "call-back",
    Resolution.CALLER_HUNG_UP: "gone",
    None: "",
}


class Scene(Switchroom):
    """A call of 12345 that its seat 2101 hands over to 110."""

    def __init__(self) -> None:
        super().__init__(DIRECTORY)
        self.plan.offline.add("1102")
        self.caller = self.plan.arrive("13800001111", "12345", "2101")
        self.seat = self.one(At.TALKING, "2101")
        self.hear()
        self.id = ""

    def one(self, at: At, seat: str = "") -> Channel:
        return next(each for each in self.doing(at) if not seat or each.seat == seat)

    @property
    def record(self) -> Handoff:
        return self.sink.newest[self.id]

    def click(self, mode: Mode = Mode.TRANSFER, target: str = "110", actor: Actor = CHIEF) -> str:
        request = HandoffRequest(self.caller.uniqueid, mode, target, Release.ON_ANSWER)
        return self.answer_to(self.board.start_handoff(request, actor))

    def answer_to(self, request: Coroutine[Any, Any, Any]) -> str:
        """The slug of what it was refused with, else "". Asterisk is heard meanwhile."""
        task = self.ask(request)
        self.hear()
        self.loop.pass_time(5)
        error = task.exception()
        return f"!{getattr(error, 'slug', error)}" if error else ""


# ------------------------------------------------------------ situations


def asked(scene: Scene) -> None:
    request = HandoffRequest(scene.caller.uniqueid, Mode.TRANSFER, "110", Release.ON_ANSWER)
    scene.ask(scene.board.start_handoff(request, WANG))
    scene.id = "h1"


def moved(scene: Scene) -> None:
    asked(scene)
    scene.hear(3)


def rings(scene: Scene) -> None:
    asked(scene)
    scene.hear()


def both_ring(scene: Scene) -> None:
    scene.plan.offline.discard("1102")
    rings(scene)


def back(scene: Scene) -> None:
    rings(scene)
    scene.plan.refuse(scene.one(At.RINGING), 486)
    scene.hear()


def rung_again(scene: Scene) -> None:
    rings(scene)
    scene.plan.hang_up(scene.seat)
    scene.plan.refuse(scene.one(At.RINGING), 486)
    scene.hear()


def queued(scene: Scene) -> None:
    rung_again(scene)
    scene.plan.time_out(scene.caller)
    scene.hear()


def promised(scene: Scene) -> None:
    queued(scene)
    scene.plan.time_out(scene.caller)
    scene.hear()


def answered(scene: Scene) -> None:
    rings(scene)
    scene.plan.answer(scene.one(At.RINGING))
    scene.hear()


def handed_on(scene: Scene) -> None:
    answered(scene)
    scene.click(target="120")


def ended(scene: Scene) -> None:
    answered(scene)
    scene.plan.hang_up(scene.caller)
    scene.hear()


def named(*functions: F) -> dict[str, F]:
    return {function.__name__: function for function in functions}


SITUATIONS = named(asked, moved, rings, both_ring, back, rung_again, queued, promised, answered, handed_on, ended)

# ------------------------------------------------------------ events: each says "." when it cannot happen there


def rung_for(scene: Scene, *at: At) -> list[Channel]:
    return scene.plan.rung_by(scene.caller) if scene.caller.at in at and scene.caller.uniqueid in here(scene) else []


def here(scene: Scene) -> dict[str, Channel]:
    return scene.plan.channels


def target_answers(scene: Scene) -> str:
    phones = rung_for(scene, At.DIALLING)
    if not phones:
        return "."
    scene.plan.answer(phones[0])
    return ""


def the_other_answers(scene: Scene) -> str:
    phones = rung_for(scene, At.DIALLING)
    if len(phones) < 2:
        return "."
    scene.plan.answer(phones[1])
    return ""


def all_refuse(scene: Scene, sip: int) -> str:
    phones = rung_for(scene, At.DIALLING)
    for phone in phones:
        scene.plan.refuse(phone, sip)
    return "" if phones else "."


def target_is_busy(scene: Scene) -> str:
    return all_refuse(scene, 486)


def target_rejects(scene: Scene) -> str:
    return all_refuse(scene, 603)


def target_is_out_of_service(scene: Scene) -> str:
    return all_refuse(scene, 503)


def one_phone_refuses(scene: Scene) -> str:
    phones = rung_for(scene, At.DIALLING)
    if len(phones) < 2:
        return "."
    scene.plan.refuse(phones[0], 486)
    return ""


def nobody_answers(scene: Scene) -> str:
    if not rung_for(scene, At.DIALLING, At.FIRST_SEAT, At.QUEUE):
        return "."
    scene.plan.time_out(scene.caller)
    return ""


def a_seat_answers(scene: Scene) -> str:
    phones = rung_for(scene, At.FIRST_SEAT, At.QUEUE, At.LINE)
    if not phones:
        return "."
    scene.plan.answer(phones[-1])
    return ""


def hang_up(scene: Scene, channel: Channel | None, *, soon: bool = False) -> str:
    if channel is None or channel.uniqueid not in here(scene):
        return "."
    scene.plan.hang_up(channel, soon=soon)
    return ""


def caller_hangs_up(scene: Scene) -> str:
    return hang_up(scene, scene.caller)


def first_seat_hangs_up(scene: Scene) -> str:
    return hang_up(scene, scene.seat)


def target(scene: Scene) -> Channel | None:
    return next((each for each in scene.doing(At.TALKING, At.WAITING) if each.seat == "1101"), None)


def target_hangs_up(scene: Scene) -> str:
    return hang_up(scene, target(scene))


def target_hangs_up_at_once(scene: Scene) -> str:
    return hang_up(scene, target(scene), soon=True)


def phones_hold_and_come_back(scene: Scene) -> str:
    talking = scene.doing(At.TALKING)
    for held in (True, False):
        for each in talking:
            scene.plan.say(events.HoldChanged, each.uniqueid, held)
    return "" if talking else "."


def phones_lose_their_registration(scene: Scene) -> str:
    scene.plan.offline |= {"1101", "2101"}
    return ""


def seat_presses_star_zero(scene: Scene) -> str:
    waiting = scene.doing(At.WAITING)
    if not waiting:
        return "."
    scene.plan.take_back(waiting[0])
    return ""


def seat_presses_a_feature_code(scene: Scene) -> str:
    talking = scene.seats_that_talk()
    if not talking:
        return "."
    scene.plan.key(talking[0], "120")
    return ""


def seats_phone_refers(scene: Scene) -> str:
    talking = scene.seats_that_talk()
    if not talking:
        return "."
    scene.plan.refer(talking[0], "120")
    return ""


def die(scene: Scene) -> None:
    scene.write()
    scene.kill()


def link_is_lost(scene: Scene) -> str:
    scene.asterisk.cut()
    return ""


def link_is_lost_and_back(scene: Scene) -> str:
    scene.asterisk.cut()
    scene.asterisk.mend()
    return ""


def service_dies_and_starts(scene: Scene) -> str:
    die(scene)
    scene.start()
    return ""


def second_click(scene: Scene) -> str:
    return scene.click(actor=WANG)


def another_seat_clicks(scene: Scene) -> str:
    return scene.click(actor=LI)


def supervisor_clicks(scene: Scene) -> str:
    return scene.click(target="120")


def three_way_is_asked_for(scene: Scene) -> str:
    return scene.click(Mode.CONFERENCE, "120")


def cancel(scene: Scene) -> str:
    return scene.answer_to(scene.board.cancel_handoff(scene.id, WANG))


def cancel_as_target_answers(scene: Scene) -> str:
    return target_answers(scene) or cancel(scene)


def cancel_as_target_refuses(scene: Scene) -> str:
    return target_is_busy(scene) or cancel(scene)


def cancel_as_caller_hangs_up(scene: Scene) -> str:
    return caller_hangs_up(scene) or cancel(scene)


def complete(scene: Scene) -> str:
    return scene.answer_to(scene.board.complete_handoff(scene.id, WANG))


def complete_as_target_refuses(scene: Scene) -> str:
    return target_is_busy(scene) or complete(scene)


def fourth_is_asked_in(scene: Scene) -> str:
    return scene.answer_to(scene.board.add_party(scene.id, "120", WANG))


def they_decide(scene: Scene) -> str:
    return scene.answer_to(scene.board.decide(scene.id, "110", "", WANG))


TOLD = (
    target_answers, the_other_answers, target_is_busy, target_rejects, target_is_out_of_service, one_phone_refuses,
    nobody_answers, a_seat_answers, caller_hangs_up, first_seat_hangs_up, target_hangs_up, target_hangs_up_at_once,
    phones_hold_and_come_back, phones_lose_their_registration, seat_presses_star_zero, seat_presses_a_feature_code,
    seats_phone_refers,
)  # fmt: skip
ASKED = (
    link_is_lost, link_is_lost_and_back, service_dies_and_starts, second_click, another_seat_clicks, supervisor_clicks,
    three_way_is_asked_for, cancel, cancel_as_target_answers, cancel_as_target_refuses, cancel_as_caller_hangs_up,
    complete, complete_as_target_refuses, fourth_is_asked_in, they_decide,
)  # fmt: skip
EVENTS: dict[str, Event] = named(*TOLD, *ASKED)
"""TOLD may happen unheard; for ASKED the service has to be there."""


def nothing(scene: Scene) -> None:
    pass


def each_event_comes_twice(scene: Scene) -> None:
    scene.asterisk.times = 2


WAYS: dict[str, tuple[Callable[[Scene], None], Callable[[Scene], None]]] = {
    "heard": (nothing, nothing),
    "every event told twice": (each_event_comes_twice, nothing),
    "while the link is down": (lambda scene: scene.asterisk.cut(), lambda scene: scene.asterisk.mend()),
    "while the service is dead": (die, lambda scene: scene.start()),
}
"""What is done before and after the event: the same must be on record, however it was learnt of."""


def described(record: Handoff) -> str:
    """``busy>seat``: it has ended; with dots: it goes on."""
    if record.state is State.UNKNOWN or (record.outcome or record.returning) is None:
        return record.state.value
    if record.state is State.ENDED:
        return f"{record.outcome}>{SHORT[record.resolution]}"
    return f"{record.outcome or record.returning}>{SHORT[record.resolution]}..."
