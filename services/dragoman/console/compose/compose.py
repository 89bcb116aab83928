"""Writing: a form for every act from its shape, a check page with exactly what will be recorded, drafts, and their release by a second officer.

    form ─ check ─▶ check page ─ send ─▶ recorded
      ▲              │   └───── keep ──▶ draft ─ release ─▶ recorded
      └──── change ──┘

Nothing that was typed is ever lost: it goes from page to page in the form itself, and after an error stands where it stood.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from markupsafe import Markup
from msgspec import Raw, Struct
from multidict import MultiDict

from dragoman.application.http import body_workers, submission
from dragoman.application.http.request import ApiReply
from dragoman.application.operations import drafts, files
from dragoman.application.operations.exchange_view import viewed
from dragoman.console.charts import charts
from dragoman.console.display import field_history, receipt_rows, translations
from dragoman.console.display.act_display import Display, DisplayedMember, language, other_languages
from dragoman.console.display.office_clocks import Office, office_of
from dragoman.console.forms import (
    authorised_senders,
    browser_signatures,
    exchange_choices,
    field_types,
    form_parser,
    people_choices,
    precedence_hints,
)
from dragoman.console.forms.authorised_senders import Sending
from dragoman.console.forms.field_types import Member
from dragoman.console.forms.form_errors import FieldError, placed, plain, worded
from dragoman.console.forms.form_parser import Typed
from dragoman.console.forms.form_reader import Form, Upload
from dragoman.console.forms.kept_forms import KeptForm
from dragoman.console.pages import release_preview
from dragoman.console.pages.alarm import BELLS
from dragoman.console.pages.exchange_page import changes_of, headline
from dragoman.console.rendering import HEADERS, Page, PageContext, PageRoute, html, refused
from dragoman.console.sessions import forget_kept, form_of, keep_form, kept_form, said, see
from dragoman.domain import notation
from dragoman.domain.acts import consent, deadlines, two_keys
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import OFFICERS, Format, Rule
from dragoman.domain.acts.deadlines import Deadline
from dragoman.domain.acts.families import release
from dragoman.domain.acts.families.contact import PromisedReply, WantedReply, promised, reply_wanted
from dragoman.domain.acts.families.exchange import EXPLAINED, content_of
from dragoman.domain.acts.families.notification import ACCOUNTED
from dragoman.domain.decide import Post
from dragoman.domain.fold import Folded, takes_two
from dragoman.domain.notation import NotUnderstoodInput
from dragoman.domain.record import errors as refusals
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Malformed, Refusal, Refused
from dragoman.i18n.words import Words, as_moment
from dragoman.limits import DIGITS, FLASH_WORDS
from dragoman.projection import dialogue as projected
from dragoman.projection import reads
from dragoman.stores.drafts import Draft
from dragoman.text import Text, sentence
from dragoman_schemas.act_frame import Act, Answering
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.responses import DraftView, NewDraft, PersonSeen
from dragoman_schemas.state import Exchange, decode_exchange

_INCIDENT: Final = "hazardous-incident"
_FIRST: Final = (
    "line-check",
    "point-of-contact",
    "contact-note",
    "meeting-request",
    "call-record",
    "perception",
)
"""What is written most; the other formats stand under *more*."""

INCIDENTS: Final = (
    *(
        "near_miss",
        "collision",
        "crash",
        "grounding",
        "stray_fire",
        "fire_control_radar",
        "laser",
        "jamming",
        "lost_drone_or_missile",
    ),
    *(
        "fire_or_explosion",
        "persons_in_distress_or_held",
        "unannounced_entry",
        "unauthorised_launch",
        "other",
    ),
)
_EITHER: Final = {
    "launch-notice": frozenset({"window", "time"}),
    "reference-document": frozenset({"published", "sha256"}),
}
"""Members of which an act needs one or the other."""

_ASKED: Final = {"kind": "What", "time": "When", "place": "Where"}
"""What the form of an incident calls its first fields."""

_AGAIN: Final = frozenset({"unknown-outcome", "unavailable", "busy"})
_OF_SIGNING: Final = ("sign", "signed", "signatures")
"""Fields by which a page signs; they are of one press."""

_KEPT: Final = ("key", "etag", "draft", "draft_etag", release_preview.OF)
"""Fields beside the act's own that go from page to page."""


@dataclass(kw_only=True)
class Writing:
    """One act that is being written: which, in which exchange, from which draft."""

    here: PageContext
    act: str
    exchange: Exchange | None = None
    draft: Draft | None = None

    @property
    def rule(self) -> Rule:
        """The act's rule."""
        return RULES[self.act]

    @property
    def format(self) -> Format | None:
        """Its format, where it opens an exchange."""
        return FORMATS.get(self.act)

    @property
    def at(self) -> str:
        """The exchange that it carries on; empty for an opening."""
        return "" if self.exchange is None else self.exchange.id

    @property
    def offices(self) -> tuple[Office, ...]:
        """The sides' offices as they stand."""
        return tuple(office_of(side, self.here.projection.office(side)) for side in self.here.sides)

    @property
    def path(self) -> str:
        """The address of its form."""
        if self.exchange is not None:
            return f"/exchanges/{self.exchange.id}/acts/{self.act}"
        return f"/compose/{self.act}"

    def members(self, chosen: Sequence[str] = ()) -> tuple[Member, ...]:
        """Return what the form asks for. A correction, or an update, asks for those members of the opening that were chosen.

        A reply and an account ask for what fits the exchange that they carry on, and for nothing that its rules would refuse. The text of
        a consent is that which the check page shows.
        """
        members = tuple(
            member
            for member in field_types.members(self.act)
            if member.name != "terms" or self.act not in consent.ACTS
        )
        if self.exchange is not None:
            members = tuple(
                member for member in members if _fits(self.act, member.name, self.exchange)
            )
        if self.exchange is not None and self.act == "status-change":
            statuses = field_types.ChoiceField(changes_of(self.exchange))
            members = tuple(
                Member(member.name, statuses, member.required)
                if member.name == "status"
                else member
                for member in members
            )
        if self.exchange is None or not any(
            isinstance(member.kind, field_types.FieldsField) for member in members
        ):
            return members
        inner = tuple(
            member for member in field_types.members(self.exchange.act) if member.name in chosen
        )
        return tuple(
            Member(
                each.name,
                field_types.GroupField(tuple(Member(one.name, one.kind) for one in inner)),
                each.required,
            )
            if isinstance(each.kind, field_types.FieldsField)
            else each
            for each in members
            if inner or each.required or not isinstance(each.kind, field_types.FieldsField)
        )

    def typed(self, form: Mapping[str, Any]) -> Typed:
        """What was typed."""
        context = self.here
        office = office_of(context.side, context.projection.office(context.side))
        return Typed(
            form=form,
            words=context.words,
            languages=context.registry.languages,
            sides=context.sides,
            now=context.service.now(),
            zone=ZoneInfo(office.zone),
            labels=self.label,
        )

    def label(self, member: Member, name: str = "") -> str:
        """Return what the form calls a field; beside the field and in what is wrong with it alike."""
        words = self.here.words
        match member.kind:
            case field_types.OfferedField():
                return words.say("Time that you accept")
            case field_types.MessageField() if self.act in (
                "amendment-agreement",
                "amendment-refusal",
            ):
                return words.say("Which amendment")
            case field_types.MessageField() if self.act == "consent-withdrawal":
                return words.say("What you take back")
            case field_types.MessageField() if self.act == "second-key":
                return words.say("What your colleague sent")
            case field_types.MessageField():
                return (
                    words.say("Which translation")
                    if member.required
                    else words.say("Which message")
                )
            case field_types.PartField():
                return words.say("Which part of the text")
            case _ if self.act == "alternative" and member.name == "text":
                return words.say("Your side’s words for it")
            case _ if member.name == "fields":
                return (
                    words.say("What is new")
                    if self.act == "update"
                    else words.say("What is replaced")
                )
            case _ if self.act == "point-of-contact" and member.name == "key":
                return words.say("Public key of this point of contact")
            case _ if member.name == "precedence":
                return words.say("Urgency")
            case _ if (
                self.act == _INCIDENT
                and self.exchange is None
                and name.count(".") == 1
                and member.name in _ASKED
            ):
                return words.say(_ASKED[member.name])
            case _:
                return words.field(member.name)


def _fits(act: str, name: str, exchange: Exchange) -> bool:
    """Return whether a member of an act makes sense in an exchange."""
    match act:
        case "reply" if name in EXPLAINED:
            return exchange.act == "explanation-request"
        case "reply" if name == "answers":
            return exchange.act == "explanation-request" or "clarification-request" in exchange.acts
        case "counter-account" if exchange.act in ACCOUNTED and name not in _OWN_OF_ACCOUNT:
            return name in ACCOUNTED[exchange.act].__struct_fields__
        case _:
            return True


_OWN_OF_ACCOUNT: Final = frozenset({"facts", *Answering.__struct_fields__})
"""Members of an account that are not of what it answers to."""

_ACCOUNT_BEGINS: Final = ("kind", "time", "place", "began", "ended")
"""The members that the form of an account asks first: those that are compared with the other side's."""


class Composing(Struct, frozen=True, kw_only=True):
    """A form, as data: the act, and what stands in its fields."""

    act: str
    exchange: str = ""
    draft: str = ""
    fields: dict[str, tuple[str, ...]] = {}
    faults: tuple[tuple[str, str], ...] = ()


