"""``hotline.yaml`` and the ``HOTLINE_*`` variables, checked as a whole before anything starts."""

from __future__ import annotations

import ipaddress
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from api.settings_callbacks import CallBackSettings
from api.settings_exports import ExportSettings
from api.settings_linkage import LinkageSettings
from api.settings_load import DangerEntry, Key, SurgeEntry, load_problems
from api.settings_nuisance import NuisanceSettings
from api.settings_probe import ProbeSettings
from api.settings_problems import one_screen
from api.settings_reports import ReportSettings
from records.periods import Periods
from telephony.errors import HotlineError
from telephony.lines import RecordingRule, RingStrategy

CONFIG_VARIABLE = "HOTLINE_CONFIG"
_HIGHEST_PORT = 65535
_PORTS = ("sip_port", "http_port", "ami_port", "agi_port", "ws_port", "wss_port")


class SettingsRejected(HotlineError):
    """The message fits one screen and names each wrong field, its value and the fix."""

    slug = "settings-rejected"


def _no_control_characters(text: str) -> str:
    if re.search(r"[\x00-\x1f;\\\"<>\[\]]", text):
        raise PydanticCustomError("characters", '不能含控制字符和 ; \\ " < > [ ] · these characters are not allowed')
    return text


def _address(text: str) -> str:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise PydanticCustomError("address", "须为 IP 地址或网段 · must be an IP address or network") from None
    return text


Name = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_no_control_characters)]
# 24 characters: a target's id travels with a handoff's in one Asterisk extension (telephony.commands.asked)
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,23}$")]
Number = Annotated[str, Field(pattern=r"^\+?[0-9]{3,20}$")]
FeatureCode = Annotated[str, Field(pattern=r"^\*[0-9*#]{1,6}$")]
Seconds = Annotated[int, Field(ge=1, le=600)]
PortNumber = Annotated[int, Field(ge=1, le=_HIGHEST_PORT)]
Address = Annotated[str, AfterValidator(_address)]
SipUri = Annotated[str, Field(pattern=r"^sips?:[^\s;,\"<>\\]+(;transport=(udp|tcp|tls))?$")]
SocketUrl = Annotated[str, Field(pattern=r"^wss?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._/-]*)?$")]
Secret = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[!-:=-\[\]-~]+$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(_Part):
    """``ws_port``: SIP for browsers on this machine, at ``ws_bind``; ``wss_port``: for those elsewhere, with TLS.

    ``sip_socket``: the address of it that browsers are told, where a reverse proxy stands in front.
    """

    bind: Address = "0.0.0.0"
    http_bind: Address = "127.0.0.1"
    sip_port: PortNumber = 5060
    http_port: PortNumber = 8110
    ami_port: PortNumber = 5038
    agi_port: PortNumber = 4573
    ws_bind: Address = "127.0.0.1"
    ws_port: PortNumber = 8088
    wss_port: PortNumber = 8089
    certificate: Path | None = None
    certificate_key: Path | None = None
    sip_socket: SocketUrl | None = None
    rtp_start: PortNumber = 20000
    rtp_end: PortNumber = 20999
    external_address: Address | None = None
    silent_phone_seconds: Annotated[int, Field(ge=2, le=600)] = 60


class DeskEntry(_Part):
    id: Id
    name: Name
    seats: Annotated[tuple[Id, ...], Field(min_length=1)]


class LineEntry(_Part):
    id: Id
    name: Name
    numbers: Annotated[tuple[Number, ...], Field(min_length=1)]
    desks: Annotated[tuple[DeskEntry, ...], Field(min_length=1)]
    strategy: RingStrategy = RingStrategy.RINGALL
    ring_seconds: Seconds = 20
    ladder_wait_seconds: Seconds = 120
    feature_code: FeatureCode | None = None
    recording: RecordingRule = RecordingRule.NEVER
    recording_announced: bool = False
    probe_number: Number | None = None
    call_back_key: Key | None = None
    surge: SurgeEntry | None = None
    danger: DangerEntry | None = None


class LinkedEntry(_Part):
    id: Id
    name: Name
    trunk: Id
    number: Number
    ring_seconds: Seconds = 30
    feature_code: FeatureCode | None = None


class SeatEntry(_Part):
    id: Id
    name: Name
    secret: Secret | None = None
    phone: Literal["desk", "browser"] = "desk"


class TrunkEntry(_Part):
    id: Id
    match: Annotated[tuple[Address, ...], Field(min_length=1)]
    contact: SipUri
    channels: Annotated[int, Field(ge=1, le=100_000)] | None = None
    reserved: Mapping[Id, Annotated[int, Field(ge=1, le=100_000)]] = {}


