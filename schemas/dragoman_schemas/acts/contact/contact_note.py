"""N03 `contact-note`: a contact between the sides, written down."""

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from dragoman_schemas.act_frame import OpeningAct
from dragoman_schemas.fields import DUE, Line, People, Timestamp, Titles, Words, words_of

Form = Literal[
    "note_verbale",
    "aide_memoire",
    "bout_de_papier",
    "non_paper",
    "demarche_record",
    "letter",
    "public_statement",
    "proposal",
    "people_to_people",
    "conversation",
    "other",
]


class ContactNote(OpeningAct, frozen=True, kw_only=True, tag="contact-note"):
    """A contact between the sides: its form, and what was said."""

    form: Form
    text: Words
    form_text: Annotated[Titles, words_of("form")] | UnsetType = UNSET
    venue: Line | UnsetType = UNSET
    participants: People | UnsetType = UNSET
    reply_wanted_by: Annotated[Timestamp, DUE] | UnsetType = UNSET
