"""Asterisk itself has gone, and its calls with it: on record as what it was, not as a caller who hung up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from telephony.events import LinkRestored
from telephony.handoff import Mode, Outcome, Resolution
from telephony.resync import missed
from tests.support.fake_asterisk import NOW
from tests.support.story import GAPS, Gap, Story, left_behind

Told = Callable[[], Story]


def asked() -> Story:
    return Story().talking().asks()


def ringing() -> Story:
    return asked().starts().rings("1101")


def refused() -> Story:
    return ringing().phone_ends("1101", 17, 486).step("result", status="BUSY")


def answered() -> Story:
    return Story().answered_transfer()


def three_way() -> Story:
    return Story().three_way()


def third_ringing() -> Story:
    return Story().talking().asks(mode=Mode.CONFERENCE).dials_third()


def back_after_a_restart(story: Story, booted_at: datetime) -> Story:
    for event in missed(story.tracker, LinkRestored(story.tick(), (), booted_at=booted_at)):
        story.take(story.tracker.apply(event))
    return story


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize(
    ("told", "outcome", "resolution"),
    [
        (asked, Outcome.FAILED, Resolution.CALLER_HUNG_UP),
        (ringing, Outcome.FAILED, Resolution.CALLER_HUNG_UP),
        (refused, Outcome.BUSY, Resolution.CALLER_HUNG_UP),
        (answered, Outcome.ANSWERED, Resolution.TARGET),
        (third_ringing, Outcome.FAILED, Resolution.CALLER_HUNG_UP),
        (three_way, Outcome.ANSWERED, Resolution.CALLER_HUNG_UP),
    ],
)
def test_given_any_live_handoff_when_asterisk_was_restarted_then_it_ended_with_the_call_and_says_so(
    told: Told, outcome: Outcome, resolution: Resolution, gap: Gap
) -> None:
    story = gap(told())
    back_after_a_restart(story, story.tick()).ended(outcome, resolution)

    assert story.handoff.timeline[-1].detail == {"reason": "asterisk-restarted"}
    assert (story.handoff.decision is not None) is (told is three_way)
    assert not story.call.live
    assert left_behind(story.tracker) == {}


def test_given_a_call_that_came_after_the_restart_when_it_is_not_there_any_more_then_that_is_said() -> None:
    booted_at = NOW - timedelta(seconds=1)

    story = back_after_a_restart(ringing(), booted_at).ended(Outcome.ABANDONED, Resolution.CALLER_HUNG_UP)

    assert story.handoff.timeline[-1].detail == {"source": "snapshot"}
