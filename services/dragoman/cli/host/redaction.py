"""Redaction of secrets in texts that leave a host.

    redaction = Redaction([Path("data/keys"), Path("data/operator.token")])
    redaction.text("… Bearer drg_4uC2… …") == "… Bearer [removed] …"

A text loses what has the form of a secret, and every secret that is in one of the named
files, whatever its form.
"""

import base64
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

REMOVED: Final = "[removed]"

_FORMS: Final = tuple(
    re.compile(pattern, re.DOTALL | re.IGNORECASE)
    for pattern in (
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
        r"PRIVATE\+KEY\+[^\s\"']+",
        r"AGE-SECRET-KEY-1[0-9A-Z]+",
        r"\bdrg_[A-Za-z0-9_-]{16,}",
        r"\bwhs(?:ec|k)_[A-Za-z0-9+/=_-]+",
        r"\bS[ACNOUX][A-Z2-7]{40,}",
        r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",
        r"(?<=://)[^/@\s\"']+(?=@)",
        r"__(?:Host|Secure)-[A-Za-z-]+=[^;\s\"']+",
        r"(?<=authorization)[\"']?\s*[:=]\s*[\"']?(?:[a-z]+ )?[^\s\"',}]+",
        r"(?<=bearer )[^\s\"',}]+",
    )
)
"""The forms of secrets: keys, tokens, users in URLs, cookies and headers."""

_NAMED: Final = re.compile(
    r"(?P<name>[\"']?(?<![a-z_-])[a-z_-]*(?:pass(?:word|phrase)|secret|token|api[_-]?key|seed|salt|cookie)"
    r"[\"']?\s*[:=]\s*)(?P<value>\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s\"',;&}]+)",
    re.IGNORECASE,
)
"""A value whose name says that it is a secret."""

_FILE_BYTES: Final = 65_536
_SHORTEST: Final = 6
"""The length from which a line of a file of secrets is looked for: shorter ones are
common words.
"""


class Redaction:
    """The secrets of a host, and their removal from texts."""

    def __init__(self, files: Iterable[Path]) -> None:
        """Read the files of secrets. Folders are read with everything in them."""
        secrets: set[str] = set()
        for path in files:
            members = sorted(path.rglob("*")) if path.is_dir() else [path]
            for member in members:
                secrets |= _secrets_of(member)
        self._secrets = sorted(secrets, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, REMOVED)
        for form in _FORMS:
            text = form.sub(REMOVED, text)
        return _NAMED.sub(lambda match: f'{match["name"]}"{REMOVED}"', text)


def _secrets_of(path: Path) -> set[str]:
    """Return the lines of a file of secrets, and its bytes as programs write bytes."""
    try:
        with path.open("rb") as file:
            raw = file.read(_FILE_BYTES)
    except OSError:
        return set()
    secrets = {
        raw.hex(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    }
    secrets |= {line.strip() for line in raw.decode(errors="replace").splitlines()}
    return {secret for secret in secrets if len(secret) >= _SHORTEST}
