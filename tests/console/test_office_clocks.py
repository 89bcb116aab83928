"""Offices: one name for a place on all pages, and an office that says *open* in its hours only."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.console.display.act_display import Display
from dragoman.console.display.office_clocks import Office, place_of, places
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.i18n.words import words
from dragoman.office.people.contacts import standing_of
from dragoman_schemas.acts.contact.liaison_office import LiaisonOffice

HOURS = {
    "days": ["mon", "tue", "wed", "thu", "fri"],
    "from": "08:00",
    "to": "18:00",
    "zone": "Asia/Shanghai",
}
BEIJING = Office(
    side="china",
    seat="Beijing",
    zone="Asia/Shanghai",
    opens="08:00",
    closes="18:00",
    days=tuple(HOURS["days"]),
    is_known=True,
    exchange="e",
)


def test_a_time_is_at_the_seat_of_the_office_and_not_at_the_city_of_its_zone() -> None:
    shown = Display(words("en"), [BEIJING]).time("2026-11-27T16:19:00Z")
    assert "Beijing\N{NO-BREAK SPACE}00:19" in shown and "Shanghai" not in shown
    assert "Beijing" in Display(words("en"), [BEIJING]).hours(HOURS)
    assert "Beijing" in Display(words("en")).hours(HOURS), "one name for the time of all China"


@pytest.mark.parametrize(
    ("seat", "zone", "named"),
    [
        ("Beijing", "Asia/Shanghai", ("Beijing", "Pékin", "北京")),
        ("Brussels", "Europe/Brussels", ("Brussels", "Bruxelles", "布鲁塞尔")),
        ("Fort X-1", "Europe/Brussels", ("Fort X-1", "Fort X-1", "Fort X-1")),
        ("", "Europe/Brussels", ("Brussels", "Bruxelles", "布鲁塞尔")),
        ("", "Asia/Shanghai", ("Beijing", "Pékin", "北京")),
        ("", "UTC", ("NATO", "NATO", "NATO")),
    ],
)
def test_a_place_is_named_in_the_readers_language_where_it_has_a_name_for_it(
    seat: str, zone: str, named: tuple[str, ...]
) -> None:
    assert (
        tuple(
            place_of(Office(side="nato", seat=seat, zone=zone), words(each))
            for each in ("en", "fr", "zh")
        )
        == named
    )


def test_two_offices_in_one_zone_share_its_time() -> None:
    offices = [
        Office(side=side, seat=seat, zone="Europe/Brussels")
        for side, seat in (("nato", "Brussels"), ("osce", "Mons"))
    ]
    assert places([*offices, Office(side="china")], words("en")) == {
        "Europe/Brussels": "Brussels / Mons"
    }


@given(st.integers(0, 365 * 24 * 60))
def test_an_office_is_open_in_its_hours_only(minutes: int) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    standing, level = standing_of("open", BEIJING, words("en"), moment)
    if BEIJING.state(moment) == "office_hours":
        assert (standing, level) == ("open", "normal")
    else:
        assert standing.startswith("closed now, ")
        assert "opens " in standing
        assert level == "off"


def test_a_day_off_is_said_beside_when_the_office_opens() -> None:
    friday = datetime(2026, 11, 27, 16, 28, tzinfo=UTC)
    standing, _ = standing_of("open", BEIJING, words("en"), friday)
    assert (
        standing.replace("\N{NO-BREAK SPACE}", " ")
        == "closed now, day off, opens 30 Nov 2026 00:00Z"
    )


def test_the_title_of_an_office_names_its_city_in_the_readers_language() -> None:
    def title(seat: str) -> list[str]:
        text = FORMATS["liaison-office"].title(
            LiaisonOffice(side="china", seat=seat, status="open")
        )
        return [words(each).sentence(text) for each in ("en", "fr", "zh")]

    assert title("Beijing") == [
        "Liaison office of CHINA in Beijing",
        "Bureau de liaison de CHINA à Pékin",
        "CHINA驻北京联络处",
    ]
    assert "Port-au-Prince" in title("Port-au-Prince")[0], "a name keeps its hyphens"
