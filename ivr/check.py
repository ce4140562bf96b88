"""What is wrong with a flow, before any caller meets it. Everything is reported with its line and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import networkx as nx

from ivr import timing
from ivr.flow import (
    HUMAN,
    HUMAN_KEY,
    LIMIT_SECONDS,
    Announce,
    CallBack,
    Collect,
    Flow,
    HangUp,
    Menu,
    Play,
    Record,
    Route,
    Say,
    Transfer,
    exits,
    prompts_of,
)
from ivr.load import Mistake, Read, Source, Where

_DELAYS = (Play, Say, Announce, Menu, Collect, Record, CallBack)
_ASKS = (Menu, Collect)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a flow may name. ``desks``: of each of our lines; ``numbers``: dialled to reach it.

    ``targets``: whatever a call can be handed over to. ``lengths``: seconds of every prompt that has its audio.
    ``no_menu``: the lines that answer at once (110), unless the operator has turned menus on for them.
    """

    desks: Mapping[str, frozenset[str]]
    numbers: Mapping[str, frozenset[str]]
    targets: frozenset[str]
    lengths: Mapping[str, float]
    no_menu: frozenset[str] = frozenset()


def check(read: Read, around: Surroundings) -> tuple[Mistake, ...]:
    """All mistakes of one file, in the order of their place; empty when the flow is sound."""
    if read.flow is None:
        return read.mistakes
    flow, source = read.flow, read.source
    found = [
        *_names(flow, source, around),
        *_prompts(flow, source, around),
        *_keys(flow, source),
        *_answered_at_once(flow, source, around),
        *_ways(flow, source, around),
    ]
    return tuple(sorted(dict.fromkeys(found)))


def check_together(flows: Iterable[Read]) -> Iterator[Mistake]:
    """Two files that claim the same calls: only one of them could have them."""
    claimed: dict[tuple[str, str | None], str] = {}
    for each in flows:
        if each.flow is None:
            continue
        for number in each.flow.numbers or (None,):
            other = claimed.setdefault((each.flow.line, number), each.source.file)
            if other != each.source.file:
                what = f"{other} 已用于同样的来电 · has the same calls already"
                yield each.source.mistake(("line",) if number is None else ("numbers",), what)


# --- what it names --------------------------------------------------------------------------------------------------


def _names(flow: Flow, source: Source, around: Surroundings) -> Iterator[Mistake]:
    if flow.line not in around.desks:
        yield source.mistake(("line",), f"没有热线 {flow.line} · no such line{_known(around.desks)}")
    for at, number in enumerate(flow.numbers):
        if number not in around.numbers.get(flow.line, frozenset()):
            yield source.mistake(("numbers", at), f"{number} 不是热线 {flow.line} 的号码 · is no number of that line")
    if flow.danger and (flow.danger.target not in around.targets or flow.danger.target == flow.line):
        what = f"不能转到 {flow.danger.target} · no such target{_known(around.targets - {flow.line})}"
        yield source.mistake(("danger", "target"), what)
    for name, step in flow.steps.items():
        where = ("steps", name)
        if isinstance(step, Transfer) and (step.target not in around.targets or step.target == flow.line):
            yield source.mistake(
                (*where, "target"), f"不能转到 {step.target} · no such target{_known(around.targets - {flow.line})}"
            )
        if isinstance(step, Route):
            line = step.line or flow.line
            if step.line is not None and line not in around.desks:
                yield source.mistake((*where, "line"), f"没有热线 {line} · no such line{_known(around.desks)}")
            desks = around.desks.get(line, frozenset())
            if step.desk is not None and line in around.desks and step.desk not in desks:
                what = f"{line} 没有专席 {step.desk} · no such desk{_known(desks)}"
                yield source.mistake((*where, "desk"), what)
    yield from _targets(flow, source)


def _targets(flow: Flow, source: Source) -> Iterator[Mistake]:
    known = {*flow.steps, HUMAN}
    if flow.start not in known:
        yield source.mistake(("start",), f"没有步骤 {flow.start} · no such step{_known(flow.steps)}")
    if HUMAN in flow.steps:
        yield source.mistake(("steps", HUMAN), "human 是保留名 · is what a human is called here", at_key=True)
    for name, step in flow.steps.items():
        for way in exits(step):
            if way.to not in known:
                yield source.mistake(
                    ("steps", name, *way.where), f"没有步骤 {way.to} · no such step{_known([*flow.steps, HUMAN])}"
                )


