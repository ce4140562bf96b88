"""Flows for tests: as text, and everything that they may name."""

from __future__ import annotations

from pathlib import Path

from ivr import prompts
from ivr.check import Surroundings
from ivr.flow import Flow
from ivr.load import parse
from ivr.shelf import SHIPPED

PROMPTS = Path(__file__).parents[2] / "asterisk-config" / "prompts"

LENGTHS = prompts.lengths(PROMPTS / "zh")

AROUND = Surroundings(
    desks={"12345": frozenset({"main", "police"}), "110": frozenset({"main"})},
    numbers={"12345": frozenset({"12345", "12346"}), "110": frozenset({"110"})},
    targets=frozenset({"110", "12345", "120"}),
    lengths=LENGTHS,
    no_menu=frozenset({"110"}),
)

EVERYTHING = b"""\
line: 12345
name: every kind of step
levels: 3
danger: {key: "*", target: 110}
start: welcome
steps:
  welcome: {do: play, say: [beep], next: history}
  history: {do: branch, by: history, cases: {silent: human}, otherwise: hours}
  hours:
    do: branch
    by: time
    cases:
      - {from: 22:00, to: 06:00, days: [fri], next: order}
    otherwise: day
  day: {do: branch, by: day, cases: {holiday: order}, otherwise: menu}
  menu:
    do: menu
    say: [beep]
    repeat: 7
    seconds: 1
    keys: {1: police, 2: desk, 3: call-back, 4: message, 5: english, 6: order, 8: three-way, 9: code}
  police: {do: transfer, target: 110}
  three-way: {do: transfer, target: 110, three_way: yes}
  desk: {do: route, desk: police}
  english: {do: language, set: en, next: speaks}
  speaks: {do: branch, by: language, cases: {en: desk}}
  order: {do: collect, say: [beep], into: order, digits: 4, least: 2, seconds: 2, next: digits}
  digits: {do: say, what: digits, value: order, next: where}
  code: {do: collect, say: [beep], into: code, digits: 3, seconds: 2, next: number}
  number: {do: say, what: number, value: code}
  where: {do: announce, what: [position]}
  call-back: {do: call_back, say: [beep], next: goodbye}
  message: {do: record, say: [beep], seconds: 10, next: goodbye}
  goodbye: {do: hang_up, say: [beep]}
"""
"""Every kind of step, and every way into and out of it."""


def flow_of(text: bytes) -> Flow:
    read = parse(text, "test.yaml")
    assert read.flow is not None, [str(mistake) for mistake in read.mistakes]
    return read.flow


def shipped(name: str) -> Flow:
    return flow_of((SHIPPED / f"{name}.yaml").read_bytes())
