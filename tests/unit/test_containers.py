"""What docker-compose.yml relies on: two processes on one home, empty variables, an orderly stop."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api.secrets import Secrets, load_secrets
from api.settings import load_settings

PROJECT = Path(__file__).parents[2]
BOOT_SECONDS = 60.0
OFFSET = 17300


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_image_has_every_package_that_the_service_imports() -> None:
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")}
    copied = set(re.findall(r"^COPY (\w+) \1$", (PROJECT / "Dockerfile").read_text(encoding="utf-8"), re.M))
    sources = [path.read_text(encoding="utf-8") for package in copied for path in (PROJECT / package).rglob("*.py")]
    imported = {name for text in sources for name in re.findall(r"^\s*(?:from|import) (\w+)", text, re.M)} & packages
    sent = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert imported - copied == {"demo"}  # `hotline demo` is not for the image
    assert copied <= {line.removeprefix("!") for line in sent}


def test_given_a_new_home_when_several_start_at_once_then_all_have_the_same_secrets(tmp_path: Path) -> None:
    def start(_: int) -> Secrets:
        return load_secrets(tmp_path / "home", seats=("1101",), people=("admin",))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(start, range(8)))

    assert len({(each.ami, each.token_key, each.seats["1101"], each.people["admin"]) for each in found}) == 1


def test_given_an_empty_variable_when_settings_are_read_then_it_counts_as_not_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOTLINE_NETWORK__EXTERNAL_ADDRESS", "")

    assert load_settings(PROJECT / "hotline.yaml").network.external_address is None


def test_given_a_running_service_when_sigterm_comes_then_it_ends_in_order_with_0(tmp_path: Path) -> None:
    pid_file = tmp_path / "run" / "service.pid"
    environment = {"HOTLINE_HOME": str(tmp_path), "HOTLINE_PORT_OFFSET": str(OFFSET), "HOTLINE_CONFIG": "hotline.yaml"}
    with (tmp_path / "output").open("wb") as log:
        service = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "serve"], cwd=PROJECT, env={**os.environ, **environment}, stderr=log
        )
    try:
        deadline = time.monotonic() + BOOT_SECONDS
        while not listening(8110 + OFFSET) and service.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert pid_file.exists(), (tmp_path / "output").read_text()

        service.send_signal(signal.SIGTERM)

        assert service.wait(20) == 0
        assert not pid_file.exists()
    finally:
        service.kill()
        service.wait()
