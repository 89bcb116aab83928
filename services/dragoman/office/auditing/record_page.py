"""One record: its exact bytes, its place, its changes, and the material of its proof.

    /records/{position}             the page; static/audit.js proves the record in it
    /records/{position}/material    the record, its proof, keys and policy
    /records/consistency            that an earlier head is the beginning of a later one

A browser can prove for itself that the record is in the log. static/audit.js does this
with static/proof.js. The material has nothing that a member may not see. The earlier
head is the last one that the browser saw.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import UNSET, Raw, Struct, UnsetType, field
from msgspec.structs import replace

from dragoman.application import finality
from dragoman.application.http import submission
from dragoman.application.http.conditional_requests import turn
from dragoman.application.http.queries import Whole
from dragoman.application.operations import transparency_log
from dragoman.console.display import translations
from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.console.forms import verified_heads
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import HEADERS, Page, PageRoute, refused
from dragoman.domain.acts import erasure, membership
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record.codec import NotARecord, parse_stored
from dragoman.interop.check_words import check_words
from dragoman.office.auditing import record_diff
from dragoman.office.auditing.audit_log import LogRecord, logged
from dragoman.office.auditing.changes import ChangesBetween
from dragoman.projection.queries import exchange_view, records
from dragoman.projection.queries.causation import causes
from dragoman.projection.queries.records import ErasedExchange, NoSuchExchange
from dragoman.projection.view import View
from dragoman.text import sentence
from dragoman.tlog import checkpoint, leaf, merkle, note
from dragoman.tlog import proof as proofs
from dragoman.tlog.dsse import encode_base64
from dragoman_schemas.evidence import EvidenceRecord
from dragoman_schemas.record import Envelope
from dragoman_schemas.responses import Cause, Causes, Standing
from dragoman_schemas.state import Key

STEPS: Final = ("bytes", "author", "leaf", "path", "root", "head", "witnesses", "seen")
"""The steps of a proof, in their order."""

_DATA: Final = b',"data":'
_PASSED_OVER: Final = frozenset({"etag", "updated", "id", "opened"})


class RecordView(Struct, frozen=True, kw_only=True):
    """A record as its page shows it.

    `record` is its JSON as it is in the log. `junk` is in hex: bytes that are no
    record, or that replace an erased record. `changed` are the changes that the record
    made. `stands` are the members of its exchange that still have its values at the
    page's position. `causes` is the tree of causes to which it belongs. `digest` is the
    digest of the state after it. `disputed` are the keys that signed it and are
    reported stolen since before it.
    """

    line: LogRecord
    digest: str
    standing: Standing
    record: Raw | UnsetType = UNSET
    junk: str = ""
    erased_by: int = 0
    causes: Causes | None = None
    changed: ChangesBetween | None = None
    stands: tuple[str, ...] = ()
    disputed: tuple[str, ...] = ()


class SideRoots(Struct, frozen=True, kw_only=True):
    """A side before the record: the number of its root keys that must sign.

    An observer consents to nothing.
    """

    name: str
    threshold: int
    observer: bool = False


class Erasing(Struct, frozen=True, kw_only=True):
    """The erasure that names the record, with its bytes in base64."""

    position: int
    record: str


class Material(Struct, frozen=True, kw_only=True):
    """The material that `prove()` of static/proof.js needs, with bytes in base64.

    The browser itself keeps the rest. `handovers` are the records that prove the
    handovers of the log under the head of the proof.
    """

    position: int
    record: str
    proof: str
    log: str
    cid: str
    keys: dict[str, Key]
    sides: tuple[SideRoots, ...]
    custody: str
    policy: str
    entry: str
    genesis: str
    erasure: Erasing | None = None
    handovers: tuple[EvidenceRecord, ...] = ()


class Consistency(Struct, frozen=True, kw_only=True):
    """A proof that the tree of one size begins the tree of another, in base64."""

    from_: int = msgspec.field(name="from")
    to: int
    hashes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Bytes as a page shows them: before the act, the act, and after it.

    Bytes that are no record are hex digits.
    """

    before: str = ""
    act: str = ""
    after: str = ""
    hexed: str = ""


