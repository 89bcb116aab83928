"""The genesis of a channel: the first record of its log.

`make_trial_genesis` makes and signs the opening of a trial channel, with keys that the
host keeps. `make_genesis` makes the record from an opening that the sides signed
themselves. `append_genesis` writes either to an empty log.
"""

import secrets
from datetime import datetime

import msgspec
import structlog
from msgspec import UNSET

from dragoman.application.clock import stamp
from dragoman.domain.acts.families import genesis as genesis_module
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refused, refuse
from dragoman.eventlog.event_log import Appended, EntryToAppend, EventLog, Unavailable, Unknown
from dragoman.stores.keystore import Keystore
from dragoman.tlog import dsse
from dragoman_schemas.act_frame import Act
from dragoman_schemas.host_responses import NewChannel

log = structlog.get_logger()


def make_trial_genesis(
    custody: Keystore,
    new: NewChannel,
    *,
    exercise_of: tuple[str, str] | None,
    log_key: bytes,
    origin: str,
    rules: int,
    moment: datetime,
) -> Record:
    """Return the signed genesis of a trial channel, by a version of the rules.

    The root keys of all sides are made here and stay in custody. `exercise_of` is the
    name and the cid of the live channel that the trial exercises. Raises `Refused`.
    """
    roots = {side: custody.make(new.name, f"{side}/root") for side in new.sides}
    act: dict[str, object] = {
        "act": "channel-opening",
        "type": "dragoman.channel-opening.v1",
        "name": new.name,
        "kind": new.kind,
        "sides": [
            {
                "name": side,
                "roots": [dsse.encode_base64(root)],
                "threshold": 1,
                **({"observer": True} if side in new.observers else {}),
            }
            for side, root in roots.items()
        ],
        "log_key": dsse.encode_base64(log_key),
        "origin": origin,
        "languages": list(new.languages),
    }
    if new.marking is not UNSET:
        act["marking"] = new.marking
    if new.arrangement is not UNSET:
        act["arrangement"] = new.arrangement
    if exercise_of is not None:
        act["exercise_of"] = {"name": exercise_of[0], "cid": exercise_of[1]}
    act |= {"rules": rules, "custody": "host", "nonce": secrets.token_hex(32)}
    raw, data = records.read_act(msgspec.json.encode(act), cut=False)
    signatures = custody.sign(new.name, [f"{side}/root" for side in new.sides], raw)
    return make_genesis(new.name, raw, data, signatures, moment=moment)


def make_genesis(name: str, raw: bytes, data: Act, signatures: str, *, moment: datetime) -> Record:
    """Return the genesis for an opening that the root keys of all sides signed.

    Raises `Refused` if the opening or its signatures are not valid.
    """
    id = ids.v7(int(moment.timestamp() * 1000), secrets.token_bytes(10))
    envelope = records.envelope(
        id=id,
        source="/services/desk",
        name="channel-opening",
        version=1,
        subject=id,
        time=stamp(moment),
        channel=name,
        family="channel",
        actor="service/desk",
        decided=0,
        salt=secrets.token_hex(32),
        signatures=signatures,
    )
    record = records.assemble(envelope, raw, data)
    refusal = genesis_module.check_genesis(record)
    if refusal is not None:
        raise Refused(refusal)
    return record


async def append_genesis(event_log: EventLog, genesis: Record) -> None:
    """Append a genesis to an empty log. Raises `Refused`."""
    outcome = await event_log.append([EntryToAppend(record=genesis, expected=0, first=True)])
    match outcome:
        case Appended(1):
            log.info(
                "channel.opened", channel=event_log.channel, cid=genesis_module.cid_of(genesis.act)
            )
        case Unavailable(detail) | Unknown(detail):
            raise refuse(
                "unavailable", "The channel is not opened: %(error)s. Try again.", error=detail
            )
        case _:
            raise refuse(
                "exists",
                "There is a channel %(channel)s already; choose another name.",
                channel=event_log.channel,
            )
