"""The flows in force, a city's own flows and recordings, the drawing, and `hotline ivr` as it is typed."""

from __future__ import annotations

import wave
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from ivr import prompts
from ivr.draw import draw
from ivr.rehearsal import keys, rehearse
from ivr.shelf import SHIPPED, Places, Shelf
from tests.support.flows import AROUND, EVERYTHING, LENGTHS, PROMPTS, flow_of
from tests.unit.ivr.test_menu import engine

FLOW = (SHIPPED / "12345.yaml").read_text(encoding="utf-8")


def recording(path: Path, rate: int, level: float = -20.0) -> None:
    samples = np.sin(np.arange(rate) / rate * 2 * np.pi * 440) * np.sqrt(2) * 10 ** (level / 20) * 32767
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file, wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes(samples.astype("<i2").tobytes())


def both(folder: Path, name: str, level: float = -20.0) -> None:
    for suffix, rate in prompts.RATES.items():
        recording(folder / f"{name}{suffix}", rate, level)


# --- the flows in force ---------------------------------------------------------------------------------------------


@pytest.fixture
def city(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    (tmp_path / "prompts").mkdir()
    return tmp_path


def shelf(city: Path) -> Shelf:
    places = Places(PROMPTS, city_flows=city / "flows", city_prompts=city / "prompts")
    return Shelf(places, lambda lengths: AROUND.__class__(AROUND.desks, AROUND.numbers, AROUND.targets, lengths))


@pytest.mark.asyncio
async def test_given_a_changed_flow_when_looked_at_again_then_the_next_call_has_it_and_its_version(city: Path) -> None:
    ours = shelf(city)
    await ours.refresh()
    shipped = ours.stock.flow("12345", "12345")
    assert shipped is not None and shipped.start == "menu"
    await ours.refresh()
    assert ours.stock.flow("12345", "12345") is shipped
    (city / "flows" / "12345.yaml").write_text(FLOW.replace("start: menu", "start: police"), encoding="utf-8")
    await ours.refresh()
    changed = ours.stock.flow("12345", "12345")
    assert changed is shipped  # `menu` cannot be reached any more: refused
    (city / "flows" / "12345.yaml").write_text(FLOW.replace("seconds: 3", "seconds: 2"), encoding="utf-8")
    await ours.refresh()
    changed = ours.stock.flow("12345", "12345")
    assert changed is not None and changed.version != shipped.version


@pytest.mark.asyncio
async def test_given_a_flow_for_one_number_when_that_is_dialled_then_it_goes_before_the_line_s(city: Path) -> None:
    only = FLOW.replace("name:", "numbers: [12346]\nname:", 1)
    (city / "flows" / "one.yaml").write_text(only, encoding="utf-8")
    ours = shelf(city)
    await ours.refresh()
    one, line = ours.stock.flow("12345", "12346"), ours.stock.flow("12345", "12345")
    assert one is not None and one.numbers == ("12346",)
    assert line is not None and line.numbers == ()
    assert ours.stock.flow("110", "110") is None


@pytest.mark.asyncio
async def test_given_a_folder_that_goes_away_when_looked_at_then_what_was_in_force_stays(city: Path) -> None:
    (city / "flows" / "mine.yaml").symlink_to(city / "gone.yaml")
    ours = shelf(city)
    await ours.refresh()
    assert ours.stock.flows == {}
    (city / "flows" / "mine.yaml").unlink()
    await ours.refresh()
    assert list(ours.stock.flows) == ["12345.yaml"]


# --- recordings -----------------------------------------------------------------------------------------------------


def test_given_a_city_s_recording_when_lengths_are_read_then_its_own_counts(tmp_path: Path) -> None:
    both(tmp_path, "digits/1")
    recording(tmp_path / "digits" / "2.wav", 8000)
    (tmp_path / "digits" / "3.wav").write_bytes(b"RIFF")
    found = prompts.lengths(PROMPTS / "zh", tmp_path)
    assert found["digits/1"] == 1.0
    assert {name: found[name] for name in ("digits/2", "digits/3")} == {
        name: LENGTHS[name] for name in ("digits/2", "digits/3")
    }
    assert set(prompts.catalogue(PROMPTS)) == set(LENGTHS)


def test_given_recordings_with_mistakes_when_checked_then_each_is_named(tmp_path: Path) -> None:
    known = prompts.catalogue(PROMPTS)
    both(tmp_path, "beep")
    assert list(prompts.check_recordings(tmp_path, known)) == []
    both(tmp_path, "unknown")
    both(tmp_path, "queue-hold", level=-12.0)
    recording(tmp_path / "seat-back.wav", 16_000)
    both(tmp_path, "handoff-back", level=-200.0)
    (tmp_path / "call.mp3").write_bytes(b"ID3")
    (tmp_path / "handoff-queue.wav").write_bytes(b"RIFF")
    found = {(Path(each.file).name, each.what.split(" ")[0]) for each in prompts.check_recordings(tmp_path, known)}
    assert found == {
        ("unknown.wav", "目录中没有"), ("unknown.wav16", "目录中没有"),
        ("queue-hold.wav", "响度"), ("queue-hold.wav16", "响度"),
        ("seat-back.wav", "须为单声道"), ("seat-back.wav", "缺少"),
        ("handoff-back.wav", "没有声音"), ("handoff-back.wav16", "没有声音"),
        ("call.mp3", "须为"),
        ("handoff-queue.wav", "不是"), ("handoff-queue.wav", "缺少"),
    }  # fmt: skip
    missing = [str(each) for each in prompts.check_recordings(tmp_path / "no", known)]
    assert missing == [f"{tmp_path}/no:1:1: 没有这个文件夹 · no such folder"]


@pytest.mark.parametrize("suffix", prompts.RATES)
def test_given_all_prompts_when_their_speech_is_measured_then_they_are_equally_loud(suffix: str) -> None:
    for path in sorted((PROMPTS / "zh").rglob(f"*{suffix}")):
        with path.open("rb") as file, wave.open(file) as wav:
            level = prompts.voice_level(wav.readframes(wav.getnframes()), wav.getframerate())
        assert level == pytest.approx(prompts.LEVEL_DBFS, abs=1.0), path.name


# --- the tools ------------------------------------------------------------------------------------------------------


def test_given_every_kind_of_step_when_drawn_then_each_stands_in_the_svg_with_its_words() -> None:
    svg = draw(flow_of(EVERYTHING), prompts.catalogue(PROMPTS), LENGTHS)
    words = " ".join(text for text in ElementTree.fromstring(svg).itertext() if text.strip())
    for name in flow_of(EVERYTHING).steps:
        assert f"{name} — " in words
    assert "嘀" in words and "人工 · human: 12345" in words and "*: 110" in words


def test_given_a_flow_when_rehearsed_then_the_clock_is_the_prompts_own() -> None:
    last = list(rehearse(engine(), keys("_#_")))[-1]
    beep, wrong = LENGTHS["beep"], LENGTHS["ivr-wrong-key"]
    assert last.at == pytest.approx(beep + beep + wrong + beep + 1)
    for typed in ("_h", "_x", "_3h", "_4x", "_4", "_49", "_3", "_35", "_6123#"):
        assert list(rehearse(engine(), keys(typed)))
    with pytest.raises(ValueError, match="q"):
        list(rehearse(engine(), keys("q")))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path / "home"))
    config = tmp_path / "hotline.yaml"
    content = Path("hotline.yaml").read_text(encoding="utf-8")
    config.write_text(content + "\nmenus: {flows: flows, prompts: prompts}\n", encoding="utf-8")
    (tmp_path / "flows").mkdir()
    both(tmp_path / "prompts", "beep")
    monkeypatch.setenv("HOTLINE_CONFIG", str(config))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def run(*words: str, keys: str | None = None) -> Result:
    return CliRunner().invoke(app, ["ivr", *words], input=keys)


