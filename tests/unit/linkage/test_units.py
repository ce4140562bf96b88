"""The units that join in: who is on duty at any time, and what is wrong in a city's list."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.load import read_units
from linkage.units import Days, Shift, Unit, Units, Why, on_duty
from tests.support.units import HEATING, LIST, WATER

ZONE = ZoneInfo("Asia/Shanghai")
FRIDAY, SATURDAY, MAKE_UP = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)


def worked(day: date) -> bool:
    return day.weekday() < 5 or day == MAKE_UP


def first(unit: Unit, day: date, clock: str) -> tuple[str, Why]:
    """Whom to call first at that local time."""
    at = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZONE)
    found = on_duty(unit, at, ZONE, worked)[0]
    return found.name, found.why


@pytest.mark.shows(34, 117)
def test_a_first_tier_units_duty_phone_is_staffed_at_all_hours() -> None:
    for day in (FRIDAY, SATURDAY):
        for clock in ("03:00", "12:00"):
            assert first(WATER.model_copy(update={"roster": ()}), day, clock) == ("供水公司", Why.DUTY_PHONE)


@pytest.mark.parametrize(
    ("day", "clock", "who"),
    [
        (FRIDAY, "08:29", ("赵联络", Why.LIAISON)),
        (FRIDAY, "08:30", ("供热公司", Why.DUTY_PHONE)),
        (FRIDAY, "17:29", ("供热公司", Why.DUTY_PHONE)),
        (FRIDAY, "17:30", ("赵联络", Why.LIAISON)),
        (SATURDAY, "12:00", ("赵联络", Why.LIAISON)),
        (MAKE_UP, "12:00", ("供热公司", Why.DUTY_PHONE)),
    ],
)
@pytest.mark.shows(35)
def test_a_second_tier_unit_is_called_by_its_duty_phone_in_working_hours_and_else_by_its_liaison(
    day: date, clock: str, who: tuple[str, Why]
) -> None:
    assert first(HEATING, day, clock) == who


@pytest.mark.parametrize(
    ("day", "clock", "who"),
    [
        (FRIDAY, "18:00", "夜班"),
        (SATURDAY, "07:59", "夜班"),
        (SATURDAY, "08:00", "供水公司"),
        (SATURDAY, "18:00", "周末班"),
        (date(2026, 10, 1), "12:00", "国庆班"),
        (date(2026, 10, 2), "03:00", "国庆班"),
        (date(2026, 10, 2), "09:00", "供水公司"),
    ],
)
@pytest.mark.shows(32)
def test_who_is_on_the_roster_is_called_first_through_the_night_and_a_date_goes_before_a_kind_of_day(
    day: date, clock: str, who: str
) -> None:
    assert first(WATER, day, clock)[0] == who


def test_given_a_shift_within_one_day_then_it_is_called_between_its_hours_alone() -> None:
    noon = Shift(name="午班", phone="13800138008", days=Days.WORKED, since=time(11), until=time(14))
    staffed = HEATING.model_copy(update={"roster": (noon,)})
    clocks = ("10:59", "11:00", "13:59", "14:00")
    assert [first(staffed, FRIDAY, clock)[0] for clock in clocks] == ["供热公司", "午班", "午班", "供热公司"]
    assert first(staffed, SATURDAY, "12:00")[0] == "赵联络"


@pytest.mark.shows(33)
def test_liaison_and_leader_come_last_and_nobody_is_named_twice() -> None:
    at = datetime(2026, 11, 20, 12, tzinfo=ZONE)
    assert [each.why for each in on_duty(WATER, at, ZONE, worked)] == [Why.DUTY_PHONE, Why.LIAISON, Why.LEADER]
    alone = HEATING.model_copy(update={"leader": HEATING.liaison, "duty_phone": HEATING.liaison.phone})
    assert [each.why for each in on_duty(alone, at, ZONE, worked)] == [Why.DUTY_PHONE]


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.sampled_from([WATER, HEATING]))
def test_there_is_always_somebody_to_call_and_each_phone_once(at: datetime, unit: Unit) -> None:
    found = on_duty(unit, at.replace(tzinfo=ZONE), ZONE, worked)
    assert found and len({each.phone for each in found}) == len(found)


def test_a_units_own_limit_holds_by_its_id_and_by_its_name() -> None:
    limit = timedelta(minutes=20)
    assert Units(units=(WATER, HEATING)).trades == {"water": limit, "供水公司": limit}
    assert Units(units=(WATER,)).unit("water") == WATER
    assert Units().unit("water") is None


# ---------------------------------------------------------------- the file


def read(tmp_path: Path, text: str) -> tuple[Units, list[str]]:
    file = tmp_path / "units.yaml"
    file.write_text(text, encoding="utf-8")
    units, mistakes = read_units(file, lambda target: target == "96116")
    return units, [f"{each.line}:{each.column}: {each.what}" for each in mistakes]


@pytest.mark.shows(36)
def test_a_sound_list_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, LIST) == (Units(units=(WATER, HEATING)), [])


def test_the_documents_example_is_sound(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "units.md").read_text(encoding="utf-8")
    units, mistakes = read(tmp_path, page.split("```yaml\n")[1].split("```")[0])
    assert [unit.id for unit in units.units] == ["water"] and mistakes == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("id: heating", "id: water", "24:9: water: 重复 · stands twice"),
        ("name: 供热公司", "name: 供水公司", "25:11: 供水公司: 重复 · stands twice"),
        ('target: "96116"', 'target: "96117"', "10:13: 96117: 没有该热线或联动号码 · no such line or linked number"),
        ("tier: second", "tier: third", "26:11: units.1.tier: Input should be 'first' or 'second'"),
        ("    area: 城区\n", "", "3:5: area: 缺少这一项 · is missing"),
        ("days: worked", "day: 2026-10-01, days: worked", "14:9: units.0.roster.0: Value error, 须填 day 或 days"),
        ('phone: "13800138001"', "phone: 无", "11:32: units.0.leader.phone: String should match pattern"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_nothing_is_taken_up(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    assert before in LIST
    units, mistakes = read(tmp_path, LIST.replace(before, after, 1))

    assert [each[: len(said)] for each in mistakes] == [said]
    assert units == Units()


def test_a_file_that_is_not_there_or_no_mapping_is_named(tmp_path: Path) -> None:
    assert read(tmp_path, "- water")[1] == ["1:1: 须为键值结构 · must be a mapping"]
    assert "读不到文件" in str(read_units(tmp_path / "gone.yaml", bool)[1][0])
