"""What is wrong with a catalogue, what in it contradicts itself, and what differs between two of them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ivr.yamlfile import Mistake, Source, Where
from linkage.catalogue import GOVERNMENT, LINES, POLICE, Action, Catalogue, Kind, Place

_HANDS_OVER = {POLICE: Action.TRANSFER_TO_12345, GOVERNMENT: Action.TRANSFER_TO_110}
_TO_ITSELF = {POLICE: Action.TRANSFER_TO_110, GOVERNMENT: Action.TRANSFER_TO_12345}
_IN_LISTS = frozenset({Kind.GOVERNMENT, Kind.POLICE, Kind.EMERGENCY, Kind.POLICE_FIRST, Kind.EXCEPTION})
_ONE_SPELLING = str.maketrans({"声": "音", "露": "漏"})  # 噪声 and 噪音, 泄露 and 泄漏 mean the same in the documents


@dataclass(frozen=True, slots=True)
class Conflict:
    """One text in several categories for which a line would do different things.

    ``rule``: the overlap that settles it, as the catalogue says; None leaves it open.
    """

    text: str
    line: str
    ways: tuple[tuple[str, Action], ...]
    rule: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """``before`` or ``after`` is None for what is only in the other one."""

    id: str
    what: str
    before: str | None
    after: str | None


def mistakes(catalogue: Catalogue, source: Source) -> tuple[Mistake, ...]:
    """In the order of their place; empty when the catalogue can be put in force."""
    found = [*_ids(catalogue, source), *_directions(catalogue, source), *_references(catalogue, source)]
    return tuple(sorted(dict.fromkeys(found)))


def _every_id(catalogue: Catalogue) -> Iterator[tuple[str, Where]]:
    for i, each in enumerate(catalogue.lists):
        yield each.id, ("lists", i, "id")
        for j, category in enumerate(each.categories):
            where = ("lists", i, "categories", j)
            yield category.id, (*where, "id")
            for k, item in enumerate(category.items):
                yield item.id, (*where, "items", k, "id")
                for m, part in enumerate(item.parts):
                    yield part.id, (*where, "items", k, "parts", m, "id")
    for i, special in enumerate(catalogue.special):
        yield special.id, ("special", i, "id")


def _ids(catalogue: Catalogue, source: Source) -> Iterator[Mistake]:
    seen = set[str]()
    for id, where in _every_id(catalogue):
        if id in seen:
            yield source.mistake(where, f"{id}: 编号重复 · the id stands twice")
        seen.add(id)


def _directions(catalogue: Catalogue, source: Source) -> Iterator[Mistake]:
    for i, each in enumerate(catalogue.lists):
        if each.kind not in _IN_LISTS:
            what = f"{each.kind}: 只能用于 special · is for special only"
            yield source.mistake(("lists", i, "kind"), what)
        ways = {POLICE: each.received_by_110, GOVERNMENT: each.received_by_12345}
        yield from _way(source, ("lists", i), ways)
        for j, category in enumerate(each.categories):
            for k, item in enumerate(category.items):
                if item.received_by_12345 is not None:
                    where = ("lists", i, "categories", j, "items", k)
                    yield from _way(source, where, ways | {GOVERNMENT: item.received_by_12345})
    for i, special in enumerate(catalogue.special):
        if special.kind in _IN_LISTS:
            yield source.mistake(("special", i, "kind"), f"{special.kind}: 只能用于 lists · is for lists only")


def _way(source: Source, where: Where, ways: Mapping[str, Action]) -> Iterator[Mistake]:
    for line in LINES:
        if ways[line] is _TO_ITSELF[line]:
            what = f"{ways[line]}: 热线不能转给自己 · a line cannot hand over to itself"
            yield source.mistake((*where, f"received_by_{line}"), what)
    if all(ways[line] is _HANDS_OVER[line] for line in LINES):
        what = "两条热线互相转接，无人受理 · each line would hand it to the other: nobody accepts it"
        yield source.mistake((*where, f"received_by_{GOVERNMENT}"), what)


def _references(catalogue: Catalogue, source: Source) -> Iterator[Mistake]:
    for i, each in enumerate(catalogue.lists):
        for j, category in enumerate(each.categories):
            for k, item in enumerate(category.items):
                if item.same_as is not None and catalogue.place(item.same_as) is None:
                    where = ("lists", i, "categories", j, "items", k, "same_as")
                    yield source.mistake(where, f"{item.same_as}: 没有这个编号 · there is no such id")
    for i, overlap in enumerate(catalogue.overlaps):
        for j, id in enumerate(overlap.categories):
            if catalogue.place(id) is None:
                yield source.mistake(("overlaps", i, "categories", j), f"{id}: 没有这个编号 · there is no such id")


def conflicts(catalogue: Catalogue) -> tuple[Conflict, ...]:
    """Each text for which the list itself does not say what the receiving line does, settled or not."""
    by_text: dict[str, list[Place]] = defaultdict(list)
    for id, place in catalogue.places.items():
        if place.item is not None and id == place.item.id:
            by_text[(place.item.short or place.item.text).translate(_ONE_SPELLING)].append(place)
            if place.item.same_as is not None:
                by_text[place.item.text.translate(_ONE_SPELLING)].append(catalogue.places[place.item.same_as])
    found = (_conflict(catalogue, text, line, places) for text, places in by_text.items() for line in LINES)
    return tuple(each for each in found if each is not None)


def _conflict(catalogue: Catalogue, text: str, line: str, places: list[Place]) -> Conflict | None:
    ways = tuple(sorted({(place.category_id, place.actions[line]) for place in places}))
    if len({action for _, action in ways}) < 2:
        return None
    named = {category for category, _ in ways}
    rule = next((each.rule for each in catalogue.overlaps if named <= set(each.categories)), None)
    return Conflict(text, line, ways, rule)


def differences(before: Catalogue, after: Catalogue) -> tuple[Difference, ...]:
    """By id, in its order: what came, what went, and every field that changed."""
    old, new = _flat(before), _flat(after)
    keys = sorted(old.keys() | new.keys())
    found = (Difference(id, what, old.get((id, what)), new.get((id, what))) for id, what in keys)
    return tuple(each for each in found if each.before != each.after)


def _flat(catalogue: Catalogue) -> dict[tuple[str, str], str]:
    """``(id, field)`` → what stands there. The file's own version says nothing about its meaning."""
    fields: dict[tuple[str, str], str] = {
        (catalogue.id, "title"): catalogue.title,
        (catalogue.id, "edition"): catalogue.edition,
        (catalogue.id, "source"): " ".join(str(each) for each in catalogue.source.model_dump().values() if each),
    }
    for special in catalogue.special:
        fields |= {(special.id, "text"): special.text, (special.id, "kind"): special.kind.value}
    for id, place in catalogue.places.items():
        if place.list_id is None:
            continue
        fields |= {(id, f"received_by_{line}"): action.value for line, action in place.actions.items()}
        fields |= {(id, "kind"): place.kind.value, (id, "category"): f"{place.category_id} {place.name}"}
        if place.item is not None:
            told = {"text": _text_of(place, id), "condition": place.item.condition, "same_as": place.item.same_as}
            fields |= {(id, name): text for name, text in told.items() if text is not None}
    for overlap in catalogue.overlaps:
        fields[overlap.topic, "overlap"] = f"{', '.join(overlap.categories)}: {overlap.rule}"
    return fields


def _text_of(place: Place, id: str) -> str:
    assert place.item is not None
    return next((part.text for part in place.item.parts if part.id == id), place.item.text)
