"""From the directory to a configured Asterisk: folders, files, and a live reload of what changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from telephony.asterisk.certificates import Certificate
from telephony.asterisk.install import AsteriskBinary
from telephony.asterisk.layout import Layout
from telephony.asterisk.prompts import lay_prompts
from telephony.asterisk.render import Site, config_source, install, render
from telephony.errors import ConfigurationRejected
from telephony.lines import Directory

log = structlog.get_logger()

RELOADS = {
    "pjsip.conf": "module reload res_pjsip.so",
    "extensions.conf": "dialplan reload",
    "queues.conf": "module reload app_queue.so",
    "features.conf": "module reload features",
    "confbridge.conf": "module reload app_confbridge.so",
    "musiconhold.conf": "moh reload",
    "manager.conf": "manager reload",
    "cel.conf": "module reload cel",
    "cel_custom.conf": "module reload cel_custom.so",
    "cdr.conf": "module reload cdr",
    "logger.conf": "logger reload",
    "indications.conf": "module reload indications",
    "http.conf": "module reload http",
}
"""The CLI command that takes each file up without touching calls; a file that is not here needs a restart."""


def sounds_dir(layout: Layout, own_prompts: Path | None) -> Path:
    """What is played: the shipped prompts, or those with the city's own over them."""
    return layout.var / "prompts" / "zh" if own_prompts else config_source() / "prompts" / "zh"


def site_for(
    layout: Layout,
    binary: AsteriskBinary,
    *,
    node: str,
    bind: str,
    sip_port: int,
    ami_port: int,
    ami_secret: str,
    rtp: tuple[int, int],
    external_address: str | None,
    agi_port: int,
    own_prompts: Path | None = None,
    silent_phone_seconds: int,
    ws_bind: str = "127.0.0.1",
    web: tuple[int, int] = (8088, 8089),
    certificate: Certificate | None = None,
) -> Site:
    return Site(
        node=node,
        bind=bind,
        sip_port=sip_port,
        ami_port=ami_port,
        ami_secret=ami_secret,
        rtp_start=rtp[0],
        rtp_end=rtp[1],
        etc_dir=layout.etc,
        var_dir=layout.var,
        run_dir=layout.run,
        log_dir=layout.log,
        spool_dir=layout.spool,
        module_dir=binary.module_dir,
        data_dir=layout.var / "data",
        sounds_dir=sounds_dir(layout, own_prompts),
        own_prompts=own_prompts,
        moh_dir=config_source() / "moh",
        external_address=external_address,
        silent_phone_seconds=silent_phone_seconds,
        agi_port=agi_port,
        ws_bind=ws_bind,
        ws_port=web[0],
        wss_port=web[1],
        certificate=certificate,
    )


def configure(directory: Directory, site: Site, binary: AsteriskBinary) -> set[str]:
    """Render, check, and put in place. Returns the names of the files that changed. Raises ConfigurationRejected."""
    files = render(directory, site)
    _prepare_folders(site, binary)
    return install(files, site.etc_dir)


def _prepare_folders(site: Site, binary: AsteriskBinary) -> None:
    """Asterisk's data folder is our own, so that its digits speak Mandarin whatever Asterisk is installed."""
    for folder in (site.log_dir / "cel-custom", site.log_dir / "cdr-csv", site.var_dir / "keys", site.data_dir):
        folder.mkdir(parents=True, exist_ok=True)
    _link(site.data_dir / "documentation", binary.data_dir / "documentation")
    if site.own_prompts is not None:
        lay_prompts(config_source() / "prompts" / "zh", site.own_prompts, site.sounds_dir)
    sounds = site.data_dir / "sounds"
    sounds.mkdir(exist_ok=True)
    _link(sounds / "zh", site.sounds_dir)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    fresh = link.with_name(link.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


async def reload(changed: set[str], rx: Callable[[str], Awaitable[str]]) -> tuple[str, ...]:
    """Have a running Asterisk take up the files that changed; calls in progress go on.

    Returns the files that only a restart takes up. Raises ConfigurationRejected with Asterisk's own words.
    """
    for name in sorted(changed & RELOADS.keys(), key=list(RELOADS).index):
        answer = await rx(RELOADS[name])
        if "fail" in answer.lower() or "error" in answer.lower():
            raise ConfigurationRejected(f"Asterisk did not take {name}: {answer.strip()}")
        log.info("asterisk.reloaded", file=name)
    return tuple(sorted(changed - RELOADS.keys()))