async def record(context: PageContext) -> Page:
    """Return the page of a record."""
    position = _position(context)
    (entry, _), *_ = await context.ask(records.records, position, 1)
    raw, _, digest, _ = context.projection.bytes_at(position)
    line = logged(entry)
    read = None if entry.record is UNSET else parse_stored(raw)
    envelope: Envelope | None = None if read is None else read.envelope
    tree = await context.ask(causes, position)
    changed = (
        await record_diff.between(context, position - 1, position)
        if entry.valid and position > 1 and not line.erased
        else None
    )
    view = RecordView(
        line=line,
        digest=digest,
        standing=finality.standing(await context.service.coverage.of(context.projection), position),
        record=entry.record,
        junk=entry.junk,
        erased_by=_erasure_of(context, position, raw).position if line.erased else 0,
        causes=None if tree is None else _branch(tree, position, context.position),
        changed=changed,
        stands=await _stands(context, line),
        disputed=()
        if read is None or not entry.valid
        else tuple(membership.disputed(context.registry, read, position)),
    )
    marking = getattr(None if read is None else read.data, "marking", None)
    markings = dict.fromkeys(
        (context.registry.marking, *([marking] if isinstance(marking, str) else []))
    )
    values = {
        "markings": ", ".join(markings),
        "shown": shown(raw),
        "check_words": " ".join(check_words(line.commit)) if line.commit else "",
        "handover": next(
            (item for item in context.registry.handovers if item.since == position), None
        ),
        "translations": await _translations(context, line),
        "defaults": await _defaults(context, line, envelope),
        "envelope": envelope,
        "changes": () if changed is None else record_diff.blocks(context, changed),
        "stands": tuple(_member_names(context, view.stands)),
        "check_command": _check_command(context, position),
        "steps": STEPS,
    }
    return Page(template="record.html", view=view, values=values)


async def _translations(
    context: PageContext, line: LogRecord
) -> tuple[translations.Translated, ...]:
    """Return the translations of the message that a record is.

    The page's moment limits them.
    """
    # The channel's own acts are in no exchange.
    if not line.valid or line.erased or line.exchange in ("", context.registry.id):
        return ()
    state = await context.ask(View.state, line.exchange)
    return () if state is None else translations.by_record(state).get(line.position, ())


async def _defaults(
    context: PageContext, line: LogRecord, envelope: Envelope | None
) -> list[DisplayedMember]:
    """Return the default values of an opening message, as of its record.

    Any other record has none.
    """
    opens = envelope is not None and envelope.id == line.exchange != context.registry.id
    if not opens or not line.valid or line.erased:
        return []
    state = await context.ask(lambda view: view.at(line.position).state(line.exchange))
    if state is None:
        return []
    display = Display(context.words, (), {}, context.link)
    members: list[DisplayedMember] = display.facts(
        state.act, state.defaults, leave=("dtg", "subject")
    )
    return members


def _position(context: PageContext) -> int:
    """Return the position in the path, up to the page's position. Raises `Refused`."""
    position = submission.whole(context.request.match_info["position"])
    if position is None or not 1 <= position <= context.newest:
        raise refused(
            "not-found",
            sentence("Records are counted from 1 to %(n)s.", n=context.newest),
        )
    if position > context.position:
        raise refused(
            "not-found",
            sentence(
                "This page shows the log up to record %(now)s, and record %(position)s came "
                "later. Go back to now to see it.",
                position=position,
                now=context.position,
            ),
        )
    return position


def shown(raw: bytes) -> Shown:
    """Return bytes as a page shows them."""
    try:
        parse_stored(raw)
    except NotARecord:
        return Shown(hexed=raw.hex(" ", 2))
    before, mark, data = raw.partition(_DATA)
    return Shown(before=(before + mark).decode(), act=data[:-1].decode(), after=data[-1:].decode())


def _branch(causes: Causes, position: int, newest: int) -> Causes:
    """Return the tree of one record: the records before it, and those that it caused.

    Records after the newest one are left out.
    """

    def above(cause: Cause) -> Cause | None:
        if cause.position == position:
            return _until(cause, newest)
        branches = tuple(item for item in map(above, cause.caused) if item is not None)
        return replace(cause, caused=branches) if branches else None

    return replace(causes, tree=above(causes.tree) or replace(causes.tree, caused=()))


def _until(cause: Cause, position: int) -> Cause:
    """Return a tree of causes without later records."""
    return replace(
        cause,
        caused=tuple(_until(item, position) for item in cause.caused if item.position <= position),
    )


