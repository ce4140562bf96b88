"""A million handoffs that never were, for measuring and trying: ``python -m bench.synthetic --help``."""
