"""The kinds of office, and what the pages of each show at first.

    OFFICE_KINDS["hotline"].forms       the forms that the menu lists at first
    OFFICE_KINDS["hotline"].shows(part) whether a page or a block of the board is open

A side chooses one of them for each channel. It decides nothing else: the rules, the
API and the records are the same. A form outside the table is in the list of all forms,
a page in the menu, and a block of the board unfolds. The search field finds all of
them. Acts in an exchange, and all that somebody owes, are in no such table: every
office shows them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dragoman.domain.views.offers import INCIDENT, MENU
from dragoman.text import Text, sentence


@dataclass(frozen=True, kw_only=True)
class OfficeKind:
    """A kind of office: its name, its purpose, and what it shows at first.

    `forms` are acts that open an exchange. `parts` are pages and blocks of the board.
    """

    label: Text
    purpose: Text
    forms: frozenset[str]
    parts: frozenset[str]

    def shows(self, part: str) -> bool:
        """Return whether a page is in the navigation, or a block of the board open."""
        return part in self.parts


PAGES: Final = ("board", "inbox", "meetings", "dialogue", "people", "reports", "audit")
"""The pages of the navigation, in their order."""

BLOCKS: Final = ("day", "channels", "since")
"""The blocks of the board that say neither what is owed nor what is in force."""

_HOTLINE: Final = frozenset(
    {
        INCIDENT,
        "immediate-notification",
        "emergency-notification",
        "call-request",
        "call-record",
        "contact-note",
        "point-of-contact",
        "line-check",
    }
)
_TALKS: Final = _HOTLINE | {
    "meeting-request",
    "visit-request",
    "visit-invitation",
    "undertaking",
    "explanation-request",
    "public-line",
    "tasking",
    "instruction-request",
}

# fmt: off
OFFICE_KINDS: Final[Mapping[str, OfficeKind]] = {
    "hotline": OfficeKind(
        label=sentence("Hotline"),
        purpose=sentence("Incidents, calls and the line between duty officers."),
        forms=_HOTLINE,
        parts=frozenset({"board", "inbox", "people"}),
    ),
    "talks": OfficeKind(
        label=sentence("Talks"),
        purpose=sentence("As Hotline, and meetings, visits and undertakings."),
        forms=_TALKS,
        parts=frozenset({"board", "inbox", "meetings", "people", "reports", "day", "channels"}),
    ),
    "full": OfficeKind(
        label=sentence("Full"),
        purpose=sentence("Every form, every page and every block."),
        forms=frozenset(offer.act for offer in MENU),
        parts=frozenset({*PAGES, *BLOCKS}),
    ),
}
"""The kinds of office, from the smallest to the largest."""
# fmt: on

UNANSWERED: Final = "full"
"""The kind of an office that has not chosen one."""
