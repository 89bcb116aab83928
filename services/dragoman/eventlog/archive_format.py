"""The format of an archive's folder: lengths in its files, and names of its files."""

from typing import Final

from msgspec import Struct

HASH: Final = 32
"""The bytes of a leaf in `leaves`."""


OFFSET: Final = 8
"""The bytes of an end in `offsets`."""


LENGTH: Final = 4
"""The bytes of a length in `records`."""


ERASED: Final = 1 << 31
"""A bit in a length: an entry follows, which stands for an erased record."""


PINNED: Final = "pinned.json"


COVERING: Final = "covering"


COSIGNED: Final = "cosigned"


RESTORED_HEAD: Final = "restored-head"
"""The newest head that had settled in a copy before a restoration emptied it."""


FORMAT: Final = 2
"""The format of mirrors with digests beside their small files.

A mirror of this format also has a signed head over all of its records.
"""


AHEAD: Final = "erasures-ahead.json"


CONTRADICTIONS: Final = "contradiction-*.note"


HANDOVERS: Final = "handovers.json"
"""The handovers of the log to other keys, as far as they are followed here."""


SUMMED: Final = (PINNED, "sealed", COVERING, COSIGNED, AHEAD, HANDOVERS)
"""The files of a mirror and a witness that have digests beside them.

Contradictions have digests beside them as well.
"""


class Pinned(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The channel and log key of a mirror, from its side's notes, and its format."""

    cid: str
    log: str
    format: int = 1
