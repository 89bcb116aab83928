"""Somebody else's webhook receiver and mail server, in the test's own process: what they were sent,
and what they answer.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from dragoman.interop import webhook_signatures
from patience import PATIENCE_S


class Receiver:
    """A receiver that checks signatures with `secret`, keeps what it was sent and when it was
    tried, and answers as it is told.
    """

    def __init__(self) -> None:
        self.url = ""
        self.secret = ""
        self.answers: Callable[[int], int] = lambda tries: 204
        self.headers: dict[str, str] = {}
        self.delay = 0.0
        self.tries: Counter[str] = Counter()
        self.taken: list[tuple[str, bytes]] = []
        self.tried: list[float] = []

    @property
    def ids(self) -> list[str]:
        """The ids of what it took, in order."""
        return [id for id, _ in self.taken]

    async def handle(self, request: web.Request) -> web.Response:
        """Take one delivery."""
        body = await request.read()
        id = request.headers["webhook-id"]
        if self.secret:
            stamp, signature = (
                request.headers["webhook-timestamp"],
                request.headers["webhook-signature"],
            )
            webhook_signatures.check(self.secret, id, stamp, signature, body, int(time.time()))
        self.tries[id] += 1
        self.tried.append(time.monotonic())
        await asyncio.sleep(self.delay)
        status = self.answers(self.tries[id])
        if 200 <= status < 300:
            self.taken.append((id, body))
        return web.Response(
            status=status, text="" if status < 300 else "not now", headers=self.headers
        )

    async def until(self, count: int, seconds: float = PATIENCE_S) -> None:
        """Wait until it has taken so many."""
        async with asyncio.timeout(seconds):
            while len(self.taken) < count:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    """A receiver on loopback."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


class Mailbox:
    """A mail server that keeps what it was sent, with the options of each, and answers as it is
    told.
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.options: list[list[str]] = []
        self.answer = "250 OK"
        self.port = 0

    async def handle_EHLO(  # aiosmtpd's own names  # noqa: N802
        self,
        _server: SMTP,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Offer priorities."""
        session.host_name = hostname
        return [responses[0], "250-MT-PRIORITY STANAG4406", *responses[1:]]

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Begin a mail."""
        envelope.mail_from = address
        self.options.append(options)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail, or not."""
        content: Any = envelope.content
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(content, policy=policy.default))
        return self.answer

    async def until(self, count: int, seconds: float = PATIENCE_S) -> None:
        """Wait until it has taken so many."""
        async with asyncio.timeout(seconds):
            while len(self.mails) < count:
                await asyncio.sleep(0.02)


class _Priorities(SMTP):
    """A server that takes MT-PRIORITY with MAIL FROM."""

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        """Do the same as the base class, with one more parameter, which the base class would
        refuse.
        """
        kept, options = (
            (arg or ""),
            [each for each in (arg or "").split() if each.startswith("MT-PRIORITY")],
        )
        await super().smtp_MAIL(" ".join(each for each in kept.split() if each not in options))
        self.event_handler.options[-1] += options


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    """A mail server on loopback."""
    box = Mailbox()

    server = await asyncio.get_running_loop().create_server(
        lambda: _Priorities(box, enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()
