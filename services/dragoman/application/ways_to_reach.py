"""The ways to reach people that the operator offers, beside webhooks and e-mail.

    [[courier.ways]]
    name = "sms"
    title = "SMS"
    to = "phone"
    url_file = "/etc/dragoman/sms.url"     twilio://ACCOUNT:TOKEN@+15550100/{to}

An officer enters only a number, and never sees the operator's credentials. With
`to = "url"` a side enters the whole address of a service of its own.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from msgspec import Struct
from yarl import URL

from dragoman.application.service_address import read_address
from dragoman.interop.ssrf_guard import AddressGuard
from dragoman.settings import Way
from dragoman.text import Text, sentence

RECIPIENT: Final = "{to}"
LANGUAGE: Final = "{language}"
TWILIO: Final = "twilio"
_SEPARATORS: Final = re.compile(r"[ \u00a0().\u2011-]")
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
EXAMPLE_ROOM: Final = "!abc:example.org"
_MATRIX: Final = re.compile(
    r"![A-Za-z0-9_-]{43}|[!#@][^\s:/?#]{1,128}:[A-Za-z0-9.-]{1,200}(:[0-9]{1,5})?"
)
"""A room or a person of Matrix. Since version 12 of rooms an id names no server."""

_TOPIC: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~-]{0,127}")
_MOST: Final = 1_000


class WayUnusable(Exception):
    """A way that the operator has set up wrongly. The message is for the operator."""


class Recipient(Struct, frozen=True, kw_only=True):
    """A recipient as it is used, and as it is shown afterwards.

    `shown` does not give the recipient away.
    """

    to: str
    shown: str


class InvalidRecipient(Exception):
    """A recipient that cannot be used, with a sentence that says why."""

    def __init__(self, fault: Text) -> None:
        """Say why."""
        super().__init__(str(fault))
        self.fault = fault


class Ways:
    """The ways of the settings, by their names."""

    def __init__(self, ways: Iterable[Way] = (), networks: Iterable[str] = ()) -> None:
        """Offer these ways. Plain http may go to the networks alone."""
        self._ways = {way.name: way for way in ways}
        self._guard = AddressGuard(networks)

    def __iter__(self) -> Iterator[Way]:
        """Yield the ways in the operator's order."""
        return iter(self._ways.values())

    def __bool__(self) -> bool:
        """Return whether any way is offered."""
        return bool(self._ways)

    def find(self, name: str) -> Way | None:
        """Return the way of that name, or None."""
        return self._ways.get(name)

    def is_spoken(self, name: str) -> bool:
        """Return whether the way of that name is a call that reads its text aloud."""
        way = self.find(name)
        return way is not None and way.spoken

    def recipient(self, way: Way, text: str) -> Recipient:
        """Return the recipient that an officer entered. Raises `InvalidRecipient`."""
        entered = text.strip()
        match way.to:
            case "phone":
                number = _SEPARATORS.sub("", entered)
                if not _PHONE.fullmatch(number):
                    raise InvalidRecipient(
                        sentence(
                            "give the number with + and the country code, like +33 1 23 45 67 89"
                        )
                    )
                return Recipient(to=number, shown=f"{number[:3]}… {number[-2:]}")
            case "matrix":
                if not _MATRIX.fullmatch(entered):
                    raise InvalidRecipient(
                        sentence("give a Matrix room, like %(room)s", room=EXAMPLE_ROOM)
                    )
                server = entered.partition(":")[2]
                return Recipient(to=entered, shown=f"{entered[0]}…{server and f':{server}'}")
            case "topic":
                if not _TOPIC.fullmatch(entered):
                    raise InvalidRecipient(
                        sentence("give a name of letters, digits, dots, dashes and underscores")
                    )
                return Recipient(to=entered, shown=f"{entered[:2]}…")
            case _:
                return self._own_address(way, entered)

    def _own_address(self, way: Way, entered: str) -> Recipient:
        """Return a whole address as a recipient. Raises `InvalidRecipient`."""
        services = ", ".join(way.services)
        scheme, separator, _ = entered.partition("://")
        if not separator or scheme.lower() not in way.services:
            raise InvalidRecipient(
                sentence(
                    "begin it with one of these services and ://: %(services)s", services=services
                )
            )
        if len(entered) > _MOST or any(character.isspace() for character in entered):
            raise InvalidRecipient(sentence("it has blanks or more than 1,000 characters"))
        try:
            address = read_address(entered)
            host = URL(entered).raw_host or ""
        except ValueError:
            raise InvalidRecipient(
                sentence("it is not a URL; percent-encode @, / and ? in a user name or a password")
            ) from None
        if address.unwanted:
            raise InvalidRecipient(
                sentence("leave out the parameter %(name)s", name=address.unwanted[0])
            )
        if (fault := self._guard.check_host(host)) is not None:
            raise InvalidRecipient(fault)
        return Recipient(to=entered, shown=f"{scheme.lower()}://{host}")

    def address(self, way: Way, to: str, language: str = "en") -> str:
        """Return the address that the library sends to. Raises `WayUnusable`."""
        if way.to == "url":
            return to
        if way.url_file is None:
            raise WayUnusable(f"courier.ways: {way.name} has no url_file")
        try:
            template = way.url_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise WayUnusable(f"{way.url_file} cannot be read: {error}") from None
        if template.count(RECIPIENT) != 1:
            raise WayUnusable(f"{way.url_file} must have {RECIPIENT} once, for the recipient")
        return template.replace(LANGUAGE, language).replace(RECIPIENT, quote(to, safe=""))


def is_call(address: str) -> bool:
    """Return whether an address asks Twilio for a call, and not for an SMS."""
    scheme, _, rest = address.partition("://")
    return scheme.lower() == TWILIO and "method=call" in rest.partition("?")[2].lower().split("&")


def faults(ways: Iterable[Way]) -> list[str]:
    """Return the faults of the ways in the settings, for `config check`."""
    ways, result = list(ways), []
    names = [way.name for way in ways]
    for name in sorted({name for name in names if names.count(name) > 1}):
        result.append(f"courier.ways: {name} is there twice; give each way another name")
    for way in ways:
        if 0 < way.total_limit < way.cost_limit:
            result.append(
                f"courier.ways: the total_limit of {way.name} is less than its cost_limit; one "
                "side could use up the money of all; raise the total_limit or lower the cost_limit"
            )
        if way.to == "url" and not way.services:
            result.append(
                f"courier.ways: {way.name} takes whole addresses, so name its services, "
                'like services = ["ntfys"]'
            )
        if way.to != "url":
            try:
                address = Ways(ways).address(way, "0")
            except WayUnusable as error:
                result.append(str(error))
            else:
                if is_call(address) and not way.spoken:
                    result.append(
                        f"courier.ways: {way.name} places calls, and nobody can open a link in a "
                        "call; add spoken = true"
                    )
                if Path(way.url_file or "").stat().st_mode & 0o077:
                    result.append(f"{way.url_file} is readable by others; run chmod 600 on it")
    return result
