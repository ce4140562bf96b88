"""How long a step may keep a caller, from the lengths of its prompts and its time-outs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ivr.flow import Announce, Collect, Flow, Menu, Place, Play, Say, Spoken, Step

PLACE_PROMPTS: Mapping[Place, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Place.POSITION: (("queue-thereare",), ("queue-callswaiting",)),
    Place.WAIT: (("ivr-expected-wait",), ("ivr-minutes",)),
}
"""What is said before and after the number."""

LARGEST_PLACE = 999
"""A caller who is further back, or waits for more minutes, hears this number."""

_DIGIT_PROMPTS = tuple(
    f"digits/{each}" for each in (*range(11), *range(20, 100, 10), "hundred", "thousand", "ten-thousand")
)
_DATE_PROMPTS = ("time/year", "time/month", "time/day")
_CLOCK_PROMPTS = ("time/hour", "time/minute")
_LONGEST_NUMBER = 9  # syllables of 99 999
_LONGEST_PLACE = 5  # of LARGEST_PLACE
_LONGEST_DATE = 4 + 2 + 3
_LONGEST_CLOCK = 3 + 3


def fixed_prompts(step: Step) -> tuple[str, ...]:
    """The catalogue entries that a step may need besides those that it names itself."""
    match step:
        case Say(what=Spoken.DATE):
            return (*_DIGIT_PROMPTS, *_DATE_PROMPTS)
        case Say(what=Spoken.TIME):
            return (*_DIGIT_PROMPTS, *_CLOCK_PROMPTS)
        case Say():
            return _DIGIT_PROMPTS
        case Announce():
            around = (prompt for place in step.what for part in PLACE_PROMPTS[place] for prompt in part)
            return (*_DIGIT_PROMPTS, *around)
        case _:
            return ()


def worst_seconds(flow: Flow, step: Step, lengths: Mapping[str, float]) -> float:
    """The longest that a caller who does all the wrong things can be in ``step``. A prompt without audio counts 0."""
    match step:
        case Play():
            return spoken(step.say, lengths)
        case Say():
            return _worst_say(flow, step, lengths)
        case Announce():
            around = sum(
                spoken((*before, *after), lengths) for before, after in map(PLACE_PROMPTS.__getitem__, step.what)
            )
            return around + len(step.what) * _LONGEST_PLACE * _longest_digit(lengths)
        case Menu():
            asked = spoken(step.say, lengths) + step.seconds
            again = spoken((*flow.wrong_key, *(step.again or step.say)), lengths) + step.seconds
            return asked + again + (asked if step.repeat else 0.0)
        case Collect():
            return spoken(step.say, lengths) + step.seconds
        case _:  # the others say nothing while the caller waits for a human
            return 0.0


def spoken(prompts: Iterable[str], lengths: Mapping[str, float]) -> float:
    return sum(lengths.get(prompt, 0.0) for prompt in prompts)


def _worst_say(flow: Flow, step: Say, lengths: Mapping[str, float]) -> float:
    digit = _longest_digit(lengths)
    match step.what:
        case Spoken.DATE:
            return _LONGEST_DATE * digit + spoken(_DATE_PROMPTS, lengths)
        case Spoken.TIME:
            return _LONGEST_CLOCK * digit + spoken(_CLOCK_PROMPTS, lengths)
        case _:
            collected = (
                each.digits for each in flow.steps.values() if isinstance(each, Collect) and each.into == step.value
            )
            longest = max(collected, default=0)
            return digit * (max(longest, _LONGEST_NUMBER) if step.what is Spoken.NUMBER else longest)


def _longest_digit(lengths: Mapping[str, float]) -> float:
    return max((lengths.get(prompt, 0.0) for prompt in _DIGIT_PROMPTS), default=0.0)
