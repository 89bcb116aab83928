"""The headers that every answer of a gateway has."""

from collections.abc import MutableMapping


def set_headers(headers: MutableMapping[str, str], path: str, *, secure: bool) -> None:
    """Add the headers that every answer has."""
    headers["Server"] = "dragoman"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    headers.setdefault("Referrer-Policy", "no-referrer")
    if path.startswith("/v1/"):
        headers.setdefault("Cache-Control", "no-store")
    if secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