def _known(names: Iterable[str]) -> str:
    return f"（可用 · known: {', '.join(sorted(names)) or '-'}）"


def _prompts(flow: Flow, source: Source, around: Surroundings) -> Iterator[Mistake]:
    named: list[tuple[Where, str]] = [(("wrong_key", at), prompt) for at, prompt in enumerate(flow.wrong_key)]
    for name, step in flow.steps.items():
        named += [(("steps", name, *where), prompt) for where, prompt in prompts_of(step)]
        own = (prompt for prompt in timing.fixed_prompts(step) if prompt not in around.lengths)
        for prompt in own:
            what = f"缺少录音 {prompt} · this step says {prompt}, which has no audio"
            yield source.mistake(("steps", name), what, at_key=True)
    for where, prompt in named:
        if prompt not in around.lengths:
            yield source.mistake(where, f"没有录音 {prompt} · no such prompt, or no audio of it")


def _keys(flow: Flow, source: Source) -> Iterator[Mistake]:
    danger = flow.danger.key if flow.danger else None
    if danger == HUMAN_KEY:
        yield source.mistake(("danger", "key"), "0 总是转人工 · 0 always leads to a human")
    for name, step in flow.steps.items():
        if isinstance(step, Menu):
            for key, to in step.keys.items():
                where = ("steps", name, "keys", key)
                if key == HUMAN_KEY and to != HUMAN:
                    yield source.mistake(where, "0 总是转人工 · 0 always leads to a human", at_key=True)
                if key == danger:
                    yield source.mistake(where, f"{key} 是紧急键 · is the danger key", at_key=True)
            if step.repeat is not None and step.repeat in {*step.keys, HUMAN_KEY, danger}:
                yield source.mistake(("steps", name, "repeat"), f"{step.repeat} 已有用途 · has another use")
        if isinstance(step, Collect) and danger is not None and danger != "*":
            what = "收号时紧急键须为 * · where digits are collected the danger key must be *"
            yield source.mistake(("steps", name), what, at_key=True)


def _answered_at_once(flow: Flow, source: Source, around: Surroundings) -> Iterator[Mistake]:
    if flow.line not in around.no_menu:
        return
    for name, step in flow.steps.items():
        if isinstance(step, _DELAYS):
            what = f"{flow.line} 须立即接听，未开启菜单 · answers at once; menus are not turned on for it: {step.do}"
            yield source.mistake(("steps", name), what, at_key=True)


# --- where it leads -------------------------------------------------------------------------------------------------


def _ways(flow: Flow, source: Source, around: Surroundings) -> Iterator[Mistake]:
    if flow.start not in flow.steps:
        return
    graph = _graph(flow)
    reached = {flow.start, *nx.descendants(graph, flow.start)}
    for name in flow.steps:
        if name not in reached:
            yield source.mistake(("steps", name), f"{name}: 走不到这一步 · cannot be reached", at_key=True)
    graph = graph.subgraph(reached)
    yield from _without_human(flow, source, graph)
    yield from _by_choice(flow, source, graph)
    yield from _values(flow, source, graph)
    loops = list(_loops(flow, source, graph))
    yield from loops
    if not loops:
        yield from _levels(flow, source, graph)
        yield from _too_long(flow, source, graph, around)


def _graph(flow: Flow) -> nx.DiGraph[str]:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from([*flow.steps, HUMAN])
    for name, step in flow.steps.items():
        graph.add_edges_from((name, way.to) for way in exits(step) if way.to in flow.steps or way.to == HUMAN)
    return graph


def _way_around(graph: nx.DiGraph[str], start: str, end: str, without: set[str]) -> list[str] | None:
    """A way from ``start`` to ``end`` that passes through none of ``without`` before it is there."""
    if start in without:
        return None
    open_ways = graph.subgraph({*graph, end} - (without - {end}))
    return nx.shortest_path(open_ways, start, end) if nx.has_path(open_ways, start, end) else None


