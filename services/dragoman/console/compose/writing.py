"""The act that an officer is writing, and the members that its form has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Raw, Struct

from dragoman.console.compose import channel_acts
from dragoman.console.compose.channel_acts import CHANNEL_ACTS, KeepersAct
from dragoman.console.display import authorised_senders
from dragoman.console.display.authorised_senders import Sending
from dragoman.console.display.office_clocks import Office, office_of
from dragoman.console.forms.form_errors import officer_text
from dragoman.console.matter.exchange_parts import changes_of
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import refused
from dragoman.domain.acts import consent, passing_on
from dragoman.domain.acts.act_registry import in_force
from dragoman.domain.acts.act_rules import OFFICERS, Format, Rule, Who
from dragoman.domain.acts.families.incidents import ACCOUNTED
from dragoman.domain.acts.families.recurrence import recurrence_of
from dragoman.domain.acts.families.replies import EXPLAINED
from dragoman.domain.record import errors as refusals
from dragoman.domain.views.offers import OFFERS
from dragoman.i18n.vocabulary import OWN_LABELS
from dragoman.members import shapes
from dragoman.members.choices import ChoiceKind, PostKind
from dragoman.members.groups import GroupKind, RowsKind
from dragoman.members.kind import FieldError, Member, TypedForm
from dragoman.members.shapes import FieldsKind
from dragoman.members.sides import MessageKind
from dragoman.members.texts import TextKind
from dragoman.stores.drafts import Draft
from dragoman.text import sentence
from dragoman_schemas.act_frame import Answering
from dragoman_schemas.state import Exchange

OF_SIGNING: Final = ("sign", "signed", "signatures")
"""Fields by which a page signs. They belong to one press and are not carried on."""


@dataclass(kw_only=True)
class Writing:
    """One act that is being written: its name, its exchange and its draft."""

    context: PageContext
    act: str
    exchange: Exchange | None = None
    draft: Draft | None = None

    @property
    def rule(self) -> Rule:
        """The act's rule."""
        return in_force(self.context.registry).rules[self.act]

    @property
    def format(self) -> Format | None:
        """Its format, where it opens an exchange."""
        return in_force(self.context.registry).formats.get(self.act)

    @property
    def of_channel(self) -> KeepersAct | None:
        """The act as one of the channel itself; None for an act of an exchange."""
        return CHANNEL_ACTS.get(self.act)

    @property
    def keeps_drafts(self) -> bool:
        """Return whether its form can be kept as a draft, which only officers write."""
        return self.of_channel is None or not channel_acts.is_of_keepers(self.act)

    @property
    def at(self) -> str:
        """The id of the exchange that it continues; empty for an opening."""
        return "" if self.exchange is None else self.exchange.id

    @property
    def offices(self) -> tuple[Office, ...]:
        """The sides' offices as they are now."""
        return tuple(
            office_of(side, self.context.projection.office(side)) for side in self.context.sides
        )

    @property
    def path(self) -> str:
        """The address of its form."""
        if self.exchange is not None:
            return f"/exchanges/{self.exchange.id}/acts/{self.act}"
        if self.of_channel is not None:
            return f"/admin/acts/{self.act}"
        return f"/compose/{self.act}"

    def members(self, chosen: Sequence[str] = ()) -> tuple[Member, ...]:
        """Return the members that the form asks for.

        A correction, or an update, asks for those members of the opening that were
        chosen. A reply and an account ask for members that fit the exchange that they
        continue, and for none that its rules would refuse. The text of a consent is not
        asked for: the check page shows it.
        """
        members = tuple(
            member
            for member in shapes.members(self.act)
            if member.name != "terms" or self.act not in consent.ACTS
        )
        if self.of_channel is not None:
            kinds = self.of_channel.kinds(self.context)
            return tuple(channel_acts.with_kinds(members, kinds))
        if self.exchange is not None:
            members = tuple(
                member for member in members if _fits(self.act, member.name, self.exchange)
            )
        if self.exchange is not None and self.act == "status-change":
            statuses = ChoiceKind(changes_of(self.exchange))
            members = tuple(
                Member(member.name, statuses, member.required)
                if member.name == "status"
                else member
                for member in members
            )
        if self.exchange is not None and self.act == "passed-on":
            posts = _posts_of(self.context, self.exchange)
            members = tuple(
                Member(member.name, PostKind(posts), member.required)
                if member.name == "to_post" and posts
                else member
                for member in members
            )
        if self.exchange is None or not any(
            isinstance(member.kind, FieldsKind) for member in members
        ):
            return members
        inner = tuple(
            member for member in shapes.members(self.exchange.act) if member.name in chosen
        )
        return tuple(
            Member(
                member.name,
                GroupKind(tuple(Member(part.name, part.kind) for part in inner)),
                member.required,
            )
            if isinstance(member.kind, FieldsKind)
            else member
            for member in members
            if inner or member.required or not isinstance(member.kind, FieldsKind)
        )

    def typed(self, form: Mapping[str, Any]) -> TypedForm:
        """Return a parser of the typed fields."""
        context = self.context
        office = office_of(context.side, context.projection.office(context.side))
        return TypedForm(
            form=form,
            words=context.words,
            languages=context.registry.languages,
            sides=context.sides,
            now=context.service.now(),
            zone=ZoneInfo(office.zone),
            labels=self.label,
        )

    def label(self, member: Member, name: str = "") -> str:
        """Return the form's label of a field, which its error messages use as well.

        Members of a group are below two dots, and keep their own names.
        """
        words = self.context.words
        own_label = OFFERS[self.act].labels.get(member.name)
        if own_label is not None and name.count(".") < 2:
            return words.sentence(own_label)
        if f"{member.act}.{member.name}" in OWN_LABELS:
            return words.field(member.name, member.act)
        if isinstance(member.kind, MessageKind):
            return words.say("Which message")
        if member.name == "precedence":
            return words.say("Urgency")
        return words.field(member.name, member.act)


