"""The decision: a post and the state become a record to append, or a refusal."""

import msgspec
from msgspec import UNSET, Struct

from dragoman.domain.acts.act_registry import PATHS, RulesVersion, in_force
from dragoman.domain.history_port import History
from dragoman.domain.judge import judge
from dragoman.domain.record import codec as records
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Malformed, Refusal, invalid, make_refusal
from dragoman.domain.record_checks import source_of
from dragoman.text import verbatim
from dragoman_schemas.act_frame import Act
from dragoman_schemas.state import ChannelState


class Submission(Struct, frozen=True, kw_only=True):
    """An act that an actor wants recorded, with its id and its exchange.

    `exchange` is empty for an opening. `if_match` is the ETag that the poster read, or
    None. `released_by` is the second officer. `caused_by` is the record that caused a
    service act. `signatures` are those that the authors made over the act.
    """

    actor: str
    act: bytes
    data: Act
    id: str
    exchange: str = ""
    family: str = ""
    if_match: str | None = None
    released_by: str = ""
    caused_by: str = ""
    signatures: str = ""


def decide(
    state: ChannelState,
    history: History,
    post: Submission,
    *,
    time: str,
    salt: str,
    signatures: str = "",
) -> Record | Refusal:
    """Return the record for the position after `state`, or the reason to refuse it.

    The caller chooses `time` and `salt`. The act must be one that the rules in force in
    the channel list.
    """
    registry = state.registry
    assert registry is not None
    version = in_force(registry)
    name = str(post.data.__struct_config__.tag)
    rule = version.rules.get(name)
    if rule is None:
        fault = records.later_act(name, version.number).fault
        return invalid(fault.pointer, fault.detail)
    newest, data = post.act, post.data
    if not records.is_read_alike(name, version.number):
        try:
            newest = records.under_rules(post.act, version.number)
            data = records.decode_act(newest)
        except Malformed as error:
            return invalid(error.fault.pointer, error.fault.detail)
        except msgspec.ValidationError as error:
            return invalid("", verbatim(str(error)))
    opens = name in version.formats
    exchange = None if opens or rule.family == "channel" else history.exchange(post.exchange)
    misplaced = _misplaced(post, name, version)
    if misplaced is not None:
        return misplaced
    if not opens and rule.family != "channel" and exchange is None:
        return make_refusal(
            "not-found",
            "There is no exchange %(exchange)s in %(channel)s; list them under /exchanges.",
            exchange=post.exchange,
            channel=registry.name,
        )
    family = rule.family or (exchange.family if exchange is not None else "")
    subject = post.id if opens else registry.id if rule.family == "channel" else post.exchange
    candidate = records.assemble(
        records.envelope(
            id=post.id,
            source=source_of(registry, post.actor),
            name=name,
            version=rule.version,
            subject=subject,
            time=time,
            channel=registry.name,
            family=family,
            actor=post.actor,
            decided=state.position,
            salt=salt,
            signatures=signatures,
            released_by=post.released_by,
            caused_by=post.caused_by,
        ),
        post.act,
        data,
        newest,
    )
    refusal = judge(state, history, candidate)
    if refusal is not None:
        return refusal
    etags: tuple[str, ...] = (
        (registry.etag,)
        if rule.family == "channel"
        else ("",)
        if exchange is None
        else (exchange.etag,)
    )
    if rule.consenting and exchange is not None:
        etags = (
            *etags,
            exchange.revision,
        )  # a receipt changes the ETag, but not the content that the act relies on
    if post.if_match is not None and post.if_match not in etags:
        return make_refusal(
            "moved",
            "The exchange has moved since you read it; read it again, and post with its new ETag.",
        )
    if rule.consenting and post.if_match is None and post.data.signed is UNSET:
        return make_refusal(
            "precondition-required",
            "%(act)s must name the version of the exchange that it relies on: "
            "send If-Match with the ETag that you read.",
            act=name,
        )
    return candidate


def _misplaced(post: Submission, name: str, version: RulesVersion) -> Refusal | None:
    """Return a refusal if the act was posted to another path than its own."""
    family = version.rules[name].family
    if post.exchange:
        if family is None:
            return None
        path = next(candidate for candidate, of in PATHS.items() if of == family)
        return make_refusal(
            "invalid",
            "%(act)s opens an exchange; post it to /%(path)s of the channel.",
            act=name,
            path=path,
        )
    if family is None:
        return make_refusal(
            "invalid", "%(act)s continues an exchange; post it to /exchanges/<id>/acts.", act=name
        )
    if post.family and post.family != family:
        path = next(candidate for candidate, of in PATHS.items() if of == family)
        return make_refusal(
            "invalid",
            "%(act)s is of the family %(family)s; post it to /%(path)s of the channel.",
            act=name,
            family=family,
            path=path,
        )
    return None
