"""What can be wrong with a post, sorted by whose fault it is and what the poster should do."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dragoman.text import Text, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFault:
    """One thing wrong with a body: where (an RFC 6901 pointer) and what."""

    pointer: str
    detail: Text


class Malformed(Exception):
    """The bytes are no act: where, and why; `faults` are all that were found, the first of them `fault`. The poster mends the body."""

    def __init__(self, pointer: str, detail: Text, field_faults: Iterable[FieldFault] = ()) -> None:
        """Point at the place with an RFC 6901 pointer; the empty one is the whole body."""
        self.fault = FieldFault(pointer=pointer, detail=detail)
        self.faults = (self.fault, *field_faults)
        super().__init__(
            "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in self.faults)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A legal reading of the rules that says no: the problem's type, the reason, and the acts that are allowed instead."""

    kind: str
    detail: Text
    faults: tuple[FieldFault, ...] = ()
    allowed: tuple[str, ...] = field(default=())
    position: int | None = None

    @property
    def why(self) -> Text:
        """The reason with what is wrong with which member, for whoever does not see the faults beside it."""
        if not self.faults:
            return self.detail
        return of_faults(self.faults)


def of_faults(faults: Iterable[FieldFault]) -> Text:
    """Return what is wrong with which member, in one sentence."""
    return sentence(
        "%(faults)s.",
        faults=tuple(sentence("%(pointer)s: %(detail)s", **_of(fault)) for fault in faults),
    )


def _of(fault: FieldFault) -> dict[str, object]:
    return {"pointer": fault.pointer or "/", "detail": fault.detail}


class Refused(Exception):
    """Carries a refusal out of the shell to the one place that answers it."""

    def __init__(self, refusal: Refusal) -> None:
        """Keep the refusal."""
        super().__init__(str(refusal.detail))
        self.refusal = refusal


def make_refusal(kind: str, message: str, /, **values: Any) -> Refusal:
    """Return a refusal of a problem type, with a sentence of the catalogues and its values."""
    return Refusal(kind=kind, detail=Text(message, values))


def refuse(kind: str, message: str, /, **values: Any) -> Refused:
    """Return an error that refuses a post; write `raise` before it.

    The message is a literal of the catalogues, like that of `sentence`.
    """
    return Refused(Refusal(kind=kind, detail=Text(message, values)))


def invalid(pointer: str, detail: Text) -> Refusal:
    """Return the act's members contradict a rule of its format."""
    mend = sentence("Mend what the errors name and post again.")
    return Refusal(
        kind="invalid-act", detail=mend, faults=(FieldFault(pointer=pointer, detail=detail),)
    )
