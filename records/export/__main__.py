"""One export into a pipe, in a process of its own that gives way to calls.

``{"spec": …, "url": …, "export": ID, "actor": …, "algorithm": …}`` comes in on stdin. Exit code 0: all of it went out,
and stderr's last line is ``{"rows": …, "bytes": …, "sha256": …, "manifest": …}``, the manifest not yet signed. 1: it
broke off, and that line is ``{"slug": …, "message": …}``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson

from records.export.files import why
from records.export.run import to_stream
from records.export.spec import spec_of
from telephony.errors import ExportFailed, HotlineError

_LEAST_URGENT = 19


def main() -> int:
    os.setpriority(os.PRIO_PROCESS, 0, _LEAST_URGENT)
    asked = orjson.loads(sys.stdin.buffer.read())
    try:
        with tempfile.TemporaryDirectory(prefix="hotline-export-") as scratch:
            spec, algorithm = spec_of(asked["spec"]), asked["algorithm"]
            done = to_stream(spec, asked["url"], sys.stdout.buffer, Path(scratch), algorithm)
            sys.stdout.buffer.flush()
    except HotlineError as failure:
        return _said({"slug": failure.slug, "message": failure.message}, 1)
    except OSError as error:
        return _said({"slug": ExportFailed.slug, "message": why(error)}, 1)
    return _said(done.result | {"manifest": done.manifest(asked["export"], asked["actor"])}, 0)


def _said(content: dict[str, Any], code: int) -> int:
    sys.stderr.buffer.write(orjson.dumps(content) + b"\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
