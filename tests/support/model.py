"""A model of a channel's duties, in lists and dictionaries. It is written from the catalogue's
tables, and knows nothing of the service.

post ──expected──▶ "recorded", or the kind of problem that it is answered with
  │
  ├─ recorded      it stands in the log, at its position, for ever
  └─ doubtful      nobody knows, until a retry with the same key is answered
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

RECORDED: Final = "recorded"

OPENS: Final = {
    "contact-note": "open",
    "hazardous-incident": "open",
    "meeting-request": "requested",
}
"""Opening → the status in which its exchange begins."""

_LIVE: Final = ("open", "requested", "accepted", "held")
_EVER: Final = (*_LIVE, "declined", "cancelled", "closed")

CARRIES_ON: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "acknowledgement": ("addressed", {status: status for status in _EVER}),
    "reply": ("addressed", {status: status for status in (*_LIVE, "closed")}),
    "interim-reply": ("addressed", {status: status for status in _LIVE}),
    "decline": (
        "other",
        {"open": "open", "requested": "declined", "accepted": "accepted", "held": "held"},
    ),
    "acceptance": ("other", {"requested": "accepted"}),
    "meeting-held": ("any", {"requested": "held", "accepted": "held"}),
    "readout": ("any", {"held": "held"}),
    "counter-account": ("other", {"open": "open", "closed": "closed"}),
    "correction": ("opener", {status: status for status in _LIVE}),
    "cancellation": (
        "opener",
        {"open": "cancelled", "requested": "cancelled", "accepted": "cancelled"},
    ),
    "closure": ("any", dict.fromkeys((*_LIVE, "declined"), "closed")),
}
"""Act → which of the two sides does it, and in which statuses to which."""

SAYS_SOMETHING: Final = frozenset(CARRIES_ON) - {
    "acknowledgement",
    "closure",
    "meeting-held",
    "readout",
}
"""Acts that the other side can acknowledge in its turn."""

RESTS_ON: Final = frozenset({"acceptance", "correction", "cancellation", "closure"})
"""Acts that must name the ETag that their officer read."""

_NO_TEXT: Final = frozenset({"act", "precedence", "area", "dtg"})
"""Members of a post that are about the message: nobody consents to them."""

OFFICES: Final = {"officer": "officers", "officer-revocation": "officers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post that an officer sends, under a key of its own. `exchange` is empty for a post that
    opens an exchange.
    """

    actor: str
    key: str
    body: dict[str, Any]
    exchange: str = ""
    if_match: str = ""

    @property
    def act(self) -> str:
        """The act's name."""
        return str(self.body["act"])

    @property
    def side(self) -> str:
        """For whom."""
        return self.actor.partition("/")[0]


@dataclass(slots=True, kw_only=True)
class Exchange:
    """An exchange between two sides: who opened it, what it says, where it has come to, and every
    ETag that it had.

    Once another side has accepted the text, `bound`, it is not corrected any more.
    """

    opening: str
    side: str
    status: str
    etags: list[str]
    revision: str = ""
    text: dict[str, Any] = field(default_factory=dict)
    bound: bool = False
    addressed: set[str] = field(default_factory=set)
    closed_by: set[str] = field(default_factory=set)
    position: int = 0

    def admits(self, act: str, side: str) -> str:
        """Return "recorded" if that side may do that act now, or else the kind of problem."""
        who, moves = CARRIES_ON[act]
        stands = {
            "any": True,
            "opener": side == self.side,
            "other": side != self.side,
            "addressed": side in self.addressed,
        }
        if not stands[who]:
            return "not-permitted"
        foreign = act == "counter-account" and self.opening != "hazardous-incident"
        if foreign or self.status not in moves:
            return "not-allowed-in-state"
        is_again = act == "closure" and side in self.closed_by
        return "invalid-act" if is_again or (act == "correction" and self.bound) else RECORDED


