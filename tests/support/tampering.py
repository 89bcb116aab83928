"""Everything that somebody who carries an export can do to it, one kind after the other; and where
an audit must say that it was done.

    Log       an honest export: its members, in order, and where in it stands what
    KINDS     by name, what is done to the members, and the position that must be named: 0 where what was changed is in no record

What is not here, since nothing is to be found in it: a signature line of a stranger under the head,
which every reader passes over; a record put back in place of the entry that stands for it, which is
the same leaf; and the compression of a member.
"""

import io
import json
import re
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from dragoman.audit.export import description_of, line_of, message_of, readme_of, readmes_of
from dragoman.domain.acts.erasure import leaf_entry, named_in
from dragoman.domain.acts.log_policy import log_of
from dragoman.tlog import dsse, leaf, merkle, note, tiles
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.merkle import leaf_hash, nodes_of
from dragoman.tlog.note import COSIGNATURE, ED25519, Verifier
from dragoman.tlog.tiles import ENTRIES
from samples import act
from world import INCIDENT, NOTE, World, seed_of

ORIGIN = "example.org/nato-china"
WITNESS = Verifier("nato.example/w", COSIGNATURE, dsse.public_of(seed_of("nato/w")))
LOG = Verifier(ORIGIN, ED25519, dsse.public_of(seed_of("log")))
_TIME = 1_795_608_000

Members = dict[str, bytes]
RECORDS = "records.ndjson"
Change = Callable[[list[bytes]], object]
"""Changes lines where they are."""


class Log(Struct, frozen=True, kw_only=True):
    """An honest export. `said` is the position of a record that is signed by nobody, `junk` of what
    is no record.
    """

    cid: str
    members: Members
    said: int
    junk: int
    erased: tuple[int, ...] = ()
    consent: int = 0
    erasure: int = 0

    @property
    def lines(self) -> list[bytes]:
        """The lines of its records, without their ends."""
        return self.members[RECORDS].splitlines()

    @property
    def size(self) -> int:
        """The number of records in the log."""
        return len(self.lines)


def signed(size: int, root: bytes, owner: str = "log", *, cosigned: bool = True) -> bytes:
    """A head, signed by the log's key and cosigned by a witness."""
    head = Checkpoint(ORIGIN, size, root)
    lines = [note.sign(ORIGIN, seed_of(owner), head.text)]
    if cosigned:
        lines.append(note.cosign(WITNESS.name, seed_of("nato/w"), head.text, _TIME))
    return note.encode(head.text, lines)


def root_of(entries: Sequence[bytes]) -> bytes:
    """The root over leaf entries."""
    return merkle.root_of(nodes_of([leaf_hash(each) for each in entries]), len(entries))


def members_of(world: World, messages: Sequence[bytes], owner: str = "log") -> Members:
    """Return the members of an export of these messages, in the export's order.

    `owner` names the key that signs the head.
    """
    named = named_in(enumerate(messages, 1))
    entries = [leaf_entry(position, raw, named) for position, raw in enumerate(messages, 1)]
    nodes = nodes_of([leaf_hash(each) for each in entries])
    registry, size = world.registry, len(messages)
    found: Members = {RECORDS: b"".join(line_of(raw) + b"\n" for raw in messages)}
    for tile in tiles.tiles_of(size):
        given = entries[tile.first : tile.first + tile.width]
        found[tile.path] = (
            tiles.bundle(given) if tile.level == ENTRIES else tiles.hashes(tile, nodes)
        )
    about = {
        "name": registry.name, "cid": registry.cid, "kind": registry.kind, "custody": registry.custody,
        "sides": [side.name for side in registry.sides], "log": str(log_of(registry)), "records": size,
    }  # fmt: skip
    return found | {
        "checkpoint": signed(size, root_of(entries), owner),
        "channel.json": description_of(about),
        "README.md": readme_of(registry.name, registry.cid, str(log_of(registry)), size).encode(),
    }


