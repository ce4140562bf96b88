"""Finds a usable Asterisk, and builds the embedded one where none is installed.

The embedded Asterisk is Debian's own package with its libraries, unpacked into one folder that belongs to the user:
`mmdebstrap --mode=chrootless --variant=extract` needs neither root nor user namespaces. It runs in place, through the
loader and the libraries that came with it, so that it neither touches nor depends on those of the host.

Standard library only: `scripts/setup.sh` runs this before the virtual environment exists.

    python3 -m telephony.asterisk.install [--check] HOME
"""

import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from telephony.asterisk.errors import AsteriskBuildFailed, AsteriskNotFound, AsteriskUnusable

MINIMUM = (22, 9)
"""Older ones lose redirects and the SIP code of a hang-up (asterisk issues 1273, 1315, 1349)."""

SUITE = "sid"  # the only Debian suite that carries Asterisk 22
PACKAGES = ("asterisk", "asterisk-modules")
NEEDED_MODULES = ("app_confbridge", "app_dial", "app_queue", "chan_pjsip", "res_musiconhold", "res_pjsip")

_PROJECT = Path(__file__).resolve().parents[2]
_PREFIXES = (Path("/usr"), Path("/usr/local"), Path("/opt/asterisk"))
_VERSION = re.compile(r"Asterisk (?:certified/)?(\d+)\.(\d+)\S*")


@dataclass(frozen=True, slots=True)
class AsteriskBinary:
    """How to run an Asterisk. `module_dir` and `data_dir` belong into `astmoddir` and `astdatadir` of asterisk.conf."""

    command: tuple[str, ...]
    version: str
    module_dir: Path
    data_dir: Path


def find_asterisk(home: Path) -> AsteriskBinary:
    """The installed Asterisk if it will do, else the embedded one of `home`, else the one of this checkout.

    Raises AsteriskNotFound; its text says why each candidate was refused.
    """
    refusals: list[str] = []
    for candidate in _candidates(home):
        try:
            return candidate.binary()
        except AsteriskUnusable as refusal:
            refusals.append(str(refusal))
    wanted = ".".join(map(str, MINIMUM))
    seen = "".join(f"\n  - {refusal}" for refusal in refusals)
    raise AsteriskNotFound(
        f"没有可用的 Asterisk（需要 ≥ {wanted}） · no usable Asterisk (≥ {wanted} needed){seen}\n  * make setup"
    )


def build_asterisk(home: Path, *, mirror: str | None = None) -> AsteriskBinary:
    """Builds `home`/asterisk beside its place and renames it when it has proved that it runs (about 15 s, 270 MB).

    `mirror` is a Debian mirror (None: mmdebstrap's default). Raises AsteriskBuildFailed and leaves nothing behind.
    """
    target = _embedded_root(home)
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in target.parent.glob(f"{target.name}.new.*"):
        shutil.rmtree(leftover)
    fresh = Path(tempfile.mkdtemp(prefix=f"{target.name}.new.", dir=target.parent))
    try:
        _unpack(fresh, mirror)
        _Candidate.embedded(fresh).binary()
        if target.exists():
            shutil.rmtree(target)
        fresh.chmod(0o755)
        fresh.rename(target)
    except AsteriskUnusable as refusal:
        raise AsteriskBuildFailed(f"what was unpacked does not run: {refusal}") from refusal
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return _Candidate.embedded(target).binary()