class Menus(_Part):
    """``lines``: whose flow is in use. ``at_once``: whose callers hear no menu unless the line stands in ``lines`` too.

    ``flows``: the city's own flows, before the shipped ones; ``prompts``: its own recordings, over the shipped ones.
    """

    lines: tuple[Id, ...] = ()
    at_once: tuple[Id, ...] = ("110",)
    flows: Path | None = None
    prompts: Path | None = None


class LedgerSettings(_Part):
    """``algorithm``: of the record chain; a change is written into the chain itself."""

    algorithm: Literal["sha256", "sm3"] = "sha256"
    checkpoint_minutes: Annotated[int, Field(ge=1, le=1440)] = 10


class Retention(_Part):
    """Days that each kind of data is kept; null: for ever. Logs: at least six months (网络安全法 第二十一条)."""

    personal_days: Annotated[int, Field(ge=1, le=36500)] | None = 1095
    records_days: Annotated[int, Field(ge=1, le=36500)] | None = 1825
    ledger_days: Annotated[int, Field(ge=1, le=36500)] | None = 3650
    log_days: Annotated[int, Field(ge=183, le=36500)] = 190
    idempotency_days: Annotated[int, Field(ge=1, le=365)] = 7

    @property
    def periods(self) -> Periods:
        personal, records, ledger = (
            None if days is None else timedelta(days=days)
            for days in (self.personal_days, self.records_days, self.ledger_days)
        )
        return Periods(personal, records, ledger, timedelta(days=self.idempotency_days))


class Recordings(_Part):
    """``folder``: where finished recordings are kept; another machine may read them there."""

    folder: Path | None = None
    keep_days: Annotated[int, Field(ge=1, le=36500)] = 180
    keep_free_mb: Annotated[int, Field(ge=0, le=10_000_000)] = 2048
    code: FeatureCode | None = None