def honest(
    *, erasure: bool, records: int = 0, custody: str | None = None, lawful: bool = True
) -> Log:
    """A log in which something was said, with or without an erasure that every side consented to
    and that was carried out.

    Where it is not `lawful`, one side did not consent, and its host is not honest.
    """
    world = World(custody=custody)
    incident = world.open("nato/d-1", INCIDENT)
    said = world.position
    world.keep("china/d-1", act("acknowledgement"), incident)
    world.take(b"\x00junk\n")
    junk = world.position
    gone = world.open("china/o-1", {**NOTE, "text": "What is to be erased."})
    first = world.position
    world.keep("nato/o-1", {"act": "reply", "text": "We take note."}, gone)
    world.open("nato/o-1", NOTE)
    consent = at = 0
    erased: tuple[int, ...] = ()
    messages = list(world.raws)
    if erasure:
        named = [msgspec.to_builtins(each) for each in world.ledger.records_of(gone)]
        if custody and lawful:
            consent = world.position + 1
            world.attested(
                {"act": "erasure-consent", "records": named}, "china/root", actor="china/root"
            )
        folded = world.attested(
            {"act": "erasure", "records": named}, "nato/root", *(["china/root"] if lawful else [])
        )
        assert folded.valid == lawful, folded.refusal
        at, erased = world.position, (first, first + 1)
    while world.position < records - 2:
        world.open("nato/o-1", NOTE)
    world.open("china/o-1", NOTE)
    world.keep("nato/root", {"act": "officer-revocation", "officer": "o-1"})
    messages = [
        leaf.entry(each - 1, leaf.commit(raw)) if each in erased else raw
        for each, raw in enumerate(world.raws, 1)
    ]
    return Log(
        cid=world.registry.cid, members=members_of(world, messages), said=said, junk=junk, erased=erased, consent=consent, erasure=at
    )  # fmt: skip


