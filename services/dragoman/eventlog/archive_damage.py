"""Damage in an archive's folder: its place, and advice for a person who repairs it."""

from pathlib import Path
from typing import Final

from msgspec import Struct

DO_REPAIR: Final = (
    "`dragoman audit repair {folder}` rewrites it from the records; or put it back from a backup"
)


DO_RESTORE: Final = (
    "Put the folder back from a backup, or begin another copy in another folder, "
    "and keep this one as it is"
)


DO_ASIDE: Final = (
    "Put it back from a backup; without one, `dragoman audit repair {folder}` sets it aside"
)


DO_COSIGNED: Final = (
    "Put it back from a backup; without one, begin a witness with another key in another folder"
)


DO_PIN: Final = (
    "Put it back from a backup, or call `dragoman audit repair {folder} --cid CID "
    "--log KEY` with your own side's notes"
)


DO_OPERATOR: Final = (
    "Put it back from a backup, or rebuild the log from a side's mirror (docs/operating-faults.md)"
)


class Damage(Struct, frozen=True, kw_only=True):
    """A place at which a folder is not what was written: a file and a byte in it.

    `position` is the position of the record at that place; it is 0 if there is no
    record. `do` is the advice, in which `{folder}` stands for the folder.
    """

    file: str
    byte: int
    position: int = 0
    what: str
    do: str = DO_RESTORE


class ArchiveDamaged(Exception):
    """An archive's folder is not what was written.

    The message names the place and says what to do.
    """

    def __init__(self, folder: Path, damage: Damage) -> None:
        """Describe the damage in a folder."""
        self.folder = folder
        self.damage = damage
        where = f" (position {damage.position})" if damage.position else ""
        super().__init__(
            f"this copy is damaged: {folder / damage.file}, byte {damage.byte}{where}: "
            f"{damage.what}. {damage.do.format(folder=folder)}"
        )


def cut_notice(name: str, length: int, end: int, last: str) -> str:
    """Return the notice that bytes behind the last record or line were cut off."""
    return (
        f"{name} had {length} bytes behind its last {last}, from byte {end}, "
        "as a crash leaves: they were cut off"
    )
