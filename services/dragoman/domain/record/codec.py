r"""The bytes of a record, built from an envelope and an act, and read back.

    { members in a fixed order, no white space ,"data": act }

A record is read only if its bytes are exactly those that would be built. Every value of
the envelope is printable ASCII without `"` and `\`. So the first `,"data":` is the
right one in any language. The act is everything between it and the last brace
(docs/spec/record.md §4).
"""

import re
from calendar import monthrange
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Generic

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman.domain.record import ids, nesting, strict_json, upcast
from dragoman.domain.record.errors import Malformed
from dragoman.domain.record.validation_errors import fault_of, with_others
from dragoman.limits import MESSAGE_BYTES
from dragoman.text import TextError, sentence
from dragoman.tlog import leaf
from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts import SHAPES, rules_versions
from dragoman_schemas.record import Envelope

_TYPES: Final = 1_000
"""Most types of records that are remembered.

A log has one type for each version of each act.
"""

_DATA: Final = b',"data":'
_TIME: Final = re.compile(
    r"(?!0000)([0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
)
_PRINTABLE: Final = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")
_PLAIN: Final = bytes(byte for byte in range(0x20, 0x7F) if byte != ord("\\"))
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_VERSION: Final = re.compile(r"dragoman\.([a-z0-9-]+)\.v([1-9][0-9]{0,3})")
_SALT: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")

_envelope = msgspec.json.Decoder(Envelope).decode
_FIRST: Final = re.compile(rb'{"act":"([a-z0-9-]*)"')
_decoders = {name: msgspec.json.Decoder(shape).decode for name, shape in SHAPES.items()}


if TYPE_CHECKING:
    from typing_extensions import TypeVar

    ActT_co = TypeVar("ActT_co", bound=Act, default=Any, covariant=True)
else:
    from typing import TypeVar

    ActT_co = TypeVar("ActT_co", covariant=True)


class Record(Struct, Generic[ActT_co], frozen=True, kw_only=True, gc=False):
    """A well-formed record: its envelope, its act, its bytes and its commitment.

    `name` is the name of the act. `side` is the side of the actor, or `service`.
    `verified` are keys, by id and public part, whose signatures of this act were valid
    when it was read. Whether each key was its owner's at that position is still to be
    judged. `newest` are the bytes of the act as its newest version writes them; `data`
    is read from them. They differ from `act` only in records of an older version.
    """

    envelope: Envelope
    act: bytes
    newest: bytes
    data: ActT_co
    raw: bytes
    commit: str
    name: str
    side: str
    verified: tuple[tuple[str, bytes], ...] = ()


class _NameOnly(Struct):
    act: str


_decode_name = msgspec.json.Decoder(_NameOnly).decode


def is_time(text: str) -> bool:
    """Return whether a text is an existing time, to the millisecond in UTC."""
    time = _TIME.fullmatch(text)
    return time is not None and (
        time.group(3) <= "28"
        or int(time.group(3)) <= monthrange(int(time.group(1)), int(time.group(2)))[1]
    )


class NotARecord(TextError):
    """An error: a message of the log is not a well-formed record.

    The fold passes such a message as void.
    """


def is_name(text: str) -> bool:
    """Return whether a text may be a name.

    Channels, sides, offices, officers, services and acts have names.
    """
    return len(text) <= 63 and _NAME.fullmatch(text) is not None


def read_act(raw: bytes, *, cut: bool, rules: int = rules_versions.NEWEST) -> tuple[bytes, Act]:
    """Return an act's compact bytes and its value, as a version of the rules has it.

    Raises `Malformed`, which points at every member that is wrong.
    """
    act = strict_json.read(raw, cut=cut)
    try:
        return act, decode_under(act, rules)
    except Malformed as error:
        shape = SHAPES.get(_name_of(act))
        raise (error if shape is None else with_others(error, act, shape)) from None


def decode_under(act: bytes, rules: int) -> Act:
    """Return the value of an act that a version of the rules lists.

    The act is of the newest version that they list. Raises `Malformed`.
    """
    if rules == rules_versions.NEWEST:
        return decode_act(act)
    try:
        newest = under_rules(act, rules)
    except msgspec.ValidationError as error:
        raise fault_of(error) from None
    return decode_act(newest)


def decode_act(act: bytes) -> Act:
    """Return the value of an act from strictly read bytes.

    Raises `Malformed` if the act's name or a member is unknown, or if a value does not
    fit.
    """
    name = _name_of(act)
    decode = _decoders.get(name)
    if decode is None:
        raise _unknown_act(name, SHAPES)
    try:
        return decode(act)
    except msgspec.ValidationError as error:
        raise fault_of(error, SHAPES[name]) from None
    except msgspec.DecodeError as error:
        raise Malformed("", sentence("%(error)s; send valid JSON", error=str(error))) from None


def later_act(name: str, rules: int) -> Malformed:
    """Return the error for an act that comes with later rules than those in force."""
    later = min(number for number, acts in rules_versions.ACTS.items() if name in acts)
    return Malformed(
        "/act",
        sentence(
            "%(act)s comes with rules %(later)s, and rules %(rules)s are in force here; "
            "every side must adopt rules %(later)s first",
            act=name,
            rules=rules,
            later=later,
        ),
    )


