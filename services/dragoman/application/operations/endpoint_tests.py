"""Recipients and tests of the endpoints of a side or an officer."""

import secrets
import time
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog

from dragoman.application.clock import stamp
from dragoman.application.service import Service
from dragoman.application.ways_to_reach import InvalidRecipient, Recipient
from dragoman.domain.record.errors import FieldFault, Refusal, Refused
from dragoman.stores import reach_proofs
from dragoman.stores.endpoints import NotificationEndpoint
from dragoman.text import Text, sentence
from dragoman_schemas.host_responses import Mailbox
from dragoman_schemas.reach_responses import ReachConfirmed

log = structlog.get_logger()

E_MAIL: Final = "e-mail"
TEST_AGAIN_SECONDS: Final = 60.0
"""The seconds between two tests of one endpoint by hand."""

NO_SEALING_KEY: Final = sentence(
    "No notifier has started on this host yet, so no secret can be sealed. Ask the operator to "
    "start one."
)


def written(seconds: float) -> str:
    """Return a time in Unix seconds as a timestamp; empty for 0."""
    return stamp(datetime.fromtimestamp(seconds, UTC)) if seconds else ""


def recipient_of(service: Service, name: str, to: str) -> tuple[Recipient, str]:
    """Return a recipient, and the way's name; no name for e-mail. Raises `Refused`."""
    if name == E_MAIL:
        return _mailbox(to), ""
    way = service.ways.find(name)
    if way is None:
        raise _fault("/way", sentence("The operator offers no way of this name; choose another."))
    try:
        return service.ways.recipient(way, to), way.name
    except InvalidRecipient as error:
        raise _fault("/to", error.fault) from None


def _mailbox(text: str) -> Recipient:
    try:
        address = msgspec.convert(text.strip(), Mailbox)
    except msgspec.ValidationError:
        raise _fault("/to", sentence("give one plain address, like duty@liaison.example")) from None
    name, _, domain = address.partition("@")
    return Recipient(to=address, shown=f"{name[0]}…@{domain}")


def _fault(pointer: str, detail: Text) -> Refused:
    return Refused(
        Refusal(
            kind="invalid",
            detail=sentence("This way cannot be used: %(wrong)s.", wrong=detail),
            faults=(FieldFault(pointer=pointer, detail=detail),),
        )
    )


async def ask_test(service: Service, endpoint: NotificationEndpoint, by: str) -> bool:
    """Ask for a test of an endpoint; return whether one is sent now."""
    store = service.notification_endpoints
    proof = store.proof(endpoint.id)
    if proof.asked or time.time() - proof.sent_at < TEST_AGAIN_SECONDS:
        return bool(proof.asked)
    await store.update_proof(
        endpoint.id, lambda newest: reach_proofs.request(newest, by, secrets.token_hex(16))
    )
    return True


async def confirm(service: Service, code: str) -> ReachConfirmed | None:
    """Confirm that a test has arrived; return None for a code that is not valid.

    The code is the proof: nobody else has it. Raises `LogUnreachable`.
    """
    store = service.notification_endpoints
    await store.refresh()
    code = "".join(code.split()).lower()
    endpoint = next(
        (
            endpoint
            for endpoint in store.endpoints()
            if reach_proofs.is_of(endpoint.id, code, spoken=service.ways.is_spoken(endpoint.way))
            and reach_proofs.matches(store.proof(endpoint.id), code, time.time())
        ),
        None,
    )
    if endpoint is None:
        return None
    arrived = await store.update_proof(endpoint.id, reach_proofs.arrived)
    log.info("reach.confirmed", endpoint=endpoint.id)
    return ReachConfirmed(endpoint=endpoint.id, arrived=written(arrived))
