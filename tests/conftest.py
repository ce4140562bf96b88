import signal

import pytest
from xdist.scheduler import LoadScopeScheduling

pytest_plugins = ["tests.support.servers"]

# a shell that started this run in the background ignores it, and every program that a test stops would as well
signal.signal(signal.SIGINT, signal.default_int_handler)

_TOGETHER = {"asterisk": "asterisk", "recording": "asterisk", "chaos": "chaos", "soak": "chaos"}
"""Folders of ``tests`` and the group that each belongs to: its tests share an instance, or load the machine."""


class ByInstance(LoadScopeScheduling):
    """Of several processes (``-n 2``) one runs all of a group, so that each real instance exists once; groups go first.

    Of our own since pytest-xdist's ``loadgroup`` (3.8) does nothing under pytest 9.
    """

    def _split_scope(self, nodeid: str) -> str:
        """What is run in one process without a break: a group, else a file."""
        _, folder, *_ = nodeid.split("/")
        return _TOGETHER.get(folder) or nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByInstance:
    config.option.loadscopereorder = False  # as they are collected: the groups first
    return ByInstance(config, log)
