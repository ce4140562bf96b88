"""One order (工单 on the 12345 side, 警单 on the 110 side): its record and its table of transitions. Pure.

``TRANSITIONS`` says for each state and act which state follows; a pair that is not there is refused and changes
nothing. ``advance`` is the only way an order changes. The documents' rules that a table cannot hold are in ``_RULES``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from linkage.catalogue import GOVERNMENT, POLICE, Action, Kind
from linkage.errors import (
    ActNotAllowed,
    ExtensionNotLater,
    FeedbackMissing,
    FirstActionMissing,
    RatingOutOfRange,
    ReasonMissing,
    RefusalNotAllowed,
    UnitMissing,
)


class OrderKind(StrEnum):
    WORK = "work"
    """工单: 12345's."""
    POLICE = "police"
    """警单: 110's."""
    UNIT = "unit"
    """To a unit directly, with a copy to the centre (直接点击分流、交办到终端单位，同时点击报告服务中心)."""


class OrderState(StrEnum):
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    DISPUTED = "disputed"
    IN_PROGRESS = "in_progress"
    FED_BACK = "fed_back"
    CLOSED = "closed"
    CALLED_BACK = "called_back"
    RATED = "rated"
    WITHDRAWN = "withdrawn"
    """Taken back by whoever pushed it, before the other side took it."""


class Act(StrEnum):
    """What can be done with an order."""

    ACKNOWLEDGE = "acknowledge"
    ACCEPT = "accept"
    FIRST_ACTION = "first-action"
    """先期处置: something was done for the caller, whoever the matter turns out to be."""
    RETURN = "return"
    DISPUTE = "dispute"
    ASSIGN = "assign"
    """The centre names the unit (协调、指令有管辖权的服务终端); from then on it cannot be refused."""
    PROGRESS = "progress"
    FEED_BACK = "feedback"
    EXTEND = "extend"
    PAUSE = "pause"
    RESUME = "resume"
    CLOSE = "close"
    CALL_BACK = "call-back"
    RATE = "rate"
    WITHDRAW = "withdraw"
    ESCALATE = "escalate"
    """矛盾激化: told to 110 as an order of its own."""
    WARN = "warn"
    SUPERVISE = "supervise"
    """督办单, and what comes after it; written by the service, see ``linkage.deadlines``."""


@dataclass(frozen=True, slots=True)
class OrderStep:
    """One entry of the history. ``detail``: ``reason``, ``unit``, ``until``, ``outcome``, ``rating``, as texts."""

    at: datetime
    act: Act
    by: str
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """The record of one order. Times in UTC.

    ``id`` is made from what it is about (``order_id``), so that whatever is asked twice is one order.
    ``unit``: who is responsible (谁主管、谁负责). ``owner``: who follows it up, calls back and asks for a rating.
    ``evaluated_by``: whose assessment it counts in. ``ordered``: the centre named the unit, which cannot refuse.
    ``linked_id``: the order that it came from; ``peer_reference``: what the other side calls it.
    ``catalogue`` and ``rule``: the version and the row that decided.
    """

    id: str
    kind: OrderKind
    from_line: str
    to_line: str
    unit: str
    content: str
    created_at: datetime
    created_by: str
    owner: str
    evaluated_by: str
    state: OrderState = OrderState.SENT
    urgent: bool = False
    ordered: bool = False
    urban: bool | None = None
    place: str | None = None
    caller: str | None = None
    handoff_id: str | None = None
    call_id: str | None = None
    category_id: str | None = None
    catalogue: str | None = None
    rule: str | None = None
    linked_id: str | None = None
    peer_reference: str | None = None
    assignments: int = 1
    due_at: datetime | None = None
    history: tuple[OrderStep, ...] = ()
    revision: int = 0

    @property
    def open(self) -> bool:
        return self.state not in _OVER

    @property
    def changed_at(self) -> datetime:
        return self.history[-1].at if self.history else self.created_at

    def since_assigned(self) -> tuple[OrderStep, ...]:
        """What was done since it was last given to somebody."""
        starts = [place for place, step in enumerate(self.history) if step.act is Act.ASSIGN]
        return self.history[starts[-1] + 1 :] if starts else self.history


_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,24}")


class _Keep:
    """The state stays as it is."""


