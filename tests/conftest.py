import signal
from pathlib import Path

import pytest

pytest_plugins = ["tests.support.servers"]

# a shell that started this run in the background ignores it, and every program that a test stops would as well
signal.signal(signal.SIGINT, signal.default_int_handler)

_TOGETHER = {"asterisk": "asterisk", "chaos": "chaos", "soak": "chaos"}
"""Folders of ``tests`` and the group that each belongs to: its tests share an instance, or load the machine."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of several processes (``-n 2 --dist loadgroup``) one runs all of a group; the largest groups go first."""
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if folder in _TOGETHER:
            item.add_marker(pytest.mark.xdist_group(_TOGETHER[folder]))
