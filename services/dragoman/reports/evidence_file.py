"""An evidence file as HTML: its data between two marks of a page.

A reader of the data trusts nothing else of the page.
"""

from typing import Final

import msgspec

from dragoman.domain.record import nesting
from dragoman.text import Text, sentence
from dragoman_schemas.evidence import EvidenceFile

FILE_BYTES: Final = 64 * 1024 * 1024
"""Bytes of an evidence file that is read. Those that are written are far smaller."""

_BEGIN: Final = b'<script type="application/json" id="evidence">'
_END: Final = b"</script>"
_LAST: Final = b"</html>"
_TRUNCATED: Final = "Input data was truncated"


class NotEvidence(Exception):
    """A file that is not an evidence file; the message says why."""

    def __init__(self, reason: Text) -> None:
        """Keep the reason."""
        super().__init__(str(reason))
        self.reason = reason


class EvidenceCut(NotEvidence):
    """An evidence file of which a part is missing: it was not saved or sent whole."""

    def __init__(self) -> None:
        """Say that nothing follows from the file."""
        super().__init__(
            sentence("a part of it is missing, so nothing in it was verified; fetch it again")
        )


def is_page(beginning: bytes) -> bool:
    """Return whether a file that begins so is a page, as an evidence file is."""
    return beginning.lstrip()[:9].lower() == b"<!doctype"


def data_of(evidence: EvidenceFile) -> str:
    """Return the data of an evidence file, which no page takes for its own marks."""
    return msgspec.json.encode(evidence).decode().replace("<", "\\u003c")


def read(raw: bytes) -> EvidenceFile:
    """Return the data of an evidence file. Raises `EvidenceCut`, `NotEvidence`."""
    if not raw.rstrip().lower().endswith(_LAST):
        raise EvidenceCut
    _, mark, rest = raw.partition(_BEGIN)
    data, end, _ = rest.partition(_END)
    if not mark or not end or _BEGIN in rest:
        raise NotEvidence(sentence("it has not exactly one block of evidence"))
    try:
        return nesting.decode(data, EvidenceFile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        if str(error) == _TRUNCATED:
            raise EvidenceCut from None
        raise NotEvidence(sentence("its evidence cannot be read: %(error)s", error=error)) from None
