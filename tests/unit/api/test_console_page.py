"""The console's pages as they leave the service: what they may do, and that each module they load is there."""

from __future__ import annotations

import posixpath
import re

import pytest

from tests.support.hall import Hall

pytestmark = pytest.mark.asyncio

_IMPORT = re.compile(r'^(?:import|export) [^;]*?from "(\.[^"]+)";|^import "(\.[^"]+)";', re.M)


@pytest.mark.parametrize("page", ["/console", "/wall"])
async def test_a_page_runs_our_scripts_alone_and_asks_nobody_else(hall: Hall, page: str) -> None:
    answer = await hall.http.get(page)
    policy = answer.headers["content-security-policy"]

    assert policy.startswith("default-src 'none'; script-src 'self'; connect-src 'self'")
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert re.findall(r"<script(?![^>]* src=)", answer.text) == re.findall(r" on[a-z]+=| style=", answer.text) == []
    assert "//" not in answer.text
    for found in re.findall(r'(?:src|href)="(/assets/[^"]+)"', answer.text):
        assert (await hall.http.get(found)).status_code == 200, found


@pytest.mark.parametrize("entry", ["/assets/console.js", "/assets/wall.js"])
async def test_every_module_that_a_page_loads_is_served(hall: Hall, entry: str) -> None:
    waiting, seen = [entry], set[str]()
    while waiting:
        here = waiting.pop()
        seen.add(here)
        answer = await hall.http.get(here)
        assert answer.status_code == 200, here
        wanted = {
            posixpath.normpath(posixpath.join(posixpath.dirname(here), first or second))
            for first, second in _IMPORT.findall(answer.text)
        }
        waiting += wanted - seen
    assert {"/assets/common.js", "/assets/vendor/lit-html.js", "/assets/console/stream.js"} <= seen


async def test_the_first_page_is_the_console(hall: Hall) -> None:
    answer = await hall.http.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/console")
