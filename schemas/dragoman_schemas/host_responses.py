"""Bodies of the host's API: channels, tokens, endpoints and health of the service."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, UnsetType

from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.acts.office.channel import Family, Kind, Role, RulesNumber
from dragoman_schemas.fields import Actor, Language, Line, Name, Shape, Timestamp, Words
from dragoman_schemas.responses import Means, PageLanguage, ResponseBody

Mailbox = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}"
        r"@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,4}$(?!\n)"
    ),
]
"""One address for e-mail, in the plain form."""


class ChannelView(ResponseBody, frozen=True, kw_only=True):
    """A channel as its members see it.

    `log` is the verifier key that verifies its signed heads. `policy` says whose
    cosignatures make a record final. `observers` are the sides that owe nothing and
    consent to nothing. `ended` is the time at which all sides ended it, and `successor`
    the channel in which they go on.
    """

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
    observers: tuple[str, ...] = ()
    ended: str = ""
    successor: str = ""


class Channels(ResponseBody, frozen=True, kw_only=True):
    """The channels that the caller may see. `next` is the cursor of the next page."""

    channels: tuple[ChannelView, ...]
    next: str = ""


class Me(ResponseBody, frozen=True, kw_only=True):
    """The actor of the token, with the roles and the channels.

    `expires` is the end of the token or of the session's token; empty if it never ends.
    """

    actor: str
    roles: dict[str, tuple[str, ...]]
    channels: tuple[str, ...]
    expires: str = ""


class NewOfficer(Shape, frozen=True, kw_only=True):
    """An officer to enter at the opening."""

    side: Name
    officer: Name
    office: Name
    roles: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=5)]


class NewChannel(Shape, frozen=True, kw_only=True):
    """A channel to open for a trial.

    The host makes and keeps the keys of all sides, and the genesis says so. `observers`
    are those of the sides that owe nothing and consent to nothing. `rules` is the
    version of the rules; by default it is the highest one in force in a channel here.
    `arrangement` is the text to which the sides agree.
    """

    name: Name
    kind: Kind = "official"
    sides: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=64)]
    observers: Annotated[tuple[Name, ...], Meta(max_length=63)] = ()
    languages: Annotated[tuple[Language, ...], Meta(min_length=1, max_length=20)] = ("en",)
    marking: Line | UnsetType = UNSET
    exercise_of: Name | UnsetType = UNSET
    arrangement: Words | UnsetType = UNSET
    rules: RulesNumber | UnsetType = UNSET
    officers: Annotated[tuple[NewOfficer, ...], Meta(max_length=200)] = ()


class Opening(Shape, frozen=True, kw_only=True):
    """A channel to open by an act that the root keys of every side have signed.

    `act` has its bytes, `signatures` are `keyid:base64` each.
    """

    act: Raw
    signatures: Annotated[
        tuple[Annotated[str, Meta(max_length=20_000)], ...], Meta(min_length=1, max_length=64)
    ]


class OpeningTerms(ResponseBody, frozen=True, kw_only=True):
    """The host's part of an opening.

    It is the key that signs the log's heads, and the log's origin. `rules` is the
    version of the rules that a new channel here names by default.
    """

    log_key: str
    origin: str
    rules: int


Scope = Literal["act", "read"]


class NewToken(Shape, frozen=True, kw_only=True):
    """A token to issue to an officer.

    It is for the `channels` in the request, or for the only channel that the officer is
    in. With `identity`, or with `wherever`, it is for every channel in which the
    officer's side is that identity, now and later. `expires` is the time at which it
    ends. Without it the token ends after the days that the host's settings say, 90
    unless set otherwise. A token of the scope `read` cannot post.
    """

    actor: Actor
    channels: Annotated[tuple[Name, ...], Meta(max_length=10_000)] = ()
    identity: Name | UnsetType = UNSET
    wherever: bool = False
    label: Line | UnsetType = UNSET
    scope: Scope = "act"
    expires: Timestamp | UnsetType = UNSET


class TokenView(ResponseBody, frozen=True, kw_only=True):
    """A token in a list, without its secret.

    With `identity` it is for every channel of that identity, and `channels` is empty.
    """

    id: str
    actor: str
    channels: tuple[str, ...]
    issued: str
    label: str = ""
    scope: Scope = "act"
    expires: str = ""
    identity: str = ""


class IssuedToken(TokenView, frozen=True, kw_only=True):
    """A token with its secret, shown once."""

    token: str


class Tokens(ResponseBody, frozen=True, kw_only=True):
    """The tokens in force. `next` is the cursor of the following page."""

    tokens: tuple[TokenView, ...]
    next: str = ""


class OwnSession(ResponseBody, frozen=True, kw_only=True):
    """A session of the pages that is in force.

    `used` is the last use, up to ten minutes late. `browser` and `system` are names
    like Firefox and Windows, or empty. It began `by` a token, whose id and label these
    are, or at the provider. `current` marks the session that asks. `began` is empty for
    a session of an earlier release.
    """

    id: str
    current: bool
    began: str = ""
    used: str = ""
    ends: str
    browser: str = ""
    system: str = ""
    by: Literal["token", "provider"]
    grant: str
    label: str = ""


class OwnToken(ResponseBody, frozen=True, kw_only=True):
    """A token in force of the officer who asks, without its secret.

    `expires` is empty if it never ends. `ends_soon` says that it ends in two weeks.
    """

    id: str
    label: str = ""
    scope: Scope = "act"
    issued: str
    expires: str = ""
    ends_soon: bool = False


class OwnSessions(ResponseBody, frozen=True, kw_only=True):
    """The sessions and tokens in force of the officer who asks, the newest first."""

    actor: str
    sessions: tuple[OwnSession, ...]
    tokens: tuple[OwnToken, ...]


class NewSubject(Shape, frozen=True, kw_only=True):
    """A subject of the OIDC provider to map to an officer.

    The mapping is for the `channels` in the request, or for the only channel that the
    officer is in. With `identity`, or with `wherever`, it is for every channel in which
    the officer's side is that identity.
    """

    subject: Line
    actor: Actor
    channels: Annotated[tuple[Name, ...], Meta(max_length=10_000)] = ()
    identity: Name | UnsetType = UNSET
    wherever: bool = False
    scope: Scope = "act"


class SubjectView(ResponseBody, frozen=True, kw_only=True):
    """The officer and the channels of a subject's access tokens."""

    id: str
    subject: str
    actor: str
    channels: tuple[str, ...]
    issued: str
    scope: Scope = "act"
    identity: str = ""