def _unknown_act(name: str, acts: Iterable[str]) -> Malformed:
    """Return the error for an act that is not one of the acts."""
    return Malformed(
        "/act",
        sentence(
            "there is no act %(act)s; the acts are %(acts)s",
            act=repr(name[:63]),
            acts=", ".join(sorted(acts)),
        ),
    )


def _name_of(act: bytes) -> str:
    """Return the name of an act. Raises `Malformed` if it has none."""
    first = _FIRST.match(act)
    if first is not None:
        return first.group(1).decode()
    try:
        return _decode_name(act).act
    except msgspec.ValidationError:
        raise Malformed(
            "/act", sentence('name the act, for instance "act":"acknowledgement"')
        ) from None
    except msgspec.DecodeError as error:
        raise Malformed("", sentence("%(error)s; send valid JSON", error=str(error))) from None


def build(envelope: Envelope, act: bytes) -> bytes:
    """Return the record's bytes. `envelope.data` is ignored."""
    return prefix(envelope) + act + b"}"


def prefix(envelope: Envelope) -> bytes:
    """Return the record's bytes before the act."""
    e = envelope
    released = "" if e.releasedby is UNSET else f',"releasedby":"{e.releasedby}"'
    caused = "" if e.causationid is UNSET else f',"causationid":"{e.causationid}"'
    signed = "" if e.signatures is UNSET else f',"signatures":"{e.signatures}"'
    return (
        f'{{"specversion":"1.0","id":"{e.id}","source":"{e.source}","type":"{e.type}"'
        f',"subject":"{e.subject}","time":"{e.time}","datacontenttype":"application/json"'
        f',"dataschema":"{e.dataschema}","channel":"{e.channel}"'
        f',"family":"{e.family}","actor":"{e.actor}"{released},"decided":"{e.decided}"{caused}'
        f',"attestation":"{e.attestation}"{signed},"salt":"{e.salt}","data":'
    ).encode()


def is_read_alike(name: str, rules: int) -> bool:
    """Return whether an act is read under a version of the rules as under the newest.

    It is if both list the same newest version of the act.
    """
    newest = rules_versions.ACTS[rules_versions.NEWEST]
    return rules_versions.ACTS[rules].get(name) == newest.get(name)


def parse_stored(raw: bytes) -> Record:
    """Return the record in bytes that were a record when they were folded.

    They are read under the newest version of the rules under which they are a record.
    Raises `NotARecord`.
    """
    *later, first = sorted(rules_versions.ACTS, reverse=True)
    for rules in later:
        try:
            return parse(raw, rules)
        except NotARecord:
            continue
    return parse(raw, first)


def parse(raw: bytes, rules: int = rules_versions.NEWEST) -> Record:
    """Return the record in these bytes, as a version of the rules reads it.

    Raises `NotARecord` with the reason.
    """
    envelope, act = _parts(raw)
    try:
        if strict_json.read(act, cut=False) != act:
            raise NotARecord(sentence("the act is not compact"))
        newest = _to_newest(envelope, act, rules)
        data = decode_act(newest)
    except Malformed as error:
        raise _no_act(error) from None
    except msgspec.ValidationError as error:
        raise _no_act(fault_of(error)) from None
    except msgspec.DecodeError as error:
        # On its fast path, the strict reader leaves the check that tokens make up JSON
        # to this decoder.
        raise _no_act(
            Malformed("", sentence("%(error)s; send valid JSON", error=str(error)))
        ) from None
    return _assemble(envelope, act, newest, data, raw)


def _no_act(error: Malformed) -> NotARecord:
    """Return the error for a record whose act is not valid."""
    return NotARecord(
        sentence(
            "the act is not valid: %(pointer)s: %(detail)s",
            pointer=error.fault.pointer or "/",
            detail=error.fault.detail,
        )
    )


def _to_newest(envelope: Envelope, act: bytes, rules: int) -> bytes:
    """Return the act as the newest version of the act writes it.

    An act that names a version that the rules do not list is read as the newest version
    that they list. Raises `Malformed` if the rules do not list the act.
    """
    older = _older(envelope.type)
    if rules == rules_versions.NEWEST:
        return act if older is None else upcast.upcast(*older, act)
    if older is not None and older[1] < rules_versions.ACTS[rules].get(older[0], 0):
        return upcast.upcast(*older, act)
    return under_rules(act, rules)


def under_rules(act: bytes, rules: int) -> bytes:
    """Return an act of the newest version that the rules list, as its newest one.

    Raises `Malformed` if the rules do not list the act. Raises
    `msgspec.ValidationError` if it does not fit the version that they list.
    """
    name, listed = _name_of(act), rules_versions.ACTS[rules]
    if name not in listed:
        raise _unknown_act(name, listed) if name not in SHAPES else later_act(name, rules)
    return upcast.upcast(name, listed[name], act)


@lru_cache(maxsize=_TYPES)
def _older(type: str) -> tuple[str, int] | None:
    """Return the act and version of a record's type; None for the newest version."""
    match = _VERSION.fullmatch(type)
    if match is None or not upcast.is_older(match.group(1), int(match.group(2))):
        return None
    return match.group(1), int(match.group(2))