_KEEP = _Keep()
BY_THE_SERVICE = frozenset({Act.WARN, Act.SUPERVISE})
_OVER = frozenset({OrderState.CLOSED, OrderState.CALLED_BACK, OrderState.RATED, OrderState.WITHDRAWN})
NEW = (OrderState.SENT, OrderState.ACKNOWLEDGED)
"""The states in which its receiver has done nothing with it."""
_TAKEN = (OrderState.ACCEPTED, OrderState.IN_PROGRESS, OrderState.FED_BACK)
_WITH_UNIT = (*NEW, *_TAKEN)
_OPEN = (*_WITH_UNIT, OrderState.RETURNED, OrderState.DISPUTED)

TRANSITIONS: dict[tuple[OrderState, Act], OrderState | _Keep] = {
    (OrderState.SENT, Act.ACKNOWLEDGE): OrderState.ACKNOWLEDGED,
    **{(state, Act.ACCEPT): OrderState.ACCEPTED for state in (*NEW, OrderState.RETURNED, OrderState.DISPUTED)},
    **{(state, Act.FIRST_ACTION): _KEEP for state in _WITH_UNIT},
    **{(state, Act.RETURN): OrderState.RETURNED for state in _WITH_UNIT},
    **{(state, Act.DISPUTE): OrderState.DISPUTED for state in (*_WITH_UNIT, OrderState.RETURNED)},
    **{(state, Act.ASSIGN): OrderState.SENT for state in (*_OPEN, OrderState.CLOSED, OrderState.CALLED_BACK)},
    **{(state, Act.PROGRESS): OrderState.IN_PROGRESS for state in _TAKEN},
    **{(state, Act.FEED_BACK): OrderState.FED_BACK for state in _TAKEN},
    **{(state, Act.EXTEND): _KEEP for state in _TAKEN},
    **{(state, Act.PAUSE): _KEEP for state in _OPEN},
    **{(state, Act.RESUME): _KEEP for state in _OPEN},
    **{(state, Act.CLOSE): OrderState.CLOSED for state in _TAKEN},
    (OrderState.CLOSED, Act.CALL_BACK): OrderState.CALLED_BACK,
    (OrderState.CALLED_BACK, Act.CALL_BACK): _KEEP,
    (OrderState.CALLED_BACK, Act.RATE): OrderState.RATED,
    **{(state, Act.WITHDRAW): OrderState.WITHDRAWN for state in (*NEW, OrderState.RETURNED)},
    **{(state, Act.ESCALATE): _KEEP for state in _OPEN},
    **{(state, act): _KEEP for state in _OPEN for act in (Act.WARN, Act.SUPERVISE)},
}


def allowed(order: Order) -> tuple[Act, ...]:
    """What people may do in the order's state, as the table knows it; a rule may refuse it still."""
    return tuple(act for act in Act if (order.state, act) in TRANSITIONS and act not in BY_THE_SERVICE)


def advance(order: Order, step: OrderStep) -> Order:
    """The order after the step. Raises an OrderRefused, and nothing has changed then."""
    follows = TRANSITIONS.get((order.state, step.act))
    if follows is None:
        raise ActNotAllowed(f"an order that is {order.state} cannot be done {step.act} with")
    for rule in _RULES.get(step.act, ()):
        rule(order, step)
    moved = _EFFECTS.get(step.act, _no_effect)(order, step)
    return replace(
        moved,
        state=order.state if isinstance(follows, _Keep) else follows,
        history=(*order.history, step),
        revision=order.revision + 1,
    )


def _wants_reason(order: Order, step: OrderStep) -> None:
    """不能办结的要说明原因 (河北 2024); 回退情况 are counted with one (巴彦淖尔 2023)."""
    if not step.detail.get("reason", "").strip():
        raise ReasonMissing(f"{step.act} wants a reason")


def _only_after_first_action(order: Order, step: OrderStep) -> None:
    """严格执行首接责任制，…要进行先期处置后再按规定移交 (巴彦淖尔 2023)."""
    if not any(each.act is Act.FIRST_ACTION for each in order.since_assigned()):
        raise FirstActionMissing("act for the caller first (先期处置); then it can be returned")


def _not_when_ordered(order: Order, step: OrderStep) -> None:
    """無條件接受應急指揮中心的指令 (洛阳 2012); 不得推诿或拒绝 (漳平 2023)."""
    if order.ordered:
        raise RefusalNotAllowed("the centre named the unit: it cannot be refused")


def _wants_unit(order: Order, step: OrderStep) -> None:
    """谁主管、谁负责 (荥阳 2021)."""
    if not step.detail.get("unit", "").strip():
        raise UnitMissing("whom it is given to has to be named")


