"""``python -m bench.one_export URL FORMAT FILE``: one export of all handoffs, measured from inside its process."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson

from records.export.run import to_file
from records.export.spec import Format, Kind, Spec

_EVER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)


def main(url: str, format: str, target: str) -> None:
    """Seconds: from the first look at the database until the file is on the disk, without the start of Python."""
    began = time.perf_counter()
    done = to_file(Spec(Kind.HANDOFFS, Format(format), *_EVER), url, Path(target), overwrite=True)
    took = time.perf_counter() - began
    sys.stdout.buffer.write(orjson.dumps({"rows": done.rows, "seconds": took, "peak_mb": _peak_mb()}))


def _peak_mb() -> float:
    """Of this program alone: what getrusage tells is never less than what its parent had (proc_pid_status(5))."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
