"""Call details, made beside the calls for as long as the service runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

from records.calldetail_job import CallDetailJob
from records.calldetail_store import CallDetails
from records.tasks import report
from records.writer import RecordWriter
from telephony.ports import Clock
from telephony.service import Switchboard
from telephony.service.apart import apart


def made_beside(
    node: str, details: CallDetails, cel: Path, switchboard: Switchboard, writer: RecordWriter, clock: Clock
) -> asyncio.Task[None]:
    """The task that makes them; ``cel``: the file that Asterisk writes."""
    live = switchboard.watch.tracker.book.calls.__contains__
    job = CallDetailJob(node, details, cel, clock, apart, writer.put_call, writer.flush, live)
    task = asyncio.create_task(job.run(), name="call-details")
    task.add_done_callback(report)
    return task
