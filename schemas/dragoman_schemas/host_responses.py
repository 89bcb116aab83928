"""What the host answers about channels, tokens, endpoints and its own health."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, UnsetType

from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.acts.office.channel import Family, Kind, Role
from dragoman_schemas.fields import Actor, Language, Line, Name, Shape, Timestamp
from dragoman_schemas.responses import Means, PageLanguage, ResponseBody

Mailbox = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,4}$(?!\n)"
    ),
]
"""One address that mail is sent to, in the plain form."""


class ChannelView(ResponseBody, frozen=True, kw_only=True):
    """A channel as its members see it. `log` is the verifier key by which its signed heads are verified, `policy` whose cosignatures make a record final."""

    name: str
    cid: str
    kind: str
    custody: str
    sides: tuple[str, ...]
    languages: tuple[str, ...]
    marking: str
    position: int
    time: str
    opened: str
    exercise_of: str = ""
    log: str = ""
    policy: str = ""


class Channels(ResponseBody, frozen=True, kw_only=True):
    """The channels that the caller may see."""

    channels: tuple[ChannelView, ...]


class Me(ResponseBody, frozen=True, kw_only=True):
    """Who the token speaks for, and where."""

    actor: str
    roles: dict[str, tuple[str, ...]]
    channels: tuple[str, ...]


class NewOfficer(Shape, frozen=True, kw_only=True):
    """An officer to be entered at the opening."""

    side: Name
    officer: Name
    office: Name
    roles: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=5)]


class NewChannel(Shape, frozen=True, kw_only=True):
    """A channel to be opened for a trial: the host makes and keeps the keys of all sides, and says so in the genesis."""

    name: Name
    kind: Kind = "official"
    sides: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=64)]
    languages: Annotated[tuple[Language, ...], Meta(min_length=1, max_length=20)] = ("en",)
    marking: Line | UnsetType = UNSET
    exercise_of: Name | UnsetType = UNSET
    officers: Annotated[tuple[NewOfficer, ...], Meta(max_length=200)] = ()


class Opening(Shape, frozen=True, kw_only=True):
    """A channel to be opened by an act that the root keys of every side signed: its bytes, and the signatures, `keyid:base64` each."""

    act: Raw
    signatures: Annotated[
        tuple[Annotated[str, Meta(max_length=20_000)], ...], Meta(min_length=1, max_length=64)
    ]


class OpeningTerms(ResponseBody, frozen=True, kw_only=True):
    """What a host puts into an opening: the public key that signs the log's heads, and the log's origin."""

    log_key: str
    origin: str


Scope = Literal["act", "read"]


class NewToken(Shape, frozen=True, kw_only=True):
    """A token to be issued to an officer, for the channels that are named, or for the only one in which the officer is.

    It `expires` at that time, or never; one of the scope `read` posts nothing.
    """

    actor: Actor
    channels: Annotated[tuple[Name, ...], Meta(max_length=1000)] = ()
    label: Line | UnsetType = UNSET
    scope: Scope = "act"
    expires: Timestamp | UnsetType = UNSET


class TokenView(ResponseBody, frozen=True, kw_only=True):
    """A token as it is listed: never the token itself."""

    id: str
    actor: str
    channels: tuple[str, ...]
    issued: str
    label: str = ""
    scope: Scope = "act"
    expires: str = ""


class IssuedToken(TokenView, frozen=True, kw_only=True):
    """A token, shown once."""

    token: str


class Tokens(ResponseBody, frozen=True, kw_only=True):
    """The tokens in force."""

    tokens: tuple[TokenView, ...]


class NewSubject(Shape, frozen=True, kw_only=True):
    """A subject of the OIDC provider, to be mapped to an officer, for the channels that are named, or for the only one in which the officer is."""

    subject: Line
    actor: Actor
    channels: Annotated[tuple[Name, ...], Meta(max_length=1000)] = ()
    scope: Scope = "act"


class SubjectView(ResponseBody, frozen=True, kw_only=True):
    """Whom the access tokens of a subject speak for, and where."""

    id: str
    subject: str
    actor: str
    channels: tuple[str, ...]
    issued: str
    scope: Scope = "act"


class Subjects(ResponseBody, frozen=True, kw_only=True):
    """The subjects of the OIDC provider that are known here."""

    subjects: tuple[SubjectView, ...]


Acts = Annotated[tuple[Annotated[str, Meta(max_length=60)], ...], Meta(max_length=100)]


class NewEndpoint(Shape, frozen=True, kw_only=True):
    """Where the caller's side wants to be told of a channel's records: a `url`, or an `address` for e-mail.

    Of those acts, families and of that precedence or more urgent alone, where they are
    named; the own side's acts as well, if `own`. A webhook is signed with a key pair of
    its own (`ed25519`), or with a shared secret (`hmac`); a mail is written in
    `language`.
    """

    channel: Name
    url: Annotated[str, Meta(max_length=2_000)] | UnsetType = UNSET
    address: Mailbox | UnsetType = UNSET
    acts: Acts = ()
    families: Annotated[tuple[Family, ...], Meta(max_length=6)] = ()
    precedence: Precedence | UnsetType = UNSET
    own: bool = False
    signature: Literal["ed25519", "hmac"] = "ed25519"
    language: PageLanguage = "en"


class EndpointView(ResponseBody, frozen=True, kw_only=True):
    """Where a side is told, and how it goes: up to which position, how many wait for another try, how many were given up.

    `public_key` checks the signatures of a webhook. `stopped` says why nothing more is
    sent.
    """

    id: str
    channel: str
    side: str
    means: Means
    target: str
    acts: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    precedence: str = ""
    own: bool = False
    language: PageLanguage = "en"
    public_key: str = ""
    created: str
    created_by: str
    position: int
    delivered: int = 0
    waiting: int = 0
    parked: int = 0
    stopped: str = ""


class AddedEndpoint(EndpointView, frozen=True, kw_only=True):
    """An endpoint, with the shared secret of its signatures, shown once."""

    secret: str = ""


class Endpoints(ResponseBody, frozen=True, kw_only=True):
    """The endpoints of the caller's side."""

    endpoints: tuple[EndpointView, ...]


class DeliveryView(ResponseBody, frozen=True, kw_only=True):
    """A record that an endpoint was not told of yet: how often it was tried, what was answered last, and when it is tried again.

    One that is `parked` was given up; it is sent again by hand alone.
    """

    position: int
    tries: int
    answered: str
    again: str = ""
    parked: bool = False


class Deliveries(ResponseBody, frozen=True, kw_only=True):
    """What an endpoint was not told of yet."""

    deliveries: tuple[DeliveryView, ...]


class LinkView(ResponseBody, frozen=True, kw_only=True):
    """A secret link to a calendar as it is listed: never the link itself."""

    id: str
    issued: str


class CalendarLink(LinkView, frozen=True, kw_only=True):
    """A secret link, shown once: whoever has it reads the calendar. The `url`, where the host has said how it is called from outside."""

    path: str
    url: str = ""


class CalendarLinks(ResponseBody, frozen=True, kw_only=True):
    """The caller's links to a channel's calendar."""

    links: tuple[LinkView, ...]


class Check(ResponseBody, frozen=True, kw_only=True):
    """One condition of readiness."""

    name: str
    ok: bool
    detail: str = ""


class Health(ResponseBody, frozen=True, kw_only=True):
    """Whether the service may be used, and why not."""

    status: Literal["ok", "not ready"]
    checks: tuple[Check, ...] = ()
