"""Catalogues in force: taken up live, never a broken one, every version kept and named."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from linkage.load import SHIPPED
from linkage.shelf import Archive, Catalogues, Taken

pytestmark = pytest.mark.asyncio

TEXT = (SHIPPED / "xingyang.yaml").read_text(encoding="utf-8")


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.own = folder / "own"
        self.own.mkdir(exist_ok=True)
        self.archive = Archive(folder / "kept")
        self.taken: list[Taken] = []
        self.catalogues = Catalogues(self.archive, self.own, self.taken.append)
        self._moment = 0

    async def with_file(self, text: str, name: str = "xingyang.yaml") -> None:
        path = self.own / name
        path.write_text(text, encoding="utf-8")
        self._moment += 1
        os.utime(path, (self._moment, self._moment))
        await self.catalogues.refresh()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


async def test_given_nothing_of_the_citys_own_then_the_shipped_ones_are_in_force(shelf: Shelf) -> None:
    await shelf.catalogues.refresh()
    await shelf.catalogues.refresh()

    assert set(shelf.catalogues.in_force) == {"bayannur", "xingyang"}
    assert [(each.before, each.after.id) for each in shelf.taken] == [(None, "bayannur"), (None, "xingyang")]


@pytest.mark.shows(6)
async def test_given_a_changed_file_then_it_is_in_force_at_once_and_the_old_version_can_still_be_read(
    shelf: Shelf,
) -> None:
    await shelf.with_file(TEXT)
    first = shelf.catalogues.in_force["xingyang"]

    await shelf.with_file(TEXT.replace("井盖缺失", "井盖缺失或松动"))

    now = shelf.catalogues.in_force["xingyang"]
    place = now.place("xy-01-01")
    assert place is not None and place.item is not None
    assert place.item.text == "井盖缺失或松动"
    assert (shelf.taken[-1].before, shelf.taken[-1].after) == (first, now)
    assert shelf.archive.version("xingyang", first.version[:6]) == first
    assert set(shelf.archive.versions("xingyang")) == {first.version, now.version}


async def test_given_a_broken_file_then_what_was_in_force_stays_and_the_place_is_told(shelf: Shelf) -> None:
    await shelf.with_file(TEXT)
    before = shelf.catalogues.in_force["xingyang"]

    with capture_logs() as logs:
        await shelf.with_file(TEXT.replace("kind: government", "kind: nonsense"))

    assert shelf.catalogues.in_force["xingyang"] == before
    assert any(each["event"] == "catalogue.refused" and ":18:11:" in each["mistake"] for each in logs), logs


async def test_given_the_service_starts_again_then_only_what_changed_meanwhile_is_news(
    shelf: Shelf, tmp_path: Path
) -> None:
    await shelf.with_file(TEXT)
    first = shelf.catalogues.in_force["xingyang"]

    again = Shelf(tmp_path)
    await again.catalogues.refresh()
    assert again.taken == []

    later = Shelf(tmp_path)
    await later.with_file(TEXT.replace("路灯故障", "路灯不亮"))
    assert [each.before for each in later.taken] == [first]

    back = Shelf(tmp_path)
    await back.with_file(TEXT)
    assert [(each.before, each.after) for each in back.taken] == [(later.taken[0].after, first)]


async def test_given_the_folder_moves_then_the_new_one_counts(shelf: Shelf, tmp_path: Path) -> None:
    await shelf.with_file(TEXT.replace("name: 荥阳", "name: 荥阳市"))
    shelf.catalogues.move(None)
    await shelf.catalogues.refresh()

    assert shelf.catalogues.in_force["xingyang"].name == "荥阳"


async def test_given_folders_that_cannot_be_used_then_it_is_loud_and_nothing_changes(
    shelf: Shelf, tmp_path: Path
) -> None:
    await shelf.catalogues.refresh()
    before = dict(shelf.catalogues.in_force)
    (shelf.own / "gone.yaml").symlink_to(tmp_path / "nowhere")

    with capture_logs() as logs:
        await shelf.catalogues.refresh()
    assert [each["event"] for each in logs] == ["catalogue.files_unreadable"]
    assert shelf.catalogues.in_force == before

    (tmp_path / "no-folder").write_text("a file")
    blocked = Catalogues(Archive(tmp_path / "no-folder"), None, shelf.taken.append)
    with capture_logs() as logs:
        await blocked.refresh()
    assert set(blocked.in_force) == {"bayannur", "xingyang"}
    assert "catalogue.not_kept" in {each["event"] for each in logs}


async def test_names_that_are_no_versions_find_nothing(shelf: Shelf) -> None:
    await shelf.catalogues.refresh()

    assert shelf.archive.version("xingyang", "../x") is None
    assert shelf.archive.version("../xingyang", "00") is None
    assert shelf.archive.version("xingyang", "zz") is None
    assert shelf.archive.versions("nowhere") == ()


async def test_it_goes_on_looking_until_it_is_cancelled(shelf: Shelf) -> None:
    looking = asyncio.create_task(shelf.catalogues.keep_fresh())
    async with asyncio.timeout(20):
        while not shelf.catalogues.in_force:
            await asyncio.sleep(0.01)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
