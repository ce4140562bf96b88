"""What callers said before, with what it was: for words that no topic knows. Pure.

Cases are data: ``data/cases.csv``. Two measures over single characters and pairs of them: how much more a text is like
those of danger than like the others (naive Bayes), and which case of the same city and line is the most like it
(cosine of tf-idf). scikit-learn has both; for seven hundred short texts its 150 MB do not earn their place.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CASES = Path(__file__).parent / "data" / "cases.csv"

_SMOOTHING = 0.5


@dataclass(frozen=True, slots=True)
class Case:
    """``category_ids``: the first is the best, the others are right as well."""

    text: str
    received_by: str
    city: str
    danger: bool
    category_ids: tuple[str, ...]

    def told(self, city: str, received_by: str, danger: bool) -> bool:
        return (self.city, self.received_by, self.danger) == (city, received_by, danger)


@dataclass(frozen=True, slots=True)
class Likeness:
    """``similarity``: 0 to 1."""

    case: Case
    similarity: float


def features(text: str) -> frozenset[str]:
    """Characters and pairs of neighbouring ones, without punctuation."""
    plain = re.sub(r"[\W_]+", "", text.lower())
    return frozenset(plain) | {plain[i : i + 2] for i in range(len(plain) - 1)}


class Precedents:
    def __init__(self, cases: Iterable[Case]) -> None:
        self.cases = tuple(cases)
        each = [features(case.text) for case in self.cases]
        seen = Counter(feature for found in each for feature in found)
        self._rarity = {feature: math.log(len(each) / count) for feature, count in seen.items()}
        self._lengths = [self._length(found) for found in each]
        self._with: dict[str, list[int]] = defaultdict(list)
        for number, found in enumerate(each):
            for feature in found:
                self._with[feature].append(number)
        self._odds = self._learnt(each)

    def _length(self, found: Iterable[str]) -> float:
        return math.sqrt(sum(self._rarity.get(feature, 0.0) ** 2 for feature in found))

    def _learnt(self, each: list[frozenset[str]]) -> dict[str, float]:
        """How much a feature speaks for danger: the log of how much likelier it is there."""
        of_danger = Counter(f for case, found in zip(self.cases, each, strict=True) if case.danger for f in found)
        of_others = Counter(f for case, found in zip(self.cases, each, strict=True) if not case.danger for f in found)
        dangers = sum(case.danger for case in self.cases) + 2 * _SMOOTHING
        others = len(self.cases) - dangers + 4 * _SMOOTHING
        return {
            feature: math.log((of_danger[feature] + _SMOOTHING) / dangers)
            - math.log((of_others[feature] + _SMOOTHING) / others)
            for feature in self._rarity
        }

    def danger(self, text: str) -> float:
        """More than 0: more like what was danger. Not a probability."""
        return sum(self._odds.get(feature, 0.0) for feature in features(text))

    def nearest(self, text: str, *, city: str, received_by: str, danger: bool) -> Likeness | None:
        """The case of that city and line, of danger or not, that is the most like it; None when nothing is alike."""
        found = features(text)
        length = self._length(found)
        products: dict[int, float] = defaultdict(float)
        for feature in found:
            for number in self._with.get(feature, ()):
                products[number] += self._rarity[feature] ** 2
        here = [
            Likeness(self.cases[number], product / (length * self._lengths[number]))
            for number, product in products.items()
            if self.cases[number].told(city, received_by, danger) and length * self._lengths[number] > 0
        ]
        return max(here, key=lambda each: each.similarity, default=None)


def read(path: Path) -> tuple[Case, ...]:
    """Columns: received_by, catalogue, urgent (0 or 1), category_ids (joined by |), text."""
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            Case(
                row["text"],
                row["received_by"],
                row["catalogue"],
                row["urgent"] == "1",
                tuple(row["category_ids"].split("|")),
            )
            for row in csv.DictReader(file)
        )


@cache
def shipped() -> Precedents:
    return Precedents(read(CASES))
