"""A form as it was sent: what stands in its fields, what is wrong with them, and its key, by which sending it again is sending it once.

    filled = await Filled.of(request)
    filled.wrong("office", words.say("Give the office."))
    with filled.trying("officer", office="/office"):    # what the rules refuse is said beside the field that it is about
        await posting.record(..., key=filled.key)

Whatever is wrong, everything that was typed is shown again. The key stays the same
where it is not known whether the form was kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from aiohttp import web
from msgspec import Struct

from dragoman.console.sessions import form_of, said
from dragoman.domain.record.errors import FieldFault, Malformed, Refused
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.i18n.words import Words
from dragoman.projection.projection import NotYetApplied
from dragoman.text import Text, sentence
from dragoman_schemas.problems import TYPES

_MENDED: Final = frozenset(
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
"""What the same person mends in the same form."""

_AGAIN: Final = frozenset({"unavailable", "unknown-outcome", "busy", "behind", "read-only"})
"""What is sent again as it is, under the same key."""

_WRONG: Final = TYPES["invalid"][0]


class Wrong(Struct, frozen=True, kw_only=True):
    """What is wrong with a field: said in the reader's language, or to be said in it."""

    field: str
    detail: str | Text

    def said(self, words: Words) -> str:
        """Return a sentence of its own."""
        return self.detail if isinstance(self.detail, str) else words.whole(self.detail)


class Filled:
    """One form. `status` is that of the page that shows it."""

    def __init__(self, texts: Mapping[str, Sequence[str]] | None = None, key: str = "") -> None:
        """A form with these values in it; an empty key is a new one."""
        self._given = texts or {}
        self.key = key
        self.faults: list[Wrong] = []
        self.status = 200

    @classmethod
    async def of(cls, request: web.Request) -> "Filled":
        """Return the form that was sent. Raises `Refused`."""
        form = await form_of(request)
        texts = {
            name: [
                item.replace("\r\n", "\n").strip()
                for item in form.getall(name)
                if isinstance(item, str)
            ]
            for name in form
        }
        return cls(texts, said(form, "key"))

    def __getitem__(self, name: str) -> str:
        """Return what stands in a field; empty for nothing."""
        return next(iter(self._given.get(name, ())), "")

    def all(self, name: str) -> tuple[str, ...]:
        """Return what was chosen in a field of several choices."""
        return tuple(self._given.get(name, ()))

    def wrong(self, field: str, detail: str | Text, *, status: int = _WRONG) -> None:
        """Say what is wrong with a field."""
        self.faults.append(Wrong(field=field, detail=detail))
        self.status = status

    def of_field(self, name: str) -> Wrong | None:
        """Return what is wrong with a field."""
        return next((wrong for wrong in self.faults if wrong.field == name), None)

    @contextmanager
    def trying(self, first: str, **fields: str) -> Iterator[None]:
        """Take what is refused as what is wrong: by its pointer with one of the fields, else with the first. Raises what no form mends."""
        try:
            yield
        except Malformed as error:
            self._mend("invalid-act", error.faults, first, fields)
        except Refused as error:
            if error.refusal.kind not in _MENDED | _AGAIN:
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
