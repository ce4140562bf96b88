import signal

import pytest

pytest.register_assert_rewrite("tests.support", "tests.chaos", "tests.recording", "tests.asterisk")  # failures tell why

pytest_plugins = ["tests.support.servers"]

# a shell that started this run in the background ignores it, and every program that a test stops would as well
signal.signal(signal.SIGINT, signal.default_int_handler)
