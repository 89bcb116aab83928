"""Notification by e-mail: something waits, how urgent it is, and where to read it.

A mail never has the content, because mail is read on its way. It is in the language
that was chosen with its endpoint. The headers of RFC 6477 carry precedence and kind for
military mail systems. MT-PRIORITY (RFC 6710) does so if the server offers it.
"""

from email.message import EmailMessage
from email.utils import formatdate
from typing import Final

from dragoman.i18n.words import words
from dragoman.notifier.delivery import SECONDS, SHOWN, DeliveryResult, OutgoingItem, unreachable
from dragoman.notifier.message_text import (
    DRILL,
    place_of,
    represented_lines,
    sender_of,
    test_lines,
)
from dragoman.settings import Smtp
from dragoman.stores.endpoints import NotificationEndpoint
from dragoman.text import NameValue, Text, sentence, verbatim

_MMHS: Final = {"routine": "1", "priority": "2", "immediate": "3", "flash": "4"}
_MT_PRIORITY: Final = {"routine": -2, "priority": 0, "immediate": 2, "flash": 4}
_EXERCISE: Final = "0"
_OPERATION: Final = "1"


def message(
    endpoint: NotificationEndpoint, item: OutgoingItem, sender: str, base_url: str
) -> EmailMessage:
    """Return the mail for a record. Its Message-ID is the same at every try."""
    mail, vocabulary = EmailMessage(), words(endpoint.language)
    drill = f"{DRILL} " if item.exercise else ""
    mail["From"], mail["To"] = sender, endpoint.target
    act = f"{vocabulary.act(item.act)}, {item.matter}" if item.matter else vocabulary.act(item.act)
    about = item.number or (act if item.notice is None else vocabulary.sentence(item.notice))
    urgency = vocabulary.value(item.precedence).upper()
    mail["Subject"] = (
        f"{drill}{vocabulary.say('Test')} {item.channel}"
        if item.test
        else f"{drill}[{urgency}] {about}"
    )
    mail["Date"] = formatdate()
    mail["Message-ID"] = f"<{item.id}.{endpoint.id}@dragoman.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["MMHS-Primary-Precedence"] = _MMHS[item.precedence]
    mail["MMHS-Message-Type"] = _EXERCISE if item.exercise else _OPERATION
    if item.number:
        mail["MMHS-Originator-Reference"] = item.number
    where = place_of(item, base_url)
    happened = sentence("%(word)s: nothing of this happened.", word=DRILL)
    texts = [happened] if item.exercise else []
    lines = [
        vocabulary.sentence(text)
        for text in (
            *texts,
            *_lines(item, vocabulary.written(item.time, "minute"), where, base_url),
        )
    ]
    mail.set_content("\n".join([*lines, "", item.marking]) + "\n")
    # Set it after the content, because `set_content` removes all headers about it.
    mail["Content-Language"] = vocabulary.tag
    return mail


def _lines(item: OutgoingItem, time: str, where: str | Text, base_url: str) -> tuple[Text, ...]:
    """Return the lines of the mail: the record, its sender, its time and its URL."""
    if item.test:
        return test_lines(item, base_url)
    if item.notice is not None:
        return item.notice, sentence(
            "Since %(time)s. Take the watch: %(where)s", time=time, where=where
        )
    return (
        sentence(
            "From %(side)s: %(act)s, %(precedence)s, %(time)s.",
            side=sender_of(item),
            act=NameValue("act", item.act),
            precedence=NameValue("value", item.precedence),
            time=time,
        ),
        *represented_lines(item),
        sentence("Number: %(number)s", number=item.number)
        if item.number
        else sentence("Record: %(n)s", n=item.position),
        *([sentence("Exchange: %(number)s", number=item.matter)] if item.matter else []),
        sentence("Read and acknowledge it: %(where)s", where=where),
    )


class Mails:
    """A sender of mails to a server, with one connection for each mail.

    Mails are few, and a connection that is kept may have died.
    """

    def __init__(self, settings: Smtp, base_url: str) -> None:
        """Use that server, and point readers to the base URL of a gateway."""
        self._settings = settings
        self._base_url = base_url

    async def __call__(self, endpoint: NotificationEndpoint, item: OutgoingItem) -> DeliveryResult:
        """Try once."""
        settings = self._settings
        import aiosmtplib

        if not settings.host:
            return DeliveryResult(
                ok=False, answered=sentence("no mail server is set: courier.smtp.host")
            )
        try:
            password = (
                None
                if settings.password_file is None
                else settings.password_file.read_text().strip()
            )
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
                priority = (
                    [f"MT-PRIORITY={_MT_PRIORITY[item.precedence]}"]
                    if client.supports_extension("mt-priority")
                    else []
                )
                await client.send_message(mail, mail_options=priority)
        except aiosmtplib.SMTPResponseException as error:
            return DeliveryResult(
                ok=False, answered=verbatim(f"{error.code} {error.message}"[:SHOWN])
            )
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return DeliveryResult(ok=False, answered=unreachable(endpoint, error))
        return DeliveryResult(ok=True)
