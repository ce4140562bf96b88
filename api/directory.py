"""The directory that the settings and the secrets describe together."""

from __future__ import annotations

from api.secrets import Secrets
from api.settings import Settings
from telephony.lines import Danger, Desk, Directory, Line, LinkedNumber, Seat, Surge, Trunk


def directory_of(settings: Settings, secrets: Secrets) -> Directory:
    return Directory(
        lines=tuple(
            Line(
                id=line.id,
                name=line.name,
                numbers=line.numbers,
                desks=tuple(Desk(desk.id, desk.name, desk.seats) for desk in line.desks),
                strategy=line.strategy,
                ring_seconds=line.ring_seconds,
                ladder_wait_seconds=line.ladder_wait_seconds,
                menu=line.id in settings.menus.lines,
                feature_code=line.feature_code,
                recording=line.recording,
                recording_announced=line.recording_announced,
                probe_number=line.probe_number,
                call_back_key=line.call_back_key,
                surge=Surge(**line.surge.model_dump()) if line.surge else None,
                danger=Danger(line.danger.key, line.danger.target) if line.danger else None,
            )
            for line in settings.lines
        ),
        seats=tuple(
            Seat(seat.id, seat.name, seat.secret or secrets.seats[seat.id], seat.phone == "browser")
            for seat in settings.seats
        ),
        trunks=tuple(
            Trunk(trunk.id, trunk.match, trunk.contact, trunk.channels, tuple(trunk.reserved.items()))
            for trunk in settings.trunks
        ),
        linked_numbers=tuple(
            LinkedNumber(
                id=linked.id,
                name=linked.name,
                trunk=linked.trunk,
                number=linked.number,
                ring_seconds=linked.ring_seconds,
                feature_code=linked.feature_code,
            )
            for linked in settings.linked_numbers
        ),
        default_line=settings.default_line,
        recording_code=settings.recordings.code,
        probe_secret=secrets.probe,
    )
