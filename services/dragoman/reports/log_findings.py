"""The findings of a gateway about its log being whole, as sentences.

They are the first of the five answers. Each says on whose word it rests.
"""

from collections.abc import Mapping

from msgspec import Struct

from dragoman.text import Text, sentence
from dragoman_schemas.report_shapes import Checked


class LogFinding(Struct, frozen=True, kw_only=True):
    """One check of a log: its finding, and on whose word that rests."""

    check: Text
    found: Text
    word: Text

    @property
    def checked(self) -> Checked:
        """Return the finding as the report contains it: in English."""
        return Checked(check=str(self.check), found=str(self.found), word=str(self.word))


def of_records(position: int) -> LogFinding:
    """Return the finding about the records, which the gateway folded itself."""
    return LogFinding(
        check=sentence("records"),
        found=sentence("%(n)s, folded here; each is judged at its position", n=position),
        word=sentence("this gateway’s: run `dragoman audit` on your own machine to take nobody’s"),
    )


def of_no_head(error: Text) -> LogFinding:
    """Return the finding about a stored head that is not valid."""
    return LogFinding(
        check=sentence("head"),
        found=sentence("the stored head is not a valid head of this log: %(error)s", error=error),
        word=sentence("nobody’s: keep it"),
    )


def of_head(size: int, sealed: str) -> LogFinding:
    """Return the finding about the newest head, of so many records.

    `sealed` is the time at which it was stored. A size of 0 means that there is no
    head.
    """
    if not size:
        return LogFinding(
            check=sentence("head"),
            found=sentence("no head is signed yet"),
            word=sentence("nobody’s"),
        )
    text = (
        sentence("of %(n)s records, sealed at %(t)s", n=size, t=sealed)
        if sealed
        else sentence("of %(n)s records", n=size)
    )
    return LogFinding(check=sentence("head"), found=text, word=sentence("the host’s signature"))


def of_witnesses(final: int, sides: Mapping[str, int]) -> LogFinding:
    """Return the finding about witnesses.

    It says up to where the log is countersigned, and up to where it is final.
    """
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
    """Return the finding about a log that names no witnesses."""
    return LogFinding(
        check=sentence("witnesses"),
        found=sentence("this log names no witnesses"),
        word=sentence("nobody’s: others may be shown another log"),
    )