def reread(raw: bytes, commit: str, verified: tuple[tuple[str, bytes], ...] = ()) -> Record:
    """Return the record of bytes that `parse` has read before, with its commitment.

    Nothing is checked again; the checks are most of the work.
    """
    envelope = _envelope(raw)
    name, act = envelope.type.split(".")[1], bytes(envelope.data)
    newest = _to_newest(envelope, act, rules_versions.NEWEST)
    side = envelope.actor.partition("/")[0]
    data = _decoders[name](newest)
    return Record(
        envelope=envelope,
        act=act,
        newest=newest,
        data=data,
        raw=raw,
        commit=commit,
        name=name,
        side=side,
        verified=verified,
    )


def check_built(record: Record) -> None:
    """Raise `NotARecord` unless every reader will read a built record as it was meant.

    The record was built from a strictly read act. If its values are printable and of
    their kind, its members can only be read as they were written.
    """
    e = record.envelope
    optional = "".join(
        value
        for value in (e.releasedby, e.causationid, e.signatures)
        if not isinstance(value, UnsetType)
    )
    values = f"{e.source}{e.type}{e.dataschema}{e.channel}{e.family}{e.actor}{optional}"
    if len(record.raw) > MESSAGE_BYTES or _PRINTABLE.fullmatch(values) is None:
        raise NotARecord(sentence("it is too large, or a value is not printable"))
    _check_values(e)


def _parts(raw: bytes) -> tuple[Envelope, bytes]:
    """Return the envelope, and the bytes in the place of the act."""
    if len(raw) > MESSAGE_BYTES:
        raise NotARecord(sentence("it is larger than a record may be"))
    if nesting.is_deeper(raw, nesting.RECORD_DEPTH):
        raise NotARecord(sentence("it is nested deeper than a record may be"))
    try:
        envelope = _envelope(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotARecord(
            sentence("the envelope is not valid: %(error)s", error=str(error))
        ) from None
    start = prefix(envelope)
    if not raw.startswith(start) or start.translate(None, _PLAIN):
        raise NotARecord(sentence("the members are not in the required form"))
    _check_values(envelope)
    return envelope, raw[len(start) : -1]


def _assemble(envelope: Envelope, act: bytes, newest: bytes, data: Act, raw: bytes) -> Record:
    """Return a record with its commitment, its act name and its side."""
    return Record(
        envelope=envelope,
        act=act,
        newest=newest,
        data=data,
        raw=raw,
        commit=leaf.commit(raw),
        name=str(data.__struct_config__.tag),
        side=envelope.actor.partition("/")[0],
    )


def assemble(envelope: Envelope, act: bytes, data: Act, newest: bytes = b"") -> Record:
    """Return the record built from parts that are known to be valid.

    `newest` is the act as its newest version writes it, where that differs.
    """
    return _assemble(envelope, act, newest or act, data, build(envelope, act))


def _check_values(envelope: Envelope) -> None:
    """Raise `NotARecord` if a value of the envelope is not of its kind."""
    if not ids.is_id(envelope.id) or (
        envelope.subject != envelope.id and not ids.is_id(envelope.subject)
    ):
        raise NotARecord(sentence("an id is not of the permitted kind"))
    if not is_time(envelope.time):
        raise NotARecord(
            sentence("the time does not exist, or is not written to the millisecond in UTC")
        )
    if _DECIMAL.fullmatch(envelope.decided) is None or _SALT.fullmatch(envelope.salt) is None:
        raise NotARecord(
            sentence("the position decided on, or the salt, is not written as it must be")
        )
    if (envelope.attestation == "author") != (envelope.signatures is not UNSET):
        raise NotARecord(sentence("a record has signatures exactly if its author attests it"))


def envelope(
    *,
    id: str,
    source: str,
    name: str,
    version: int,
    subject: str,
    time: str,
    channel: str,
    family: str,
    actor: str,
    decided: int,
    salt: str,
    signatures: str = "",
    released_by: str = "",
    caused_by: str = "",
) -> Envelope:
    """Return an envelope with its derived members filled in."""
    return Envelope(
        id=id,
        source=source,
        type=type_of(name, version),
        subject=subject,
        time=time,
        dataschema=f"urn:dragoman:schema:{name}:{version}",
        channel=channel,
        family=family,
        actor=actor,
        decided=str(decided),
        releasedby=released_by or UNSET,
        causationid=caused_by or UNSET,
        attestation="author" if signatures else "host",
        signatures=signatures or UNSET,
        salt=salt,
        data=Raw(),
    )


def type_of(name: str, version: int) -> str:
    """Return the record's type."""
    return f"dragoman.{name}.v{version}"


def same_post(one: Record, other: Record) -> bool:
    """Return whether two records are the same post.

    They are if their channel, exchange, type, actor and act bytes are equal.
    """
    a, b = one.envelope, other.envelope
    return (a.channel, a.subject, a.type, a.actor, one.act) == (
        b.channel,
        b.subject,
        b.type,
        b.actor,
        other.act,
    )
