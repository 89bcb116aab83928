"""The gateway's TLS certificate, read from files and read again when they change.

No restart is needed. A context that is loaded again serves the next handshake. Open
connections keep the certificate that they began with.
"""

import asyncio
import ssl
from ipaddress import ip_address
from pathlib import Path

import structlog

from dragoman.limits import POLL_SECONDS
from dragoman.settings import Http, SettingsError

log = structlog.get_logger()


class Certificate:
    """A certificate chain and its key, from PEM files."""

    def __init__(self, chain: Path, key: Path) -> None:
        """Load the files. Raises `SettingsError`."""
        self.chain, self._key = chain, key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
        self._file_stamps = self._stamps()
        try:
            self._load(self.context)
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"http.certificate, http.key: {error}; name a PEM chain and its unencrypted key"
            ) from None

    def _load(self, context: ssl.SSLContext) -> None:
        context.load_cert_chain(self.chain, self._key, password=_no_password)

    def _stamps(self) -> tuple[tuple[int, int], ...]:
        try:
            return tuple(
                (item.st_mtime_ns, item.st_ino) for item in (self.chain.stat(), self._key.stat())
            )
        except OSError:
            return ()

    async def keep_fresh(self) -> None:
        """Load the files again whenever they have changed, for ever.

        If they cannot be loaded, for example half of a pair, the old ones stay in use.
        """
        while True:
            await asyncio.sleep(POLL_SECONDS)
            stamps = self._stamps()
            if stamps not in (self._file_stamps, ()):
                self.reload()

    def reload(self) -> None:
        """Load the files again. If they cannot be loaded, the old ones stay in use."""
        self._file_stamps = self._stamps()
        try:
            # A pair that does not match must not damage the context in use.
            self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
            self._load(self.context)
        except (OSError, ValueError) as error:
            log.warning(
                "certificate.not_taken",
                reason=str(error),
                do="see that certificate and key belong together",
            )
        else:
            log.info("certificate.taken")


def _no_password() -> str:
    raise ValueError("the key is encrypted")


def is_in_clear(settings: Http, address: str) -> bool:
    """Return whether tokens cross a network unencrypted.

    That is so if the gateway listens at an address other than loopback, without its own
    TLS and without a proxy's.
    """
    if settings.certificate is not None or settings.public_url.startswith("https://"):
        return False
    return not ip_address(address.partition("%")[0]).is_loopback
