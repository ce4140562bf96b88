"""The units that join in, as the settings name them."""

from __future__ import annotations

from api.settings import Settings, SettingsRejected
from linkage.load import read_units
from linkage.units import Units
from telephony.lines import Directory

_SHOWN = 10


def units_of(settings: Settings, directory: Directory) -> Units:
    """A file that hotline.yaml names is relative to its own folder. Raises SettingsRejected."""
    if settings.linkage.units is None:
        return Units()
    path = settings.source.resolve().parent / settings.linkage.units
    units, mistakes = read_units(path, lambda target: directory.target(target) is not None)
    if mistakes:
        raise SettingsRejected("\n".join(str(each) for each in mistakes[:_SHOWN]))
    return units
