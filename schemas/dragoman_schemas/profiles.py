"""The profiles that sides adopt: every limit as data, in seconds.

See `docs/spec/catalogue.md`, sections 10 to 12. `default` has every limit but a
ladder's; `vienna` and `shanghai` add one. Limits bind once every side has adopted the
same profile. Before that, those of `default` are shown as courtesy, and nothing lapses.
"""

from typing import Final

import msgspec
from msgspec import Struct

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400


ANNUAL: Final = {
    "annual_calendar": (-1, 11, 15),
    "force_information": (-1, 12, 15),
    "missile_declaration": (0, 3, 31),
}
"""The last day of each exchange of a year.

Each value is the number of years after that year, the month and the day.
"""


class Ladder(Struct, frozen=True, kw_only=True):
    """The rungs after a request for explanation, in seconds.

    They are the limits of the answer, of an urgent answer, and of each meeting.
    `meeting` is None where no meeting is owed.
    """

    answer: int
    urgent: int
    meeting: int | None


class Profile(Struct, frozen=True, kw_only=True):
    """The limits of a channel.

    `acknowledgement` is by precedence; routine counts in duty days of the side that
    owes it. A launch whose window is at least `launch_campaign` long has a lead time of
    its own. `annual` is the last day of each exchange of a year: years after it, month,
    day.
    """

    name: str
    acknowledgement: dict[str, int]
    echo: int = 10 * MINUTE
    meeting_answer: int = 7 * DAY
    meeting_answer_lead: int = 14 * DAY
    ladder_answer: int = 2 * DAY
    call_answer: int = 2 * DAY
    call_answer_flash: int = HOUR
    call_note: int = DAY
    readout: int = 2 * DAY
    visit_answer_lead: int = 21 * DAY
    visit_of_concern: int = DAY
    first_update: int = 2 * HOUR
    update: int = 6 * HOUR
    incident_clarification: int = DAY
    final_report: int = 14 * DAY
    after_activity: int = 30 * DAY
    counter_account: int = 7 * DAY
    amplification: int = HOUR
    warning_answer: int = 3 * DAY
    warning_imminent: int = 2 * HOUR
    inquiry_answer: int = 2 * DAY
    site_reconfirmed: int = 90 * DAY
    contact_reconfirmed: int = 365 * DAY
    area_reconfirmed: int = 28 * DAY
    contact_retested: int = DAY
    second_key: int = 2 * HOUR
    objection: int = 3 * DAY
    activity_lead: int = 42 * DAY
    bomber_lead: int = 14 * DAY
    launch_lead: int = DAY
    launch_campaign: int = 5 * DAY
    launch_campaign_lead: int = 3 * DAY
    launch_valid: int = 4 * DAY
    launch_report: int = 2 * DAY
    area_lead: int = 3 * DAY
    area_aim: int = 5 * DAY
    movement_lead: int = 2 * DAY
    urgent_movement_lead: int = DAY
    first_report: int = HOUR
    emergency_report: int = HOUR
    encounter_report: int = 2 * DAY
    all_clear: int = HOUR
    passed_on: int = 30 * MINUTE
    passed_on_before: int = 2 * HOUR
    completed: int = HOUR
    access_to_people: int = DAY
    inspection_answer: int = DAY
    inspection_lead: int = 36 * HOUR
    inspection_lead_most: int = 5 * DAY
    visit_report: int = 14 * DAY
    transmittal_answer: int = 90 * DAY
    activity_change: int = DAY
    data_change: int = 5 * DAY
    half_year: int = 30 * DAY
    planning_months: int = 3
    data_question_months: int = 2
    data_answer: int = 30 * DAY
    venue: int = 12 * HOUR
    annual: dict[str, tuple[int, int, int]] = msgspec.field(default_factory=lambda: dict(ANNUAL))
    ladder: Ladder | None = None


_ACKNOWLEDGEMENT: Final = {
    "flash": 10 * MINUTE,
    "immediate": 30 * MINUTE,
    "priority": 3 * HOUR,
    "routine": DAY,
}

PROFILES: Final[dict[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile(name="default", acknowledgement=_ACKNOWLEDGEMENT),
        Profile(
            name="vienna",
            acknowledgement=_ACKNOWLEDGEMENT,
            ladder=Ladder(answer=2 * DAY, urgent=2 * DAY, meeting=2 * DAY),
        ),
        Profile(
            name="shanghai",
            acknowledgement=_ACKNOWLEDGEMENT,
            ladder=Ladder(answer=7 * DAY, urgent=2 * DAY, meeting=None),
        ),
    )
}
