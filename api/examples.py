"""What the OpenAPI document shows as examples. 138 0013 8000 is a carrier's service number, of no person."""

from collections.abc import Mapping
from typing import Any

Example = Mapping[str, Any]

_CALL_ID = "hall1-1795247990.41"
_HANDOFF_ID = "019aa5c2-7d3e-7c1a-9f0e-2b6d1a4c8e55"

HANDOFF_REQUEST: Example = {
    "call_id": _CALL_ID,
    "mode": "transfer",
    "target": "12345",
    "release": "on_answer",
    "category_id": "noise.construction",
    "reason": "夜间施工噪音，非警务类",
}

HANDOFF: Example = {
    "id": _HANDOFF_ID,
    "call_id": _CALL_ID,
    "mode": "transfer",
    "state": "ended",
    "outcome": "answered",
    "resolution": "target",
    "release": "on_answer",
    "via": "api",
    "original_caller": "13800138000",
    "original_caller_e164": "+8613800138000",
    "caller_seen_by_target": "13800138000",
    "caller_seen_by_target_e164": "+8613800138000",
    "number_mismatch": False,
    "numbers_masked": False,
    "from_line": "110",
    "from_seat": "8001",
    "target": "12345",
    "target_channel": "PJSIP/9001-00000012",
    "target_seat": "9001",
    "category_id": "noise.construction",
    "reason": "夜间施工噪音，非警务类",
    "hangup_cause": None,
    "sip_code": None,
    "decision": None,
    "order_ids": [],
    "timeline": [
        {"at": "2026-11-21T08:00:00.031Z", "event": "started", "detail": {}},
        {"at": "2026-11-21T08:00:00.187Z", "event": "rings", "detail": {}},
        {"at": "2026-11-21T08:00:04.902Z", "event": "answers", "detail": {}},
        {"at": "2026-11-21T08:02:10.455Z", "event": "parted", "detail": {}},
    ],
    "corrections": [],
    "durations_ms": {"to_ringing": 175, "to_answer": 4890, "talking": 125553, "total": 130443},
    "requested_by": "wang.fang",
    "created_at": "2026-11-21T08:00:00.012Z",
    "ended_at": "2026-11-21T08:02:10.455Z",
    "node": "hall1",
}

PARTICIPANT: Example = {
    "id": "target",
    "target": "12345",
    "channel": "PJSIP/9001-00000012",
    "state": "joined",
    "muted": False,
    "outcome": None,
    "joined_at": "2026-11-21T08:00:05.120Z",
    "left_at": None,
}

CONFERENCE: Example = {
    "id": _HANDOFF_ID,
    "call_id": _CALL_ID,
    "started_at": "2026-11-21T08:00:00.012Z",
    "over": False,
    "participants": [PARTICIPANT],
}

CALL: Example = {
    "id": _CALL_ID,
    "node": "hall1",
    "state": "talking",
    "original_caller": "13800138000",
    "original_caller_e164": "+8613800138000",
    "caller_name": None,
    "presentation": "allowed",
    "numbers_masked": False,
    "dialled": "110",
    "trunk": "city",
    "first_line": "110",
    "line": "110",
    "seat": "8001",
    "arrived_at": "2026-11-21T07:59:50.000Z",
    "answered_at": "2026-11-21T07:59:52.310Z",
    "ended_at": None,
    "legs": [],
}

WHOLE_CALL: Example = {
    **CALL,
    "region": "北京市 · Beijing",
    "menus": [
        {
            "line": "12345",
            "flow": "12345",
            "version": "5f2b9c1e",
            "began": "2026-11-21T07:59:50.040Z",
            "path": [{"step": "welcome", "at": 0.04, "key": ""}, {"step": "topic", "at": 2.1, "key": "1"}],
            "language": "zh",
            "ending": "line.110",
            "why": "key",
        }
    ],
    "recordings": [],
    "standing": {"traits": ["repeat"], "calls": 7, "silent_calls": 0},
    "orders": [{"id": "h-1.110", "kind": "police", "state": "accepted", "to_line": "110", "unit": "110"}],
}

SEAT: Example = {
    "id": "8001",
    "name": "110 一号席",
    "lines": ["110"],
    "state": "idle",
    "phone": "NOT_INUSE",
    "user": "wang.fang",
    "signed_in_at": "2026-11-21T00:00:00.000Z",
    "paused_reason": None,
    "call_id": None,
}

SEAT_PHONE: Example = {
    "seat": "8001",
    "kind": "browser",
    "socket": "wss://hotline.example.gov.cn:8089/ws",
    "uri": "sip:8001@hotline",
    "password": "x9Kf-2mQ7Lw",
    "recording_key": "*9",
}

LINE: Example = {
    "id": "110",
    "name": "公安报警",
    "kind": "line",
    "numbers": ["110"],
    "desks": [{"id": "police", "name": "接警台", "seats": ["8001", "8002"]}],
    "waiting": 0,
    "talking": 1,
    "seats_free": 1,
}

SESSION: Example = {
    "token": "eyJhbGciOiJIUzI1NiJ9.e30.…",
    "token_type": "Bearer",
    "expires_at": "2026-11-21T10:00:00.000Z",
    "user": "wang.fang",
    "role": "seat",
    "seat": "8001",
    "permissions": ["confer", "hand-over", "read", "sit"],
}

NUMBER_PROOF: Example = {
    "day": "2026-11-21",
    "since": "2026-11-20T16:00:00.000Z",
    "until": "2026-11-21T16:00:00.000Z",
    "handoffs": 412,
    "reached": 398,
    "equal": 390,
    "mismatched": 1,
    "mismatched_ids": [_HANDOFF_ID],
    "withheld": 6,
    "not_observed": {"not-listening": 1},
}

RECONCILIATION: Example = {
    "node": "hall1",
    "at": "2026-11-21T08:05:00.000Z",
    "since": "2026-11-21T07:45:00.000Z",
    "until": "2026-11-21T08:04:30.000Z",
    "compared": 37,
    "unexplained": 0,
    "differences": [
        {
            "handoff_id": _HANDOFF_ID,
            "call_id": _CALL_ID,
            "field": "record",
            "ours": "transfer to 12345",
            "asterisk": "",
            "why": "never-reached",
            "why_in_words": "指令未到达交换机，记录已注明 · no command reached Asterisk, as the record says",
        }
    ],
}

READY: Example = {
    "status": "degraded",
    "node": "hall1",
    "parts": {"asterisk": {"status": "up"}, "database": {"status": "down"}, "redis": {"status": "up"}},
}
