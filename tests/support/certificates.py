"""Certificates for tests, and what a server shows of its own."""

import ssl
import subprocess
from pathlib import Path

from service import Gateway


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


def issued(folder: Path, nodes: list[str], clients: list[str]) -> Path:
    """Make an authority, and certificates of it for nodes on loopback and for clients; their
    folder.
    """
    folder.mkdir()
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    new += ["-nodes", "-days", "2"]
    usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    authority = [*usage, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"]
    subprocess.run([*new, *authority], cwd=folder, check=True, capture_output=True)
    for name in (*nodes, *clients):
        files = ["-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}"]
        leaf = ["-addext", "basicConstraints=critical,CA:FALSE"]
        place = ["-addext", "subjectAltName=IP:127.0.0.1"] if name in nodes else []
        by = ["-CA", "ca.pem", "-CAkey", "ca.key"]
        subprocess.run(
            [*new, *by, *files, *leaf, *place], cwd=folder, check=True, capture_output=True
        )
    return folder
