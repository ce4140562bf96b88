"""docs/coverage.md says what the marks on tests say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_the_page_is_as_the_marks_make_it() -> None:
    command = [sys.executable, "scripts/function_coverage.py", "--check"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