def _fits(act: str, name: str, exchange: Exchange) -> bool:
    """Return whether a member of an act makes sense in an exchange."""
    match act:
        case "reply" if name in EXPLAINED:
            return exchange.act == "explanation-request"
        case "reply" if name == "answers":
            return exchange.act == "explanation-request" or "clarification-request" in exchange.acts
        case "fulfilment" if name == "complete":
            return recurrence_of(exchange) is not None
        case "counter-account" if exchange.act in ACCOUNTED and name not in _OWN_OF_ACCOUNT:
            return name in ACCOUNTED[exchange.act].__struct_fields__
        case _:
            return True


_OWN_OF_ACCOUNT: Final = frozenset({"facts", *Answering.__struct_fields__})
"""Members of an account that are not members of the report that it answers."""


class Composing(Struct, frozen=True, kw_only=True):
    """A form, as data: the act, and the texts in its fields."""

    act: str
    exchange: str = ""
    draft: str = ""
    fields: dict[str, tuple[str, ...]] = {}
    faults: tuple[tuple[str, str], ...] = ()


class CheckedAct(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The act that will be recorded, byte for byte, and what will follow from it."""

    act: Raw
    bytes: int
    sha256: str
    exchange: str = ""
    number: str = ""
    precedence: str = ""
    to: tuple[str, ...] = ()
    two_key: bool = False
    clocks: tuple[tuple[str, str, str], ...] = ()

    @property
    def marking(self) -> str:
        """The marking of the act; empty where it has that of the channel."""
        return _decode_marked(self.act).marking


class _MarkedAct(Struct):
    marking: str = ""


_decode_marked: Final = msgspec.json.Decoder(_MarkedAct).decode


def may_write(context: PageContext, rule: Rule) -> bool:
    """Return whether the reader may do an act, or write it for a colleague who may."""
    return (
        context.may_write
        and not rule.roles.isdisjoint(OFFICERS)
        and not rule.who.wording.startswith("the ")
    )


def sending_of(
    context: PageContext, rule: Rule, *, author: str = "", second: bool = False
) -> Sending:
    """Return the officers of the reader's side who may send an act.

    For a draft, its `author` counts as the sender, and not the reader. An act of
    keepers is written by those alone who may send it.
    """
    if rule.who is Who.KEEPERS:
        return Sending(alone=True, second=False, colleagues=(), needed=())
    return authorised_senders.senders_of(
        context.projection.registry, author or context.grant.actor, rule, second=second
    )


async def find_draft(context: PageContext, id: str) -> Draft:
    """Return a draft of the reader's side. Raises `Refused` if it does not exist."""
    draft = await context.service.drafts.find(context.registry.cid, context.side, id)
    if draft is None or not context.is_officer:
        raise refused(
            "not-found",
            sentence("Your side has no such draft. The list of drafts shows all drafts."),
        )
    return draft


class Warned(NamedTuple):
    """A probable mistake in an act that is to be checked, and advice about it."""

    sentence: str
    advice: str


def field_errors(writing: Writing, faults: Iterable[refusals.FieldFault]) -> list[FieldError]:
    """Return the faults of the act as faults of its form's fields."""
    return [_field_error(writing, fault) for fault in faults]


def _field_error(writing: Writing, fault: refusals.FieldFault) -> FieldError:
    """Return a fault of the act as a fault of one field."""
    context, pointer = writing.context, fault.pointer
    name = ".".join(["f", *(part for part in pointer.split("/") if part)])
    path = name.split(".")[1:]
    member = member_at(writing.members(()), path)
    kind = None if member is None else member.kind
    # A program's text has the names of sides as they are, and not as pages write them.
    sides = () if isinstance(kind, TextKind) and kind.code else context.sides
    return FieldError(
        field=name,
        label=""
        if member is None
        else writing.label(member, f"f.{path[0]}" if len(path) == 1 else name),
        sentence=officer_text(context.words, kind, fault.detail, sides),
        earliest=fault.earliest,
    )


def member_at(members: Iterable[Member], path: Sequence[str]) -> Member | None:
    """Return the innermost member of a form at a path; None for an unknown path."""
    member = next((item for item in members if path and item.name == path[0]), None)
    if member is None:
        return None
    within = path[2:] if isinstance(member.kind, RowsKind) else path[1:]
    return member_at(member.kind.parts, within) or member


def _posts_of(context: PageContext, state: Exchange) -> tuple[str, ...]:
    """Return the posts of the list by which the reader's side passes a message on.

    Empty where the side has no list for the format.
    """
    message = next((item for item in reversed(state.messages) if context.side in item.to), None)
    if message is None:
        return ()
    onward = passing_on.list_of(context.registry, context.side, state.act, message.said.position)
    return () if onward is None else onward.posts