def _wants_feedback(order: Order, step: OrderStep) -> None:
    """在处理结束后应予以反馈 (漳平 2023)."""
    told = any(each.act is Act.FEED_BACK for each in order.since_assigned())
    if not told and not step.detail.get("outcome", "").strip():
        raise FeedbackMissing("an order is closed with what came of it")


def _later_than_before(order: Order, step: OrderStep) -> None:
    """承諾辦結期限 (洛阳 2012): a new date, later than now and than the old one."""
    try:
        until = datetime.fromisoformat(step.detail.get("until", ""))
    except ValueError as error:
        raise ExtensionNotLater("the new date is missing") from error
    if until.tzinfo is None or until <= max(step.at, order.due_at or step.at):
        raise ExtensionNotLater("the new date has to be later than now and than the old one")


def _one_to_five(order: Order, step: OrderStep) -> None:
    if step.detail.get("rating") not in ("1", "2", "3", "4", "5"):
        raise RatingOutOfRange("a rating is 1 to 5")


_RULES: Mapping[Act, tuple[Callable[[Order, OrderStep], None], ...]] = {
    Act.RETURN: (_not_when_ordered, _wants_reason, _only_after_first_action),
    Act.DISPUTE: (_not_when_ordered, _wants_reason),
    Act.ASSIGN: (_wants_unit,),
    Act.EXTEND: (_wants_reason, _later_than_before),
    Act.PAUSE: (_wants_reason,),
    Act.CLOSE: (_wants_feedback,),
    Act.RATE: (_one_to_five,),
    Act.WITHDRAW: (_wants_reason,),
    Act.ESCALATE: (_wants_reason,),
}


def _no_effect(order: Order, step: OrderStep) -> Order:
    return order


def _accepted(order: Order, step: OrderStep) -> Order:
    """由受理平台进行督办、回访、评价 (巴彦淖尔 2023): until then the first receiver has it (首接负责)."""
    return replace(order, owner=order.to_line)


def _given_back(order: Order, step: OrderStep) -> Order:
    return replace(order, owner=order.from_line)


def _assigned(order: Order, step: OrderStep) -> Order:
    """Named in a dispute, it is an instruction; else it is merely given on, and counted (多次交办)."""
    ordered = order.ordered or order.state is OrderState.DISPUTED
    return replace(order, unit=step.detail["unit"], ordered=ordered, assignments=order.assignments + 1)


def _extended(order: Order, step: OrderStep) -> Order:
    return replace(order, due_at=datetime.fromisoformat(step.detail["until"]))


_EFFECTS: Mapping[Act, Callable[[Order, OrderStep], Order]] = {
    Act.ACCEPT: _accepted,
    Act.RETURN: _given_back,
    Act.WITHDRAW: _given_back,
    Act.ASSIGN: _assigned,
    Act.EXTEND: _extended,
}


def order_id(source: str, to: str) -> str:
    """One order for each source (a handoff, a key of the asker) and receiver, however often it is asked for.

    It can stand in an address as it is, whatever the unit is called. ``source`` has to be so as well.
    """
    return f"{source}.{to if _PLAIN.fullmatch(to) else hashlib.sha256(to.encode()).hexdigest()[:12]}"


def kind_for(line: str) -> OrderKind:
    return {POLICE: OrderKind.POLICE, GOVERNMENT: OrderKind.WORK}.get(line, OrderKind.UNIT)


def evaluated_by(to_line: str, kind: Kind | None) -> str:
    """Whose assessment an order counts in (巴彦淖尔 2023, 强化分类监督考核机制).

    由12345转入110接处警系统的警务警情执行公安机关考核监督机制; 由12345转办至110的政务服务事项 and
    110转入12345的政务服务事项 count in 12345's.
    """
    government = kind in (Kind.GOVERNMENT, Kind.EXCLUDED, Kind.OUTSIDE)
    return POLICE if to_line == POLICE and not government else GOVERNMENT


def receivers(action: Action, from_line: str, local_unit: str) -> tuple[str, ...]:
    """Who gets an order at once. ``local_unit``: the local government or department (属地政府和相关职能部门).

    A dual push goes to 110 and the unit in one action; what the police act on first is pushed to 12345 with the scene.
    """
    match action:
        case Action.DUAL_PUSH:
            return (POLICE, local_unit)
        case Action.TRANSFER_TO_110:
            return (POLICE,)
        case Action.TRANSFER_TO_12345 | Action.ONLINE_TRANSFER | Action.POLICE_FIRST_THEN_12345:
            return (GOVERNMENT,)
        case Action.THREE_WAY:
            return (POLICE if from_line == GOVERNMENT else GOVERNMENT,)
        case _:
            return ()
