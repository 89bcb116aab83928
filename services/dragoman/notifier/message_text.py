"""Texts of messages to people: something waits, how urgent it is, and where to read it.

    [FLASH] nato-china
    A message waits for you. Urgency: FLASH.
    Read it: https://liaison.example/c/nato-china

A message is read on its way, and on locked screens. So it names no sender, act or
number unless its endpoint asks for `details`.
"""

from typing import Final

from dragoman.i18n.words import Words, words
from dragoman.notifier.delivery import OutgoingItem
from dragoman.reports.answer_words import represented_text
from dragoman.stores.endpoints import NotificationEndpoint
from dragoman.text import NameValue, Text, sentence

DRILL: Final = "EXERCISE EXERCISE EXERCISE"
"""The procedure word for an exercise, which is the same in every language."""

CONFIRMING: Final = "/reach/"
"""The path at which a test is confirmed, before its code."""


def message_of(
    endpoint: NotificationEndpoint, item: OutgoingItem, base_url: str
) -> tuple[str, str]:
    """Return the title and the text of a message."""
    vocabulary = words(endpoint.language)
    urgency = vocabulary.value(item.precedence).upper()
    drill = f"{DRILL} " if item.exercise else ""
    if item.test:
        title = f"{drill}{vocabulary.say('Test')} {item.channel}"
    else:
        title = f"{drill}[{urgency}] {item.channel}"
    happened = sentence("%(word)s: nothing of this happened.", word=DRILL)
    texts = [happened] if item.exercise else []
    body = [
        *texts,
        *(
            test_lines(item, base_url)
            if item.test
            else _lines(endpoint, item, vocabulary, base_url)
        ),
    ]
    return title, "\n".join(vocabulary.sentence(text) for text in body)


def test_lines(item: OutgoingItem, base_url: str) -> tuple[Text, ...]:
    """Return the lines of a test, with a link or a code that confirms it."""
    return (
        sentence("This is a test of how to reach you. Nothing is wrong."),
        sentence("Confirm that it arrived: %(where)s", where=f"{base_url}{CONFIRMING}{item.test}")
        if base_url
        else sentence("Enter this code on the page My reach: %(code)s", code=item.test),
    )


def _lines(
    endpoint: NotificationEndpoint, item: OutgoingItem, vocabulary: Words, base_url: str
) -> tuple[Text, ...]:
    where = place_of(item, base_url)
    if item.notice is not None:
        if item.precedence != "flash":
            return item.notice, sentence("Read it: %(where)s", where=where)
        return item.notice, sentence("Look at once: %(where)s", where=where)
    urgency = sentence(
        "A message waits for you. Urgency: %(precedence)s.",
        precedence=vocabulary.value(item.precedence).upper(),
    )
    details = (
        [
            sentence(
                "From %(side)s: %(act)s, %(precedence)s, %(time)s.",
                side=sender_of(item),
                act=NameValue("act", item.act),
                precedence=NameValue("value", item.precedence),
                time=vocabulary.written(item.time, "minute"),
            ),
            *represented_lines(item),
            *(
                [sentence("Number: %(number)s", number=item.number or item.matter)]
                if item.number or item.matter
                else []
            ),
        ]
        if endpoint.details
        else [urgency]
    )
    return (*details, sentence("Read it: %(where)s", where=where))


def place_of(item: OutgoingItem, base_url: str) -> str | Text:
    """Return the address of the item's channel, or its name where none is known."""
    if base_url:
        return f"{base_url}/c/{item.channel}"
    return sentence("channel %(channel)s", channel=item.channel)


def represented_lines(item: OutgoingItem) -> tuple[Text, ...]:
    """Return the line about the sides in whose name a record speaks, if any."""
    return (represented_text(dict(item.represented)),) if item.represented else ()


def sender_of(item: OutgoingItem) -> NameValue | Text:
    """Return the sender of a record; under the Chatham House Rule, a participant."""
    if item.unattributed:
        return sentence("a participant")
    return NameValue("side", item.side) if item.side else sentence("the service")
