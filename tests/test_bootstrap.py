"""Checks when a process starts: the permissions of its data directory, and whether tokens cross a
network in clear.
"""

import stat
from pathlib import Path

import pytest

from dragoman import bootstrap
from dragoman.server import tls
from dragoman.settings import Http


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o777, 0o700])
def test_a_data_directory_that_was_there_is_closed_to_others(tmp_path: Path, mode: int) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(mode)
    bootstrap.initialise(data)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("address", "public_url", "certificate", "in_clear"),
    [
        ("127.0.0.1", "", None, False),
        ("::1", "", None, False),
        ("0.0.0.0", "", None, True),
        ("::", "", None, True),
        ("fe80::1%eth0", "http://gateway.example", None, True),
        ("192.0.2.1", "https://gateway.example", None, False),
        ("192.0.2.1", "", Path("certificate.pem"), False),
    ],
)
def test_tokens_in_clear_are_found_out(
    address: str, public_url: str, certificate: Path | None, *, in_clear: bool
) -> None:
    assert (
        tls.is_in_clear(Http(public_url=public_url, certificate=certificate), address) == in_clear
    )