@dataclass(frozen=True, slots=True)
class _Candidate:
    command: tuple[str, ...]
    module_dirs: tuple[Path, ...]
    data_dirs: tuple[Path, ...]

    @classmethod
    def installed(cls, executable: str) -> "_Candidate":
        libraries = [
            lib for prefix in _PREFIXES for lib in (*sorted(prefix.glob("lib/*-linux-gnu*")), *prefix.glob("lib*"))
        ]
        return cls(
            (executable,),
            tuple(lib / "asterisk/modules" for lib in libraries),
            (*(prefix / "share/asterisk" for prefix in _PREFIXES), Path("/var/lib/asterisk")),
        )

    @classmethod
    def embedded(cls, root: Path) -> "_Candidate":
        libraries = sorted(root.glob("usr/lib/*-linux-gnu*"))
        loaders = sorted(root.glob("usr/lib*/ld-linux*.so.*"))
        command = (
            *(str(loader) for loader in loaders[:1]),
            "--library-path",
            ":".join(map(str, libraries)),
            str(root / "usr/sbin/asterisk"),
        )
        return cls(command, tuple(lib / "asterisk/modules" for lib in libraries), (root / "usr/share/asterisk",))

    def binary(self) -> AsteriskBinary:
        version = self._version()
        found = parse_version(version)
        if found is None or found < MINIMUM:
            raise AsteriskUnusable(f"{self.command[-1]}: version is {version!r}")
        module_dir = _first_dir(self.module_dirs, f"{self.command[-1]}: no folder with modules")
        data_dir = _first_dir(self.data_dirs, f"{self.command[-1]}: no data folder")
        missing = [name for name in NEEDED_MODULES if not (module_dir / f"{name}.so").is_file()]
        if missing:
            raise AsteriskUnusable(f"{module_dir}: missing {', '.join(missing)}")
        return AsteriskBinary(self.command, version, module_dir, data_dir)

    def _version(self) -> str:
        try:
            answer = subprocess.run([*self.command, "-V"], capture_output=True, text=True, timeout=10, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise AsteriskUnusable(f"{self.command[-1]}: {error}") from error
        return answer.stdout.strip()


def parse_version(text: str) -> tuple[int, int] | None:
    """(major, minor) of what `asterisk -V` prints; None for a build without a number (such as GIT-master)."""
    match = _VERSION.match(text)
    return (int(match[1]), int(match[2])) if match else None


def _candidates(home: Path) -> Iterator[_Candidate]:
    installed = shutil.which("asterisk") or shutil.which("asterisk", path="/usr/sbin:/usr/local/sbin")
    if installed:
        yield _Candidate.installed(installed)
    for root in dict.fromkeys((_embedded_root(home), _embedded_root(_PROJECT / ".local"))):
        if root.is_dir():
            yield _Candidate.embedded(root)


def _embedded_root(home: Path) -> Path:
    return home.resolve() / "asterisk"


def _first_dir(candidates: Sequence[Path], complaint: str) -> Path:
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise AsteriskUnusable(complaint)


def _unpack(folder: Path, mirror: str | None) -> None:
    command = [
        "mmdebstrap",
        "--mode=chrootless",
        "--skip=check/chrootless",  # since 1.5 it refuses root, for what package scripts could do; "extract" runs none
        "--variant=extract",
        "--format=directory",
        f"--include={','.join(PACKAGES)}",
        '--aptopt=APT::Install-Recommends "false"',
        '--aptopt=Acquire::Check-Valid-Until "false"',
        '--aptopt=Acquire::Retries "3"',
        SUITE,
        str(folder),
        *([mirror] if mirror else []),
    ]
    try:
        process = subprocess.Popen(command)
    except OSError as error:
        raise AsteriskBuildFailed(f"mmdebstrap: {error}") from error
    try:
        code = process.wait()
    except BaseException:
        process.terminate()  # mmdebstrap takes its own children and temporary files with it; SIGKILL would not
        process.wait()
        raise
    if code != 0:
        raise AsteriskBuildFailed(f"mmdebstrap ended with {code}; its messages are above")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Find a usable Asterisk, or build the embedded one.")
    parser.add_argument("home", type=Path, help="the folder that will hold asterisk/")
    parser.add_argument("--check", action="store_true", help="only look; exit 1 if there is none")
    parser.add_argument("--mirror", help="Debian mirror to build from")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        binary = find_asterisk(options.home)
    except AsteriskNotFound as missing:
        if options.check:
            sys.stderr.write(f"{missing}\n")
            return 1
        try:
            binary = build_asterisk(options.home, mirror=options.mirror)
        except AsteriskBuildFailed as failure:
            sys.stderr.write(f"{failure}\n")
            return 1
    sys.stdout.write(f"{binary.version}  {binary.command[-1]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