class CheckedAct(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What will be recorded, byte for byte, and what will follow from it."""

    act: Raw
    bytes: int
    sha256: str
    exchange: str = ""
    number: str = ""
    precedence: str = ""
    to: tuple[str, ...] = ()
    two_key: bool = False
    clocks: tuple[tuple[str, str, str], ...] = ()


class Menu(Struct, frozen=True, kw_only=True):
    """The formats that may be opened in the channel."""

    acts: tuple[str, ...]


# What to write


async def menu(context: PageContext) -> Page:
    """What may be written."""
    acts = [
        act
        for act, form in FORMATS.items()
        if context.registry.kind in form.kinds and may_write(context, form.rule)
    ]
    first = [act for act in _FIRST if act in acts]
    return Page(
        template="compose_menu.html",
        view=Menu(acts=tuple(acts)),
        values={
            "incident": _INCIDENT in acts,
            "first": first,
            "more": [act for act in acts if act not in (*first, _INCIDENT)],
            "codes": {act: form.code for act, form in FORMATS.items()},
            "hands_over": {
                act for act in acts if sending_of(context, FORMATS[act].rule).hands_over
            },
        },
    )


def may_write(context: PageContext, rule: Rule) -> bool:
    """Whether the reader may do an act, or write it for a colleague who may."""
    return (
        context.may_post
        and not rule.roles.isdisjoint(OFFICERS)
        and not rule.who.value.startswith("the ")
    )


def sending_of(
    context: PageContext, rule: Rule, *, author: str = "", second: bool = False
) -> Sending:
    """Who of the reader's side may send an act; of a draft, besides its author."""
    return authorised_senders.of(
        context.projection.registry, author or context.grant.actor, rule, second=second
    )


def _writing(context: PageContext) -> Writing:
    """What the path names. Raises `Refused`."""
    act = context.request.match_info["act"]
    id = context.request.match_info.get("exchange", "")
    exchange = context.projection.exchange(id) if id else None
    if act not in RULES or (id and exchange is None) or (not id and act not in FORMATS):
        raise refused("not-found", sentence("There is no such form. Write shows those there are."))
    if not context.may_post:
        if context.past:
            raise refused(
                "not-permitted", sentence("Nothing is written in the past. Go back to now.")
            )
        detail = (
            sentence("Officers write; you are signed in without that role.")
            if not context.is_officer
            else sentence("Nothing can be recorded now.")
        )
        raise refused("not-permitted", detail)
    return Writing(here=context, act=act, exchange=exchange)


# The form


async def form(context: PageContext) -> Page:
    """An empty form, or one with a draft in it."""
    writing = _writing(context)
    kept = kept_form(context.request, context.grant.actor)
    if kept is not None and kept.path == context.request.path:
        multi_dict = _of_kept(kept)
        await _choose(writing, multi_dict)
        return await _form(writing, multi_dict, [])
    fields: MultiDict[str] = MultiDict()
    fields.add("key", secrets.token_hex(16))
    if writing.exchange is not None:
        fields.add("etag", writing.exchange.revision)
    chosen = context.request.query.getall("fields", [])
    if writing.exchange is not None and chosen:
        members = [
            member for member in field_types.members(writing.exchange.act) if member.name in chosen
        ]
        fields.extend(
            form_parser.typed(
                context.words,
                context.registry.languages,
                members,
                writing.exchange.content,
                "f.fields",
            )
        )
        fields.extend(("fields", text) for text in chosen)
    if writing.exchange is not None and writing.act == translations.ACT:
        of = context.request.query.get("of", "")
        fields.add("f.of", of)
        fields.add("f.language", _untranslated(writing, writing.exchange, of))
    if writing.act == "alternative" and context.request.query.get("part"):
        fields.add("f.field", context.request.query["part"])
    if writing.act == release.RELEASE.rule.act and (
        matter := context.request.query.get(release_preview.OF, "")
    ):
        fields.add(release_preview.OF, matter)
    opened = (
        context.projection.exchange(context.request.query.get("under", ""))
        if act_has_issue(writing.act)
        else None
    )
    if opened is not None and opened.act == writing.act:
        members = [member for member in field_types.members(writing.act) if member.name == "issue"]
        fields.extend(
            form_parser.typed(context.words, context.registry.languages, members, opened.content)
        )
        fields.add("f.under", opened.id)
    if context.request.query.get("draft"):
        fields.popall("f.of", None)
        fields.popall("f.language", None)
        writing.draft = await _draft(context, context.request.query["draft"])
        fields.extend(_of_draft(context, writing))
    return await _form(writing, fields, [])


def _untranslated(writing: Writing, state: Exchange, of: str) -> str:
    """Return the language of the channel into which the reader most likely translates a message; empty where that is not known."""
    context = writing.here
    texts = translations.originals(Display(context.words, writing.offices), state, of)
    return translations.missing(
        context.registry.languages,
        context.words.language,
        texts,
        translations.of_message(state, of or state.id),
    )


def _of_kept(kept: KeptForm) -> MultiDict[str]:
    """The fields of a form that was sent after its session had ended; what one press had checked or signed is checked and signed again."""
    qsl = parse_qsl(kept.body.decode(), keep_blank_values=True)
    return MultiDict(
        (name, value) for name, value in qsl if name not in ("do", "act", *_OF_SIGNING)
    )


async def _choose(writing: Writing, fields: MultiDict[str]) -> None:
    """Choose in a form the person who was entered from it."""
    context = writing.here
    name, id = context.request.query.get("in", ""), context.request.query.get("entered", "")
    if not name.startswith(f"{form_parser.PREFIX}.") or not id:
        return
    value = next(
        (
            choice.value
            for choice in await people_choices.choices(context)
            if people_choices.id_of(choice.value) == id
        ),
        "",
    )
    member = _member(writing.members(tuple(fields.getall("fields", []))), name.split(".")[1:])
    if not value or member is None or not isinstance(member.kind, field_types.PersonField):
        return
    if not member.kind.many:
        fields[name] = value
    elif value not in fields.getall(name, []):
        fields.add(name, value)


def _whole(digits: str) -> int | str:
    """A whole number of a draft; one of more digits than any act has, which older drafts may hold, stays text."""
    return int(digits) if len(digits) <= DIGITS else digits


def _of_draft(context: PageContext, writing: Writing) -> MultiDict[str]:
    assert writing.draft is not None
    act = json.loads(bytes(writing.draft.act), parse_int=_whole)
    members = writing.members(tuple(act.get("fields", ())))
    fields = form_parser.typed(
        context.words,
        context.registry.languages,
        members,
        {name: value for name, value in act.items() if name not in ("act", "signed")},
    )
    fields.extend(("fields", item) for item in act.get("fields", ()))
    if writing.act == "alternative" and "field" in act:
        fields["f.field"] = f"{act['field']}/{act.get('item', 0)}"
    fields.add("draft", writing.draft.id)
    fields.add("draft_etag", writing.draft.etag)
    return fields


async def _draft(context: PageContext, id: str) -> Draft:
    draft = await context.service.drafts.find(context.registry.cid, context.side, id)
    if draft is None or not context.is_officer:
        raise refused(
            "not-found",
            sentence(
                "There is no such draft of your side. The list of drafts shows those there are."
            ),
        )
    return draft


async def _form(
    writing: Writing,
    fields: Mapping[str, Any],
    faults: Iterable[FieldError],
    problem: str = "",
    status: int = 200,
) -> Page:
    context, act = writing.here, writing.act
    chosen = (
        tuple(fields.getall("fields", []))
        if isinstance(fields, MultiDict) or hasattr(fields, "getall")
        else ()
    )
    members = writing.members(chosen)
    extra = (
        {"upload": "upload", "f.fields": "f-fields"}
        if writing.exchange is not None and not chosen
        else {"upload": "upload"}
    )
    faults = [placed(fault, members, _own_first(context), extra=extra) for fault in faults]
    wrong = {fault.field.split(".")[1] for fault in faults if fault.anchor.startswith("f-")} | (
        {"attachments"} if any(fault.field == "upload" for fault in faults) else set()
    )
    own = [
        item
        for item in members
        if item.required or item.name not in field_types.FRAME or item.name == "text"
    ]
    begins = _ACCOUNT_BEGINS if act == "counter-account" else ()
    required = [item for name in begins for item in own if item.name == name]
    required += [item for item in own if item.name == "fields" and chosen]
    required += [
        each
        for each in own
        if each not in required
        and (each.required or isinstance(each.kind, field_types.OfferedField))
    ]
    names = (
        {"text", "phrases"} if writing.exchange is not None and not required else set()
    )  # a reply says something
    either = _EITHER.get(act, frozenset())
    unfolded = [
        each
        for each in members
        if each.name in wrong | names | either
        and each not in required
        and each.name != "precedence"
    ]
    offices = [office_of(side, context.projection.office(side)) for side in context.sides]
    rule = precedence_hints.rule_of(writing.format, context.service.now())
    opening = writing.exchange is not None and any(
        isinstance(each.kind, field_types.FieldsField) for each in field_types.members(act)
    )
    return Page(
        template="compose.html",
        view=Composing(
            act=act,
            exchange=writing.at,
            draft=str(fields.get("draft", "")),
            fields={
                name: tuple(str(each) for each in fields.getall(name))
                for name in dict.fromkeys(fields)
                if name.startswith("f.")
            }
            if hasattr(fields, "getall")
            else {},
            faults=tuple((fault.field, fault.sentence) for fault in faults),
        ),
        status=status,
        values={
            "writing": writing,
            "headline": headline(context, writing.exchange) if writing.exchange is not None else "",
            "typed": fields,
            "value": lambda name: str(fields.get(name, "")),
            "values": lambda name: (
                list(fields.getall(name, [])) if hasattr(fields, "getall") else []
            ),
            "faults": list(faults),
            "fault_of": {fault.field: fault for fault in reversed(faults)},
            "holds_fault": lambda name: any(
                fault.field == name or fault.field.startswith(f"{name}.") for fault in faults
            ),
            "problem": problem,
            "required": required,
            "unfolded": unfolded,
            "hints": _hints(context.words, act),
            "either": {
                name: context.words.listed(
                    context.words.field(each) for each in sorted(either - {name})
                )
                for name in either
            },
            "text_parts": []
            if writing.exchange is None or act != "alternative"
            else exchange_choices.parts(Display(context.words, offices), writing.exchange),
            "releasable": _releasable(writing, fields),
            "issues_known": await _issues_known(context) if act_has_issue(act) else [],
            "needs_words": {"text", "phrases"}
            if act == "reply" and not any(each.name == "answers" for each in members)
            else set(),
            "beside": _beside(writing, offices),
            "label": writing.label,
            "optional": [each for each in own if each not in required and each not in unfolded],
            "framed": [
                each
                for each in members
                if each not in own
                and each not in unfolded
                and each.name not in ("precedence", "of")
            ],
            "precedence": writing.format is not None and context.registry.kind != "track2",
            "rule": rule,
            "limits": limits_of(context),
            "wakes": [side.upper() for side in context.sides if side != context.side],
            "choose": _to_choose(writing) if opening else [],
            "chosen": chosen,
            "rows": lambda name, kind: form_parser.rows(fields, name, kind.group),
            "windows": lambda name: form_parser.windows(fields, name),
            "languages_of": {tag: language(tag) for tag in _own_first(context)},
            "other_languages": lambda name: other_languages(
                context.registry.languages,
                fields.getall(name, []) if hasattr(fields, "getall") else [],
            ),
            "translated": lambda name: (
                sum(bool(fields.get(f"{name}.{tag}")) for tag in context.registry.languages) > 1
            ),
            "offices": offices,
            "own_office": next((each for each in offices if each.side == context.side), None),
            "officers": _officers(context),
            "others": [side for side in context.sides if side != context.side],
            "people": await _people(context, members),
            "people_offered": people_choices.offered,
            "files": await _files(context, members),
            "phrases": _phrases(context),
            "offered": _offered(writing, offices),
            "messages": lambda member: _messages(writing, member),
            "translating": _translating(writing, fields),
            "incidents": INCIDENTS,
            "ahead": form_parser.AHEAD,
            "ends": form_parser.ENDS,
            "days": form_parser.DAYS,
            "prefix": form_parser.PREFIX,
            "kinds": field_types,
            "who_sends": authorised_senders.told(context.words, sending_of(context, writing.rule)),
            "words_allowed": FLASH_WORDS,
            "kept": [
                (name, value)
                for name in _KEPT
                for value in (fields.getall(name, []) if hasattr(fields, "getall") else [])
            ],
        },
    )


_FIXED: Final = field_types.FRAME | {"urgent", "imminent"}
"""Members that do not develop: what a message says of itself, and what makes a matter urgent."""


def _to_choose(writing: Writing) -> list[str]:
    """Return the members of an opening that an act may replace: of an update, those that develop."""
    names = (
        []
        if writing.exchange is None
        else [member.name for member in field_types.members(writing.exchange.act)]
    )
    return [name for name in names if name not in _FIXED] if writing.act == "update" else names


def act_has_issue(act: str) -> bool:
    """Return whether an act may name an issue that is written of already."""
    return field_types.member(act, "under") is not None


async def _issues_known(context: PageContext) -> list[exchange_choices.ExchangeChoice]:
    """Return the issues of the channel, the newest first, each as the reader's language has it."""
    perceptions = await context.in_thread(
        projected.perceptions, context.service.store, context.name, context.registry
    )
    display = Display(context.words, (), {}, context.link)
    return [
        exchange_choices.ExchangeChoice(
            value=issue.exchange, shown=display.text(msgspec.json.decode(issue.issue))
        )
        for issue in reversed(perceptions.issues)
    ]


def _hints(words: Words, act: str) -> dict[str, str]:
    """Return what stands below the label of fields that their labels alone do not explain."""
    if act == "readout":
        joint = words.say(
            "Joint: words that you propose to say together; they are joint once every side has agreed to them."
        )
        return {
            "kind": joint
            + words.space
            + words.say("Separate: your side’s own words, beside those of the others.")
        }
    if act != "point-of-contact":
        return {}
    return {
        "key": words.say("32 bytes in base64. Leave it empty where nobody asks for it."),
        "duty_number_dead": words.say(
            "Yes: nobody answers at the number that was announced, so this takes effect at once."
        ),
    }


def _beside(writing: Writing, offices: Sequence[Office]) -> list[DisplayedMember]:
    """Return what an account is written beside: the report of the other side, as it stands."""
    state = writing.exchange
    if state is None or writing.act != "counter-account":
        return []
    display = Display(writing.here.words, offices, {}, writing.here.link)
    return field_history.dated(
        display,
        state,
        display.facts(
            state.act, state.content, leave=("subject", "to", "info", "precedence", "original")
        ),
    )


def _translating(writing: Writing, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What a translation is written beside: the original paragraph by paragraph, each with what was typed for it, and the other messages."""
    context, state = writing.here, writing.exchange
    if state is None or writing.act != translations.ACT:
        return {}
    of = str(fields.get("f.of", ""))
    display = Display(context.words, writing.offices, {}, context.link)
    texts = translations.originals(display, state, of)
    rows = [(text, paragraph) for text in texts for paragraph in text.paragraphs]
    typed = fields.getall("f.text", []) if hasattr(fields, "getall") else []
    if len(typed) == 1 and len(rows) != 1:
        typed = translations.paragraphs(typed[0])
    messages = [
        message
        for message in exchange_choices.messages(context.words, state)
        if translations.originals(display, state, message.value)
    ]
    return {
        "rows": [
            (
                *(rows[place] if place < len(rows) else (None, "")),
                typed[place] if place < len(typed) else "",
            )
            for place in range(max(len(rows), len(typed), 1))
        ],
        "of": of,
        "messages": messages,
        "written_in": translations.written_in(texts),
        "given": translations.shown(context.words, translations.of_message(state, of or state.id)),
    }


def _offered(writing: Writing, offices: Sequence[Office]) -> list[exchange_choices.ExchangeChoice]:
    """The windows that an acceptance may name."""
    if writing.exchange is None:
        return []
    return exchange_choices.windows(Display(writing.here.words, offices), offices, writing.exchange)


def _messages(writing: Writing, member: Member) -> list[exchange_choices.ExchangeChoice]:
    """What a member names by its id: another side's translation, or a message of the exchange."""
    state, context = writing.exchange, writing.here
    if state is None:
        return []
    if not member.required:
        return []
    if writing.act in ("amendment-agreement", "amendment-refusal"):
        return exchange_choices.amendments(context.words, state, context.side)
    if writing.act == "consent-withdrawal":
        return exchange_choices.consents(context.words, state, context.side)
    if writing.act == "second-key":
        return exchange_choices.second_keys(
            context.words, state, context.side, reader=context.grant.actor
        )
    return exchange_choices.translations(context.words, state, context.side)


def _own_first(context: PageContext) -> list[str]:
    """The channel's languages, the reader's own first."""
    return sorted(
        context.registry.languages, key=lambda tag: tag.partition("-")[0] != context.words.language
    )


def limits_of(context: PageContext) -> dict[str, int]:
    """Within how many seconds each precedence is to be acknowledged here."""
    limits, _ = deadlines.profile_of(context.registry)
    return dict(limits.acknowledgement)


def _officers(context: PageContext) -> list[str]:
    return [
        name.partition("/")[2]
        for name, officer in context.registry.officers.items()
        if name.startswith(f"{context.side}/")
        and officer.until is None
        and name != context.grant.actor
    ]


async def _people(
    context: PageContext, members: Iterable[Member]
) -> list[people_choices.PersonChoice]:
    """The people of the register whom an act may name."""
    return (
        await people_choices.choices(context)
        if any(_has(member.kind, field_types.PersonField) for member in members)
        else []
    )


async def _files(context: PageContext, members: Iterable[Member]) -> list[tuple[str, str]]:
    """The own side's files that an act may name."""
    if not any(_has(member.kind, field_types.FilesField) for member in members):
        return []
    result = await context.service.files.listed(context.registry.cid, context.side)
    return [
        (
            json.dumps(
                {
                    "sha256": file.sha256,
                    "media_type": file.media_type,
                    "bytes": file.bytes,
                    "title": file.sha256[:12],
                }
            ),
            f"{file.media_type}, {file.sha256[:12]}",
        )
        for file in result
        if file.kept
    ]


def _has(kind: field_types.Kind, wanted: type) -> bool:
    match kind:
        case field_types.GroupField():
            return any(_has(member.kind, wanted) for member in kind.members)
        case field_types.RowsField():
            return _has(kind.group, wanted)
        case _:
            return isinstance(kind, wanted)


def _phrases(context: PageContext) -> list[tuple[str, str]]:
    language = context.words.language
    return [
        (key, texts.get(language) or texts["en"])
        for book in CODEBOOKS.values()
        for key, texts in book.phrases.items()
    ]


# What was sent


async def sent(context: PageContext) -> web.StreamResponse | Page:
    """The form came back: to be checked, sent, kept as a draft, or changed once more."""
    context.newest = context.projection.flushed
    writing = _writing(context)
    form = await form_of(context.request, files=True)
    fields, upload_fault = await _uploaded(writing, form)
    do = said(form, "do") or "check"
    checked = fields.popall("act", [""])[-1]
    for name in _OF_SIGNING:
        fields.popall(name, None)
    entering = fields.popall("enter", [""])[-1]
    if entering:
        return await _enter_somebody(writing, fields, entering)
    suggestion = fields.popall("use", [""])[-1]
    if suggestion:
        name, _, text = suggestion.partition("=")
        fields[name] = text
        return await _form(writing, fields, [])
    if do == "change":
        return await _form(writing, fields, [])
    if do == "fields" or (do == "check" and _unshown(writing, fields)):
        return await _form(writing, _with_chosen(writing, fields), [])
    if do == "send" and checked:  # exactly what was checked, byte for byte: "now" is not read again
        return await _send(writing, fields, checked.encode())
    if do in ("draft", "hand") and checked:
        return await _keep_checked(writing, fields, checked.encode(), handed=do == "hand")
    typed = writing.typed(fields)
    members = writing.members(tuple(fields.getall("fields", [])))
    act = {"act": writing.act, **typed.read(members)}
    if do == "autosave":
        return await _autosave(writing, fields, act)
    faults = [*typed.faults, *([upload_fault] if upload_fault else [])]
    if do == "draft":
        return await _keep(writing, fields, act, faults)
    if faults:
        return await _form(writing, fields, faults, status=422)
    return await _check(
        writing, fields, _compact(_consenting(writing, fields, _naming(writing, act)))
    )


def _naming(writing: Writing, act: dict[str, Any]) -> dict[str, Any]:
    """A release with its records named in full, and other words with the part that they are for; any other act as it is."""
    if writing.act == "alternative" and "field" in act:
        field, _, item = act["field"].partition("/")
        return {
            **act,
            "field": field,
            **({"item": int(item)} if item.isdecimal() and int(item) else {}),
        }
    if writing.act == release.RELEASE.rule.act and "records" in act:
        return {**act, "records": release_preview.completed(writing.here, act["records"])}
    if (
        writing.exchange is not None
        and writing.exchange.act == release.RELEASE.rule.act
        and "records" in act.get("fields", {})
    ):
        return {
            **act,
            "fields": {
                **act["fields"],
                "records": release_preview.completed(writing.here, act["fields"]["records"]),
            },
        }
    return act


def _releasable(writing: Writing, fields: Mapping[str, Any]) -> list[release_preview.Candidate]:
    """The records that a release may name: those of its matter, and of the matters of records that it names already."""
    if not any(
        isinstance(member.kind, field_types.ReleasedField)
        for member in field_types.members(
            writing.act if writing.exchange is None else writing.exchange.act
        )
    ):
        return []
    context = writing.here
    matters = dict.fromkeys([str(fields.get(release_preview.OF, ""))])
    stands = (
        []
        if writing.exchange is None
        else [record.exchange for record in release.records_of(writing.exchange)]
    )
    chosen = fields.getall("f.records", []) if hasattr(fields, "getall") else []
    named = (context.projection.posted(id) for id in chosen)
    records = (context.projection.record_at(position) for position in named if position is not None)
    matters |= dict.fromkeys(
        [*stands, *(record.envelope.subject for record in records if record is not None)]
    )
    return [
        candidate for matter in matters for candidate in release_preview.candidates(context, matter)
    ]


def _consenting(writing: Writing, fields: MultiDict[str], act: dict[str, Any]) -> dict[str, Any]:
    """An act of consent with the digest of the text that its check page shows; any other act as it is."""
    if writing.act not in consent.ACTS or writing.exchange is None:
        return act
    fields["etag"] = writing.exchange.revision  # the text is read on the check page, as it is now
    return {
        **act,
        "terms": consent.of_act(writing.exchange, writing.here.side, writing.act, act) or "0" * 64,
    }


async def _enter_somebody(
    writing: Writing, fields: MultiDict[str], name: str
) -> web.StreamResponse | Page:
    """Go to the register to enter somebody; what was typed is kept, and is there again afterwards."""
    context = writing.here
    to = context.link("/people/register/new", in_=name)
    response = keep_form(context.request, context.grant.actor, fields, to)
    if response is None:
        return await _form(
            writing,
            fields,
            [],
            problem=context.words.say(
                "This form is too long to be kept meanwhile. Keep it as a draft first."
            ),
        )
    return response


def _unshown(writing: Writing, fields: MultiDict[str]) -> list[str]:
    """Return the members that were chosen to be replaced and do not stand on the form yet."""
    getall = fields.getall("shown", [])
    return [text for text in fields.getall("fields", []) if text not in getall]


def _with_chosen(writing: Writing, fields: MultiDict[str]) -> MultiDict[str]:
    """The form's fields, with those that were chosen to be replaced as they stand now; what was typed stays."""
    if writing.exchange is not None:
        new = _unshown(writing, fields)
        members = [
            member for member in field_types.members(writing.exchange.act) if member.name in new
        ]
        fields.extend(
            form_parser.typed(
                writing.here.words,
                writing.here.registry.languages,
                members,
                writing.exchange.content,
                "f.fields",
            )
        )
    return fields


async def _uploaded(writing: Writing, form: Form) -> tuple[MultiDict[str], FieldError | None]:
    """The form's fields; a file that came with it is put beside the log, and named."""
    fields: MultiDict[str] = MultiDict(
        (name, value) for name, value in form.items() if isinstance(value, str)
    )
    upload = form.get("upload")
    if not isinstance(upload, Upload) or not upload.filename:
        return fields, None
    content = bytearray(upload.content)
    digest = hashlib.sha256(content).hexdigest()
    label = writing.here.words.field("attachments")
    if upload.media_type not in files.TYPES:
        text = writing.here.words.say(
            "A file is one of %(types)s.", types=writing.here.words.listed(files.TYPES)
        )
        return fields, FieldError(field="upload", label=label, sentence=text)
    await files.keep(
        writing.here.call,
        writing.here.projection,
        writing.here.side,
        digest,
        upload.media_type,
        content,
    )
    title = upload.filename[:120]
    fields.add(
        "f.attachments",
        json.dumps(
            {
                "sha256": digest,
                "media_type": upload.media_type,
                "bytes": len(content),
                "title": title,
            }
        ),
    )
    return fields, None


# The check page


def _post_of(
    writing: Writing, body: bytes, key: str, *, released_by: str = "", sender: str = ""
) -> Post:
    projection, actor = writing.here.projection, sender or writing.here.grant.actor
    act, data = read_act(body, cut=True)
    return Post(
        actor=actor,
        act=act,
        data=data,
        id=submission.id_of(projection, actor, data, key),
        exchange=writing.at,
        family=""
        if writing.exchange is not None or writing.rule.family is None
        else writing.rule.family,
        if_match=writing.exchange.revision if writing.exchange is not None else None,
        released_by=released_by,
    )


def _rehearsed(writing: Writing, body: bytes, key: str) -> tuple[Folded, bool]:
    """What the act would become, and whether a second officer has to release it. Raises `Refused`, `Malformed`.

    What the reader may only hand over is rehearsed as that of a colleague who may send it.
    """
    context = writing.here
    sending = sending_of(context, writing.rule)
    if sending.hands_over:
        sender = f"{context.side}/{sending.colleagues[0].name}"
        return context.service.desk.rehearse(
            context.projection, _post_of(writing, body, key, sender=sender)
        ), False
    post = _post_of(writing, body, key)
    try:
        return context.service.desk.rehearse(context.projection, post), False
    except Refused as error:
        if error.refusal.kind not in ("second-key-required", "not-permitted") or not takes_two(
            context.projection, writing.exchange, writing.rule, post.data
        ):
            raise
    second = _second(context, writing.rule)
    if not second:
        raise refused(
            "second-key-required",
            sentence("A colleague of your side would have to release this, and none is in office."),
        )
    return context.service.desk.rehearse(
        context.projection, _post_of(writing, body, key, released_by=second)
    ), True


def _second(context: PageContext, rule: Rule) -> str:
    """A colleague who could release an act: rather one whose role it asks for."""
    colleagues = [
        (not rule.roles.isdisjoint(officer.roles), name)
        for name, officer in context.registry.officers.items()
        if name.startswith(f"{context.side}/")
        and name != context.grant.actor
        and officer.until is None
        and not OFFICERS.isdisjoint(officer.roles)
    ]
    return max(colleagues, default=(False, ""))[1]


async def _check(
    writing: Writing, fields: MultiDict[str], body: bytes, problem: str = "", status: int = 200
) -> Page | web.StreamResponse:
    context = writing.here
    hands_over = sending_of(context, writing.rule).hands_over
    body, asks = (
        browser_signatures.bare(body),
        not hands_over and browser_signatures.asks(context, writing.act, writing.at),
    )
    before = _recorded_before(writing, body, str(fields.get("key", "")))
    if before is not None:
        return before
    sending = sending_of(context, writing.rule)
    if sending.hands_over and not sending.colleagues:
        return await _form(
            writing, fields, [], problem=authorised_senders.told(context.words, sending), status=422
        )
    try:
        folded, second = _rehearsed(writing, body, str(fields.get("key", "")))
        bound = await _bound(writing, fields, body) if asks else body
    except Malformed as error:
        return await _form(writing, fields, _faults(writing, error.faults), status=422)
    except Refused as error:
        refusal = error.refusal
        faults = _faults(writing, refusal.faults)
        return await _form(
            writing,
            fields,
            faults,
            problem="" if faults else writing.here.words.sentence(plain(refusal.detail)),
            status=422,
        )
    state = folded.state if isinstance(folded.state, Exchange) else None
    offices = tuple(office_of(side, context.projection.office(side)) for side in context.sides)
    content = content_of(body)
    people, warnings = await _people_in(context, writing, content)
    display = Display(context.words, offices, people, context.link)
    release_preview.name_records(context, display)
    sending = sending_of(context, writing.rule, second=second)
    alone = "" if hands_over else _alone(folded, state)
    running = _started(context, folded, state, offices)
    view = CheckedAct(
        act=Raw(bound),
        bytes=len(bound),
        sha256=hashlib.sha256(bound).hexdigest(),
        exchange=writing.at,
        number=folded.number,
        precedence=state.precedence if state is not None else "",
        to=_addressed(folded, state),
        two_key=second,
        clocks=tuple(
            (deadline.clock, deadline.side, deadlines.written(deadline.due)) for deadline in running
        ),
    )
    return Page(
        template="check.html",
        view=view,
        status=status,
        values={
            "writing": writing,
            "headline": headline(context, writing.exchange) if writing.exchange is not None else "",
            "facts": facts_of(display, writing, content),
            "warnings": warnings,
            "sketch": _sketch(context, content),
            "consented": _consented(display, writing, content),
            "replaced": _replaced(display, writing, content),
            "left": _left(display, writing),
            "agreed": exchange_choices.agreed(display, offices, writing.exchange, content)
            if writing.act == "acceptance" and writing.exchange is not None
            else "",
            "running": running,
            "wanted": _wanted(writing.act, state),
            "promised": _promised(writing.act, state, context.side),
            "ending": _ending(writing, state),
            "urgent": _urgent(writing, folded, state),
            "hidden": [
                *((name, value) for name, value in fields.items() if name != "do"),
                ("act", bound.decode()),
            ],
            "asks": asks,
            "problem": problem,
            "again": problem != "",
            "one_key": alone,
            "takes_back": writing.exchange is not None and writing.act in consent.WITHDRAWABLE,
            "published": state is not None
            and state.act == release.RELEASE.rule.act
            and writing.act in release.PROVING,
            "second_key_s": deadlines.profile_of(context.registry)[0].second_key,
            "verb": verb(context, writing, view),
            "sender": authorised_senders.names(context.words, sending) if hands_over else "",
            "hand_to": authorised_senders.names(context.words, sending)
            if second or hands_over or alone == "waits"
            else "",
            "hands_over": hands_over,
            "who_sends": authorised_senders.told(context.words, sending) if hands_over else "",
        },
    )


def _alone(folded: Folded, state: Exchange | None) -> str:
    """Return what becomes of an act that goes on one key: it `stands` at once, or `waits` for the second; empty where it takes one officer."""
    if (
        state is None
        or folded.record is None
        or two_keys.sent(state, folded.record.envelope.id) is None
    ):
        return ""
    return "waits" if folded.record.name in two_keys.WAITING else "stands"


async def _bound(writing: Writing, fields: Mapping[str, Any], body: bytes) -> bytes:
    """The act as its author will sign it; a draft's id is its record's."""
    context = writing.here
    act, data = await body_workers.read(context.request, len(body), read_act, body, cut=True)
    id = str(fields.get("draft", "")) or submission.id_of(
        context.projection, context.grant.actor, data, str(fields.get("key", ""))
    )
    return await browser_signatures.bound(context, act, data, id=id, exchange=writing.at)


def _recorded_before(writing: Writing, body: bytes, key: str) -> web.Response | None:
    """The page of the record that this very post has become already, though its answer was lost."""
    try:
        post = _post_of(writing, body, key)
    except (Refused, Malformed):
        return None
    position = writing.here.projection.posted(post.id)
    record = None if position is None else writing.here.projection.record_at(position)
    if record is None or browser_signatures.bare(record.act) != post.act:
        return None
    return see(f"/c/{writing.here.name}/recorded/{position}")


class Warned(NamedTuple):
    """What may be a mistake in an act that is to be checked, and what to do about it."""

    sentence: str
    advice: str


async def _people_in(
    context: PageContext, writing: Writing, content: Mapping[str, Raw]
) -> tuple[dict[str, PersonSeen], list[Warned]]:
    """Who is meant in an act that is to be checked, and what is to be warned of; of a correction, in what it replaces too."""
    members = people_choices.decoded(content)
    people = await people_choices.seen_in(context, members)
    written = [(writing.act, members)]
    if writing.exchange is not None and isinstance(members.get("fields"), dict):
        written.append((writing.exchange.act, members["fields"]))
    whom, when = (
        context.words.say("Check whom you mean."),
        context.words.say("Check the day and the time."),
    )
    warnings = [
        Warned(text, whom)
        for act, value in written
        for text in people_choices.of_other_sides(context, act, value, people)
    ]
    doubtful = [
        text
        for act, value in written
        for text in (
            *_still_to_come(context, act, value),
            *_too_early(context, writing, act, value),
        )
    ]
    return people, warnings + [Warned(text, when) for text in doubtful]


def _still_to_come(context: PageContext, act: str, content: Mapping[str, Any]) -> Iterator[str]:
    """Return a warning for each time of what has happened that lies ahead, which clocks and fingers may explain."""
    for member in field_types.members(act):
        given = content.get(member.name)
        if (
            not isinstance(member.kind, field_types.TimeField)
            or member.name in form_parser.AHEAD
            or given in (None, form_parser.UNKNOWN)
        ):
            continue
        moment = as_moment(given["about"] if isinstance(given, dict) else given)
        if moment > context.moment:
            field = context.words.field(member.name)
            yield context.words.say(
                "%(field)s: this is still to come, in %(d)s.",
                field=field,
                d=context.words.until(moment, context.moment),
            )


def _too_early(
    context: PageContext, writing: Writing, act: str, content: Mapping[str, Any]
) -> Iterator[str]:
    """Return a warning for a meeting that was held before anybody had asked for it."""
    if act == "meeting-held" and writing.exchange is not None:
        moment = as_moment(writing.exchange.opened.time)
        if as_moment(content["from"]) < moment:
            yield context.words.say(
                "This is before the meeting was asked for, %(t)s.",
                t=context.words.written(moment, "minute"),
            )


def facts_of(
    display: Display, writing: Writing, content: Mapping[str, Raw]
) -> list[DisplayedMember]:
    """The members of an act; of a correction, those of the opening that it replaces; of an acceptance, the time to which it agrees."""
    if writing.act == "acceptance" and writing.exchange is not None:
        agreed = exchange_choices.agreed(display, writing.offices, writing.exchange, content)
        fact = DisplayedMember(
            name="window", label=display.words.say("Time accepted"), shown=agreed, wide=True
        )
        return [fact, *display.facts(writing.act, content, leave=("window",))]
    if "of" in content and writing.exchange is not None and writing.act in _OF_WHAT:
        text = str(msgspec.json.decode(bytes(content["of"])))
        choices = _OF_WHAT[writing.act](display.words, writing.exchange, writing.here.side)
        choice = next(
            (
                exchange_choice
                for exchange_choice in choices
                if (exchange_choice.value or writing.exchange.id) == text
            ),
            None,
        )
        member = next(item for item in field_types.members(writing.act) if item.name == "of")
        fact = DisplayedMember(
            name="of",
            label=writing.label(member),
            shown=Markup.escape(text if choice is None else choice.shown),
            wide=True,
        )
        return [fact, *display.facts(writing.act, content, leave=("of", "terms"))]
    if "fields" not in content or writing.exchange is None:
        return display.facts(writing.act, content)
    inner = msgspec.json.decode(bytes(content["fields"]), type=dict[str, Raw])
    raw_records = {name: raw for name, raw in content.items() if name != "fields"}
    return [*display.facts(writing.exchange.act, inner), *display.facts(writing.act, raw_records)]


_OF_WHAT: Final[
    dict[str, Callable[[Words, Exchange, str], list[exchange_choices.ExchangeChoice]]]
] = {
    **dict.fromkeys(("amendment-agreement", "amendment-refusal"), exchange_choices.amendments),
    **dict.fromkeys(
        ("translation-agreement", "translation-dispute"), exchange_choices.translations
    ),
    "consent-withdrawal": exchange_choices.consents,
    "second-key": exchange_choices.second_keys,
    translations.ACT: exchange_choices.translatable,
}
"""Acts that name an earlier one, and what they may name: the check page says which it is as the form did, and not by its id."""


def _replaced(
    display: Display, writing: Writing, content: Mapping[str, Raw]
) -> list[DisplayedMember]:
    """What stands now of the members that an amendment replaces, or that the amendment replaces which an act takes; nothing for any other act."""
    state = writing.exchange
    if state is None or writing.act not in ("amendment", "amendment-agreement"):
        return []
    if writing.act == "amendment":
        fields = msgspec.json.decode(bytes(content["fields"]), type=dict[str, Raw])
    else:
        waits = consent.open_amendment(state)
        fields = {} if waits is None else consent.fields_of(waits)
    return display.facts(
        state.act, {name: state.content[name] for name in fields if name in state.content}
    )


def _left(display: Display, writing: Writing) -> list[DisplayedMember]:
    """The words that a refusal of an amendment leaves; nothing for any other act."""
    waits = (
        None
        if writing.exchange is None or writing.act != "amendment-refusal"
        else consent.open_amendment(writing.exchange)
    )
    return (
        []
        if waits is None or writing.exchange is None
        else display.facts(writing.exchange.act, consent.fields_of(waits))
    )


def _has_moved(writing: Writing, content: Mapping[str, Raw]) -> bool:
    """Return whether an act of consent names other terms than those that stand by now."""
    if writing.act not in consent.ACTS or writing.exchange is None or "terms" not in content:
        return False
    act: dict[str, Any] = {
        name: msgspec.json.decode(raw, type=dict[str, Raw] if name == "fields" else Any)
        for name, raw in content.items()
    }
    return bool(
        act["terms"] != consent.of_act(writing.exchange, writing.here.side, writing.act, act)
    )


def _consented(
    display: Display, writing: Writing, content: Mapping[str, Raw]
) -> list[DisplayedMember]:
    """The text that an act of consent is of, as its side will be held to it; nothing for any other act."""
    state = writing.exchange
    if state is None or writing.act not in consent.ACTS:
        return []
    text = str(msgspec.json.decode(bytes(content["of"]))) if "of" in content else ""
    match writing.act:
        case "amendment":
            return display.facts(
                state.act,
                consent.text_of(
                    state, msgspec.json.decode(bytes(content["fields"]), type=dict[str, Raw])
                ),
            )
        case "amendment-agreement":
            amendment = next(
                (item for item in state.acts.get("amendment", ()) if item.id == text), None
            )
            return (
                []
                if amendment is None
                else display.facts(state.act, consent.text_of(state, consent.fields_of(amendment)))
            )
        case "translation-agreement":
            given = next(
                (item for item in state.acts.get("translation", ()) if item.id == text), None
            )
            if given is None:
                return []
            of = (
                str(msgspec.json.decode(given.content["of"])) if "of" in given.content else state.id
            )
            original = next((each.act for each in state.messages if each.id == of), state.act)
            raw_records = consent.text_of(state) if of == state.id else consent.said_in(state, of)
            return [
                *display.facts(original, raw_records, leave=("of",)),
                *display.facts("translation", given.content, leave=("of",)),
            ]
        case "fairness":
            restated = state.acts.get("restatement", ())
            return (
                display.facts("restatement", restated[-1].content, leave=("of",))
                if restated
                else []
            )
        case "accounts-agreement":
            contents = [each[-1].content for each in state.accounts.values()]
            facts = display.facts(state.act, consent.text_of(state))
            return [
                *facts,
                *(
                    fact
                    for account in contents
                    for fact in display.facts("counter-account", account)
                ),
            ]
        case "agenda-agreement" | "readout-agreement":
            return _words_taken(display, writing, state, content)
        case _:
            return display.facts(state.act, consent.text_of(state))


def _words_taken(
    display: Display, writing: Writing, state: Exchange, content: Mapping[str, Raw]
) -> list[DisplayedMember]:
    """The agenda, or the readout, of another side that an act takes as its own."""
    authors = (
        [str(msgspec.json.decode(bytes(content["side"])))]
        if "side" in content
        else consent.authors(state, writing.act)
    )
    side = next((author for author in authors if author != writing.here.side), "")
    if writing.act == "agenda-agreement":
        topics = consent.versions(state).get(side)
        return [] if topics is None else display.facts("agenda", {"topics": topics})
    state_readout = consent.proposed_readouts(state).get(side)
    return (
        []
        if state_readout is None
        else display.facts(
            "readout",
            {"topics": Raw(msgspec.json.encode(state_readout.topics)), "text": state_readout.text},
        )
    )


def _sketch(context: PageContext, content: Mapping[str, Raw]) -> Markup | str:
    for name in ("place", "pos"):
        raw = content.get(name)
        value = None if raw is None else msgspec.json.decode(bytes(raw))
        if isinstance(value, dict) and "lat" in value:
            return charts.sketch(
                "sketch",
                context.words.say("Sketch of the places that were entered"),
                [(context.side.upper(), value["lat"], value["lon"])],
                None,
                context.words,
            )
    return ""


def _urgent(writing: Writing, folded: Folded, state: Exchange | None) -> dict[str, str]:
    """Return how a message stands to the rule of its format, the precedence by the rule, and for what that is.

    `by_rule`, `raised` or `lowered`; `of_exchange` for a later message that rings as the exchange does.
    """
    form, record, words = writing.format, folded.record, writing.here.words
    if (
        form is None
        and record is not None
        and state is not None
        and state.precedence in ("flash", "immediate")
    ):
        rings = any(
            message.id == record.envelope.id and message.to and not message.for_the_record
            for message in state.messages
        )
        return (
            {"stands": "of_exchange", "level": words.value(state.precedence).upper()}
            if rings
            else {}
        )
    if form is None or record is None or state is None or writing.here.registry.kind == "track2":
        return {}
    now = writing.here.service.now()
    rule, level = (
        precedence_hints.rule_of(form, now),
        form.precedence(record.data, record.envelope.time),
    )
    chosen = content_of(record.newest).get(rule.member) if rule.member else None
    value = None if chosen is None else msgspec.json.decode(bytes(chosen))
    what = words.value(value) if isinstance(value, str) else words.act(writing.act)
    order = precedence_hints.ORDER
    stands = (
        "by_rule"
        if level == state.precedence
        else "raised"
        if order.index(state.precedence) < order.index(level)
        else "lowered"
    )
    return {
        "stands": stands,
        "rule": words.value(level).upper(),
        "level": words.value(state.precedence).upper(),
        "what": what,
    }


def _started(
    context: PageContext, folded: Folded, state: Exchange | None, offices: Sequence[Office]
) -> list[Deadline]:
    """The clocks that the record would start."""
    if state is None or folded.record is None:
        return []
    calendars = {
        office.side: deadlines.calendar_of(context.projection.office(office.side))
        for office in offices
    }
    envelope = folded.record.envelope
    recorded = datetime.fromisoformat(envelope.time).replace(microsecond=0)
    return [
        deadline
        for deadline in deadlines.running(context.registry, state, calendars)
        if deadline.open
        and deadline.started_by in (envelope.id, state.id)
        and deadline.begins >= recorded
    ]


def _wanted(act: str, state: Exchange | None) -> WantedReply | None:
    """Return the reply that an act asks for, as a wish."""
    return None if state is None or act != state.act else reply_wanted(state)


def _promised(act: str, state: Exchange | None, side: str) -> list[PromisedReply]:
    """Return the further word that a holding reply promises."""
    return (
        []
        if state is None or act != "interim-reply"
        else [promised_reply for promised_reply in promised(state) if promised_reply.side == side]
    )


def _ending(writing: Writing, state: Exchange | None) -> list[Deadline]:
    """Return what is owed now and would be owed no more, neither met nor late: what ends with the matter."""
    exchange = writing.exchange
    if exchange is None or state is None:
        return []
    calendars = {
        office.side: deadlines.calendar_of(writing.here.projection.office(office.side))
        for office in writing.offices
    }
    before = [
        deadline
        for deadline in deadlines.running(writing.here.registry, exchange, calendars)
        if deadline.open
    ]
    after = {
        (deadline.clock, deadline.side, deadline.started_by): deadline
        for deadline in deadlines.running(writing.here.registry, state, calendars)
    }
    kept = [
        (deadline, after.get((deadline.clock, deadline.side, deadline.started_by)))
        for deadline in before
    ]
    return [deadline for deadline, now in kept if now is None or (not now.open and now.met is None)]


def _addressed(folded: Folded, state: Exchange | None) -> tuple[str, ...]:
    if state is None or folded.record is None:
        return ()
    id = folded.record.envelope.id
    return next((message.to for message in state.messages if message.id == id), ())


def verb(context: PageContext, writing: Writing, view: CheckedAct) -> str:
    """What the button that sends says: the act, and to whom."""
    words = context.words
    to = words.listed(view.to).upper()
    if writing.format is not None and view.precedence and to:
        return words.say(
            "Send %(precedence)s to %(side)s",
            precedence=words.value(view.precedence).upper(),
            side=to,
        )
    if to:
        return words.say("Send to %(side)s: %(act)s", side=to, act=words.act(writing.act))
    return words.say("Record: %(act)s", act=words.act(writing.act))


def _faults(writing: Writing, faults: Iterable[refusals.FieldFault]) -> list[FieldError]:
    """Faults of the act as those of its fields."""
    return [_fault(writing, fault.pointer, fault.detail) for fault in faults]


def _told(writing: Writing, faults: Iterable[refusals.FieldFault]) -> str:
    """Return in sentences what is wrong with an act: the fields by their labels."""
    field_errors = _faults(writing, faults)
    words = writing.here.words
    told = (
        words.say("%(what)s: %(detail)s", what=field_error.label, detail=field_error.sentence)
        if field_error.label
        else field_error.sentence
        for field_error in field_errors
    )
    return words.sentences(told)


def _fault(writing: Writing, pointer: str, detail: Text) -> FieldError:
    """A fault of the act as one of its field."""
    context, name = writing.here, ".".join(["f", *(part for part in pointer.split("/") if part)])
    path = name.split(".")[1:]
    member = _member(writing.members(()), path)
    return FieldError(
        field=name,
        label=""
        if member is None
        else writing.label(member, f"f.{path[0]}" if len(path) == 1 else name),
        sentence=worded(
            context.words, None if member is None else member.kind, detail, context.sides
        ),
    )


def _member(members: Iterable[Member], path: Sequence[str]) -> Member | None:
    """Return the innermost member of a form at a path."""
    member = next((item for item in members if path and item.name == path[0]), None)
    if member is None or not isinstance(
        member.kind, field_types.GroupField | field_types.RowsField
    ):
        return member
    inner = (
        member.kind.members
        if isinstance(member.kind, field_types.GroupField)
        else member.kind.group.members
    )
    return (
        _member(inner, path[1:] if isinstance(member.kind, field_types.GroupField) else path[2:])
        or member
    )


# Sending


async def _send(writing: Writing, fields: MultiDict[str], body: bytes) -> web.StreamResponse | Page:
    context = writing.here
    try:
        reply = await browser_signatures.record(
            context,
            body,
            exchange=writing.at,
            family=""
            if writing.exchange is not None or writing.rule.family is None
            else writing.rule.family,
            key=str(fields.get("key", "")),
            etag=str(fields.get("etag", "")) if writing.rule.consenting else "",
        )
    except Malformed as error:
        return await _form(writing, fields, _faults(writing, error.faults), status=422)
    except Refused as error:
        return await _refused(writing, fields, body, error.refusal)
    await _drop(context, fields)
    response = recorded_at(context, reply)
    forget_kept(context.request, response)
    return response


async def _refused(
    writing: Writing, fields: MultiDict[str], body: bytes, refusal: Refusal
) -> Page | web.StreamResponse:
    """Nothing was recorded, or it is not known: what was written stays, and can be sent again."""
    words = writing.here.words
    if refusal.kind in _AGAIN:
        problem = words.say(
            "No answer from the log. Your text is kept. Send again: it cannot be sent twice. (%(why)s)",
            why=words.sentence(plain(refusal.detail)),
        )
        return await _check(writing, fields, body, problem=problem, status=503)
    if refusal.kind == "second-key-required":
        return await _check(
            writing,
            fields,
            body,
            problem=words.say("This takes a second officer: a colleague of your side releases it."),
            status=422,
        )
    faults = _faults(writing, refusal.faults)
    return await _form(
        writing,
        fields,
        faults,
        problem="" if faults else writing.here.words.sentence(plain(refusal.detail)),
        status=422,
    )


def recorded_at(context: PageContext, reply: ApiReply) -> web.Response:
    """Go on at the page of what was recorded."""
    position = reply.headers["Dragoman-Position"]
    return see(f"/c/{context.name}/recorded/{position}?after={position}")


async def _drop(context: PageContext, fields: Mapping[str, Any]) -> None:
    """A draft that was sent is one no more."""
    id = str(fields.get("draft", ""))
    draft = (
        await context.service.drafts.find(context.registry.cid, context.side, id) if id else None
    )
    if draft is not None:
        await context.service.drafts.drop(draft)


class Sent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a post: its place in the log, and what is owed because of it."""

    position: int
    number: str
    exchange: str
    act: str
    time: str
    owed: tuple[tuple[str, str, str], ...] = ()


async def recorded(context: PageContext) -> Page:
    """What was recorded, what happens next and when, and whom to ring if nothing does."""
    position = submission.whole(context.request.match_info["position"]) or 0
    record = context.projection.record_at(position) if 1 <= position <= context.position else None
    if record is None:
        raise refused("not-found", sentence("No record stands at that position."))
    state = context.projection.exchange(record.envelope.subject)
    calendars = {
        side: deadlines.calendar_of(context.projection.office(side)) for side in context.sides
    }
    begun = (
        []
        if state is None
        else [
            deadline
            for deadline in deadlines.running(context.registry, state, calendars)
            if deadline.open
        ]
    )
    recorded = datetime.fromisoformat(record.envelope.time)
    running = [
        deadline
        for deadline in begun
        if deadline.started_by == record.envelope.id
        or (state is not None and deadline.started_by == state.id and deadline.begins >= recorded)
    ]
    received = await _received(context, state, record.envelope.id)
    wanted_reply = _wanted(record.name, state)
    waits = any(
        receipt.fact.owes and not receipt.fact.acknowledged
        for group in received
        for receipt in group.receipts
    )
    entry = (
        await context.in_thread(reads.records, context.service.store, context.name, position, 1)
    )[0][0]
    view = Sent(
        position=position,
        number=entry.number,
        exchange="" if state is None else state.id,
        act=record.name,
        time=record.envelope.time,
        owed=tuple(
            (deadline.clock, deadline.side, deadlines.written(deadline.due)) for deadline in running
        ),
    )
    return Page(
        template="recorded.html",
        view=view,
        values={
            "state": state,
            "running": running,
            "headline": headline(context, state) if state is not None else "",
            "received": received,
            "wanted": wanted_reply,
            "promised": _promised(record.name, state, record.side),
            "awaited": bool(running) or wanted_reply is not None or waits,
        },
    )


async def _received(
    context: PageContext, state: Exchange | None, message: str
) -> list[receipt_rows.Received]:
    """Who has the message that was recorded; nobody where the record is no message to anybody."""
    if state is None or not any(item.id == message for item in state.messages):
        return []
    view = await viewed(
        context.call, context.projection, state.id, context.at or None, context.newest
    )
    stood = decode_exchange(bytes(view.state))
    return receipt_rows.of(
        context, stood, view.facts, await receipt_rows.ladder_of(context, stood), message
    )


# Drafts


async def _keep(
    writing: Writing, fields: MultiDict[str], act: dict[str, Any], faults: Sequence[FieldError]
) -> web.StreamResponse | Page:
    """Keep what was typed as a draft; what cannot be read yet is kept as it was typed."""
    context = writing.here
    try:
        draft = await _kept(writing, fields, _compact(_with_typed(act, fields, faults)))
    except Refused as error:
        return await _form(
            writing,
            fields,
            [],
            problem=context.words.sentence(plain(error.refusal.detail)),
            status=422,
        )
    return _kept_as(context, draft, "kept")


async def _keep_checked(
    writing: Writing, fields: MultiDict[str], body: bytes, *, handed: bool
) -> web.StreamResponse | Page:
    """Keep exactly what was checked; where two officers sign, signed by its author. What is handed over, colleagues see at once."""
    context, signatures = writing.here, ""
    try:
        act, data = await body_workers.read(context.request, len(body), read_act, body, cut=True)
        if takes_two(context.projection, writing.exchange, writing.rule, data):
            act, signatures = await browser_signatures.signed_by(
                context, act, data, exchange=writing.at, key=str(fields.get("key", ""))
            )
        draft = await _kept(
            writing,
            fields,
            act if signatures else browser_signatures.bare(act),
            signatures,
            handed=handed,
        )
    except Malformed as error:
        return await _form(writing, fields, _faults(writing, error.faults), status=422)
    except Refused as error:
        return await _refused(writing, fields, body, error.refusal)
    if handed:
        tell(context)
    return _kept_as(context, draft, "handed" if handed else "kept")


def _kept_as(context: PageContext, draft: str, text: str) -> web.Response:
    """Go on at the page of a draft, which has now what was typed."""
    response = see(context.link(f"/drafts/{draft}", said=text))
    forget_kept(context.request, response)
    return response


def tell(context: PageContext) -> None:
    """Have the open pages of the reader's side show at once what was handed over."""
    context.request.app[BELLS].nudge(context.projection, context.side)


def _compact(act: dict[str, Any]) -> bytes:
    return json.dumps(act, ensure_ascii=False, separators=(",", ":")).encode()


async def _kept(
    writing: Writing,
    fields: MultiDict[str],
    act: bytes,
    signatures: str = "",
    *,
    handed: bool = False,
) -> str:
    context, id = writing.here, str(fields.get("draft", ""))
    new = NewDraft(
        act=Raw(act),
        exchange=writing.at,
        if_match=writing.exchange.revision
        if writing.exchange is not None and writing.rule.consenting
        else "",
    )
    if id:
        draft = await _draft(context, id)
        await drafts.change(
            context.call,
            new,
            draft,
            str(fields.get("draft_etag", "")) or draft.etag,
            signatures,
            handed=handed,
        )
        return id
    reply = await drafts.keep_new(
        context.call, new, 201, str(fields.get("key", "")), signatures, handed=handed
    )
    assert isinstance(reply.body, DraftView)
    return reply.body.id


def _with_typed(
    act: dict[str, Any], fields: Mapping[str, Any], faults: Sequence[FieldError]
) -> dict[str, Any]:
    """An act with what was not read as it was typed, so that it is there to be mended."""
    typed = {fault.field.removeprefix("f."): str(fields.get(fault.field, "")) for fault in faults}
    return {**act, **{name: text for name, text in typed.items() if text and "." not in name}}


async def _autosave(writing: Writing, fields: MultiDict[str], act: dict[str, Any]) -> web.Response:
    """Keep a draft while somebody writes; the page says when."""
    typed = writing.typed(fields)
    typed.read(writing.members(tuple(fields.getall("fields", []))))
    id = await _kept(writing, fields, _compact(_with_typed(act, fields, typed.faults)))
    draft = await _draft(writing.here, id)
    body = {
        "draft": id,
        "etag": draft.etag,
        "time": writing.here.words.written(writing.here.service.now(), "clock"),
    }
    return web.json_response(body, headers=HEADERS)


class DraftList(Struct, frozen=True, kw_only=True):
    """The drafts of the reader's side."""

    drafts: tuple[DraftView, ...]


async def draft_list(context: PageContext) -> Page:
    """The drafts of the own side."""
    result = await drafts.listed(context.call)
    return Page(
        template="drafts.html",
        view=DraftList(drafts=result.drafts),
        rows=result.drafts,
        values={"named": _named, "here_side": context.side},
    )


def _named(draft: DraftView | Draft) -> str:
    return drafts.name_of(draft.act)


async def draft_page(context: PageContext) -> Page | web.StreamResponse:
    """One draft: exactly what it would record, and who may release it; or the page of the record that it has become."""
    gone = await _recorded_draft(context)
    return (
        gone
        if gone is not None
        else await _draft_page(context, await _draft(context, context.request.match_info["draft"]))
    )


async def _recorded_draft(context: PageContext) -> web.Response | None:
    """The page of the record that a draft of the reader's side has become; None while it is a draft."""
    id = context.request.match_info["draft"]
    position = context.projection.posted(id) if context.is_officer else None
    if (
        position is None
        or await context.service.drafts.find(context.registry.cid, context.side, id) is not None
    ):
        return None
    record = context.projection.record_at(position)
    return (
        see(context.link(f"/recorded/{position}"))
        if record is not None and record.side == context.side
        else None
    )


async def _draft_page(
    context: PageContext, draft: Draft, problem: str = "", status: int = 200
) -> Page:
    act = _named(draft)
    exchange = context.projection.exchange(draft.exchange) if draft.exchange else None
    writing = Writing(here=context, act=act, exchange=exchange, draft=draft)
    body = bytes(draft.act)
    offices = tuple(office_of(side, context.projection.office(side)) for side in context.sides)
    fault, moved = "", False
    warnings: list[Warned] = []
    consented: list[DisplayedMember] = []
    replaced: list[DisplayedMember] = []
    two_key = RULES[act].two_key
    folded: Folded | None = None
    try:
        compact, data = await body_workers.read(
            context.request, len(body), read_act, body, cut=True
        )
        two_key = takes_two(context.projection, exchange, RULES[act], data)
        content = content_of(compact)
        people, warnings = await _people_in(context, writing, content)
        display = Display(context.words, offices, people, context.link)
        release_preview.name_records(context, display)
        facts = facts_of(display, writing, content)
        moved = _has_moved(writing, content)
        if not moved:
            consented, replaced = (
                _consented(display, writing, content),
                _replaced(display, writing, content),
            )
        folded = _released(writing, draft, compact, data, two_key=two_key)
    except Malformed as error:
        fault, facts = _told(writing, error.faults), []
    except ValueError as error:
        fault, facts = str(error), []
    asks = browser_signatures.asks(context, act, draft.exchange)
    unsigned = asks and not draft.signatures
    sending = sending_of(context, RULES[act], author=draft.author, second=two_key)
    mine = draft.author == context.grant.actor
    able = any(
        colleague.name == context.grant.actor.partition("/")[2] for colleague in sending.colleagues
    ) or (mine and sending.alone)
    state = folded.state if folded is not None and isinstance(folded.state, Exchange) else None
    running = [] if folded is None else _started(context, folded, state, offices)
    view = CheckedAct(
        act=draft.act,
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        exchange=draft.exchange,
        number=folded.number if folded is not None else "",
        precedence=state.precedence if state is not None else "",
        to=() if folded is None else _addressed(folded, state),
        two_key=two_key,
        clocks=tuple(
            (deadline.clock, deadline.side, deadlines.written(deadline.due)) for deadline in running
        ),
    )
    return Page(
        template="draft.html",
        view=view,
        status=status,
        values={
            "draft": draft,
            "writing": writing,
            "running": running,
            "wanted": _wanted(writing.act, state),
            "promised": _promised(writing.act, state, context.side),
            "ending": _ending(writing, state),
            "urgent": {} if folded is None else _urgent(writing, folded, state),
            "verb": verb(context, writing, view),
            "facts": facts,
            "warnings": warnings,
            "consented": consented,
            "replaced": replaced,
            "left": [] if folded is None else _left(display, writing),
            "moved": moved,
            "fault": fault,
            "problem": problem,
            "mine": mine,
            "may_release": context.may_post and not fault and not unsigned and able,
            "sender": draft.author.partition("/")[2]
            if two_key
            else ""
            if able
            else authorised_senders.names(context.words, sending),
            "hand_to": ""
            if able or fault or draft.handed or not context.may_post
            else authorised_senders.names(context.words, sending),
            "who_sends": "" if able or two_key else authorised_senders.told(context.words, sending),
            "handed_to": authorised_senders.names(context.words, sending) if draft.handed else "",
            "unsigned": unsigned,
            "asks": asks and two_key,
            "headline": headline(context, exchange) if exchange is not None else "",
            "said": context.request.query.get("said", ""),
        },
    )


def _released(
    writing: Writing, draft: Draft, act: bytes, data: Act, *, two_key: bool
) -> Folded | None:
    """Return what a draft becomes when it is released as it is now; None where it would be refused, which the release says."""
    context, sending = (
        writing.here,
        sending_of(writing.here, writing.rule, author=draft.author, second=two_key),
    )
    able = [colleague.name for colleague in sending.colleagues]
    reader = context.grant.actor
    releaser = (
        reader if reader.partition("/")[2] in able else f"{context.side}/{able[0]}" if able else ""
    )
    post = Post(
        actor=draft.author if two_key or not releaser else releaser,
        act=act,
        data=data,
        id=draft.id,
        exchange=draft.exchange,
        family=""
        if writing.exchange is not None or writing.rule.family is None
        else writing.rule.family,
        if_match=draft.if_match or None,
        released_by=releaser if two_key else "",
    )
    try:
        return context.service.desk.rehearse(context.projection, post)
    except Refused:
        return None


async def _released_by(context: PageContext) -> str:
    """The releaser's signature over what the author signed, where two officers sign. Raises `Refused`, `Malformed`, `SignatureAsked`."""
    draft = await context.service.drafts.find(
        context.registry.cid, context.side, context.request.match_info["draft"]
    )
    if draft is None or not draft.signatures:
        return ""
    act, data = read_act(bytes(draft.act), cut=False)
    if not takes_two(
        context.projection, context.projection.exchange(draft.exchange), RULES[_named(draft)], data
    ):
        return ""
    _, signatures = await browser_signatures.signed_by(
        context, act, data, exchange=draft.exchange, key=""
    )
    return signatures


async def draft_sent(context: PageContext) -> web.StreamResponse | Page:
    """Release a draft, or drop it."""
    form = await form_of(context.request)
    context.newest = context.projection.flushed
    etag = said(form, "etag")
    gone = await _recorded_draft(context)
    if gone is not None:
        return gone
    if said(form, "do") == "drop":
        await drafts.drop(
            context.call, await _draft(context, context.request.match_info["draft"]), etag
        )
        tell(context)
        return see(context.link("/drafts", said="dropped"))
    if said(form, "do") == "hand":
        draft = await _draft(context, context.request.match_info["draft"])
        await drafts.hand_over(context.call, draft, etag)
        tell(context)
        return see(context.link(f"/drafts/{draft.id}", said="handed"))
    try:
        reply = await drafts.release(context.call, etag, await _released_by(context))
    except (Refused, Malformed) as error:
        draft = await _draft(context, context.request.match_info["draft"])
        faults = error.refusal.faults if isinstance(error, Refused) else error.faults
        exchange = context.projection.exchange(draft.exchange) if draft.exchange else None
        problem = _told(
            Writing(here=context, act=_named(draft), exchange=exchange, draft=draft), faults
        )
        if isinstance(error, Refused) and not problem:
            problem = context.words.sentence(plain(error.refusal.detail))
        return await _draft_page(context, draft, problem=problem, status=422)
    return recorded_at(context, reply)


# Reading what is being typed


async def reading(context: PageContext) -> web.Response:
    """Return what a time or a place that is being typed would be read as, for the scripts of a form.

    Half a time is no error while somebody types it: the answer is 200, and `data-unread` marks a sentence that says what is missing.
    """
    query, words = context.request.query, context.words
    office = office_of(context.side, context.projection.office(context.side))
    typed = Typed(
        form={},
        words=words,
        languages=context.registry.languages,
        sides=context.sides,
        now=context.service.now(),
        zone=ZoneInfo(office.zone),
    )
    text = query.get("text", "")[:200]
    display = Display(
        words, tuple(office_of(side, context.projection.office(side)) for side in context.sides)
    )
    days = _days(query)
    try:
        if query.get("kind") == "place":
            point = notation.read_place(text)
            markup = Markup("<b>{}</b> <small>{} · {}</small>").format(
                notation.written_place(point),
                notation.written_place(point, "decimal"),
                notation.written_place(point, "mgrs"),
            )
            sketch = charts.sketch(
                "echo",
                words.say("Sketch of the places that were entered"),
                [(context.side.upper(), *point)],
                None,
                words,
            )
            return html(str(markup + sketch))
        begun, beside = _begun(typed, query), query.get("after", "")[:200]
        moment = typed.moment(
            text, ahead=query.get("ahead") == "yes", begins=begun, days=days, beside=beside
        )
        away = abs((context.service.now() - moment).total_seconds())
        said_away = (
            words.say("%(d)s ago", d=words.span(away))
            if moment <= context.service.now()
            else words.say("in %(d)s", d=words.span(away))
        )
        return html(
            str(
                Markup("<b>{}</b> <small>{}</small>").format(
                    display.time(form_parser.zulu(moment)), said_away
                )
            )
        )
    except NotUnderstoodInput as error:
        said = Markup("<span data-unread>{}</span>").format(typed.unread(error, days=days != ""))
        if error.suggestion is not None:
            place = form_parser.lettered(error.suggestion)
            use = Markup(' <button type="button" data-use="{}">{}</button>')
            said += use.format(place, words.say("Use %(place)s", place=place))
        return html(str(said))


def _days(query: Mapping[str, str]) -> Literal["", "from", "to"]:
    """Return of which end of a span of days a time is; empty for a time that is of none."""
    match query.get("days", ""):
        case "from" | "to" as end:
            return end
        case _:
            return ""


def _begun(typed: Typed, query: Mapping[str, str]) -> str:
    """Return when that begins which the time that is being typed ends; empty where nothing is typed there that can be read."""
    start = query.get("after", "")[:200]
    try:
        return (
            form_parser.zulu(
                typed.moment(
                    start, ahead=query.get("ahead") == "yes", days="from" if _days(query) else ""
                )
            )
            if start
            else ""
        )
    except NotUnderstoodInput:
        return ""


SHEETS: Final = (
    PageRoute(path="/compose", handler=menu),
    PageRoute(path="/compose/read", handler=reading),
    PageRoute(path="/compose/{act:[a-z-]+}", handler=form),
    PageRoute(path="/compose/{act:[a-z-]+}", handler=sent, method="POST"),
    PageRoute(path="/exchanges/{exchange:[0-9a-f-]{36}}/acts/{act:[a-z-]+}", handler=form),
    PageRoute(
        path="/exchanges/{exchange:[0-9a-f-]{36}}/acts/{act:[a-z-]+}", handler=sent, method="POST"
    ),
    PageRoute(path="/recorded/{position:[0-9]+}", handler=recorded),
    PageRoute(path="/drafts", handler=draft_list),
    PageRoute(path="/drafts/{draft:[0-9a-f-]{36}}", handler=draft_page),
    PageRoute(path="/drafts/{draft:[0-9a-f-]{36}}", handler=draft_sent, method="POST"),
)
