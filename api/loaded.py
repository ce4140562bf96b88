"""Everything that is known before anything runs: settings, secrets, the directory, where the files are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from api.api_settings import ApiSettings
from api.directory import directory_of
from api.menus import places
from api.people import FIRST_PEOPLE
from api.secrets import Secrets, load_secrets
from api.settings import Settings, SettingsRejected, load_settings
from api.units import units_of
from linkage.units import Units
from telephony.asterisk.certificates import Certificate, addresses_of, own_certificate
from telephony.asterisk.configuration import site_for
from telephony.asterisk.install import AsteriskBinary
from telephony.asterisk.layout import Layout
from telephony.asterisk.render import Site
from telephony.lines import Directory


@dataclass(frozen=True, slots=True)
class Loaded:
    settings: Settings
    secrets: Secrets
    directory: Directory
    layout: Layout
    units: Units

    @property
    def redis_url(self) -> str:
        return self.settings.redis_url or f"unix://{self.layout.redis_socket}"

    @property
    def database_url(self) -> str:
        return self.settings.database_url or f"sqlite:///{self.layout.home / 'hotline.db'}"

    @property
    def http_url(self) -> str:
        network = self.settings.network
        host = "127.0.0.1" if network.http_bind == "0.0.0.0" else network.http_bind
        return f"http://{host}:{self.settings.port(network.http_port)}"

    @property
    def cel(self) -> Path:
        """What Asterisk itself writes down."""
        return self.layout.log / "cel-custom" / "Master.csv"

    def site(self, binary: AsteriskBinary) -> Site:
        network = self.settings.network
        return site_for(
            self.layout,
            binary,
            node=self.settings.node,
            bind=network.bind,
            sip_port=self.settings.port(network.sip_port),
            ami_port=self.settings.port(network.ami_port),
            ami_secret=self.secrets.ami,
            rtp=(self.settings.port(network.rtp_start), self.settings.port(network.rtp_end)),
            external_address=network.external_address,
            silent_phone_seconds=network.silent_phone_seconds,
            agi_port=self.settings.port(network.agi_port),
            own_prompts=places(self.settings).city_prompts,
            ws_bind=network.ws_bind,
            web=(self.settings.port(network.ws_port), self.settings.port(network.wss_port)),
            certificate=self._certificate(),
        )

    @property
    def api(self) -> ApiSettings:
        network = self.settings.network
        return ApiSettings(
            auditor_sees_numbers=self.settings.auditor_sees_numbers,
            time_zone=self.settings.reports.time_zone,
            ws_port=self.settings.port(network.ws_port),
            wss_port=self.settings.port(network.wss_port),
            sip_socket=network.sip_socket,
        )

    def _certificate(self) -> Certificate:
        """The city's own, or one of ours. Raises SettingsRejected."""
        network = self.settings.network
        if network.certificate is None or network.certificate_key is None:
            return own_certificate(self.layout.home / "tls", addresses_of(network.bind, network.external_address))
        for place in (network.certificate, network.certificate_key):
            if not os.access(place, os.R_OK):
                raise SettingsRejected(f"network.certificate: 读不到 {place} · cannot be read")
        return Certificate(network.certificate.resolve(), network.certificate_key.resolve())


def load(path: Path | None = None) -> Loaded:
    """Raises SettingsRejected."""
    settings = load_settings(path)
    layout = Layout.of(settings.home)
    layout.create()
    seats = tuple(seat.id for seat in settings.seats)
    secrets = load_secrets(layout.home, seats=seats, people=tuple(person.id for person in FIRST_PEOPLE))
    directory = directory_of(settings, secrets)
    return Loaded(settings, secrets, directory, layout, units_of(settings, directory))
