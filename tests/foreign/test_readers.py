"""Three readers of one grammar, in Python, Go and JavaScript, say the same of every act: those to
refuse, those that hold, and spoilt ones.

Of whole records as well; in JavaScript it is the page's own reader, asked in
tests/browser/test_proof_module.py.
"""

import base64
import json
import random
import subprocess
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from playwright.async_api import async_playwright

import frames
from dragoman.domain.record import strict_json
from dragoman.domain.record.errors import Malformed
from gobuild import HERE, built_by_go, required
from patience import PATIENCE_S

pytestmark = pytest.mark.reads(
    "services/dragoman/domain/record/**",
    "schemas/samples/**",
    "tests/vectors/**",
    "tests/support/frames.py",
    "tests/foreign/strict.*",
)

VECTORS: Final[dict[str, Any]] = json.loads((HERE.parent / "vectors" / "record.json").read_text())
SAMPLES: Final = HERE.parents[1] / "schemas" / "samples" / "records"
CHROMIUM: Final = Path("/usr/bin/chromium")
_SPOILT: Final = 6_000
_PIECES: Final = (
    *(
        b"\n",
        b"\r\n",
        b" ",
        b"+",
        b"0",
        b"00",
        b"-",
        b"-0",
        b"-0.0",
        b".",
        b"1e5",
        b"1.",
        b"9007199254740992",
        b"123456789.123456789",
    ),
    *(
        b'"',
        b"'",
        b"\\",
        b"\\u0000",
        b"\\u000A",
        b"\\u0009",
        b"\\u007f",
        b"\\u202e",
        b"\\ud800",
        b"\\udc00",
        b"\\ud83d\\ude00",
        b"\\/",
        b"\\b",
    ),
    *(
        b"\x00",
        b"\x7f",
        b"\xc2\x85",
        b"\xe2\x80\xae",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\xf0\x9f\x98\x80",
        b"\xff",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
    ),
    *(
        b":",
        b"null",
        b"true",
        b"True",
        b"NaN",
        b'"a":1',
        b',"a":1,"a":2',
        b'"\\u0061":1',
        b"[" * 40 + b"]" * 40,
        b'"' + b"k" * 41 + b'":1',
    ),
)


def acts() -> list[bytes]:
    """Return the acts that the readers are asked about."""
    lots = random.Random(1954)
    sound = [
        raw[raw.index(b',"data":') + 8 : -1]
        for path in sorted(SAMPLES.glob("*.v*.json"))
        if (raw := path.read_bytes())
    ]
    sound.append(
        b'{"act":"reply","n":-1.50,"big":9007199254740991,"list":[1,true,{}],"text":"\\u00e9 \xe4\xb8\xad \\n\\t\\\\"}'
    )
    refused = [
        bytes.fromhex(each["act_hex"])
        for each in VECTORS["acts_to_refuse"]
        if each["why"] != "unknown key"
    ]
    return [
        *sound,
        *refused,
        b"",
        b"{}",
        b"[]",
        b"{} ",
        *(_spoilt(lots.choice(sound), lots) for _ in range(_SPOILT)),
    ]


def _spoilt(sound: bytes, lots: random.Random) -> bytes:
    raw = bytearray(sound)
    for _ in range(lots.randint(1, 2)):
        at = lots.randrange(len(raw) + 1)
        if lots.random() < 0.3:
            del raw[at : at + lots.randint(1, 3)]
        else:
            raw[at : at + lots.choice((0, 0, 1))] = lots.choice(_PIECES)
    return bytes(raw)


def in_python(raw: bytes) -> bool:
    """The strict reader, and the decoder that follows it."""
    try:
        strict_json.read(raw, cut=False)
        return isinstance(msgspec.json.decode(raw), dict)
    except (Malformed, msgspec.DecodeError):
        return False


def in_go(given: list[bytes], folders: pytest.TempPathFactory, *arguments: str) -> list[bool]:
    """Return the verdict of the reader in Go on each act."""
    reader = built_by_go("strict", folders)
    told = b"".join(len(raw).to_bytes(4) + raw for raw in given)
    said = (
        subprocess.run(
            [reader, *arguments], input=told, capture_output=True, check=True, timeout=PATIENCE_S
        )
        .stdout.decode()
        .split()
    )
    return [each == "yes" for each in said]


@pytest.fixture(scope="module")
def asked() -> list[tuple[bytes, bool]]:
    """Each act, and what our reader says of it."""
    found = [(raw, in_python(raw)) for raw in acts()]
    assert 300 < sum(holds for _, holds in found) < _SPOILT, "some hold, and most do not"
    return found


def test_a_reader_in_go_says_the_same(
    asked: list[tuple[bytes, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    said = in_go([raw for raw, _ in asked], tmp_path_factory)
    assert [
        (raw, holds) for (raw, holds), each in zip(asked, said, strict=True) if each != holds
    ] == []


def test_a_reader_in_go_says_the_same_of_whole_records(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    given = frames.corpus()
    said = in_go(given, tmp_path_factory, "-records")
    assert [
        (raw, holds)
        for raw, holds in zip(given, said, strict=True)
        if holds != frames.is_record(raw)
    ] == []
    assert 1_000 < sum(said) < len(said) / 2, "some hold, and most do not"


async def test_a_reader_in_javascript_says_the_same(asked: list[tuple[bytes, bool]]) -> None:
    required(CHROMIUM.exists(), "Chromium")
    module = (
        "data:text/javascript;base64,"
        + base64.b64encode((HERE / "strict.js").read_bytes()).decode()
    )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page()
        said = await page.evaluate(
            """async ([module, acts]) => {
                const { isAct } = await import(module);
                return acts.map((act) => isAct(Uint8Array.from(atob(act), (c) => c.charCodeAt(0))));
            }""",
            [module, [base64.b64encode(raw).decode() for raw, _ in asked]],
        )
        await browser.close()
    assert [
        (raw, holds) for (raw, holds), each in zip(asked, said, strict=True) if each != holds
    ] == []
