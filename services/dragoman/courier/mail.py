"""E-mail: that something waits, how urgent it is and where to read it; never what it says, since mail is read on its way.

The headers of RFC 6477 carry precedence and kind for military mail systems, and MT-PRIORITY (RFC 6710) where the server offers it.
"""

from email.message import EmailMessage
from email.utils import formatdate
from typing import Final

import aiosmtplib

from dragoman.courier.post import SECONDS, SHOWN, Brought, Item, unreachable
from dragoman.sentence import sentence, verbatim
from dragoman.settings import Smtp
from dragoman.stores.courier import Endpoint

_MMHS: Final = {"routine": "1", "priority": "2", "immediate": "3", "flash": "4"}
_MT_PRIORITY: Final = {"routine": -2, "priority": 0, "immediate": 2, "flash": 4}
_EXERCISE: Final = "0"
_OPERATION: Final = "1"


def message(endpoint: Endpoint, item: Item, sender: str, base_url: str) -> EmailMessage:
    """The mail for a record. Its Message-ID is the same at every try."""
    mail = EmailMessage()
    drill = "EXERCISE EXERCISE EXERCISE " if item.exercise else ""
    mail["From"], mail["To"] = sender, endpoint.target
    mail["Subject"] = f"{drill}[{item.precedence.upper()}] {item.number or item.notice or item.act}"
    mail["Date"] = formatdate()
    mail["Message-ID"] = f"<{item.id}.{endpoint.id}@dragoman.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["MMHS-Primary-Precedence"] = _MMHS[item.precedence]
    mail["MMHS-Message-Type"] = _EXERCISE if item.exercise else _OPERATION
    if item.number:
        mail["MMHS-Originator-Reference"] = item.number
    where = f"{base_url}/c/{item.channel}" if base_url else f"channel {item.channel}"
    lines = [
        *([f"{drill.strip()}: nothing of this happened.", ""] if item.exercise else []),
        *([item.notice, f"Since {item.time}. Take the watch: {where}"] if item.notice else _record(item, where)),
        "",
        item.marking,
    ]
    mail.set_content("\n".join(lines) + "\n")
    return mail


def _record(item: Item, where: str) -> list[str]:
    return [
        f"{item.side or 'The service'} sent a {item.act}, {item.precedence}, {item.time}.",
        f"Number: {item.number}" if item.number else f"Position: {item.position}",
        f"Read and acknowledge it: {where}",
    ]


class Mails:
    """Brings mails to a server, one connection each: they are few, and no connection is kept that may have died."""

    def __init__(self, settings: Smtp, base_url: str) -> None:
        """Use that server, and point readers to that address of a gateway."""
        self._settings = settings
        self._base_url = base_url

    async def __call__(self, endpoint: Endpoint, item: Item) -> Brought:
        """Try once."""
        settings = self._settings
        if not settings.host:
            return Brought(ok=False, answered=sentence("no mail server is set: courier.smtp.host"))
        try:
            password = None if settings.password_file is None else settings.password_file.read_text().strip()
            client = aiosmtplib.SMTP(
                hostname=settings.host,
                port=settings.port,
                use_tls=settings.tls == "tls",
                start_tls=settings.tls == "starttls",
                username=settings.username or None,
                password=password,
                timeout=SECONDS,
            )
            async with client:
                await client.ehlo()
                mail = message(endpoint, item, settings.sender, self._base_url)
                priority = [f"MT-PRIORITY={_MT_PRIORITY[item.precedence]}"] if client.supports_extension("mt-priority") else []
                await client.send_message(mail, mail_options=priority)
        except aiosmtplib.SMTPResponseException as error:
            return Brought(ok=False, answered=verbatim(f"{error.code} {error.message}"[:SHOWN]))
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return Brought(ok=False, answered=unreachable(error))
        return Brought(ok=True)
