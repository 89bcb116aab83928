"""The contact family: N03, the contact note.

open ──▶ closed · cancelled          a decline is an answer and ends nothing
"""

from typing import Final

from dragoman.domain import checks
from dragoman.domain.exchange import life
from dragoman.domain.record import Record
from dragoman.domain.refusal import Refusal
from dragoman.domain.rule import Format, Rule, Who
from dragoman_schemas.acts.contact_note import ContactNote
from dragoman_schemas.frame import Act
from dragoman_schemas.state import Exchange, Registry


def _check(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    assert isinstance(record.data, ContactNote)
    return checks.times(reply_wanted_by=record.data.reply_wanted_by)


def _title(data: Act) -> str:
    assert isinstance(data, ContactNote)
    return f"Contact, {data.form.replace('_', ' ')}"


CONTACT_NOTE: Final = Format(
    rule=Rule(act="contact-note", shape=ContactNote, family="contact", who=Who.ANY, message=True, numbered="O", check=_check),
    code="N03",
    start="open",
    moves=life(("open",), {}),
    area="general",
    defaults={},
    precedence=lambda data: "routine",
    title=_title,
)
