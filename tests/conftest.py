import signal
from collections.abc import Generator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.support", "tests.chaos", "tests.recording", "tests.asterisk")  # failures tell why

pytest_plugins = ["tests.support.servers"]

# a shell that started this run in the background ignores it, and every program that a test stops would as well
signal.signal(signal.SIGINT, signal.default_int_handler)

_LOGS = ("up.log", "log/service.log", "asterisk.log", "log/asterisk-console.log")
_COMPLAINTS = ('"level": "warning"', '"level": "error"', '"level": "critical"', "WARNING[", "ERROR[", "Traceback")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside the failure of a test on a real instance stands what that has complained of."""
    report = yield
    for fixture in getattr(item, "funcargs", {}).values() if report.failed else ():
        if isinstance(home := getattr(fixture, "home", None), Path):
            for log in filter(Path.is_file, (home / name for name in _LOGS)):
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
                found = [line[:400] for line in lines if any(sign in line for sign in _COMPLAINTS)]
                report.sections.append((log.name, "\n".join(found[-40:])))
    return report
