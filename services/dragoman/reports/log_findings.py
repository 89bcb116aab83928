"""What a gateway found of a log being whole, and on whose word that rests: the first of the five answers, as sentences."""

from collections.abc import Mapping

from msgspec import Struct

from dragoman.text import Text, sentence
from dragoman_schemas.report_shapes import Checked


class LogFinding(Struct, frozen=True, kw_only=True):
    """One thing that was checked: what was found, and on whose word that rests."""

    check: Text
    found: Text
    word: Text

    @property
    def checked(self) -> Checked:
        """As the report has it: in English."""
        return Checked(check=str(self.check), found=str(self.found), word=str(self.word))


def of_records(position: int) -> LogFinding:
    """Return the records, which the gateway folded itself."""
    return LogFinding(
        check=sentence("records"),
        found=sentence("%(n)s, folded here; each is judged at its position", n=position),
        word=sentence("this gateway’s: run `dragoman audit` on your own machine to take nobody’s"),
    )


def of_no_head(error: Text) -> LogFinding:
    """Return what is sealed, where that is no head."""
    return LogFinding(
        check=sentence("head"),
        found=sentence("what is sealed is no head of this log: %(error)s", error=error),
        word=sentence("nobody’s: keep it"),
    )


def of_head(size: int, sealed: str) -> LogFinding:
    """Return the newest head, of so many records, and when it was sealed; none, where it is of no record."""
    if not size:
        return LogFinding(
            check=sentence("head"), found=sentence("none was signed yet"), word=sentence("nobody’s")
        )
    text = (
        sentence("of %(n)s records, sealed at %(t)s", n=size, t=sealed)
        if sealed
        else sentence("of %(n)s records", n=size)
    )
    return LogFinding(check=sentence("head"), found=text, word=sentence("the host’s signature"))


def of_witnesses(final: int, sides: Mapping[str, int]) -> LogFinding:
    """Return how far the log is final, and countersigned by each side's witnesses."""
    by = ", ".join(f"{side.upper()} {upto}" for side, upto in sorted(sides.items()))
    text = (
        sentence("final up to %(n)s; countersigned up to: %(by)s", n=final, by=by)
        if by
        else sentence("final up to %(n)s; countersigned by nobody yet", n=final)
    )
    return LogFinding(
        check=sentence("witnesses"),
        found=text,
        word=sentence("the sides’ own witnesses, whom every side named in this log"),
    )


def of_no_witnesses() -> LogFinding:
    """Return a log in which no witnesses are named."""
    return LogFinding(
        check=sentence("witnesses"),
        found=sentence("none are named in this log"),
        word=sentence("nobody’s: others may be shown another log"),
    )
