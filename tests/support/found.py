"""A search for the files that hold some bytes. Erased bytes must be in none of them."""

import base64
from pathlib import Path


def holding(folder: Path, *needles: bytes) -> list[str]:
    """The files below a folder that hold one of these, as UTF-8, UTF-16, hexadecimal or base64 at
    any offset.
    """
    wanted = [form for needle in needles for form in _forms(needle)]
    while True:
        try:
            return sorted(
                str(path.relative_to(folder))
                for path in folder.rglob("*")
                if path.is_file() and _has(path, wanted)
            )
        except FileNotFoundError:
            continue  # a broker writes its files anew under other names: what was seen of them is not whole


def _has(path: Path, wanted: list[bytes]) -> bool:
    content = path.read_bytes()
    return any(form in content for form in wanted)


def _forms(needle: bytes) -> list[bytes]:
    encoded = [
        base64.b64encode(b"\0" * offset + needle)[4 if offset else 0 :] for offset in range(3)
    ]
    return [
        needle,
        needle.decode().encode("utf-16-le"),
        needle.hex().encode(),
        *(form.rstrip(b"=")[:-1] for form in encoded),
    ]
