import shutil
from pathlib import Path

import pytest

from telephony.asterisk import install
from telephony.asterisk.errors import AsteriskBuildFailed, AsteriskNotFound
from telephony.asterisk.install import build_asterisk, find_asterisk, parse_version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Asterisk 22.10.1+dfsg+~cs6.17.60671434-1", (22, 10)),
        ("Asterisk 20.4.0~dfsg+~cs6.13.40431414-2", (20, 4)),
        ("Asterisk certified/22.8-cert1", (22, 8)),
        ("Asterisk GIT-master-0badcafe", None),
        ("", None),
    ],
)
def test_version_is_read_from_what_asterisk_prints(text: str, expected: tuple[int, int] | None) -> None:
    assert parse_version(text) == expected


def fake_asterisk(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    program = folder / "asterisk"
    program.write_text(f"#!/bin/sh\necho 'Asterisk {version}'\n")
    program.chmod(0o755)
    return program


def installed_tree(prefix: Path, version: str) -> None:
    fake_asterisk(prefix / "sbin", version)
    modules = prefix / "lib/x86_64-linux-gnu/asterisk/modules"
    modules.mkdir(parents=True)
    for name in install.NEEDED_MODULES:
        (modules / f"{name}.so").touch()
    (prefix / "share/asterisk").mkdir(parents=True)


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose only Asterisk, if any, is under this folder."""
    prefix = tmp_path / "usr"
    monkeypatch.setenv("PATH", f"{prefix}/sbin:/usr/bin:/bin")
    monkeypatch.setattr(install, "_PREFIXES", (prefix,))
    monkeypatch.setattr(install, "_PROJECT", tmp_path / "checkout")
    return prefix


def test_given_a_good_installed_asterisk_then_it_is_taken(prefix: Path, tmp_path: Path) -> None:
    installed_tree(prefix, "22.9.0")

    binary = find_asterisk(tmp_path / "home")

    assert binary.command == (f"{prefix}/sbin/asterisk",)
    assert binary.module_dir == prefix / "lib/x86_64-linux-gnu/asterisk/modules"
    assert binary.data_dir == prefix / "share/asterisk"


def test_given_an_old_installed_asterisk_then_the_refusal_says_so(prefix: Path, tmp_path: Path) -> None:
    installed_tree(prefix, "20.4.0")

    with pytest.raises(AsteriskNotFound, match=r"20\.4\.0"):
        find_asterisk(tmp_path / "home")


def test_given_an_installed_asterisk_without_conferences_then_the_refusal_names_the_module(
    prefix: Path, tmp_path: Path
) -> None:
    installed_tree(prefix, "22.9.0")
    (prefix / "lib/x86_64-linux-gnu/asterisk/modules/app_confbridge.so").unlink()

    with pytest.raises(AsteriskNotFound, match="app_confbridge"):
        find_asterisk(tmp_path / "home")


def test_given_an_installed_asterisk_that_does_not_run_then_it_is_refused(prefix: Path, tmp_path: Path) -> None:
    fake_asterisk(prefix / "sbin", "22.9.0").write_text("#!/bin/sh\nexit 127\n")

    with pytest.raises(AsteriskNotFound, match="127"):
        find_asterisk(tmp_path / "home")


def mmdebstrap(tmp_path: Path, script: str) -> None:
    """A stand-in for the program of that name; the folder to fill is its last argument."""
    folder = tmp_path / "usr/sbin"
    folder.mkdir(parents=True)
    program = folder / "mmdebstrap"
    program.write_text(f'#!/bin/bash\nfolder="${{!#}}"\n{script}\n')
    program.chmod(0o755)


@pytest.mark.usefixtures("prefix")
@pytest.mark.parametrize("script", ["touch $folder/half; exit 25", "mkdir -p $folder/usr/sbin"])
def test_given_a_build_that_fails_or_is_incomplete_then_nothing_is_left(tmp_path: Path, script: str) -> None:
    mmdebstrap(tmp_path, script)

    with pytest.raises(AsteriskBuildFailed):
        build_asterisk(tmp_path / "home")

    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.usefixtures("prefix")
def test_given_a_failed_rebuild_then_the_old_one_is_kept(tmp_path: Path) -> None:
    mmdebstrap(tmp_path, "exit 1")
    kept = tmp_path / "home/asterisk/kept"
    kept.parent.mkdir(parents=True)
    kept.touch()

    with pytest.raises(AsteriskBuildFailed):
        build_asterisk(tmp_path / "home")

    assert kept.exists()
    shutil.rmtree(tmp_path / "home")


@pytest.mark.usefixtures("prefix")
def test_given_no_mmdebstrap_then_the_build_failure_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(AsteriskBuildFailed, match="mmdebstrap"):
        build_asterisk(tmp_path / "home")