def written(path: Path, members: Members) -> Path:
    """The file of these members, packed as an export is."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            member = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, body)
    return path


class Tampered(Struct, frozen=True, kw_only=True):
    """One way in which an export was changed: its bytes, and the position that an audit must name."""

    name: str
    members: Members = {}
    position: int = 0
    raw: Callable[[bytes], bytes] | None = None


def lines_changed(log: Log, change: Change) -> Members:
    """The members with other lines."""
    lines = log.lines
    change(lines)
    return {**log.members, RECORDS: b"".join(line + b"\n" for line in lines)}


def flipped(raw: bytes, at: int) -> bytes:
    """The bytes with one bit of one byte changed."""
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


_ENVELOPE, _ACT, _SALT = (
    rb'"time":"....-..-..T..:..:.(.)',
    rb',"data":\{"act":"(.)',
    rb'"salt":"(.)',
)


def in_each_record(log: Log) -> Iterator[Tampered]:
    """One byte of every record, in envelope, act and salt; of what is no record or stands for one,
    in its hex.
    """
    for position, line in enumerate(log.lines, 1):
        for name, pattern in (
            ("envelope", _ENVELOPE),
            ("act", _ACT),
            ("salt", _SALT),
            ("hex", rb'^\{"junk":"..(.)'),
        ):
            if found := re.search(pattern, line):
                changed = [*log.lines]
                changed[position - 1] = flipped(line, found.start(1))
                body = b"".join(each + b"\n" for each in changed)
                yield Tampered(
                    name=f"a byte of the {name} of the record at {position}",
                    members={**log.members, RECORDS: body},
                    position=position,
                )


def in_records(log: Log) -> Iterator[Tampered]:
    """Yield the possible changes to the lines."""
    k, size, first, last = log.said, log.size, 0, log.size - 1
    at = k - 1
    foreign = honest_record()

    def replaced(position: int, line: bytes) -> Change:
        return lambda lines: lines.__setitem__(position - 1, line)

    def swapped(one: int, other: int) -> Change:
        def swap(lines: list[bytes]) -> None:
            lines[one - 1], lines[other - 1] = lines[other - 1], lines[one - 1]

        return swap

    def entry(position: int, index: int) -> bytes:
        return line_of(leaf.entry(index, leaf.commit(message_of(log.lines[position - 1]))))

    line = log.lines[at]
    changes: dict[str, tuple[Change, int]] = {
        "the first byte of a line": (replaced(k, b"[" + line[1:]), k),
        "the last byte of a line": (replaced(k, line[:-1] + b"]"), k),
        "a line cut in its middle": (replaced(k, line[: len(line) // 2]), k),
        "a space in a record": (replaced(k, line.replace(b'","', b'", "', 1)), k),
        "another text in an act": (replaced(k, line.replace(b"passed close", b"passed far", 1)), k),
        "another actor": (
            replaced(k, line.replace(b'"actor":"nato/d-1"', b'"actor":"nato/h-1"', 1)),
            k,
        ),
        "a member twice": (
            replaced(k, line.replace(b'"facts":', b'"facts":"None.","facts":', 1)),
            k,
        ),
        "a signature of the opening": (
            replaced(
                1, re.sub(rb'"signatures":"(.{70})', rb'"signatures":"\1A', log.lines[0], count=1)
            ),
            1,
        ),
        "another name in the opening": (
            replaced(1, log.lines[0].replace(b'"name":"nato-china"', b'"name":"nato-chine"')),
            1,
        ),
        "another log key in the opening": (
            replaced(1, re.sub(rb'"log_key":"..', b'"log_key":"AA', log.lines[0])),
            1,
        ),
        "a signature of a role": (
            replaced(
                2, re.sub(rb'"signatures":"(.{70}).', rb'"signatures":"\1A', log.lines[1], count=1)
            ),
            2,
        ),
        "a record made junk": (replaced(k, b'{"junk":"%s"}' % line.hex().encode()), k),
        "a record made other junk": (replaced(k, b'{"junk":"00"}'), k),
        "junk made no junk": (replaced(log.junk, line), log.junk),
        "junk in capitals": (
            replaced(log.junk, log.lines[log.junk - 1].replace(b"6a", b"6A")),
            log.junk,
        ),
        "junk of an odd length": (replaced(log.junk, b'{"junk":"0"}'), log.junk),
        "empty junk": (replaced(log.junk, b'{"junk":""}'), log.junk),
        "two records swapped": (swapped(k, k + 1), k),
        "two records far apart swapped": (swapped(3, size - 1), 3),
        "the first two records swapped": (swapped(1, 2), 1),
        "the last two records swapped": (swapped(size - 1, size), size - 1),
        "all records turned round": (list.reverse, 1),
        "the first record dropped": (lambda lines: lines.pop(first), 1),
        "a record dropped": (lambda lines: lines.pop(at), k),
        "the last record dropped": (lambda lines: lines.pop(last), size),
        "two records dropped": (lambda lines: lines.__delitem__(slice(at, at + 2)), k),
        "the second half dropped": (
            lambda lines: lines.__delitem__(slice(size // 2, None)),
            size // 2 + 1,
        ),
        "all but the first dropped": (lambda lines: lines.__delitem__(slice(1, None)), 2),
        "all records dropped": (list.clear, 0),
        "a record twice": (lambda lines: lines.insert(at, line), k + 1),
        "the first record twice": (lambda lines: lines.insert(first, lines[first]), 2),
        "a record again at the end": (lambda lines: lines.append(line), size + 1),
        "a record inserted": (lambda lines: lines.insert(at, foreign), k),
        "a record inserted at the beginning": (lambda lines: lines.insert(0, foreign), 1),
        "a record added": (lambda lines: lines.append(foreign), size + 1),
        "a record replaced by another": (replaced(k, foreign), k),
        "junk inserted": (lambda lines: lines.insert(at, b'{"junk":"00"}'), k),
        "junk added": (lambda lines: lines.append(b'{"junk":"00"}'), size + 1),
        "an empty line": (lambda lines: lines.insert(at, b""), k),
        "an empty line at the end": (lambda lines: lines.append(b""), size + 1),
        "a line that is neither": (lambda lines: lines.insert(at, b"hello"), k),
        "a line feed in a record": (replaced(k, line.replace(b",", b"\n,", 1)), k),
        "a carriage return": (replaced(k, line + b"\r"), k),
        "a record withheld": (replaced(k, entry(k, at)), k),
        "the last record withheld": (replaced(size, entry(size, last)), size),
        "a record withheld by the entry of another": (replaced(k, entry(k + 1, at)), k),
        "a record withheld by an entry of another index": (replaced(k, entry(k, at + 1)), k),
    }
    for name, (change, position) in changes.items():
        yield Tampered(name=name, members=lines_changed(log, change), position=position)
    yield Tampered(
        name="the last line feed dropped",
        members={**log.members, RECORDS: log.members[RECORDS][:-1]},
        position=size,
    )
    yield Tampered(
        name="the last byte of the last record dropped",
        members={**log.members, RECORDS: log.members[RECORDS][:-2]},
        position=size,
    )
    yield Tampered(
        name="other ends of lines",
        members={**log.members, RECORDS: log.members[RECORDS].replace(b"\n", b"\r\n")},
        position=1,
    )
    yield Tampered(
        name="no records at all",
        members={name: body for name, body in log.members.items() if name != RECORDS},
    )


def honest_record() -> bytes:
    """A record of another log that is like this one."""
    world = World(name="nato-chile")
    world.open("nato/o-1", NOTE)
    return world.raws[-1]


def in_erasures(log: Log) -> Iterator[Tampered]:
    """Yield the possible changes to an erasure that was carried out."""
    if not log.erased:
        return
    (one, other), by = log.erased, log.erasure
    lines = log.lines
    commit = re.compile(rb'("commit":"[0-9a-f]{10})([0-9a-f])')
    wanted = {
        "another commitment in an erasure": (by, commit.sub(lambda found: found[1] + (b"0" if found[2] != b"0" else b"1"), lines[by - 1], count=1)),
        "another position in an erasure": (by, lines[by - 1].replace(b'"position":%d' % one, b'"position":%d' % (one - 1), 1)),
        "another reason in an erasure": (by, lines[by - 1].replace(b'"void":false', b'"void":true', 1)),
        "another signature of an erasure": (by, re.sub(rb'("signatures":"[0-9a-f]{64}:)..', rb"\1AA", lines[by - 1], count=1)),
        "another salt of an erasure": (by, re.sub(rb'"salt":"..', b'"salt":"00', lines[by - 1], count=1)),
        "an erasure replaced by another record": (by, lines[log.said - 1]),
        "an erasure withheld": (by, line_of(leaf.entry(by - 1, leaf.commit(lines[by - 1])))),
        "another commitment in an entry": (one, line_of(flipped(message_of(lines[one - 1]), 60))),
        "another index in an entry": (one, line_of(message_of(lines[one - 1]).replace(b"index %d" % (one - 1), b"index %d" % one))),
        "the entry of another record": (one, lines[other - 1]),
        "another record under an erased position": (one, lines[log.said - 1]),
        "a record of another log under an erased position": (one, honest_record()),
        "junk under an erased position": (one, b'{"junk":"00"}'),
        "nothing under an erased position": (one, b'{"junk":""}'),
    }  # fmt: skip
    for name, (position, line) in wanted.items():
        changed = [*lines]
        changed[position - 1] = line
        assert line != lines[position - 1], name
        first = (
            one if name == "an erasure withheld" else position
        )  # of three entries none is named, and nobody can say which was the erasure
        yield Tampered(
            name=name,
            members={**log.members, RECORDS: b"".join(each + b"\n" for each in changed)},
            position=first,
        )

    def moved(frm: int, to: int) -> Change:
        return lambda found: found.insert(to - 1, found.pop(frm - 1))

    changes: dict[str, tuple[Change, int]] = {
        "an erasure dropped": (lambda found: found.pop(by - 1), by),
        "an erasure moved before what it names": (moved(by, one), one),
        "an erasure moved to the end": (moved(by, log.size), by),
        "an erasure twice": (lambda found: found.insert(by, found[by - 1]), by + 1),
        "an entry dropped": (lambda found: found.pop(one - 1), one),
        "an entry twice": (lambda found: found.insert(one, found[one - 1]), one + 1),
        "the log cut off before its erasure": (
            lambda found: found.__delitem__(slice(by - 1, None)),
            by,
        ),
        "two entries swapped": (moved(one, other), one),
    }
    if log.consent:
        changes |= {
            "a consent dropped": (lambda found: found.pop(log.consent - 1), log.consent),
            "a consent after its erasure": (moved(log.consent, by), log.consent),
            "a consent taken back": (
                lambda found: found.__setitem__(
                    log.consent - 1,
                    found[log.consent - 1].replace(
                        b',"signed":', b',"withdrawn":true,"signed":', 1
                    ),
                ),
                log.consent,
            ),
        }
    for name, (change, position) in changes.items():
        yield Tampered(name=name, members=lines_changed(log, change), position=position)


def in_tiles(log: Log) -> Iterator[Tampered]:
    """Yield the possible changes to the tiles of each level."""
    for path, body in log.members.items():
        tile = tiles.read_path(path)
        if tile is None:
            continue
        entries = tile.level == ENTRIES
        room = len(body) // tile.width
        for number in sorted({0, tile.width // 2, tile.width - 1}):
            at = (
                body.index(b"index %d\n" % (tile.first + number)) + 30 if entries else number * room
            )
            position = (tile.first + number << 8 * max(tile.level, 0)) + 1
            yield Tampered(
                name=f"a byte of {path}, {number}",
                members={**log.members, path: flipped(body, at)},
                position=position,
            )
        last = (tile.first + tile.width - 1 << 8 * max(tile.level, 0)) + 1
        yield Tampered(
            name=f"{path} cut off", members={**log.members, path: body[:-1]}, position=last
        )
        yield Tampered(
            name=f"{path} with more", members={**log.members, path: body + bytes(32)}, position=last
        )
        yield Tampered(
            name=f"{path} empty",
            members={**log.members, path: b""},
            position=(tile.first << 8 * max(tile.level, 0)) + 1,
        )
        yield Tampered(
            name=f"{path} dropped",
            members={name: each for name, each in log.members.items() if name != path},
        )
        if tile.width < tiles.WIDTH and tile.width > 1:
            narrow = tiles.Tile(tile.level, tile.index, 1)
            kept = body[: 2 + int.from_bytes(body[:2])] if entries else body[:32]
            yield Tampered(
                name=f"{narrow.path} beside {path}", members={**log.members, narrow.path: kept}
            )
    strange = {
        "tile/0/999": bytes(32),
        "tile/9/000.p/1": bytes(32),
        "tile/entries/000.p/255": b"",
        "tile/0/0": b"",
        "tile/": b"",
    }
    for path, body in strange.items():
        if path not in log.members:
            yield Tampered(name=f"{path} added", members={**log.members, path: body})


def in_heads(log: Log) -> Iterator[Tampered]:
    """Yield the possible changes to the signed head."""
    head = log.members["checkpoint"]
    text, _, lines = head.partition(b"\n\n")
    own, cosigned = (line + b"\n" for line in lines.splitlines())
    origin, size, root = text.split(b"\n")
    entries = [
        entry
        for path, body in log.members.items()
        if path.startswith("tile/entries/")
        for entry in tiles.read_bundle(body) or ()
    ]
    half = log.size // 2
    heads = {
        "another size": b"\n".join((origin, size + b"0", root)) + b"\n\n" + own + cosigned,
        "a smaller size": b"\n".join((origin, b"%d" % (int(size) - 1), root))
        + b"\n\n"
        + own
        + cosigned,
        "another root": b"\n".join((origin, size, b"AAAA" + root[4:])) + b"\n\n" + own + cosigned,
        "another origin": b"\n".join((b"example.org/other", size, root)) + b"\n\n" + own + cosigned,
        "a line more": text + b"\nmore\n\n" + own + cosigned,
        "another signature": text + b"\n\n" + own.replace(own[-20:-10], b"A" * 10) + cosigned,
        "no signature of the log": text + b"\n\n" + cosigned,
        "no signatures": text + b"\n\n",
        "no end": text + b"\n",
        "another cosignature": text
        + b"\n\n"
        + own
        + cosigned.replace(cosigned[-20:-10], b"A" * 10),
        "no cosignature": text + b"\n\n" + own,
        "a cosignature of another time": text + b"\n\n" + own + _later(cosigned),
        "the signatures of a stranger": signed(log.size, root_of(entries), "stranger"),
        "nothing in it": b"",
        "no text": b"\xff\xfe",
    }
    for name, changed in heads.items():
        yield Tampered(name=f"a head with {name}", members={**log.members, "checkpoint": changed})
    yield Tampered(
        name="no head",
        members={name: body for name, body in log.members.items() if name != "checkpoint"},
    )
    older = signed(half, root_of(entries[:half]))
    yield Tampered(
        name="an older head", members={**log.members, "checkpoint": older}, position=half + 1
    )


def _later(line: bytes) -> bytes:
    """A cosignature with another time in it."""
    name, encoded = line.decode().rsplit(" ", 1)
    raw = bytearray(dsse.decode_base64(encoded.strip(), 76) or b"")
    raw[11] ^= 1
    return f"{name} {dsse.encode_base64(bytes(raw))}\n".encode()


def in_descriptions(log: Log) -> Iterator[Tampered]:
    """Yield the possible changes to an export's description of itself."""
    raw, readme = log.members["channel.json"], log.members["README.md"]
    about = json.loads(raw)
    others = {
        "name": "other", "cid": "0" * 64, "kind": "exercise", "custody": "other", "sides": ["china", "nato"],
        "log": "example.org+00000000+AA==", "records": log.size + 1,
    }  # fmt: skip
    described: dict[str, bytes | None] = {
        **{
            f"another {name} in channel.json": description_of({**about, name: value})
            for name, value in others.items()
        },
        **{
            f"no {name} in channel.json": description_of(
                {key: each for key, each in about.items() if key != name}
            )
            for name in others
        },
        "a member more in channel.json": description_of({**about, "note": "x"}),
        "a member twice in channel.json": raw.replace(
            b'{\n "name"', b'{\n "name": "other",\n "name"'
        ),
        "white space in channel.json": raw.replace(b"\n ", b"\n  ", 1),
        "channel.json in another order": description_of(dict(reversed(about.items()))),
        "channel.json with an end": raw + b"\n",
        "a list for channel.json": b"[]",
        "no JSON for channel.json": b"{",
        "no channel.json": None,
    }
    for name, body in described.items():
        yield Tampered(name=name, members=_with(log, "channel.json", body))
    given = about["name"], about["cid"], about["log"]
    read: dict[str, bytes | None] = {
        "a byte of README.md": flipped(readme, 100),
        "another command in README.md": readme.replace(b"audit verify", b"audit trust"),
        "README.md cut off": readme[:-1],
        "README.md with more": readme + b"\n",
        "README.md empty": b"",
        "README.md of other records": readme_of(*given, log.size - 1).encode(),
        "an old README.md of another channel": readmes_of("other", *given[1:], log.size)[
            0
        ].encode(),
        "no README.md": None,
    }
    for name, body in read.items():
        yield Tampered(name=name, members=_with(log, "README.md", body))


