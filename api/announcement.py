"""What the terminal says of an instance that is up: where it is, and who may sign in."""

from __future__ import annotations

from api.loaded import Loaded, load
from api.people import FIRST_PEOPLE


def announce(loaded: Loaded) -> None:
    network = loaded.settings.network
    text = (
        f"\n热线联动已启动 · the hotline linkage is up\n"
        f"  接口 · API        {loaded.http_url}/v1  (OpenAPI: {loaded.http_url}/openapi.json)\n"
        f"  坐席台 · console  {loaded.http_url}/console\n"
        f"  网页 · pages      {loaded.http_url}/reports  {loaded.http_url}/playback\n"
        f"  SIP 话机 · phones {network.bind}:{loaded.settings.port(network.sip_port)}  "
        f"(口令 · passwords: {loaded.layout.home / 'secrets.json'})\n"
        f"  登录 · sign in    POST {loaded.http_url}/v1/sessions\n{_people(loaded)}\n"
        f"  Ctrl-C 停止 · stops all\n"
    )
    print(text, flush=True)  # noqa: T201 - the terminal of whoever typed `make run`


def passwords() -> str:
    """The first passwords of the people, and those of the seats' phones. Raises SettingsRejected."""
    loaded = load()
    phones = "\n".join(f"    {seat:<12} {secret}" for seat, secret in loaded.secrets.seats.items())
    return f"登录（初始口令） · sign in (first passwords)\n{_people(loaded)}\n坐席话机 · the seats' phones\n{phones}"


def _people(loaded: Loaded) -> str:
    return "\n".join(
        f"    {person.id:<12} {loaded.secrets.people[person.id]:<16} {person.role.value}" for person in FIRST_PEOPLE
    )