class Subjects(ResponseBody, frozen=True, kw_only=True):
    """The subjects of the OIDC provider that are mapped here."""

    subjects: tuple[SubjectView, ...]


Acts = Annotated[tuple[Annotated[str, Meta(max_length=60)], ...], Meta(max_length=100)]


class NewEndpoint(Shape, frozen=True, kw_only=True):
    """An endpoint at which the caller's side is notified of a channel's records.

    It is a `url`, an `address` for e-mail, or a recipient `to` by a `way` that the
    operator offers, under a `label`. That recipient is sealed and never shown again.
    `acts`, `families` and `precedence` narrow it: only these acts and families, and
    only this precedence or a more urgent one. With `own` it gets the side's own acts as
    well. A webhook is signed with a key pair of its own (`ed25519`), or with a shared
    secret (`hmac`). Mails and messages are written in `language`. A message names the
    sender, the act and the number only with `details`.
    """

    channel: Name
    url: Annotated[str, Meta(max_length=2_000)] | UnsetType = UNSET
    address: Mailbox | UnsetType = UNSET
    way: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$(?!\n)")] | UnsetType = UNSET
    to: Annotated[str, Meta(min_length=1, max_length=1_000)] | UnsetType = UNSET
    label: Annotated[str, Meta(max_length=60)] = ""
    details: bool = False
    acts: Acts = ()
    families: Annotated[tuple[Family, ...], Meta(max_length=6)] = ()
    precedence: Precedence | UnsetType = UNSET
    own: bool = False
    signature: Literal["ed25519", "hmac"] = "ed25519"
    language: PageLanguage = "en"


class EndpointView(ResponseBody, frozen=True, kw_only=True):
    """An endpoint of a side, and the state of its deliveries.

    `position` is the last record that was handled. `waiting` counts the records that
    wait for another try, `parked` those that were given up, and `held` those that a
    limit has held back. `public_key` checks the signatures of a webhook. `stopped` says
    why nothing more is sent. `tested` is the time of the newest test, `arrived` that of
    its arrival, and `test_answer` the reason for which it could not be sent.
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
    way: str = ""
    label: str = ""
    details: bool = False
    public_key: str = ""
    created: str
    created_by: str
    position: int
    delivered: int = 0
    waiting: int = 0
    parked: int = 0
    stopped: str = ""
    held: int = 0
    tested: str = ""
    arrived: str = ""
    test_answer: str = ""


class AddedEndpoint(EndpointView, frozen=True, kw_only=True):
    """An endpoint with the shared secret of its signatures, shown once."""

    secret: str = ""


class Endpoints(ResponseBody, frozen=True, kw_only=True):
    """The endpoints of the caller's side."""

    endpoints: tuple[EndpointView, ...]


class DeliveryView(ResponseBody, frozen=True, kw_only=True):
    """A record that has not reached an endpoint yet.

    It has the number of tries, the last answer, and the time of the next try. A
    `parked` one was given up and is sent again only by hand.
    """

    position: int
    tries: int
    answered: str
    again: str = ""
    parked: bool = False


class Deliveries(ResponseBody, frozen=True, kw_only=True):
    """The records that have not reached an endpoint yet."""

    deliveries: tuple[DeliveryView, ...]


LinkOf = Literal["calendar", "roster"]
"""The calendar that a secret link reads: a channel's, or the roster of a side."""


class LinkView(ResponseBody, frozen=True, kw_only=True):
    """A secret link to a calendar in a list, without its secret."""

    id: str
    issued: str
    of: LinkOf = "calendar"


class CalendarLink(LinkView, frozen=True, kw_only=True):
    """A secret link, shown once: anybody who has it can read the calendar.

    `url` is present where the host's settings have its public address.
    """

    path: str
    url: str = ""


class CalendarLinks(ResponseBody, frozen=True, kw_only=True):
    """The caller's links to a channel's calendar."""

    links: tuple[LinkView, ...]


class Check(ResponseBody, frozen=True, kw_only=True):
    """One condition of readiness and health."""

    name: str
    ok: bool
    detail: str = ""


class Degradation(ResponseBody, frozen=True, kw_only=True):
    """A condition that is not met, though requests can be sent here, and the reason."""

    name: str
    reason: str


class Health(ResponseBody, frozen=True, kw_only=True):
    """The readiness or health of the service, with the checks that failed or passed.

    `degraded` has what is not as it should be, though requests can be sent here. The
    status `degraded` is only that of health.
    """

    status: Literal["ok", "degraded", "not ready"]
    checks: tuple[Check, ...] = ()
    degraded: tuple[Degradation, ...] = ()