class Settings(BaseSettings):
    """Variables ``HOTLINE_HOME``, ``HOTLINE_NETWORK__SIP_PORT`` … go before the file. Ports are before the offset."""

    model_config = SettingsConfigDict(
        env_prefix="HOTLINE_",
        env_nested_delimiter="__",
        env_ignore_empty=True,  # how a compose file passes on what is not set
        extra="forbid",
        frozen=True,
        validate_default=True,
    )
    source: ClassVar[Path] = Path("hotline.yaml")

    home: Path = Path(".local")
    port_offset: Annotated[int, Field(ge=0, le=40000)] = 0
    node: Id = "n1"
    redis_url: str | None = None
    database_url: str | None = None
    default_line: Id | None = None
    auditor_sees_numbers: bool = False
    network: Network = Network()
    menus: Menus = Menus()
    recordings: Recordings = Recordings()
    ledger: LedgerSettings = LedgerSettings()
    retention: Retention = Retention()
    reports: ReportSettings = ReportSettings()
    exports: ExportSettings = ExportSettings()
    probe: ProbeSettings = ProbeSettings()
    call_backs: CallBackSettings = CallBackSettings()
    nuisance: NuisanceSettings = NuisanceSettings()
    linkage: LinkageSettings = LinkageSettings()
    lines: Annotated[tuple[LineEntry, ...], Field(min_length=1)]
    seats: Annotated[tuple[SeatEntry, ...], Field(min_length=1)]
    trunks: Annotated[tuple[TrunkEntry, ...], Field(min_length=1)]
    linked_numbers: tuple[LinkedEntry, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, InitSettingsSource(settings_cls, _read(cls.source))

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        problems = list(_contradictions(self))
        if problems:
            raise ValidationError.from_exception_data("hotline.yaml", problems)
        return self

    def port(self, base: int) -> int:
        return base + self.port_offset


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsRejected(f"读不到配置文件 {path} · cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsRejected(f"{path} 不是有效的 YAML · is not valid YAML:\n  {error}") from error
    if not isinstance(content, dict):
        raise SettingsRejected(f"{path} 须为键值结构 · must be a mapping")
    return content


def _problem(where: tuple[str | int, ...], value: object, text: str) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError("contradiction", "{text}", {"text": text}), loc=where, input=value)


def _twice(values: Iterable[tuple[tuple[str | int, ...], str]], what: str) -> Iterator[InitErrorDetails]:
    seen: Counter[str] = Counter()
    for where, value in values:
        seen[value] += 1
        if seen[value] > 1:
            yield _problem(where, value, f"{what}重复 · {value} stands twice: 请删去一处 · remove one")


def _contradictions(settings: Settings) -> Iterator[InitErrorDetails]:
    lines, seats, linked = settings.lines, settings.seats, settings.linked_numbers
    known_seats = {seat.id for seat in seats}
    known_trunks = {trunk.id for trunk in settings.trunks}
    targets = (
        *((("lines", i, "id"), line.id) for i, line in enumerate(lines)),
        *((("linked_numbers", i, "id"), each.id) for i, each in enumerate(linked)),
    )
    endpoints = (
        *((("seats", i, "id"), seat.id) for i, seat in enumerate(seats)),
        *((("trunks", i, "id"), trunk.id) for i, trunk in enumerate(settings.trunks)),
    )
    yield from _twice(targets, "热线编号")
    yield from _twice(endpoints, "坐席或中继编号")
    numbers = ((("lines", i, "numbers", j), n) for i, line in enumerate(lines) for j, n in enumerate(line.numbers))
    tests = ((("lines", i, "probe_number"), line.probe_number) for i, line in enumerate(lines) if line.probe_number)
    yield from _twice((*numbers, *tests), "被叫号码")
    codes = ((("lines", i, "feature_code"), e.feature_code) for i, e in enumerate(lines))
    more = ((("linked_numbers", i, "feature_code"), e.feature_code) for i, e in enumerate(linked))
    every = (*codes, *more, (("recordings", "code"), settings.recordings.code))
    yield from _twice([(where, code) for where, code in every if code], "功能码")
    for i, line in enumerate(lines):
        for j, desk in enumerate(line.desks):
            for k, seat in enumerate(desk.seats):
                if seat not in known_seats:
                    where = ("lines", i, "desks", j, "seats", k)
                    yield _problem(
                        where, seat, f"没有坐席 {seat} · no seat {seat}: 在 seats 中添加 · add it under seats"
                    )
    yield from _sat_twice(settings)
    for i, each in enumerate(linked):
        if each.trunk not in known_trunks:
            text = f"没有中继 {each.trunk} · no trunk {each.trunk}: 可用 · known: {', '.join(sorted(known_trunks))}"
            yield _problem(("linked_numbers", i, "trunk"), each.trunk, text)
    known_lines = [line.id for line in lines]
    if settings.default_line is not None and settings.default_line not in known_lines:
        text = f"没有热线 {settings.default_line} · no such line: 可用 · known: {', '.join(known_lines)}"
        yield _problem(("default_line",), settings.default_line, text)
    for i, line_id in enumerate(settings.menus.lines):
        if line_id not in known_lines:
            text = f"没有热线 {line_id} · no such line: 可用 · known: {', '.join(known_lines)}"
            yield _problem(("menus", "lines", i), line_id, text)
    at_once = set(settings.menus.at_once) - set(settings.menus.lines)
    names = (*known_lines, *(each.id for each in linked))
    yield from (_problem(*each) for each in load_problems(lines, settings.trunks, names, at_once))
    yield from _ports(settings)
    yield from _periods(settings)


def _sat_twice(settings: Settings) -> Iterator[InitErrorDetails]:
    places = (
        (("lines", i, "desks", j, "seats", k), seat)
        for i, line in enumerate(settings.lines)
        for j, desk in enumerate(line.desks)
        for k, seat in enumerate(desk.seats)
    )
    yield from _twice(places, "坐席")


def _ports(settings: Settings) -> Iterator[InitErrorDetails]:
    network = settings.network
    for name in (*_PORTS, "rtp_start", "rtp_end"):
        value = getattr(network, name)
        if settings.port(value) > _HIGHEST_PORT:
            yield _problem(
                ("network", name), value, f"加 port_offset 后超过 {_HIGHEST_PORT} · too high with port_offset"
            )
    if network.rtp_end - network.rtp_start < 10:
        yield _problem(("network", "rtp_end"), network.rtp_end, "至少比 rtp_start 大 10 · at least rtp_start + 10")
    ports = ((("network", name), str(getattr(network, name))) for name in _PORTS)
    yield from _twice(ports, "端口")
    if (network.certificate is None) is not (network.certificate_key is None):
        missing = "certificate" if network.certificate is None else "certificate_key"
        text = "证书与私钥须同时给出 · a certificate and its key, or neither"
        yield _problem(("network", missing), None, text)


def _periods(settings: Settings) -> Iterator[InitErrorDetails]:
    """What is kept longer must not lose what proves it."""
    kept = settings.retention
    if kept.ledger_days is not None and (kept.records_days is None or kept.ledger_days < kept.records_days):
        text = "台账不得比记录先清除 · the ledger must be kept as long as the records (records_days)"
        yield _problem(("retention", "ledger_days"), kept.ledger_days, text)


def load_settings(path: Path | None = None) -> Settings:
    """The settings from ``path``, else ``HOTLINE_CONFIG``, else ``hotline.yaml`` here. Raises SettingsRejected."""
    source = path or Path(os.environ.get(CONFIG_VARIABLE, "hotline.yaml"))

    class FromFile(Settings):
        pass

    FromFile.source = source
    try:
        return FromFile()
    except ValidationError as error:
        raise SettingsRejected(one_screen(source, error)) from error
