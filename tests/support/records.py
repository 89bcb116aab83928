"""Records to put into a log, without a channel behind them."""

from msgspec.structs import replace

from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record
from world import NOTE, SALT, compact


def note(
    serial: int,
    *,
    exchange: int | None = None,
    text: str = "Met.",
    time: str = "2026-11-24T12:00:00.000Z",
    channel: str = "nato-china",
    side: str = "nato",
) -> Record:
    """A record with the id of that serial, opening an exchange or belonging to one."""
    raw, data = records.read_act(compact({**NOTE, "text": text}), cut=False)
    envelope = records.envelope(
        id=ids.v7(serial, bytes(10)),
        source=f"/sides/{side}/offices/hq",
        name="contact-note",
        version=1,
        subject=ids.v7(serial if exchange is None else exchange, bytes(10)),
        time=time,
        channel=channel,
        family="contact",
        actor=f"{side}/o-1",
        decided=1,
        salt=SALT,
    )
    return records.assemble(envelope, raw, data)


def again(record: Record, text: str = "Met.") -> Record:
    """The same id at a later time: the same post, or another one with another text."""
    raw, data = records.read_act(compact({**NOTE, "text": text}), cut=False)
    return records.assemble(
        replace(record.envelope, time="2026-11-24T13:00:00.000Z", salt="cd" * 32), raw, data
    )