def _without_human(flow: Flow, source: Source, graph: nx.DiGraph[str]) -> Iterator[Mistake]:
    promised = {name for name, step in flow.steps.items() if isinstance(step, CallBack | Record)}
    for name in _of(flow, graph, HangUp):
        way = _way_around(graph, flow.start, name, promised)
        if way is not None:
            what = f"未经人工、回电或留言即挂机 · hangs up on a caller whom no human will answer: {_shown(way)}"
            yield source.mistake(("steps", name), what, at_key=True)


def _by_choice(flow: Flow, source: Source, graph: nx.DiGraph[str]) -> Iterator[Mistake]:
    menus = {name for name, step in flow.steps.items() if isinstance(step, Menu)}
    for name in _of(flow, graph, CallBack, Record):
        way = _way_around(graph, flow.start, name, menus)
        if way is not None:
            what = f"来电人未按键即回电或留言 · instead of a human, without a key that chose it: {_shown(way)}"
            yield source.mistake(("steps", name), what, at_key=True)


def _values(flow: Flow, source: Source, graph: nx.DiGraph[str]) -> Iterator[Mistake]:
    for name in _of(flow, graph, Say):
        step = flow.steps[name]
        if isinstance(step, Say) and step.value is not None:
            into = {each for each, at in flow.steps.items() if isinstance(at, Collect) and at.into == step.value}
            way = _way_around(graph, flow.start, name, into)
            if way is not None:
                what = f"{step.value} 此前未收号 · has not been collected on the way {_shown(way)}"
                yield source.mistake(("steps", name, "value"), what)


def _loops(flow: Flow, source: Source, graph: nx.DiGraph[str]) -> Iterator[Mistake]:
    order = {name: at for at, name in enumerate(flow.steps)}
    for ring in nx.strongly_connected_components(graph):
        first = min(ring, key=lambda name: order.get(name, len(order)))
        if len(ring) == 1 and not graph.has_edge(first, first):
            continue
        cycle = [edge[0] for edge in nx.find_cycle(graph.subgraph(ring), first)]
        way_out = any(to not in ring for name in ring for to in graph.successors(name))
        if way_out or any(isinstance(flow.steps[name], _ASKS) for name in ring):
            what = f"可反复循环，超过 {LIMIT_SECONDS:g} 秒 · can go round and round, for more than {LIMIT_SECONDS:g} s"
        else:
            what = "死循环，没有出口 · a loop without exit"
        yield source.mistake(("steps", first), f"{what}: {_shown([*cycle, cycle[0]])}", at_key=True)


def _levels(flow: Flow, source: Source, graph: nx.DiGraph[str]) -> Iterator[Mistake]:
    deep: dict[str, int] = {}
    for name in nx.topological_sort(graph):
        above = max((deep[each] for each in graph.predecessors(name)), default=0)
        is_menu = name != HUMAN and isinstance(flow.steps[name], Menu)
        deep[name] = above + is_menu
        if is_menu and deep[name] == flow.levels + 1:
            what = f"第 {deep[name]} 级菜单，levels 只允许 {flow.levels} 级 · a menu of level {deep[name]}"
            yield source.mistake(("steps", name), what, at_key=True)


def _too_long(flow: Flow, source: Source, graph: nx.DiGraph[str], around: Surroundings) -> Iterator[Mistake]:
    """The longest way, wrong keys and all, to each step and through it."""
    arrived: dict[str, tuple[float, list[str]]] = {flow.start: (0.0, [flow.start])}
    for name in nx.topological_sort(graph):
        if name == HUMAN:
            continue
        came, way = arrived[name]
        done = came + timing.worst_seconds(flow, flow.steps[name], around.lengths)
        if came <= LIMIT_SECONDS < done:
            what = f"人工振铃前最长 {done:.1f} 秒，超过 {LIMIT_SECONDS:g} 秒 · up to {done:.1f} s before a human rings"
            yield source.mistake(("steps", name), f"{what}: {_shown(way)}", at_key=True)
        for to in graph.successors(name):
            if to not in arrived or arrived[to][0] < done:
                arrived[to] = done, [*way, to]


def _of(flow: Flow, graph: nx.DiGraph[str], *kinds: type) -> Iterator[str]:
    return (name for name, step in flow.steps.items() if name in graph and isinstance(step, kinds))


def _shown(way: list[str]) -> str:
    return " → ".join(way)
