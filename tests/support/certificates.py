"""Certificates for tests, and what a server shows of its own."""

import ssl
import subprocess
from collections.abc import Iterable
from pathlib import Path

from service import Gateway

MAKER = Path(__file__).parents[2] / "deploy" / "nats" / "cluster" / "certificates.sh"


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate of its own name for loopback, and its key."""
    chain, key = folder / "chain.pem", folder / "key.pem"
    made = [folder / "new-chain.pem", folder / "new-key.pem"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        f"/CN={name}",
    ]
    subprocess.run(
        [*command, "-addext", "subjectAltName=IP:127.0.0.1", "-out", made[0], "-keyout", made[1]],
        check=True,
        capture_output=True,
    )
    made[0].rename(chain)
    made[1].rename(key)
    return chain, key


def common_name(service: Gateway) -> str:
    """Return the common name on the certificate that a new connection is shown."""
    shown = ssl.get_server_certificate(("127.0.0.1", int(service.base_url.rpartition(":")[2])))
    said = subprocess.run(
        ["openssl", "x509", "-noout", "-subject"],
        input=shown,
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.strip().rpartition("=")[2].strip()


def issued(folder: Path, nodes: Iterable[str], clients: Iterable[str]) -> Path:
    """Make certificates for nodes on loopback and for clients, by the program for operators; return
    their folder. The first call makes their authority, and a further one renews certificates.
    """
    folder.mkdir(exist_ok=True)
    names = [*(f"{name}=IP:127.0.0.1" for name in nodes), *clients]
    subprocess.run(["sh", MAKER, folder, *names], check=True, capture_output=True)
    return folder
