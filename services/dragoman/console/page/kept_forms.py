"""Forms that outlive a session: sealed for an hour and returned to their sender alone.

    officer = FormOwner("nato/o-1", frozenset({cid}))
    secret = forms.keep(officer, "/c/nato-china/compose/contact-note", body)
                                       the secret goes into a cookie
    forms.find(secret, officer)        the form, after signing in again

An officer sent such a form after the session had ended. The bytes are sealed with
AES-256-GCM under a key that only the browser's cookie holds. The gateway keeps a digest
of the key to find them. They are in memory only and never on disk. Each officer has one
form, and there are at most `KEPT_FORMS` in all: the oldest is dropped first. Only
somebody who had a session here within the hour can store a form.

An officer is a name in some channels: those of the token. Officers of two channels may
have one name and be strangers. So two tokens are the same officer's if they have the
name and a channel in common.
"""

import hashlib
import secrets
from collections.abc import Callable
from typing import Final, NamedTuple

from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from dragoman.limits import KEPT_FORM_BYTES, KEPT_FORM_SECONDS, KEPT_FORMS

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class KeptForm(NamedTuple):
    """A form as it was sent: its path, and its fields, URL-encoded."""

    path: str
    body: bytes


class FormOwner(NamedTuple):
    """The name of an officer, and the cids of the channels of their token."""

    name: str
    channels: frozenset[str]

    def is_also(self, other: "FormOwner") -> bool:
        """Return whether two tokens are of one officer."""
        if self.channels == other.channels:
            return self.name == other.name  # The operator's tokens have no channel.
        return self.name == other.name and not self.channels.isdisjoint(other.channels)


class _Sealed(Struct, frozen=True, kw_only=True):
    officer: FormOwner
    path: str
    nonce: bytes
    text: bytes
    until: float


class KeptForms:
    """The kept forms of one gateway. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start without any form."""
        self._clock = clock
        self._sealed: dict[str, _Sealed] = {}

    def keep(self, officer: FormOwner, path: str, body: bytes) -> str:
        """Seal a form of an officer in place of the previous one; return its secret.

        The secret opens the form. It is empty for a form that is too long to be kept.
        """
        if len(body) > KEPT_FORM_BYTES:
            return ""
        self._sweep()
        for place, value in list(self._sealed.items()):
            if value.officer.is_also(officer):
                del self._sealed[place]
        while len(self._sealed) >= KEPT_FORMS:
            del self._sealed[next(iter(self._sealed))]
        key, nonce = secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_NONCE_BYTES)
        text = AESGCM(key).encrypt(nonce, body, _bound(officer.name, path))
        until = self._clock() + KEPT_FORM_SECONDS
        self._sealed[_place(key.hex())] = _Sealed(
            officer=officer, path=path, nonce=nonce, text=text, until=until
        )
        return key.hex()

    def find(self, secret: str, officer: FormOwner) -> KeptForm | None:
        """Return the form for the officer who sent it.

        None for anybody else, and once the hour is over.
        """
        self._sweep()
        sealed = self._sealed.get(_place(secret))
        if sealed is None or not sealed.officer.is_also(officer):
            return None
        try:
            body = AESGCM(bytes.fromhex(secret)).decrypt(
                sealed.nonce, sealed.text, _bound(officer.name, sealed.path)
            )
        except (InvalidTag, ValueError):
            return None
        return KeptForm(sealed.path, body)

    def drop(self, secret: str) -> None:
        """Delete a form."""
        self._sealed.pop(_place(secret), None)

    def _sweep(self) -> None:
        now = self._clock()
        for place in [place for place, value in self._sealed.items() if value.until <= now]:
            del self._sealed[place]


def _place(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _bound(name: str, path: str) -> bytes:
    """Return the bytes that a seal authenticates besides the form."""
    return f"{name}\n{path}".encode()


FORMS_KEPT: Final = web.AppKey("forms_kept", KeptForms)
