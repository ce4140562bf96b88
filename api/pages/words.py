"""The words that the report page has for what the API answers with: ``中文 · English`` by field and value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, TypeVar

from api.messages import UNSEEN
from records.reports import texts
from records.reports.model import Text
from telephony.corrections import CORRECTED
from telephony.handoff import Resolution, State, Trigger
from telephony.ports import NONE

Words: TypeAlias = Mapping[str, Mapping[str, str]]
_Value = TypeVar("_Value", bound=str)

RESOLUTIONS: Mapping[Resolution, Text] = {
    Resolution.TARGET: Text("由对方受理", "with the target"),
    Resolution.FIRST_SEAT: texts.COLUMNS["first_seat"],
    Resolution.QUEUE: texts.COLUMNS["queue"],
    Resolution.CALLBACK_ORDER: texts.COLUMNS["callback_order"],
    Resolution.CALLER_HUNG_UP: texts.COLUMNS["hung_up"],
}
STATES: Mapping[State, Text] = {
    State.REQUESTED: Text("已请求", "asked for"),
    State.REDIRECTED: Text("已转出", "redirected"),
    State.RINGING: Text("振铃中", "ringing"),
    State.ANSWERED: Text("已接通", "answered"),
    State.ENDED: Text("已结束", "ended"),
    State.UNKNOWN: Text("待核实", "to be settled"),
}
CALL_STATES: Mapping[str, Text] = {
    "waiting": Text("等待人工", "waiting"),
    "talking": Text("通话中", "talking"),
    "ended": Text("已结束", "ended"),
}
STEPS: Mapping[str, Text] = {
    Trigger.STARTED: Text("开始转接", "started"),
    Trigger.RINGS: Text("对方振铃", "the target rings"),
    Trigger.ANSWERS: Text("对方接听", "the target answers"),
    Trigger.SHOWN: Text("对方看到号码", "the number was shown"),
    Trigger.FAILS: Text("未能接通", "not reached"),
    Trigger.RUNG: Text("呼叫回退方", "rung to take the caller back"),
    Trigger.SERVED: Text("来电人已接回", "the caller is served again"),
    Trigger.CALL_BACK: Text("记回拨", "a call-back is on record"),
    Trigger.CALLER_GONE: Text("来电人挂机", "the caller hung up"),
    Trigger.PARTED: Text("转接结束", "over"),
    Trigger.NOT_STARTED: Text("未能开始", "not started"),
    Trigger.LINK_LOST: Text("与交换机断开", "the link was lost"),
    CORRECTED: Text("更正", "corrected"),
    "decided": Text("受理决定", "decided"),
}


def words() -> Words:
    outcomes = {name: text for name, text in texts.OUTCOMES.items() if name != NONE}
    return {
        "mode": _shown(texts.MODES),
        "outcome": _shown(outcomes),
        "resolution": _shown(RESOLUTIONS),
        "state": _shown(STATES),
        "call_state": _shown(CALL_STATES),
        "step": _shown(STEPS),
        "unseen": _shown({why: Text(*title) for why, title in UNSEEN.items()}),
    }


def _shown(told: Mapping[_Value, Text]) -> Mapping[str, str]:
    return {str(value): str(text) for value, text in told.items()}