def test_given_sound_flows_when_checked_then_it_exits_0_and_with_a_mistake_1_and_its_place(home: Path) -> None:
    assert run("check").exit_code == 0
    (home / "flows" / "other.yaml").write_text("line: 110\n", encoding="utf-8")
    broken = run("check")
    assert broken.exit_code == 1
    assert f"{home}/flows/other.yaml:1:1: start: 缺少这一项 · is missing" in broken.stdout
    assert run("check", str(home / "flows" / "other.yaml")).stdout == broken.stdout
    assert run("check", str(SHIPPED / "12345.yaml")).exit_code == 0
    assert run("check", str(SHIPPED / "optional" / "110.yaml")).exit_code == 1
    (home / "flows" / "other.yaml").unlink()
    (home / "prompts" / "beep.wav16").unlink()
    assert "beep.wav:1:1: 缺少 beep.wav16" in run("check").stdout


def test_given_a_menu_for_110_when_the_operator_has_turned_it_on_then_it_is_sound(home: Path) -> None:
    config = home / "hotline.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("menus: {", 'menus: {lines: ["110"], '), encoding="utf-8")
    assert run("check", str(SHIPPED / "optional" / "110.yaml")).exit_code == 0
    config.write_text(text.replace("menus: {", 'menus: {lines: ["119"], '), encoding="utf-8")
    refused = run("check")
    assert refused.exit_code == 1 and "没有热线 119" in refused.output
    config.write_text(f"{text}\nnuisance: {{repeat_calls: often}}\n", encoding="utf-8")
    assert "须如 5/10 minutes" in run("check").output


def test_given_a_branch_by_day_when_the_calendar_ends_soon_then_it_is_told_and_is_no_mistake(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.calendar.known_until", lambda day: None)
    flow = "line: 12345\nname: n\nstart: d\nsteps:\n  d: {do: branch, by: day, cases: {holiday: human}}\n"
    (home / "flows" / "12345.yaml").write_text(flow, encoding="utf-8")
    told = run("check")
    assert told.exit_code == 0 and "holidays are known until" in told.stderr


def test_given_a_flow_when_drawn_then_the_svg_is_in_the_file_or_on_standard_output(home: Path) -> None:
    assert run("draw", "12345", "-o", str(home / "a.svg")).exit_code == 0
    assert (home / "a.svg").read_bytes() == run("draw", str(SHIPPED / "12345.yaml")).stdout_bytes
    assert "没有流程 999" in run("draw", "999").output
    assert run("draw", "12345", "-o", str(home / "no" / "a.svg")).exit_code == 1
    (home / "flows" / "12345.yaml").write_text("line: 1\n", encoding="utf-8")
    assert "缺少这一项" in run("draw", "12345").output


def test_given_keys_when_a_flow_is_tried_then_what_is_heard_and_where_it_ends_is_shown(home: Path) -> None:
    assert "转接 · handed to 110" in run("try", "12345", "--keys", "1").stdout
    assert "三方 · three-way 紧急 · danger" in run("try", "12345", keys="z\n*\n").stdout
    assert "(no_key)" in run("try", "12345", keys="\n").stdout
    assert "挂机 · the caller has hung up" in run("try", "12345", keys="").stdout
    busy = "  l: {do: branch, by: load, cases: [{waiting_over: 10, next: human}], otherwise: menu}\n"
    flow = FLOW.replace("start: menu", "start: l") + busy
    (home / "flows" / "busy.yaml").write_text(flow, encoding="utf-8")
    assert "0.0 s  → 人工 · a human" in run("try", str(home / "flows" / "busy.yaml"), "--waiting", "11").stdout
    assert "出错" in run("try", "12345", "--keys", "x").stdout
    assert run("try", "12345", "--keys", "q").exit_code == 1
    assert run("try", "12345", "--history", "often").exit_code == 2
    assert run("try", "12345", "--history", "repeat", "--keys", "0").exit_code == 0
