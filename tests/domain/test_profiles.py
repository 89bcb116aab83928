"""The limits of the profiles, as the message catalogue has them (§2, §4, §5), in hours and days."""

import pytest

from dragoman_schemas.profiles import PROFILES, Ladder

MINUTE, HOUR, DAY = 60, 60 * 60, 24 * 60 * 60
LIMITS = {
    "echo": 10 * MINUTE,
    "meeting_answer": 7 * DAY,
    "meeting_answer_lead": 14 * DAY,
    "ladder_answer": 48 * HOUR,
    "call_answer": 48 * HOUR,
    "call_answer_flash": 1 * HOUR,
    "call_note": 24 * HOUR,
    "readout": 48 * HOUR,
    "visit_answer_lead": 21 * DAY,
    "visit_of_concern": 24 * HOUR,
    "first_update": 2 * HOUR,
    "update": 6 * HOUR,
    "final_report": 14 * DAY,
    "incident_clarification": 24 * HOUR,
    "after_activity": 30 * DAY,
    "counter_account": 7 * DAY,
    "amplification": 1 * HOUR,
    "warning_answer": 72 * HOUR,
    "warning_imminent": 2 * HOUR,
    "inquiry_answer": 48 * HOUR,
    "site_reconfirmed": 90 * DAY,
    "contact_reconfirmed": 365 * DAY,
    "second_key": 2 * HOUR,
    "activity_lead": 42 * DAY,
    "bomber_lead": 14 * DAY,
    "launch_lead": 24 * HOUR,
    "launch_campaign": 5 * DAY,
    "launch_campaign_lead": 3 * DAY,
    "launch_valid": 4 * DAY,
    "launch_report": 48 * HOUR,
    "contact_retested": 24 * HOUR,
    "area_reconfirmed": 28 * DAY,
    "area_lead": 3 * DAY,
    "movement_lead": 48 * HOUR,
    "urgent_movement_lead": 24 * HOUR,
    "first_report": 1 * HOUR,
    "encounter_report": 48 * HOUR,
    "emergency_report": 1 * HOUR,
    "area_aim": 5 * DAY,
    "all_clear": 1 * HOUR,
    "activity_change": 24 * HOUR,
    "data_change": 5 * DAY,
    "half_year": 30 * DAY,
    "data_answer": 30 * DAY,
    "planning_months": 3,
    "data_question_months": 2,
    "venue": 12 * HOUR,
}


@pytest.mark.parametrize("profile", ["default", "vienna", "shanghai"])
@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_the_catalogues_in_every_profile(name: str, profile: str) -> None:
    assert getattr(PROFILES[profile], name) == LIMITS[name]


@pytest.mark.parametrize("profile", ["default", "vienna", "shanghai"])
def test_an_acknowledgement_is_due_by_precedence_in_every_profile(profile: str) -> None:
    expected = {
        "flash": 10 * MINUTE,
        "immediate": 30 * MINUTE,
        "priority": 3 * HOUR,
        "routine": 24 * HOUR,
    }
    assert PROFILES[profile].acknowledgement == expected


def test_yearly_exchanges_have_a_last_day_in_every_profile() -> None:
    """The calendar on 15 November and force information on 15 December of the year before, the
    missile declaration on 31 March after.
    """
    expected = {
        "annual_calendar": (-1, 11, 15),
        "force_information": (-1, 12, 15),
        "missile_declaration": (0, 3, 31),
    }
    assert [profile.annual for profile in PROFILES.values()] == [expected] * 3


def test_a_ladder_is_of_vienna_or_of_shanghai_and_the_default_has_none() -> None:
    assert {name: profile.ladder for name, profile in PROFILES.items()} == {
        "default": None,
        "vienna": Ladder(answer=48 * HOUR, urgent=48 * HOUR, meeting=48 * HOUR),
        "shanghai": Ladder(answer=7 * DAY, urgent=2 * DAY, meeting=None),
    }
