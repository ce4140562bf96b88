"""What callers say, by topic: the words, what they weigh, and which category of each city they lead to. Pure.

The words are data: ``data/topics-*.yaml``, explained in docs/triage.md. A pattern is a word; ``A…B`` is A with B at
most eight characters later; ``(x|y)`` either; a ``?`` makes the part before it optional.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict

DATA = Path(__file__).parent / "data"
FILES = ("topics-danger.yaml", "topics-services.yaml")

_GAP = "(.{0,8}?)"
_CERTAIN = 0.2  # for each character that was said as the pattern has it
_POINTS = {"alarm": 6.0, "sure": 6.0, "words": 3.0, "hints": 1.0}


Place: TypeAlias = tuple[int, str]


_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def _split(text: object) -> object:
    return tuple(text.split()) if isinstance(text, str) else text


Patterns = Annotated[tuple[str, ...], BeforeValidator(_split)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Topic(_Part):
    """``at``: by city the category or item, or one for each receiving line.

    ``danger``: ``always`` where the topic itself is one. ``peers``: who else is to be told.
    """

    id: str
    name: str
    at: dict[str, str | dict[str, str]]
    danger: Literal["always", "alarm"] = "alarm"
    escalating: bool = False
    violent: bool = False
    peers: tuple[str, ...] = ()
    alarm: Patterns = ()
    sure: Patterns = ()
    words: Patterns = ()
    hints: Patterns = ()

    def leads_to(self, city: str, received_by: str) -> str | None:
        """The id in that city's catalogue; None when the topic does not know the city."""
        found = self.at.get(city)
        return found.get(received_by) if isinstance(found, dict) else found


class Harmless(_Part):
    """What sounds like danger and is none: taken out of the text before it is searched for alarms."""

    patterns: Patterns


@dataclass(frozen=True, slots=True)
class Said:
    """``literal``: how many characters of it the pattern names, those in gaps left out."""

    words: str
    literal: int


@dataclass(frozen=True, slots=True)
class Found:
    """``words``: what of the text spoke for the topic. ``alarmed``: one of them says that there is danger."""

    topic: Topic
    points: float
    words: tuple[str, ...]
    alarmed: bool


def expression(pattern: str) -> str:
    """The regular expression of a pattern. No pattern can make one that backtracks without bound."""
    parts = (each if each in "(|)?" else _GAP if each == "…" else re.escape(each) for each in pattern)
    return "".join(parts).replace("(", "(?:")


def beginnings(pattern: str) -> tuple[str, ...]:
    """The words that it can begin with. Raises ValueError when its beginning is optional or a gap."""
    group = re.match(r"\(([^()]+)\)(?!\?)", pattern)
    plain = re.match(r"[^()|?…]+(?!\?)", pattern)
    first = tuple(group.group(1).split("|")) if group else (plain.group(),) if plain else ()
    words = tuple(re.split("[…?]", each)[0] for each in first)
    if not words or "" in words:
        raise ValueError(f"{pattern}: 开头须为确定的字 · must begin with certain characters")
    return words


class _Search:
    """One pattern of a topic. ``place``: of its topic and weight; two of one place never count the same characters.

    The expression is made when the beginning is first heard: most never are, and making all takes a second.
    """

    def __init__(self, place: Place, pattern: str) -> None:
        self.place, self.beginnings, self._pattern = place, beginnings(pattern), pattern

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile(expression(self._pattern))

    def match(self, text: str, position: int) -> Said | None:
        if not text.startswith(self.beginnings, position):
            return None
        match = self._expression.match(text, position)
        if match is None:
            return None
        in_gaps = sum(len(gap) for gap in match.groups() if gap)
        return Said(match.group(), len(match.group()) - in_gaps)


class _Index:
    """Patterns by the character that they begin with: at each place of a text only those are tried that can fit."""

    def __init__(self, patterns: Iterable[tuple[Place, str]]) -> None:
        self._by_first: dict[str, list[_Search]] = {}
        for place, pattern in sorted(patterns, key=lambda each: -len(each[1])):
            search = _Search(place, pattern)
            for character in sorted({word[0] for word in search.beginnings}):
                self._by_first.setdefault(character, []).append(search)

    def matches(self, text: str) -> Iterator[tuple[Place, Said]]:
        taken: dict[Place, int] = {}
        for position, character in enumerate(text):
            for search in self._by_first.get(character, ()):
                if taken.get(search.place, 0) <= position and (said := search.match(text, position)):
                    taken[search.place] = position + len(said.words)
                    yield search.place, said


class Lexicon:
    """Every topic, ready to be searched for."""

    def __init__(self, topics: Iterable[Topic], harmless: Harmless) -> None:
        """Raises ValueError for a pattern whose beginning is not certain."""
        self.topics = tuple(topics)
        longest_first = sorted(harmless.patterns, key=len, reverse=True)
        self._harmless = re.compile("|".join(map(expression, longest_first)) or "(?!)")
        each = (
            (i, name, pattern)
            for i, topic in enumerate(self.topics)
            for name in _POINTS
            for pattern in getattr(topic, name)
        )
        places = [((i, name), pattern.lower()) for i, name, pattern in each]
        self._alarms = _Index(one for one in places if one[0][1] == "alarm")
        self._others = _Index(one for one in places if one[0][1] != "alarm")

    def search(self, text: str) -> tuple[Found, ...]:
        """The topics of which the text speaks, the likeliest first."""
        text = text.lower()
        calm = self._harmless.sub("，", text)
        said: dict[int, dict[str, list[Said]]] = {}
        for (topic, name), words in (*self._alarms.matches(calm), *self._others.matches(text)):
            said.setdefault(topic, {}).setdefault(name, []).append(words)
        found = (_found(self.topics[topic], by_weight) for topic, by_weight in sorted(said.items()))
        return tuple(sorted(found, key=lambda each: -each.points))


def _found(topic: Topic, said: Mapping[str, list[Said]]) -> Found:
    """A second word of the same weight adds half of it, a third a quarter: nobody wins by talking long."""
    points = sum(_POINTS[name] * (2 - 0.5 ** (len(each) - 1)) for name, each in said.items())
    points += _CERTAIN * max(one.literal for each in said.values() for one in each)
    words = tuple(dict.fromkeys(one.words for each in said.values() for one in each))
    return Found(topic, points, words, "alarm" in said)


def parse(documents: Iterable[Mapping[str, object]]) -> Lexicon:
    """Raises pydantic's ValidationError."""
    topics: list[Topic] = []
    harmless = Harmless(patterns=())
    for document in documents:
        listed = document.get("topics", ())
        assert isinstance(listed, Iterable)
        topics += (Topic.model_validate(each) for each in listed)
        if "harmless" in document:
            harmless = Harmless.model_validate({"patterns": document["harmless"]})
    return Lexicon(topics, harmless)


@cache
def shipped() -> Lexicon:
    texts = ((DATA / name).read_text(encoding="utf-8") for name in FILES)
    return parse(yaml.load(text, _LOADER) for text in texts)
