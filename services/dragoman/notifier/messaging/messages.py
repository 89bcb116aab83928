"""The transport of messages to people, each by a way of the operator."""

import re
from typing import Final

import structlog

from dragoman.application.ways_to_reach import Ways, WayUnusable, is_call
from dragoman.notifier.delivery import NOT_REACHED, SHOWN, DeliveryResult, OutgoingItem
from dragoman.notifier.message_text import message_of
from dragoman.notifier.messaging.processes import NotSent, SenderProcesses
from dragoman.notifier.messaging.sender import SenderReply
from dragoman.notifier.spoken_text import spoken_text, twiml
from dragoman.settings import Way
from dragoman.stores.endpoints import NotificationEndpoint
from dragoman.text import Text, sentence

log = structlog.get_logger()

_ADDRESS: Final = re.compile(r"(?<!\S)\S+?://\S*")
_TOO_MANY: Final = 429
_SLOWER_SECONDS: Final = 30.0


class MessageTransport:
    """A sender of messages through the sender process.

    A service that did not answer in time may have the message, and gets it once more: a
    person who is woken twice is better than one who is not woken.
    """

    def __init__(self, ways: Ways, processes: SenderProcesses, base_url: str) -> None:
        """Point readers to the base URL of a gateway."""
        self._ways = ways
        self._processes = processes
        self._base_url = base_url

    async def __call__(self, endpoint: NotificationEndpoint, item: OutgoingItem) -> DeliveryResult:
        """Try once."""
        way = self._ways.find(endpoint.way)
        if way is None:
            return DeliveryResult(
                ok=False, answered=sentence("the operator does not offer this way any more")
            )
        if not self._processes.is_installed():
            log.error("courier.no_message_library", way=way.name)
            return DeliveryResult(
                ok=False, answered=sentence("this way is not set up; tell the operator")
            )
        try:
            address = self._ways.address(way, endpoint.target, endpoint.language)
            title, body = self._text(way, address, endpoint, item)
            reply = await self._processes.send(
                address, title, body, side=f"{endpoint.cid}/{endpoint.side}", is_own=way.to == "url"
            )
        except WayUnusable as error:
            log.error("courier.way_unusable", way=way.name, reason=str(error))
            return DeliveryResult(
                ok=False, answered=sentence("this way is not set up; tell the operator")
            )
        except NotSent as error:
            log.info("courier.not_reached", endpoint=endpoint.id, reason=str(error)[:SHOWN])
            return DeliveryResult(ok=False, answered=NOT_REACHED)
        return _result(endpoint, reply)

    def _text(
        self, way: Way, address: str, endpoint: NotificationEndpoint, item: OutgoingItem
    ) -> tuple[str, str]:
        """Return the title and the text of a message, or of a call without a title."""
        if not way.spoken:
            return message_of(endpoint, item, self._base_url)
        text = spoken_text(endpoint, item)
        return "", twiml(text, endpoint.language) if is_call(address) else text


def _result(endpoint: NotificationEndpoint, reply: SenderReply) -> DeliveryResult:
    if reply.ok:
        return DeliveryResult(ok=True)
    # A reason of the library may have a part of the address, which is a secret.
    reason = _ADDRESS.sub("…", reply.reason)
    log.info("courier.not_reached", endpoint=endpoint.id, reason=reason[:SHOWN])
    return DeliveryResult(
        ok=False,
        answered=_answer(reply),
        wait=_SLOWER_SECONDS if reply.status == _TOO_MANY else 0.0,
    )


def _answer(reply: SenderReply) -> Text:
    """Return the answer of a service, without what it tells of the host's network."""
    if not reply.service:
        return sentence("no service has such an address; enter it again")
    if reply.status in (401, 404, 410, _TOO_MANY):
        return sentence(
            "%(service)s refused it with status %(status)s",
            service=reply.service,
            status=reply.status,
        )
    return NOT_REACHED
