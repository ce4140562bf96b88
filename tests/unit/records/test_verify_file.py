"""The offline verifier, as an auditor runs it: one file, an export and its manifest."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from records import verify_ledger
from records.chain import Chain, Entry, Head, Signer
from records.manifest import write_manifest
from records.verify_ledger import lines_of, main, manifest_of, verify_file
from tests.support.ledgers import KEY, OTHER_KEY
from tests.support.records import NOON

SIGNER = Signer(KEY)


@pytest.fixture(params=["sha256", "sm3"])
def ledger_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    chain = Chain("n1", SIGNER, request.param)
    entries = [Entry(NOON + timedelta(seconds=n), "export", f"f-{n}", "shen", '{"a":"张"}') for n in range(9)]
    rows = list(chain.rows(Head(), entries, checkpoint_first=True))
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(b"".join(orjson.dumps(row._asdict()) + b"\n" for row in rows))
    head = {"n1": {"seq": rows[-1].seq, "hash": rows[-1].hash}}
    write_manifest(file, {"kind": "ledger", "heads": head}, SIGNER, request.param)
    return file


def names(file: Path, *trusted: str) -> list[str]:
    return [fault.name for fault in verify_file(file, trusted).faults]


def test_given_an_honest_export_then_it_is_unbroken(ledger_file: Path) -> None:
    assert names(ledger_file) == names(ledger_file, SIGNER.public_key) == []
    assert verify_file(ledger_file).rows == 10


def test_given_another_key_is_trusted_then_the_manifest_and_its_checkpoints_are_not(ledger_file: Path) -> None:
    found = names(ledger_file, Signer(OTHER_KEY).public_key)
    assert set(found) == {"checkpoint-key-unknown"}


def _swap(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], lines[4], lines[3], *lines[5:]]


EDITS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str, str]] = {
    "changed": (lambda lines: [*lines[:3], lines[3].replace(b"shen", b"fang"), *lines[4:]], "changed", "#4"),
    "deleted": (lambda lines: [*lines[:3], *lines[4:]], "deleted", "#4"),
    "re-ordered": (_swap, "re-ordered", "行"),
    "inserted": (lambda lines: [*lines[:4], lines[3], *lines[4:]], "repeated", "#4"),
    "cut off": (lambda lines: lines[:-2], "truncated", "#9–#10"),
    "no row at all": (lambda lines: [*lines[:3], b"nonsense\n", *lines[3:]], "unreadable", "4"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_given_the_file_was_edited_then_the_row_is_named(ledger_file: Path, edit: str) -> None:
    change, name, where = EDITS[edit]
    lines = ledger_file.read_bytes().splitlines(keepends=True)
    ledger_file.write_bytes(b"".join(change(lines)))

    faults = verify_file(ledger_file).faults
    assert faults[0].name == "file-changed"
    assert any(fault.name == name and where in fault.where for fault in faults), faults


def test_given_a_manifest_that_is_forged_torn_or_missing_then_it_is_said(ledger_file: Path) -> None:
    manifest = manifest_of(ledger_file)
    honest = manifest.read_bytes()
    manifest.write_bytes(honest.replace(b'"kind":"ledger"', b'"kind":"other"'))
    assert names(ledger_file) == ["manifest-forged"]
    manifest.write_bytes(honest[:40])
    assert names(ledger_file) == ["manifest-forged"]
    manifest.unlink()
    assert names(ledger_file) == ["manifest-missing"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_given_an_export_of_records_then_the_line_or_the_block_is_named(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"all{suffix}"
    lines = [b"h-%d,busy\n" % n for n in range(20_000)]
    file.write_bytes(b"".join(lines))
    write_manifest(file, {"kind": "records"}, SIGNER)
    assert names(file) == []

    file.write_bytes(b"".join([*lines[:9_999], b"h-9999,okay\n", *lines[10_000:]]))
    faults = verify_file(file).faults
    assert [fault.name for fault in faults] == ["file-changed", "changed"]
    assert ("line 10000" if suffix == ".csv" else "block 2") in faults[1].where
    lines_of(file).unlink()
    assert names(file) == ["file-changed"]


def test_the_verifier_is_one_file_that_runs_by_itself(ledger_file: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copy(verify_ledger.__file__, tmp_path / "verify_ledger.py"))

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(alone), str(ledger_file), "--key", SIGNER.public_key]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)

    good = run()
    assert (good.returncode, good.stderr) == (0, "")
    assert "unbroken (10 " in good.stdout
    ledger_file.write_bytes(ledger_file.read_bytes().replace(b"f-3", b"f-4"))
    bad = run()
    assert bad.returncode == 1
    assert "n1 #5" in bad.stdout


def test_given_no_such_file_then_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl" in capsys.readouterr().err
