"""Errors of a post: malformed bytes, and refusals by the rules."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dragoman.text import Text, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFault:
    """One fault of a body: its place (an RFC 6901 pointer) and its description.

    `earliest` is the earliest time that passes instead; empty where no time does.
    """

    pointer: str
    detail: Text
    earliest: str = ""


class Malformed(Exception):
    """An error: the bytes are not a valid act. The poster must correct the body.

    `faults` are all faults that the reader found, and `fault` is the first of them.
    """

    def __init__(self, pointer: str, detail: Text, field_faults: Iterable[FieldFault] = ()) -> None:
        """Point at the place with an RFC 6901 pointer.

        The empty pointer is the whole body.
        """
        self.fault = FieldFault(pointer=pointer, detail=detail)
        self.faults = (self.fault, *field_faults)
        super().__init__(
            "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in self.faults)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refusal by the rules: the problem's type, the reason, and the allowed acts.

    `allowed` are the acts that may be posted instead. `faults` are the faults of single
    members.
    """

    kind: str
    detail: Text
    faults: tuple[FieldFault, ...] = ()
    allowed: tuple[str, ...] = field(default=())
    position: int | None = None

    @property
    def why(self) -> Text:
        """The reason, together with the faults of single members.

        It is for readers who do not see the faults beside it.
        """
        if not self.faults:
            return self.detail
        return of_faults(self.faults)


def of_faults(faults: Iterable[FieldFault]) -> Text:
    """Return one sentence that names each wrong member and its fault."""
    return sentence(
        "%(faults)s.",
        faults=tuple(sentence("%(pointer)s: %(detail)s", **_of(fault)) for fault in faults),
    )


def _of(fault: FieldFault) -> dict[str, object]:
    return {"pointer": fault.pointer or "/", "detail": fault.detail}


class Refused(Exception):
    """An error that carries a refusal to the one place that answers it."""

    def __init__(self, refusal: Refusal) -> None:
        """Keep the refusal."""
        super().__init__(str(refusal.detail))
        self.refusal = refusal


def make_refusal(kind: str, message: str, /, **values: Any) -> Refusal:
    """Return a refusal of a problem type.

    `message` is a sentence of the catalogues; `values` fill its placeholders.
    """
    return Refusal(kind=kind, detail=Text(message, values))


def refuse(kind: str, message: str, /, **values: Any) -> Refused:
    """Return an error that refuses a post; write `raise` before it.

    The message is a literal of the catalogues, like that of `sentence`.
    """
    return Refused(Refusal(kind=kind, detail=Text(message, values)))


def invalid(pointer: str, detail: Text) -> Refusal:
    """Return a refusal of an act whose members break a rule of its format.

    `pointer` names the member, `detail` its fault.
    """
    advice = sentence("Correct the members that the errors name, and post again.")
    return Refusal(
        kind="invalid-act", detail=advice, faults=(FieldFault(pointer=pointer, detail=detail),)
    )