async def _stands(context: PageContext, line: LogRecord) -> tuple[str, ...]:
    """Return the members of the exchange that still have the record's values.

    The page's position counts.
    """
    if not line.exchange or line.erased:
        return ()
    try:
        async with turn(context.request, context.projection):
            view = await context.ask(exchange_view.exchange_view, line.exchange, "", context.side)
    except (NoSuchExchange, ErasedExchange):
        return ()
    return tuple(
        name
        for name, position in view.blame.items()
        if position == line.position and name not in _PASSED_OVER
    )


def _member_names(context: PageContext, members: tuple[str, ...]) -> Iterator[str]:
    """Yield the names of members that have a name in words."""
    for member in members:
        label, names = record_diff.label(context, member.split("."))
        if not names:
            yield label


def _check_command(context: PageContext, position: int) -> str:
    """Return the command that verifies the record on another machine.

    Without the whole log it has the key that signs the newest head.
    """
    key = log_of(context.projection.registry).at(context.newest)
    name, log = context.name, shlex.quote(str(key))
    files = f"{name}-{position}.tlog-proof {name}-{position}.json"
    return f"dragoman audit check {files} --log {log}"


# Material of the proof


async def material(context: PageContext) -> web.Response:
    """Return the material of a record's proof.

    Raises `Refused` if no signed head covers the record yet.
    """
    position = _position(context)
    proof = await transparency_log.show_proof(context.call)
    assert isinstance(proof, web.Response) and isinstance(proof.body, bytes)
    raw, commit, _, valid = context.projection.bytes_at(position)
    registry = context.projection.registry
    before = await context.ask(lambda view: view.at(max(1, position - 1)).registry)
    is_erased = valid and leaf.read_entry(raw) is not None
    head = checkpoint.read(note.read(proofs.read(proof.body).checkpoint).text)
    body = Material(
        position=position,
        record=encode_base64(raw),
        proof=proof.body.decode(),
        log=str(log_of(registry)),
        cid=registry.cid,
        keys=registry.keys,
        sides=tuple(
            SideRoots(name=side.name, threshold=side.threshold, observer=side.observer)
            for side in before.sides
        ),
        custody=registry.custody,
        policy=registry.policy,
        entry=leaf.entry(position - 1, commit).decode(),
        genesis=encode_base64(context.projection.bytes_at(1)[0]),
        erasure=_erasure_of(context, position, raw) if is_erased else None,
        handovers=await verified_heads.handovers(context, head.size),
    )
    return _json(body)


def _erasure_of(context: PageContext, position: int, raw: bytes) -> Erasing:
    """Return the erasure because of which a leaf entry replaces a record.

    Raises `Refused` if no erasure names the record.
    """
    for at in sorted({stamp.position for stamp in context.projection.registry.erased.values()}):
        erasing, *_ = context.projection.bytes_at(at)
        if erasure.standing_in(raw, position, erasure.named_in([(at, erasing)]).get) is not None:
            return Erasing(position=at, record=encode_base64(erasing))
    raise refused(
        "not-found",
        sentence("No erasure names the entry at record %(position)s.", position=position),
    )


class TreeSizes(Struct, frozen=True, kw_only=True):
    """The two sizes of the tree between which a proof leads."""

    from_: Whole = field(name="from", default=0)
    to: Whole = 0


async def consistency(context: PageContext) -> web.Response:
    """Return a proof that the tree of one size begins the tree of another."""
    sizes = context.asked(TreeSizes)
    old, new = sizes.from_, sizes.to
    if not 1 <= old <= new <= context.newest:
        raise refused(
            "bad-request",
            sentence(
                "from and to are sizes of the tree from 1 to %(newest)s. The first must not "
                "exceed the second.",
                newest=context.newest,
            ),
        )
    hashes: list[bytes] = await context.in_thread(
        merkle.consistency, context.service.trees.nodes(context.name), old, new
    )
    return _json(
        Consistency(from_=old, to=new, hashes=tuple(encode_base64(data) for data in hashes))
    )


def _json(body: Any) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), headers=HEADERS, content_type="application/json"
    )


ROUTES: Final = (
    PageRoute(path="/records/consistency", handler=consistency),
    PageRoute(path="/records/{position:[0-9]{1,15}}", handler=record),
    PageRoute(path="/records/{position:[0-9]{1,15}}/material", handler=material),
)
