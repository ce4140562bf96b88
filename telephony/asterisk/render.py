"""Asterisk's configuration from the directory: rendered whole, checked, then put in place file by file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import jinja2

from telephony.asterisk.certificates import Certificate
from telephony.errors import ConfigurationRejected
from telephony.lines import Directory, Line
from telephony.probe import port

_LEFT_AT_DEFAULTS = ("acl.conf", "ccss.conf", "pjproject.conf", "queuerules.conf", "udptl.conf")
# Goto and Gosub, GotoIf's branches, ChannelRedirect, and the F, b and U options of Dial, Queue and Bridge
_JUMP = re.compile(
    r"(?:(?:Goto|Gosub)\(|[?:]|ChannelRedirect\([^,]+,|[FbU]\()([a-z][a-z0-9-]*)(?=,[^,():]+,[^,():]+|\^s\^1)"
)
_UNSAFE = re.compile(r"[\x00-\x1f;\\]")


@dataclass(frozen=True, slots=True)
class Site:
    """Where one Asterisk lives: addresses, ports and folders. All paths absolute.

    ``ws_port``: where browsers on this machine reach it; ``wss_port``: those elsewhere, with ``certificate``.

    ``sounds_dir``: what is played; laid out of the shipped prompts and ``own_prompts`` where there are any.
    """

    node: str
    bind: str
    sip_port: int
    ami_port: int
    ami_secret: str
    rtp_start: int
    rtp_end: int
    etc_dir: Path
    var_dir: Path
    run_dir: Path
    log_dir: Path
    spool_dir: Path
    module_dir: Path
    data_dir: Path
    sounds_dir: Path
    moh_dir: Path
    external_address: str | None = None
    silent_phone_seconds: int = 60
    ami_bind: str = "127.0.0.1"
    agi_port: int = 4573
    own_prompts: Path | None = None
    max_hops: int = 5
    ws_bind: str = "127.0.0.1"
    ws_port: int = 8088
    wss_port: int = 8089
    certificate: Certificate | None = None

    @property
    def opus_modules(self) -> tuple[str, ...]:
        """What translates Opus, under the name that this Asterisk has it by: none of the two is in every build."""
        codecs = ("codec_opus_open_source.so", "codec_opus.so")
        codec = next((name for name in codecs if (self.module_dir / name).is_file()), None)
        return ("res_format_attr_opus.so", codec) if codec else ()

    @property
    def has_opus(self) -> bool:
        return bool(self.opus_modules)


def config_source() -> Path:
    """The templates: beside the package in a checkout, inside it in an installed wheel."""
    installed = Path(__file__).parent / "_config"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "asterisk-config"


def render(directory: Directory, site: Site) -> dict[str, str]:
    """Every configuration file by name. Raises ConfigurationRejected when a value could change its meaning."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(config_source()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_refuse_unsafe,
        autoescape=False,
    )
    targets = (*directory.lines, *directory.linked_numbers)
    files = {
        name.removesuffix(".j2"): environment.get_template(name).render(
            directory=directory,
            site=site,
            targets=targets,
            is_line=lambda target: isinstance(target, Line),
            probe=port,
        )
        for name in environment.list_templates(extensions=["j2"])
    }
    files |= dict.fromkeys(
        _LEFT_AT_DEFAULTS, "; left at its defaults; here so that Asterisk does not call it missing\n"
    )
    for name, text in files.items():
        check(name, text)
    return files


def _refuse_unsafe(value: object) -> object:
    if isinstance(value, str | Path) and _UNSAFE.search(str(value)):
        raise ConfigurationRejected("a value holds a control character, ';' or a backslash")  # it may be a secret
    return value


def check(name: str, text: str) -> None:
    """Refuse what Asterisk would load without a word: a dialplan jump to nowhere, a section named twice.

    Raises ConfigurationRejected naming the file and the line.
    """
    if name == "extensions.conf":
        _check_dialplan(text)
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        section = re.match(r"\[([^\]]+)\]\s*(?:;.*)?$", line)
        if section and name != "pjsip.conf":
            if section[1] in seen:
                raise ConfigurationRejected(f"{name}:{number}: section [{section[1]}] stands twice")
            seen.add(section[1])


def _check_dialplan(text: str) -> None:
    contexts = set(re.findall(r"^\[([^\]]+)\]", text, re.M)) | {"${ARG1}"}
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(";"):
            continue
        for jump in _JUMP.findall(line):
            if jump not in contexts:
                raise ConfigurationRejected(f"extensions.conf:{number}: no context [{jump}]")


def install(files: dict[str, str], etc_dir: Path) -> set[str]:
    """Write the files, each by rename so that a reader never sees half of one; returns the names that changed."""
    etc_dir.mkdir(parents=True, exist_ok=True)
    changed = set()
    for name, text in files.items():
        target = etc_dir / name
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        fresh = etc_dir / f".{name}.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        fresh.replace(target)
        changed.add(name)
    return changed
