"""The state of a form: its texts, its faults, and its idempotency key.

    filled = await Filled.of(request)
    filled.wrong("office", words.say("Give the office."))
    with filled.trying("officer", office="/office"):
        await submission.record(..., key=filled.key)

A refusal inside `trying` is shown beside the field that it is about. After a fault, all
typed text is shown again. The key stays the same while it is unknown whether the form
was recorded: so sending the form again records it once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.console.page.sessions import form_of, said
from dragoman.document.blocks import Control, FormField
from dragoman.domain.record.errors import FieldFault, Malformed, Refused
from dragoman.domain.record.validation_errors import faults_of
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.i18n.words import Words
from dragoman.members.runs import Cell
from dragoman.projection.projection import NotYetApplied
from dragoman.text import Text, sentence
from dragoman_schemas.problems import TYPES

ShapeT = TypeVar("ShapeT", bound=Struct)

_CORRECTABLE: Final = frozenset(
    {
        "invalid",
        "invalid-act",
        "bad-request",
        "exists",
        "no-room",
        "too-large",
        "void",
        "key-reused",
    }
)
"""Kinds of refusals that the same person can correct in the same form."""

_AGAIN: Final = frozenset({"unavailable", "unknown-outcome", "busy", "behind", "read-only"})
"""Kinds of refusals after which the form is sent again unchanged, under the same key.
"""

_WRONG: Final = TYPES["invalid"][0]


class FormFault(Struct, frozen=True, kw_only=True):
    """A fault of a field, in the reader's language or still to be translated."""

    field: str
    detail: str | Text

    def said(self, words: Words) -> str:
        """Return the fault as a whole sentence."""
        return self.detail if isinstance(self.detail, str) else words.whole(self.detail)


class FormState:
    """One form. `status` is the HTTP status of the page that shows it."""

    def __init__(self, texts: Mapping[str, Sequence[str]] | None = None, key: str = "") -> None:
        """Start with these texts in the form; an empty key means a new key."""
        self._given = texts or {}
        self.key = key
        self.faults: list[FormFault] = []
        self.status = 200

    @classmethod
    async def of(cls, request: web.Request) -> "FormState":
        """Return the form that was sent. Raises `Refused`."""
        form = await form_of(request)
        texts = {
            name: [
                text.replace("\r\n", "\n").strip()
                for text in form.getall(name)
                if isinstance(text, str)
            ]
            for name in form
        }
        return cls(texts, said(form, "key"))

    def __getitem__(self, name: str) -> str:
        """Return the text of a field; empty for none."""
        return next(iter(self._given.get(name, ())), "")

    def all(self, name: str) -> tuple[str, ...]:
        """Return the values that were chosen in a field with several choices."""
        return tuple(self._given.get(name, ()))

    def wrong(self, field: str, detail: str | Text, *, status: int = _WRONG) -> None:
        """Note a fault of a field."""
        self.faults.append(FormFault(field=field, detail=detail))
        self.status = status

    def of_field(self, name: str) -> FormFault | None:
        """Return the first fault of a field; None for no fault."""
        return next((wrong for wrong in self.faults if wrong.field == name), None)

    def field(
        self,
        words: Words,
        control: Control,
        name: str,
        label: str,
        hint: str = "",
        options: Iterable[tuple[Cell, ...]] = (),
    ) -> FormField:
        """Return a field as it was filled in, with what is wrong with it."""
        fault = self.of_field(name)
        return FormField(
            control=control,
            name=name,
            label=label,
            hint=hint,
            fault="" if fault is None else fault.said(words),
            values=self.all(name),
            options=tuple(options),
        )

    def faults_in(self, words: Words) -> tuple[tuple[str, str], ...]:
        """Return the fields that are wrong, each with its sentence."""
        return tuple((fault.field, fault.said(words)) for fault in self.faults)

    @contextmanager
    def trying(self, first: str, **fields: str) -> Iterator[None]:
        """Turn a refusal into a fault of one of the form's fields.

        `fields` has the pointer of each field. A refusal without such a pointer goes to
        the field `first`. A refusal that no form can correct is raised.
        """
        try:
            yield
        except Malformed as error:
            self._mend("invalid-act", error.faults, first, fields)
        except Refused as error:
            if error.refusal.kind not in _CORRECTABLE | _AGAIN:
                raise
            faults = error.refusal.faults or (FieldFault(pointer="", detail=error.refusal.detail),)
            self._mend(error.refusal.kind, faults, first, fields)
        except (LogUnreachable, NotYetApplied) as error:
            kind = "behind" if isinstance(error, NotYetApplied) else "unavailable"
            again = sentence("%(error)s. Send it again: it cannot be kept twice.", error=error.said)
            self._mend(kind, (FieldFault(pointer="", detail=again),), first, fields)

    def _mend(
        self, kind: str, faults: Sequence[FieldFault], first: str, fields: Mapping[str, str]
    ) -> None:
        for fault in faults:
            names = [
                name
                for name, pointer in fields.items()
                if fault.pointer == pointer or fault.pointer.startswith(f"{pointer}/")
            ]
            self.wrong(names[0] if names else first, fault.detail, status=TYPES[kind][0])
        if kind not in _AGAIN:
            self.key = ""


def converted(fields: Mapping[str, Any], shape: type[ShapeT]) -> ShapeT:
    """Return the fields of a form as a shape. Raises `Malformed`."""
    try:
        return msgspec.convert(fields, shape)
    except msgspec.ValidationError as error:
        raise faults_of(error, msgspec.json.encode(fields), shape) from None
