"""What IVR flows may name, and where they and their audio lie, as the settings say."""

from __future__ import annotations

from collections.abc import Mapping

from api.settings import Settings
from ivr.check import Surroundings
from ivr.shelf import Places
from telephony.asterisk.render import config_source


def surroundings(settings: Settings, lengths: Mapping[str, float]) -> Surroundings:
    """``lengths``: of `Places.lengths`."""
    return Surroundings(
        desks={line.id: frozenset(desk.id for desk in line.desks) for line in settings.lines},
        numbers={line.id: frozenset(line.numbers) for line in settings.lines},
        targets=frozenset([*(line.id for line in settings.lines), *(each.id for each in settings.linked_numbers)]),
        lengths=lengths,
        no_menu=frozenset(settings.menus.at_once) - frozenset(settings.menus.lines),
    )


def places(settings: Settings) -> Places:
    """Folders that hotline.yaml names are relative to its own."""
    menus, beside = settings.menus, settings.source.parent
    return Places(
        shipped_prompts=config_source() / "prompts",
        city_flows=beside / menus.flows if menus.flows else None,
        city_prompts=beside / menus.prompts if menus.prompts else None,
    )
