"""Windows follow each other without gap or overlap in every zone, whatever the clocks do."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tollhouse.config.limits import CALENDAR
from tollhouse_budget.calendar import TOTAL_ENDS, WEEKDAYS, Calendar, Window

ZONES = sorted(available_timezones())
PERIODS = [period for period in CALENDAR if period != "total"]
instants = st.integers(-2_000_000_000, 4_102_444_800)


def at(text, zone="UTC"):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def around(zone, period, now):
    """The window of an instant, after a look at its neighbours."""
    calendar = Calendar(ZoneInfo(zone))
    window = calendar.window(period, now)
    assert window.start <= now < window.end
    assert calendar.window(period, window.start) == window == calendar.window(period, window.end - 1)
    assert calendar.window(period, window.end).start == window.end
    assert calendar.window(period, window.start - 1).end == window.start
    return window


@given(st.sampled_from(ZONES), st.sampled_from(PERIODS), instants)
@example("America/St_Johns", "day", at("2006-10-29T02:30"))
@example("Pacific/Apia", "day", at("2011-12-30T12:00"))
@example("Asia/Manila", "year", at("1844-12-31T12:00"))
def test_every_instant_is_in_exactly_one_window(zone, period, now):
    around(zone, period, now)


def test_windows_hold_around_every_change_of_the_clocks():
    """Every change of 2023 and 2024 in every zone: its second, and those before and after."""
    first, last = at("2023-01-01T00:00"), at("2025-01-01T00:00")
    changes = 0
    for zone in ZONES:
        offset = Calendar(ZoneInfo(zone))._offset
        before = offset(first)
        for day in range(first, last, 86400):
            after = offset(day + 86400)
            if after != before:
                change = next(second for second in range(day, day + 86401, 1800) if offset(second) == after)
                changes += 1
                for now in (change - 1, change, change + 1):
                    for period in ("hour", "day", "month"):
                        around(zone, period, now)
            before = after
    assert changes > 500


@given(st.sampled_from(ZONES), instants)
def test_a_window_is_what_the_wall_clock_says(zone, now):
    """Away from the changes of the clocks: a day is a date, a month a month, and so on."""
    calendar = Calendar(ZoneInfo(zone))
    day = calendar.window("day", now)
    if day.end - day.start != 86400:
        return
    noon = calendar.local((day.start + day.end) / 2)
    assert calendar.local(day.start).date() == noon.date() == calendar.local(day.end - 1).date()
    assert calendar.window("month", day.start + 43200).start <= day.start


@pytest.mark.parametrize(
    ("zone", "now", "hours"),
    [
        ("Europe/Berlin", "2026-03-29T12:00", 23),
        ("Europe/Berlin", "2026-10-25T12:00", 25),
        ("Africa/Cairo", "2024-04-26T12:00", 23),
        ("America/Havana", "2024-11-03T12:00", 25),
        ("Australia/Lord_Howe", "2024-04-07T12:00", 24.5),
        ("UTC", "2026-03-29T12:00", 24),
    ],
)
def test_a_day_has_as_many_hours_as_the_clocks_give_it(zone, now, hours):
    window = around(zone, "day", at(now, zone))
    assert (window.end - window.start) / 3600 == hours


def test_a_midnight_that_does_not_exist_begins_the_day_at_the_jump():
    window = around("Africa/Cairo", "day", at("2024-04-26T12:00", "Africa/Cairo"))
    assert datetime.fromtimestamp(window.start, ZoneInfo("Africa/Cairo")).isoformat() == "2024-04-26T01:00:00+03:00"


def test_an_hour_that_comes_twice_is_two_hours():
    first, second = at("2026-10-25T00:30"), at("2026-10-25T01:30")
    assert around("Europe/Berlin", "hour", first) == Window(at("2026-10-25T00:00"), at("2026-10-25T01:00"))
    assert around("Europe/Berlin", "hour", second) == Window(at("2026-10-25T01:00"), at("2026-10-25T02:00"))


def test_hours_are_those_of_the_wall_clock():
    window = around("Asia/Kathmandu", "hour", at("2026-01-01T12:20", "Asia/Kathmandu"))
    assert window.start == at("2026-01-01T12:00", "Asia/Kathmandu")


@pytest.mark.parametrize("first", WEEKDAYS)
def test_a_week_starts_where_it_is_told_to(first):
    window = Calendar(ZoneInfo("Europe/Berlin"), first).window("week", at("2026-11-20T12:00"))
    start = datetime.fromtimestamp(window.start, ZoneInfo("Europe/Berlin"))
    assert (WEEKDAYS[start.weekday()], start.hour) == (first, 0)
    assert window.end - window.start == 7 * 86400


def test_months_and_years_are_the_calendars():
    calendar = Calendar(UTC)
    assert calendar.window("month", at("2024-02-29T23:59")) == Window(at("2024-02-01T00:00"), at("2024-03-01T00:00"))
    assert calendar.window("year", at("2024-12-31T23:59")) == Window(at("2024-01-01T00:00"), at("2025-01-01T00:00"))


def test_the_total_never_ends_as_far_as_numbers_are_exact():
    assert Calendar().window("total", 4e9) == Window(0, TOTAL_ENDS)
    assert TOTAL_ENDS * 1_000_000 + 3_600_000_000 < 2**53
