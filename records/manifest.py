"""The manifest beside an exported file: what is in it, its digest, and the node's signature under both.

Blocking; call it in a thread. ``records.verify_ledger``, which anybody may run, holds the file against it.
"""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes

from records.chain import Signer
from records.verify_ledger import ALGORITHMS, canonical, line_digest, lines_of, manifest_of, pieces, signed_manifest

_AT_ONCE = 65536


def write_manifest(file: Path, about: Mapping[str, Any], signer: Signer, algorithm: str = "sha256") -> Path:
    """Of a file that is complete. ``about`` is JSON: ``kind``, filters, columns, who, when, the ledger's place …

    Beside it comes ``FILE.lines``, which names the lines that were changed later. Raises OSError; then there is none.
    """
    whole, names = hashes.Hash(ALGORITHMS[algorithm]()), array("Q")
    lines = lines_of(file)
    with lines.open("wb") as stream:
        for piece in pieces(file):
            whole.update(piece)
            names.append(line_digest(piece))
            if len(names) >= _AT_ONCE:
                stream.write(_big_endian(names))
                names = array("Q")
        stream.write(_big_endian(names))
    held = {"file": file.name, "bytes": file.stat().st_size, "digest": f"{algorithm}:{whole.finalize().hex()}"}
    manifest = signed(dict(about) | held, signer)
    path = manifest_of(file)
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as stream:
        stream.write(canonical(manifest).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
    return path


def signed(manifest: Mapping[str, Any], signer: Signer) -> dict[str, Any]:
    """With the node's public key, and signed. ``manifest`` has ``file``, ``bytes``, ``digest``."""
    whole = dict(manifest) | {"public_key": signer.public_key}
    return whole | {"signature": signer.sign(signed_manifest(whole))}


def _big_endian(names: array[int]) -> bytes:
    if sys.byteorder == "little":
        names.byteswap()
    return names.tobytes()
