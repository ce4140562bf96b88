"""What Asterisk says of a call-back: over the link as it happens, and in its own record afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from telephony import events
from telephony.ami.frames import AmiEvent
from telephony.ami.translate import translate
from telephony.asterisk.cel import of_call_backs
from telephony.cel import Row, facts
from telephony.commands import CallBackCitizen, called_back
from telephony.reconcile.channels import Channels

AT = datetime(2026, 11, 21, 12, 30, 33, 269515, UTC)
U, ORDER = "n1-1795303782.12", "5f0c9f0e-7a8e-4d53-9d1f-2f1c6d9c2c11"
SINCE = datetime.fromtimestamp(1795303700, UTC)


def heard(name: str, **words: str) -> events.Event | None:
    stamp = f"{AT.timestamp():.6f}"
    return translate(
        AmiEvent("UserEvent", {"UserEvent": name, "Timestamp": stamp, "Uniqueid": U, "Linkedid": U, **words})
    )


def written(name: str, words: str) -> list[events.Event]:
    return list(facts(Row(AT, name, U, U, "PJSIP/pstn-1", extra={"extra": words})))


def test_a_promise_is_the_same_over_the_link_and_in_the_record() -> None:
    promise = events.CallBackPromised(
        AT, ORDER, U, U, "12345", "+8613800001111", "pstn", "ladder", SINCE, handoff_id="h-1"
    )

    assert promise == heard(
        "CallBackPromised",
        Order=ORDER,
        Line="12345",
        Number="%2B8613800001111",
        Trunk="pstn",
        Reason="ladder",
        Since="1795303700",
        Handoff="h-1",
    )
    assert [promise] == written("CallBackPromised", f"{ORDER} 12345 %2B8613800001111 pstn ladder 1795303700 h-1")


def test_a_step_is_the_same_over_the_link_and_in_the_record() -> None:
    step = events.CallBackReported(AT, "result", ORDER, 2, "BUSY", U)

    assert step == heard("CallBackStep", Step="result", Order=ORDER, Attempt="2", Status="BUSY", Call=U)
    assert [step] == written("CallBackStep", f"result {ORDER} 2 BUSY {U} ")
    served = events.CallBackReported(AT, "served", ORDER, None, call_id=U, seat="2101")
    assert served == heard("CallBackStep", Step="served", Order=ORDER, Call=U, Seat="2101")
    assert [served] == written("CallBackStep", f"served {ORDER}   {U} 2101")


def test_words_that_are_missing_are_empty_and_without_an_order_it_is_nothing() -> None:
    assert written("CallBackPromised", f"{ORDER} 12345") == [
        events.CallBackPromised(AT, ORDER, U, U, "12345", "", "", "")
    ]
    assert heard("CallBackPromised", Order=ORDER, Line="12345") == events.CallBackPromised(
        AT, ORDER, U, U, "12345", "", "", ""
    )
    assert written("CallBackPromised", "") == written("CallBackStep", "result") == []


def test_the_record_is_searched_for_call_backs_from_then_on(tmp_path: Path) -> None:
    def row(name: str, second: int, words: str) -> str:
        return (
            f'"{name}","2026-11-21 20:30:{second:02}.000000","","","","","12345","s","x","PJSIP/pstn-3","","","{U}",'
            f'"{U}","","","USER_DEFINED","{name}","{{""extra"":""{words}""}}"\n'
        )

    file = tmp_path / "Master.csv"
    promise = row("CallBackPromised", 30, f"{ORDER} 12345 138 pstn queue 1795303700")
    rows = (promise, row("HandoffStep", 31, "start h-1"), row("CallBackStep", 32, f"dialling {ORDER} 1"))
    file.write_text("".join(rows) + promise[:40], encoding="utf-8")

    kinds = [type(fact) for fact in of_call_backs(file, None)]
    assert kinds == [events.CallBackPromised, events.CallBackReported]
    begin = of_call_backs(file, None)[1].at
    assert [type(fact) for fact in of_call_backs(file, begin)] == [events.CallBackReported]
    assert of_call_backs(tmp_path / "none.csv", None) == ()


def test_the_command_names_the_order_and_fits_into_an_extension() -> None:
    asked = called_back(CallBackCitizen(ORDER, 99, "seat-of-twenty-four-char"), 1795303782)

    assert asked == f"{ORDER}.seat-of-twenty-four-char.99.1795303782"
    assert len(asked) <= 79


@pytest.mark.parametrize(
    ("channel", "number"), [("Local/x@call-back-dial-1;1", "13800001111"), ("PJSIP/pstn-1", "139")]
)
def test_asterisks_own_record_knows_the_number_of_a_citizen_whom_we_rang(channel: str, number: str) -> None:
    channels = Channels()
    channels.add(Row(AT, "CHAN_START", U, U, channel, number="139"))
    arrival = Row(AT, "CallArrived", U, U, channel, extra={"extra": "12345 12345 13800001111 pstn"})
    channels.arrived(arrival)
    channels.arrived(replace(arrival, uniqueid="n1-1.1"))  # its beginning is not in the record any more

    assert channels.by_id[U].number == number
