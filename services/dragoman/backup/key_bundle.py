"""The keys of a host, sealed to `age` recipients.

The bundle is a tar file of the folder `keys` and of `operator.token`, encrypted by
`age`. So a person can open it without this program:

    age --decrypt --identity backup.key pieces/<sha256> | tar --extract
"""

import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pyrage

from dragoman.backup.manifest import BackupError
from dragoman.eventlog.broker import write_secret

_OPERATOR_TOKEN: Final = PurePosixPath("operator.token")


def read(data: Path, keys: Path) -> dict[str, bytes]:
    """Return the keys of a data directory, by their path in it.

    `keys` is the folder with the keys of the broker's users, which may be elsewhere.
    """
    paths = {
        **{f"keys/{path.name}": path for path in keys.glob("nats-*.nk")},
        **{
            str(path.relative_to(data)): path
            for path in (data / "keys").rglob("*")
            if path.is_file() and not path.name.startswith(".")
        },
        **{path.name: path for path in [data / "operator.token"] if path.exists()},
    }
    return {name: path.read_bytes() for name, path in sorted(paths.items())}


def digest_of(files: Mapping[str, bytes]) -> str:
    """Return a digest of all names and contents."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


def check_recipients(texts: Sequence[str]) -> list[Any]:
    """Return the recipients of that name. Raises `BackupError`."""
    return [_recipient(text) for text in texts]


def seal(files: Mapping[str, bytes], recipients: Sequence[str]) -> bytes:
    """Return a bundle that only the recipients can open. Raises `BackupError`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o600
            tar.addfile(info, io.BytesIO(content))
    sealed: bytes = pyrage.encrypt(buffer.getvalue(), check_recipients(recipients))
    return sealed


def unseal(sealed: bytes, identity: Path) -> dict[str, bytes]:
    """Return the keys in a bundle, by their paths. Raises `BackupError`."""
    try:
        text = identity.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"{identity} cannot be read: {error}") from None
    try:
        plain: bytes = pyrage.decrypt(sealed, _identities(text, identity))
    except pyrage.DecryptError as error:
        raise BackupError(
            f"the keys in the backup cannot be opened with {identity} ({error}): "
            "name the identity of one of the recipients"
        ) from None
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        for member in tar:
            path, content = PurePosixPath(member.name), tar.extractfile(member)
            is_key = len(path.parts) > 1 and path.parts[0] == "keys" and ".." not in path.parts
            if content is None or not (is_key or path == _OPERATOR_TOKEN):
                raise BackupError(f"the sealed keys have a file {member.name}, which no host has")
            files[str(path)] = content.read()
    return files


def write(data: Path, files: Mapping[str, bytes]) -> None:
    """Write the keys into a data directory, each readable by its owner alone."""
    for name, content in files.items():
        write_secret(data / name, content)


def _recipient(text: str) -> Any:
    try:
        if text.startswith("ssh-"):
            return pyrage.ssh.Recipient.from_str(text)
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise BackupError(
            f"{text[:80]} is not a recipient of age ({error}): name one like age1…, which "
            "`age-keygen` prints, or a public key of ssh"
        ) from None


def _identities(text: str, path: Path) -> list[Any]:
    try:
        if "PRIVATE KEY-----" in text:
            return [pyrage.ssh.Identity.from_buffer(text.encode())]
        return [
            pyrage.x25519.Identity.from_str(line.strip())
            for line in text.splitlines()
            if line.strip() and not line.startswith("#")
        ]
    except pyrage.IdentityError as error:
        raise BackupError(
            f"{path} is not an identity of age ({error}): name the file that `age-keygen` made"
        ) from None
