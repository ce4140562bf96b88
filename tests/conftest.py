import signal

pytest_plugins = ["tests.support.servers"]

# a shell that started this run in the background ignores it, and every program that a test stops would as well
signal.signal(signal.SIGINT, signal.default_int_handler)
