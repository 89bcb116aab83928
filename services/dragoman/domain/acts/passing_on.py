"""Passing on: the posts that a side has told of a message, and those that it must tell.

A side adopts a list of posts for each format that it receives. From then on it owes a
`passed-on` to each post of the list, for each window that another side announces. The
limit is two hours before the window opens, or the time in the list. A message that
comes later, or that has no window, is passed on within half an hour. A visit is passed
on once it was agreed to. A launch that is postponed is passed on once it has another
window.

A post was told of what had come by then. What it was told before another window was
named does not count for that window.

All of it is the receiver's own word. The log proves that the side said so, and when.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.domain.acts import event_windows, field_checks
from dragoman.domain.acts.act_rules import Rule, Who
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import sentence
from dragoman_schemas.acts.notification.passed_on import PassedOn
from dragoman_schemas.profiles import Profile
from dragoman_schemas.state import Exchange, Message, OnwardList, Registry, Said, Stamp

_MINUTE: Final = timedelta(minutes=1)
"""Times are often written to the minute, which is cut off."""


class ToldPost(Struct, frozen=True, kw_only=True):
    """A post that a side says it has told, with the record that says so.

    `confirmed_at` is empty where the post has not confirmed it.
    """

    post: str
    at: str
    confirmed_at: str
    said: Stamp


def list_of(registry: Registry, side: str, act: str, position: int) -> OnwardList | None:
    """Return a side's onward list for a format, as adopted before a position.

    None where the side has no such list.
    """
    adopted = next(
        (
            adoption
            for adoption in reversed(registry.onward.get(side, ()))
            if adoption.adopted.position < position
        ),
        None,
    )
    lists = () if adopted is None else adopted.lists
    return next((onward for onward in lists if onward.format == act), None)


def told_posts(exchange: Exchange, side: str, message: Message) -> tuple[ToldPost, ...]:
    """Return the posts that a side says it told of a message, or of a later one."""
    positions = {item.id: item.said.position for item in exchange.messages}
    posts = []
    for item in exchange.acts.get("passed-on", ()):
        if item.said.side != side or item.said.position < message.said.position:
            continue
        of, post = item.content.get("of"), _told_post(item)
        if _is_before(post.at, exchange, message):
            continue
        if of is None or positions[msgspec.json.decode(of)] >= message.said.position:
            posts.append(post)
    return tuple(posts)


def _is_before(at: str, exchange: Exchange, message: Message) -> bool:
    """Return whether a time was before a later message of an exchange came.

    The opening may have been told by voice at any time before.
    """
    came = datetime.fromisoformat(message.said.when)
    return message.id != exchange.id and datetime.fromisoformat(at) + _MINUTE < came


def _told_post(item: Said) -> ToldPost:
    confirmed = item.content.get("confirmed_at")
    return ToldPost(
        post=str(msgspec.json.decode(item.content["to_post"])),
        at=str(msgspec.json.decode(item.content["at"])),
        confirmed_at="" if confirmed is None else str(msgspec.json.decode(confirmed)),
        said=item.said,
    )


def is_to_tell(exchange: Exchange) -> bool:
    """Return whether there is something in an exchange that posts must be told.

    A visit that nobody has agreed to is not, and neither is a postponed event without
    another window.
    """
    if exchange.for_the_record or event_windows.is_postponed(exchange):
        return False
    is_visit = exchange.act in event_windows.VISITS
    return not is_visit or event_windows.window_of(exchange) is not None


def posts_to_tell(
    registry: Registry, exchange: Exchange, side: str, message: Message
) -> tuple[str, ...]:
    """Return the posts of a side's list that it has not said it told of a message.

    Empty for a side that owes nothing, such as one that reads for information.
    """
    if side not in message.to or message.for_the_record or not is_to_tell(exchange):
        return ()
    onward = list_of(registry, side, exchange.act, message.said.position)
    if onward is None:
        return ()
    reached = {told_post.post for told_post in told_posts(exchange, side, message)}
    return tuple(post for post in onward.posts if post not in reached)


def all_told(registry: Registry, exchange: Exchange, side: str, message: Message) -> Stamp | None:
    """Return the record by which a side had told every post of its list.

    None while it has not, or where it has no list.
    """
    onward = list_of(registry, side, exchange.act, message.said.position)
    if onward is None:
        return None
    first: dict[str, Stamp] = {}
    for post in told_posts(exchange, side, message):
        first.setdefault(post.post, post.said)
    if not first.keys() >= set(onward.posts):
        return None
    return max((first[post] for post in onward.posts), key=lambda stamp: stamp.position)


def limit(exchange: Exchange, message: Message, onward: OnwardList, profile: Profile) -> datetime:
    """Return the time by which a message must be passed on."""
    sent = max(datetime.fromisoformat(message.said.time), event_windows.known_since(exchange))
    soon = sent + timedelta(seconds=profile.passed_on)
    window = event_windows.window_of(exchange)
    if window is None or window.begins <= sent:
        return soon
    before = (
        timedelta(seconds=profile.passed_on_before)
        if onward.before_min is None
        else timedelta(minutes=onward.before_min)
    )
    return max(window.begins - before, min(soon, window.begins))


def _check(
    registry: Registry, exchange: Exchange | None, record: Record[PassedOn]
) -> Refusal | None:
    """Refuse a post that the list does not have, or a time that is still to come."""
    data = record.data
    assert exchange is not None
    refusal = field_checks.happened(
        record.envelope.time, at=data.at, confirmed_at=data.confirmed_at
    )
    if refusal is not None:
        return refusal
    if isinstance(data.confirmed_at, str) and datetime.fromisoformat(
        data.confirmed_at
    ) < datetime.fromisoformat(data.at):
        return invalid(
            "/confirmed_at",
            sentence("the post confirmed it before it was told; exchange the times"),
        )
    for message in exchange.messages:
        if message.id == data.of and _is_before(data.at, exchange, message):
            return invalid(
                "/at",
                sentence(
                    "the post was told before this message came; name an earlier message in "
                    "`of`, or correct the time"
                ),
            )
    posts = _listed(registry, exchange, record.side)
    if not posts or data.to_post in posts:
        return None
    return invalid(
        "/to_post",
        sentence(
            "%(post)s is not on the onward list of %(side)s for this format; "
            "name one of %(posts)s. Names of units stay on your own desk",
            post=data.to_post,
            side=record.side,
            posts=", ".join(posts),
        ),
    )


def _listed(registry: Registry, exchange: Exchange, side: str) -> tuple[str, ...]:
    """Return the posts that a side may name: those of its lists for messages to it.

    Empty for a side that may name any post, since it has no list now.
    """
    lists = [
        list_of(registry, side, exchange.act, message.said.position)
        for message in exchange.messages
        if side in message.to
    ]
    if not lists or lists[-1] is None:
        return ()
    return tuple(
        dict.fromkeys(post for onward in lists if onward is not None for post in onward.posts)
    )


RULES: Final = (
    Rule(
        act="passed-on",
        shape=PassedOn,
        who=Who.ADDRESSED,
        acknowledges=True,
        kept=True,
        check=_check,
    ),
)
