"""The contexts of a person: gateways that they call by a name, with their own tokens.

    {"current": "north", "contexts": {"north": {"server": "https://…", "token_file": "/…/north.token",
                                                "channel": "border-desk"}}}

They are in one file of the person's own settings, which only the person can read. It
names the files with the tokens, and holds none itself.
"""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.domain.record import nesting
from dragoman.eventlog.broker import write_secret
from dragoman.settings import SettingsError

FILE: Final = "contexts.json"


class SavedContext(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A gateway, and the token and the channel to use there."""

    server: str
    token_file: str
    channel: str | None = None


class SavedContexts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All contexts of a person by name, and the name of the current one."""

    current: str = ""
    contexts: dict[str, SavedContext] = {}


def read(home: Path) -> SavedContexts:
    """Return the contexts that are saved in a folder. Raises `SettingsError`."""
    path = home / FILE
    try:
        return nesting.decode(path.read_bytes(), SavedContexts)
    except FileNotFoundError:
        return SavedContexts()
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(
            f"{path} cannot be read: {error}; correct it, or delete it and add the contexts again"
        ) from None


def write(home: Path, contexts: SavedContexts) -> None:
    """Save the contexts. An interrupted call leaves the earlier file."""
    text = msgspec.json.format(msgspec.json.encode(contexts, order="sorted"), indent=1)
    write_secret(home / FILE, text + b"\n")
