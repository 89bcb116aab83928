"""Hostile messages: bytes made to hurt whoever reads them, each with a name, the same every time.

    for name, raw in corpus():           every shape once, small
    for name, raw in more(Random(7)):    without end, larger and mixed at random

They are put into a log as they are, and sent as bodies to every operation. None of them is a
record; but for those in `harmless` none is an act.
"""

import json
from collections.abc import Iterator
from random import Random
from typing import Final

from samples import SAMPLES
from world import NOTE, World, compact

Named = tuple[str, bytes]

LARGEST: Final = 524_288
"""Bytes of the largest message that a stream takes."""

DEPTHS: Final = (33, 34, 64, 990, 1_000, 5_000, 100_000)
"""Around what is allowed, around what Python's interpreter allows itself, and far beyond."""

_ACT: Final = compact(NOTE)


def _record() -> bytes:
    """A record as it stands in a log."""
    world = World()
    world.open("nato/o-1", NOTE)
    return world.raws[-1]


RECORD: Final = _record()
_ENVELOPE: Final = RECORD.partition(b',"data":')[0]


def _with_act(act: bytes) -> bytes:
    return _ENVELOPE + b',"data":' + act + b"}"


def _shapes(depth: int) -> Iterator[Named]:
    """Brackets in brackets, so many; ended and not."""
    objects, mixed = b'{"a":' * depth, b'[{"a":' * (depth // 2)
    yield "arrays", b"[" * depth + b"]" * depth
    yield "arrays-unended", b"[" * depth
    yield "objects", objects + b"1" + b"}" * depth
    yield "objects-unended", objects
    yield "mixed", mixed + b"1" + b"}]" * (depth // 2)
    yield "spaced", b"[ \n\t" * depth + b" ]" * depth
    yield "many-beside", b"[" + b",".join([b"[" * depth + b"]" * depth] * 3) + b"]"
    yield "after-a-string", b'["\\"[[",' + b"[" * depth + b"]" * depth + b"]"
    yield "wrongly-ended", b"[" * depth + b"}" * depth


def nested() -> Iterator[Named]:
    """Nesting, alone and at every place of a record and of an act."""
    for depth in DEPTHS:
        for shape, raw in _shapes(depth):
            if len(raw) <= LARGEST // 2:
                yield f"{shape}-{depth}", raw
    for depth in (32, 33, 1_000, 30_000):
        for shape, raw in list(_shapes(depth))[:5]:
            yield f"the-act-is-{shape}-{depth}", _with_act(raw)
            yield (
                f"a-member-of-an-act-is-{shape}-{depth}",
                _with_act(_ACT[:-1] + b',"more":' + raw + b"}"),
            )
            yield f"act-with-{shape}-{depth}", _ACT[:-1] + b',"text2":' + raw + b"}"
            yield f"a-member-before-is-{shape}-{depth}", b'{"more":' + raw + b"," + RECORD[1:]
            yield f"a-member-after-is-{shape}-{depth}", RECORD[:-1] + b',"more":' + raw + b"}"
            yield (
                f"the-time-is-{shape}-{depth}",
                RECORD.replace(b'"time":"', b'"time":' + raw + b',"x":"', 1),
            )
            if 5 * len(raw) < LARGEST:
                yield (
                    f"under-every-name-{shape}-{depth}",
                    b'{"name":%b,"act":%b,"actor":%b,"sides":%b,"channels":%b}' % ((raw,) * 5),
                )


def numbers() -> Iterator[Named]:
    """Numbers that are large, long, or none."""
    digits = b"9" * 400
    for name, number in (
        ("digits", digits),
        ("negative", b"-" + digits),
        ("many-digits", b"7" * 5_000),
        ("decimals", b"0." + digits),
        ("both", digits + b"." + digits),
        ("exponent", b"1e999999"),
        ("negative-exponent", b"1E-999999"),
        ("long-exponent", b"1e" + digits),
        ("nan", b"NaN"),
        ("infinity", b"-Infinity"),
        ("minus-zero", b"-0"),
        ("zeros", b"0" * 400),
        ("beyond-64-bits", b"18446744073709551616"),
    ):
        yield f"number-{name}", number
        for member in (b"casualties", b"upto", b"lat", b"expires", b"limit"):
            yield (
                f"number-{name}-{member.decode()}",
                b'{"act":"hazardous-incident","%b":%b,"place":{"lat":%b,"lon":1}}'
                % (member, number, number),
            )
        yield f"number-{name}-in-a-record", _with_act(_ACT[:-1] + b',"n":' + number + b"}")
        yield (
            f"number-{name}-decided",
            RECORD.replace(b'"decided":"', b'"decided":%b,"x":"' % number, 1),
        )


def texts() -> Iterator[Named]:
    """Bytes that are no text, and texts that no reader should take."""
    for name, raw in (
        ("lone-ff", b"\xff"),
        ("overlong", b"\xc0\xaf"),
        ("overlong-nul", b"\xe0\x80\x80"),
        ("surrogate", b"\xed\xa0\x80"),
        ("beyond", b"\xf4\x90\x80\x80"),
        ("cut-off", b"\xf0\x9f\x98"),
        ("continuation", b"\x80\x80\x80"),
        ("nul", b"\x00"),
        ("escaped-nul", b"\\u0000"),
        ("lone-escape", b"\\ud800"),
        ("lone-low-escape", b"\\udc00"),
        ("turned-escapes", b"\\udc00\\ud800"),
        ("half-escape", b"\\u12"),
        ("no-escape", b"\\x41"),
        ("bidi", "\u202e\u2066".encode()),
        ("controls", bytes(range(1, 32))),
        ("brackets", b"[{" * 400),
        ("odd-backslashes", b"\\" * 401),
        ("even-backslashes", b"\\" * 400),
        ("many-backslashes", b"\\" * 100_001),
        ("long", b"x" * 250_000),
    ):
        yield f"text-{name}", b'{"act":"contact-note","form":"conversation","text":"%b"}' % raw
        yield (
            f"text-{name}-in-a-record",
            _with_act(b'{"act":"contact-note","form":"conversation","text":"%b"}' % raw),
        )
        yield f"text-{name}-in-an-envelope", RECORD.replace(b'"actor":"', b'"actor":"' + raw, 1)
        yield f"text-{name}-as-an-act", b'{"act":{"act":"%b"},"exchange":""}' % raw
        yield f"text-{name}-in-an-act", b'{"act":{"act":"contact-note","text":"%b"}}' % raw
        yield f"text-{name}-in-a-name", b'{"act":"contact-note","%b":1}' % raw
    for encoding in ("utf-8-sig", "utf-16", "utf-16-be", "utf-32"):
        yield f"record-in-{encoding}", RECORD.decode().encode(encoding)
        yield f"deep-in-{encoding}", ("[" * 1_000 + "]" * 1_000).encode(encoding)


def names() -> Iterator[Named]:
    """Names that are given twice, or very often, or are very long."""
    yield (
        "twice-in-an-act",
        b'{"act":"contact-note","act":"erasure","form":"conversation","text":"x"}',
    )
    yield "twice-in-a-record", RECORD.replace(b'"id":', b'"id":"x","id":', 1)
    yield "data-twice", RECORD[:-1] + b',"data":' + _ACT + b"}"
    yield "act-twice-in-a-record", _with_act(b'{"act":"contact-note",' + _ACT[1:])
    yield "many-names", b"{" + b",".join(b'"k%d":1' % number for number in range(20_000)) + b"}"
    yield "the-same-name", b"{" + b",".join([b'"act":"x"'] * 20_000) + b"}"
    yield "long-name", b'{"' + b"k" * 200_000 + b'":1}'
    yield "no-name", b'{"":1}'
    yield "no-act", b'{"act":7}'
    yield "long-act", b'{"act":"' + b"x" * 200_000 + b'"}'
    yield "odd-act", b'{"act":"../../%00\\n"}'


def lookalikes() -> Iterator[Named]:
    """Yield messages that are nearly a record, or nearly another thing that a log may hold."""
    entry = b"dragoman-entry/v1\nindex %b\ncommit " + b"ab" * 32 + b"\n"
    for index in (b"0", b"1", b"9" * 15, b"9" * 40, b"-1", b"x"):
        yield f"leaf-entry-{index[:20].decode()}", entry % index
    yield "leaf-entry-cut", entry[:40]
    for act in (b"erasure", b"erasure-consent", b"channel-opening", b"nothing-known"):
        for version in (b"v1", b"v2", b"v9999", b"v99999999999999999999"):
            yield (
                f"of-type-{act.decode()}-{version.decode()[:9]}",
                RECORD.replace(b"dragoman.contact-note.v1", b"dragoman.%b.%b" % (act, version), 1),
            )
    attempt = compact(
        {
            "act": "call-attempt",
            "post": "duty officer",
            "means": "telephone",
            "outcome": "no_answer",
        }
    )
    for form, number, sound in (
        ("contact-note", 1, _ACT),
        ("call-attempt", 1, attempt),
        ("call-attempt", 2, attempt),
    ):
        for turn, rest in enumerate(
            (
                b"",
                b',"data":{}',
                b',"data":' + attempt,
                b',"data":1',
                b"}",
                b"{}",
                b',"data":"\\ud800"',
            )
        ):
            raw = _with_act(sound + rest).replace(
                b"dragoman.contact-note.v1", b"dragoman.%b.v%d" % (form.encode(), number), 1
            )
            yield (
                f"{form}-{number}-goes-on-{turn}",
                raw.replace(b"schema:contact-note:1", b"schema:%b:%d" % (form.encode(), number), 1),
            )
    yield "mark-of-an-erasure", b',"type":"dragoman.erasure.v1","type":"dragoman.erasure.v'
    yield "erasure-of-brackets", b',"type":"dragoman.erasure.v1",' + b"[" * 1_000
    yield "the-same-record", RECORD
    yield "line-feeds", RECORD.replace(b",", b",\n")
    yield "returns", RECORD.replace(b",", b",\r", 1)
    yield "two-records", RECORD + RECORD
    yield "two-lines", RECORD + b"\n" + RECORD
    yield "junk-line", b'{"junk":"00"}'
    for cut in (1, 2, len(RECORD) // 3, len(RECORD) // 2, len(RECORD) - 2, len(RECORD) - 1):
        yield f"cut-at-{cut}", RECORD[:cut]
    for at in range(0, len(RECORD), 37):
        yield f"bit-at-{at}", RECORD[:at] + bytes([RECORD[at] ^ 4]) + RECORD[at + 1 :]
    for name, sample in list(SAMPLES.items())[::5]:
        yield f"sample-{name}", compact(sample)
    for word in (
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'""',
        b"0",
        b"[null]",
        b'{"act":null}',
        b"\xef\xbb\xbf{}",
    ):
        yield f"only-{word!r}", word


def documents() -> Iterator[Named]:
    """Alerts and calendars, nested and spoilt."""
    alert = b'<?xml version="1.0"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
    head = b"<identifier>1</identifier><sender>x</sender><sent>2026-11-24T12:00:00+00:00</sent><status>Actual</status><msgType>Alert</msgType>"
    event = b"BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:x\r\n%b\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    for depth in (24, 25, 1_000, 20_000):
        yield f"xml-{depth}", b"<a>" * depth + b"</a>" * depth
        yield f"xml-unended-{depth}", b"<a>" * depth
        yield f"alert-{depth}", alert + head + b"<info>" * depth + b"</info>" * depth + b"</alert>"
        yield (
            f"calendar-{depth}",
            b"BEGIN:VCALENDAR\r\n" * (depth // 3) + b"END:VCALENDAR\r\n" * (depth // 3),
        )
        yield f"calendar-unended-{depth}", b"BEGIN:VEVENT\n" * (depth // 3)
        yield (
            f"parameter-{depth}",
            alert
            + head
            + b"<info><parameter><valueName>place</valueName><value>%b</value></parameter></info></alert>"
            % (b"[" * depth),
        )
        yield (
            f"ours-{depth}",
            alert
            + head
            + b"<code>dragoman.hazardous-incident</code><info><parameter><valueName>place</valueName><value>%b1%b</value></parameter></info></alert>"
            % (
                b"[" * depth,
                b"]" * depth,
            ),
        )
    entities = b"".join(
        b'<!ENTITY a%d "%b">' % (number, b"&a%d;" % (number - 1) * 10 if number else b"x" * 10)
        for number in range(9)
    )
    yield "entities", b"<!DOCTYPE alert [%b]><alert>&a8;</alert>" % entities
    for value in (
        b"9" * 400,
        b"1e999999",
        b"\x00",
        b"\xff",
        b"99999999T999999Z",
        b"00010101T000000Z",
        b"P" + b"9" * 400 + b"D",
        b'"' * 5_000,
        b"\\" * 5_000,
    ):
        yield f"start-{value[:8]!r}", event % (b"DTSTART:" + value)
        yield f"sequence-{value[:8]!r}", event % (b"SEQUENCE:" + value)
        yield f"zone-{value[:8]!r}", event % (b"DTSTART;TZID=" + value + b":20261124T120000")
        yield (
            f"sent-{value[:8]!r}",
            alert + head.replace(b"2026-11-24T12:00:00+00:00", value) + b"<info/></alert>",
        )
        yield (
            f"circle-{value[:8]!r}",
            alert
            + head
            + b"<info><area><circle>1,1 %b</circle><polygon>%b,1 1,1</polygon></area></info></alert>"
            % (value, value),
        )
    yield "parameters", event % (b"ATTENDEE" + b";X=1" * 20_000 + b":mailto:x")
    yield "folds", event % (b"SUMMARY:" + b"x\r\n " * 20_000)


def first_bytes() -> Iterator[Named]:
    """Every byte as the first one."""
    for byte in range(256):
        yield f"begins-{byte:02x}", bytes([byte]) + RECORD[1 : 1 + 40 * (byte % 3)]


def large() -> Iterator[Named]:
    """Yield empty messages, and messages as large as a message may be."""
    yield "empty", b""
    yield "space", b" \n\t "
    for name, unit in (
        ("zeros", b"\x00"),
        ("spaces", b" "),
        ("brackets", b"["),
        ("braces", b"{"),
        ("pairs", b"[]"),
        ("quotes", b'"'),
        ("backslashes", b"\\"),
        ("quoted-brackets", b'"[{'),
        ("text", b"dragoman "),
        ("high", b"\xff"),
        ("digits", b"1"),
        ("commas", b"[1,"),
        ("escapes", b"\\u0041"),
        ("lines", b"{}\n"),
    ):
        yield f"512-kib-of-{name}", (unit * LARGEST)[:LARGEST]
    yield "512-kib-array", b"[" + b"1," * (LARGEST // 2 - 2) + b"1]"
    yield "512-kib-string", b'"' + b"x" * (LARGEST - 2) + b'"'
    yield "512-kib-record", RECORD + b" " * (LARGEST - len(RECORD))


def corpus() -> Iterator[Named]:
    """Every shape once, the largest last."""
    for part in (nested, numbers, texts, names, lookalikes, documents, first_bytes, large):
        yield from part()


def brief() -> list[Named]:
    """Return as many messages as can be sent within seconds. They have all shapes, and a few of the
    many messages that differ only in a number or a byte.
    """
    few = [each for number, each in enumerate([*nested(), *numbers(), *texts()]) if number % 5 == 0]
    first = [each for number, each in enumerate(first_bytes()) if number % 8 in (0, 3)]
    return [*few, *names(), *lookalikes(), *first, *list(large())[::2]]


def more(random: Random) -> Iterator[Named]:
    """Without end: shapes of random depth and size, put into each other, cut and spoilt."""
    known = [*nested(), *numbers(), *texts(), *names(), *lookalikes()]
    while True:
        name, raw = random.choice(known)
        match random.randrange(6):
            case 0:
                depth = int(10 ** random.uniform(1, 5))
                shape, raw = random.choice(list(_shapes(depth)))
                name = f"{shape}-{depth}"
            case 1:
                at = random.randrange(len(raw) + 1)
                other, inner = random.choice(known)
                name, raw = f"{other} in {name} at {at}", raw[:at] + inner + raw[at:]
            case 2:
                cut = random.randrange(len(raw) + 1)
                name, raw = f"{name} cut at {cut}", raw[:cut]
            case 3:
                count = random.randrange(1, 8)
                spoilt = bytearray(raw)
                for _ in range(count if raw else 0):
                    spoilt[random.randrange(len(spoilt))] = random.randrange(256)
                name, raw = f"{name} spoilt in {count}", bytes(spoilt)
            case 4:
                name, raw = f"{name} as an act", _with_act(raw)
            case _:
                member = random.choice([*json.loads(_ENVELOPE + b"}")])
                name, raw = (
                    f"{name} as {member}",
                    RECORD.replace(
                        b'"%b":' % member.encode(), b'"%b":%b,"x":' % (member.encode(), raw), 1
                    ),
                )
        yield name, raw[:LARGEST]
