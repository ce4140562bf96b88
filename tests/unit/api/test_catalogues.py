"""Catalogues over the API: what is in force, what was, what differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.linkage_parts import Linkage, Parts
from api.settings_linkage import LinkageSettings
from linkage.load import SHIPPED
from tests.support.hall import Hall, SetClock
from tests.support.memory import MemoryRecordStore
from tests.support.orders import MemoryOrderStore

pytestmark = pytest.mark.asyncio


async def test_given_two_cities_then_both_are_listed_and_each_can_be_read(hall: Hall) -> None:
    who = hall.as_person("fang", seat="2101")

    listed = (await hall.http.get("/v1/catalogues", headers=who)).json()
    assert [(each["id"], each["edition"], each["categories"]) for each in listed] == [
        ("bayannur", "2023-04-13", 34),
        ("xingyang", "2021-04-26", 20),
    ]

    whole = (await hall.http.get("/v1/catalogues/xingyang", headers=who)).json()
    assert whole["source"]["number"] == "荥政办〔2021〕4号"
    assert whole["version"] == listed[1]["version"]

    overlaps = (await hall.http.get("/v1/catalogues/bayannur/conflicts", headers=who)).json()
    assert {"byn-a01", "byn-d06"} in [set(each["ways"]) for each in overlaps]


async def test_given_an_older_version_then_it_can_be_compared_and_another_is_not_found(
    hall: Hall, tmp_path: Path
) -> None:
    who = hall.as_person("shen")
    linkage = hall.services.linkage
    first = (await linkage.catalogue("xingyang")).version
    own = tmp_path / "own"
    own.mkdir()
    text = (SHIPPED / "xingyang.yaml").read_text(encoding="utf-8")
    (own / "xingyang.yaml").write_text(text.replace("路灯故障", "路灯不亮"), encoding="utf-8")
    linkage.catalogues.move(own)
    await linkage.catalogues.refresh()

    told = (await hall.http.get(f"/v1/catalogues/xingyang/differences?before={first}", headers=who)).json()
    assert [(each["id"], each["before"], each["after"]) for each in told["differences"]] == [
        ("xy-01-02", "路灯故障", "路灯不亮")
    ]
    old = await hall.http.get(f"/v1/catalogues/xingyang?version={first[:8]}", headers=who)
    assert old.json()["version"] == first

    gone = await hall.http.get("/v1/catalogues/xingyang?version=abcdef", headers=who)
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:hotline:problem:catalogue-not-found")


async def test_given_a_new_version_then_the_ledger_is_told_what_changed(tmp_path: Path) -> None:
    put: list[tuple[str, object]] = []
    own = tmp_path / "own"
    own.mkdir()
    parts = Parts(MemoryOrderStore(), MemoryRecordStore(), SetClock())
    settings = LinkageSettings(city="xingyang")
    linkage = Linkage(settings, own, tmp_path, lambda subject, body: put.append((subject, body)), parts)
    await linkage.catalogues.refresh()
    before = await linkage.catalogue()
    text = (SHIPPED / "xingyang.yaml").read_text(encoding="utf-8")
    (own / "xingyang.yaml").write_text(text.replace("路灯故障", "路灯不亮"), encoding="utf-8")
    await linkage.catalogues.refresh()

    after = await linkage.catalogue()
    assert put[-1] == (
        "catalogue:xingyang",
        {
            "catalogue": after.stamp,
            "before": before.stamp,
            "changes": 1,
            "changed": [["xy-01-02", "text", "路灯故障", "路灯不亮"]],
        },
    )
    assert [subject for subject, _ in put] == ["catalogue:bayannur", "catalogue:xingyang", "catalogue:xingyang"]


async def test_given_a_callers_words_then_the_advice_names_its_grounds_and_its_version(hall: Hall) -> None:
    who = hall.as_person("fang", seat="2101")
    body = {"text": "隔壁着火了", "received_by": "12345"}

    told = (await hall.http.post("/v1/advice", headers=who, json=body)).json()

    assert (told["action"], told["urgent"], told["peers"]) == ("transfer_to_110", True, ["119"])
    assert told["catalogue"] == (await hall.services.linkage.catalogue()).stamp
    assert told["rule"] == "T07"

    other = await hall.http.post("/v1/advice", headers=who, json={**body, "city": "xingyang"})
    assert other.json()["category_id"] == "xy-p4"
    assert (await hall.http.post("/v1/advice", headers=who, json={**body, "city": "paris"})).status_code == 404
