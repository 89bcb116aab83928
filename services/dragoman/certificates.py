"""The ends of certificates in PEM files, which metrics and `dragoman doctor` say."""

from datetime import datetime
from pathlib import Path

from cryptography import x509


def ends_of(**files: Path | str | None) -> dict[str, datetime]:
    """Return the end of the first certificate of each file, by the file's name here.

    A file that is not named or cannot be read is left out.
    """
    ends: dict[str, datetime] = {}
    for name, file in files.items():
        try:
            chain = x509.load_pem_x509_certificates(Path(file).read_bytes()) if file else []
        except (OSError, ValueError):
            continue
        if chain:
            ends[name] = chain[0].not_valid_after_utc
    return ends