def _with(log: Log, name: str, body: bytes | None) -> Members:
    return {
        **{each: raw for each, raw in log.members.items() if each != name},
        **({} if body is None else {name: body}),
    }


def in_files(log: Log) -> Iterator[Tampered]:
    """Yield the possible changes to the file around its members."""
    for name in ("notes.txt", "../../evil", "records2.ndjson", "Records.ndjson"):
        yield Tampered(name=f"{name} added", members={**log.members, name: b"x"})
    for name in (RECORDS, "checkpoint", "README.md"):
        yield Tampered(
            name=f"{name} twice",
            members=log.members,
            raw=lambda raw, name=name: _appended(raw, name, b"x"),  # type: ignore[misc]
        )
    raws: dict[str, Callable[[bytes], bytes]] = {
        "bytes before": lambda raw: b"#!/bin/sh\n" + raw,
        "a byte before": lambda raw: b"x" + raw,
        "bytes after": lambda raw: raw + b"more",
        "a byte after": lambda raw: raw + b"\0",
        "a comment": lambda raw: raw[:-2] + struct.pack("<H", 5) + b"words",
        "bytes between the members and the directory": _between,
        "bytes between two members": lambda raw: _in_gap(raw, hidden=False),
        "a member that the directory does not name": lambda raw: _in_gap(raw, hidden=True),
        "bytes after the end of a member": _after_body,
        "an extra field": _extra,
        "another name before a member": lambda raw: raw.replace(
            b"channel.json", b"channel.jsom", 1
        ),
        "a bit of a compressed member": lambda raw: flipped(raw, 200),
        "cut off": lambda raw: raw[:-10],
        "cut in its middle": lambda raw: raw[: len(raw) // 2],
        "nothing": lambda raw: b"",
    }
    for name, change in raws.items():
        yield Tampered(name=f"the file: {name}", members=log.members, raw=change)


def _appended(raw: bytes, name: str, body: bytes) -> bytes:
    file = io.BytesIO(raw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr(name, body)
    return file.getvalue()


def _directory(raw: bytes) -> tuple[int, int]:
    """Return the offset of the directory, and its length in bytes."""
    size, begin = struct.unpack("<LL", raw[-10:-2])
    return begin, size


def _between(raw: bytes) -> bytes:
    begin, _ = _directory(raw)
    return raw[:begin] + b"more" + raw[begin:-6] + struct.pack("<L", begin + 4) + raw[-2:]


def _shifted(raw: bytes, at: int, more: bytes) -> bytes:
    """The file with bytes before the member at that offset, and every offset as it must be then."""
    begin, size = _directory(raw)
    directory, pointer = bytearray(raw[begin : begin + size]), 0
    while pointer < size:
        (offset,) = struct.unpack_from("<L", directory, pointer + 42)
        if offset >= at:
            struct.pack_into("<L", directory, pointer + 42, offset + len(more))
        pointer += 46 + sum(struct.unpack_from("<3H", directory, pointer + 28))
    return (
        raw[:at]
        + more
        + raw[at:begin]
        + directory
        + raw[begin + size : -6]
        + struct.pack("<L", begin + len(more))
        + raw[-2:]
    )


def _second(raw: bytes) -> int:
    """Return the offset of the second member."""
    return zipfile.ZipFile(io.BytesIO(raw)).infolist()[1].header_offset


def _in_gap(raw: bytes, *, hidden: bool) -> bytes:
    if not hidden:
        return _shifted(raw, _second(raw), b"more")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("hidden.txt", b"x")
    begin, _ = _directory(file.getvalue())
    return _shifted(raw, _second(raw), file.getvalue()[:begin])


def _after_body(raw: bytes) -> bytes:
    """More bytes in the room of the first member than its compressed body has."""
    found, size = (
        bytearray(_shifted(raw, _second(raw), b"more")),
        struct.unpack("<L", raw[18:22])[0],
    )
    struct.pack_into("<L", found, 18, size + 4)
    struct.pack_into("<L", found, _directory(bytes(found))[0] + 20, size + 4)
    return bytes(found)


def _extra(raw: bytes) -> bytes:
    """An extra field in the header of the first member."""
    begin = 30 + len(RECORDS)
    found = bytearray(_shifted(raw, _second(raw), b""))
    moved = _shifted(bytes(found), begin, b"\xfe\xca\0\0")
    found = bytearray(moved)
    struct.pack_into("<H", found, 28, 4)
    return bytes(found)


def kinds(log: Log) -> Iterator[Tampered]:
    """Every kind, on a log."""
    for each in (in_records, in_erasures, in_tiles, in_heads, in_descriptions, in_files):
        yield from each(log)