@dataclass(slots=True)
class Model:
    """A channel between two sides, whose officers have one role each."""

    sides: tuple[str, str]
    officers: dict[str, str]
    recorded: dict[tuple[str, str], tuple[Post, dict[str, Any]]] = field(default_factory=dict)
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    doubtful: dict[tuple[str, str], Post] = field(default_factory=dict)
    void: set[int] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)

    @property
    def position(self) -> int:
        """The last position that was told."""
        return max((answer["position"] for _, answer in self.recorded.values()), default=1)

    def certain(self) -> list[str]:
        """The exchanges of which nothing is in doubt, those with the longest history first."""
        doubted = {post.exchange for post in self.doubtful.values()}
        certain = [
            (-len(exchange.etags), exchange.position, id)
            for id, exchange in self.exchanges.items()
            if id not in doubted
        ]
        return [id for _, _, id in sorted(certain)]

    def in_office(self, side: str, *roles: str) -> list[str]:
        """A side's officers of these roles."""
        return [
            actor
            for actor, role in self.officers.items()
            if actor.startswith(f"{side}/") and role in roles and actor not in self.revoked
        ]

    def terms(self, exchange: str) -> str:
        """The digest that an acceptance of an exchange names: of its opening and of what it says by
        now, one member after the other by name.
        """
        text = sorted(self.exchanges[exchange].text.items())
        members = ",".join(
            f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'))}" for name, value in text
        )
        return hashlib.sha256(
            f'dragoman-terms/v1\n{exchange}\nproposal\n{{"record":"{exchange}",'
            f'"text":{{{members}}}}}'.encode()
        ).hexdigest()

    def admitted(self, exchange: str, *, recorded: bool = True) -> list[tuple[str, str]]:
        """The acts that may be done in an exchange, each with the side that does it; or all those
        that may not.
        """
        asked = [(act, side) for act in CARRIES_ON for side in self.sides]
        return [
            (act, side)
            for act, side in asked
            if (self.exchanges[exchange].admits(act, side) == RECORDED) == recorded
        ]

    def expected(self, post: Post) -> str:
        """Return the answer that a gateway with all records must give to a post."""
        if post.actor in self.revoked:
            return "not-found"
        known = self.recorded.get((post.actor, post.key))
        if known is not None:
            return RECORDED if known[0] == post else "key-reused"
        role = self.officers[post.actor]
        wanted = {"hazardous-incident": ("duty_officer",)}.get(
            post.act, ("officer", "duty_officer")
        )
        if post.act in OFFICES:
            wanted = ("administrator",)
        if role not in wanted:
            return "not-permitted"
        if not post.exchange:
            return RECORDED
        exchange = self.exchanges[post.exchange]
        admitted = exchange.admits(post.act, post.side)
        if admitted != RECORDED:
            return admitted
        if post.if_match:
            relied = (
                (exchange.etags[-1], exchange.revision)
                if post.act in RESTS_ON
                else exchange.etags[-1:]
            )
            return RECORDED if post.if_match in relied else "moved"
        return "precondition-required" if post.act in RESTS_ON else RECORDED

    def record(self, post: Post, answer: dict[str, Any]) -> None:
        """Take in what a post became, by its answer."""
        self.doubtful.pop((post.actor, post.key), None)
        self.recorded[post.actor, post.key] = post, answer
        if post.act in OFFICES:
            self._enter(post)
        elif not post.exchange:
            opened = Exchange(
                opening=post.act,
                side=post.side,
                status=OPENS[post.act],
                etags=[],
                text=_text_of(post.body),
                addressed={*self.sides} - {post.side},
            )
            self._stand(self.exchanges.setdefault(answer["exchange"], opened), post, answer)
        else:
            exchange = self.exchanges[post.exchange]
            after = CARRIES_ON[post.act][1][exchange.status]
            if post.act == "closure":  # of one side: it ends nothing before the other has closed
                exchange.closed_by.add(post.side)
                after = after if exchange.closed_by == {*self.sides} else exchange.status
            elif post.act in SAYS_SOMETHING and exchange.status != "closed":
                exchange.closed_by.discard(post.side)
            exchange.status = after
            exchange.bound = exchange.bound or post.act == "acceptance"
            exchange.text |= post.body.get("fields", {})
            if post.act in SAYS_SOMETHING:
                exchange.addressed |= {*self.sides} - {post.side}
            self._stand(exchange, post, answer)

    def _stand(self, exchange: Exchange, post: Post, answer: dict[str, Any]) -> None:
        assert answer["position"] > exchange.position, (
            "an exchange's records stand in the order in which they were acknowledged"
        )
        exchange.position = answer["position"]
        exchange.etags.append(answer["etag"])
        if post.act != "acknowledgement":
            exchange.revision = answer["etag"]

    def _enter(self, post: Post) -> None:
        actor = f"{post.side}/{post.body['officer']}"
        if post.act == "officer":
            self.officers[actor] = post.body["roles"][0]
        else:
            self.revoked.add(actor)


def _text_of(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in _NO_TEXT}
