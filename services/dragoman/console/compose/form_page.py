"""The page with the form of an act, empty or with typed text and its faults."""

import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from msgspec import Struct, field
from multidict import MultiDict

from dragoman.console.compose import (
    agreed_phrases,
    agreement_form,
    channel_acts,
    form_beginnings,
    release_preview,
    replaced_members,
)
from dragoman.console.compose.channel_acts import CHANNEL_ACTS
from dragoman.console.compose.form_choices import (
    act_has_issue,
    file_choices,
    issue_choices,
    languages_own_first,
    limits_of,
    message_choices,
    officer_choices,
    person_choices,
    phrase_choices,
    releasable_records,
    texts_beside,
    translation_values,
    untranslated_language,
    window_choices,
)
from dragoman.console.compose.writing import (
    OF_SIGNING,
    Composing,
    Writing,
    field_errors,
    find_draft,
    member_at,
    sending_of,
)
from dragoman.console.display import authorised_senders, message_view, translations
from dragoman.console.display.act_display import Display, other_languages
from dragoman.console.display.office_clocks import office_of
from dragoman.console.forms import exchange_choices, form_rows, people_choices, precedence_hints
from dragoman.console.forms.form_errors import at_field, plain
from dragoman.console.matter.shown_message import headline
from dragoman.console.page.context import PageContext
from dragoman.console.page.kept_forms import KeptForm
from dragoman.console.page.rendering import Page, refused
from dragoman.console.page.sessions import kept_form
from dragoman.domain.acts.act_registry import FORMATS, in_force
from dragoman.domain.acts.families import release
from dragoman.domain.acts.families.channel import check_ended
from dragoman.domain.record.errors import Refusal
from dragoman.domain.views.offers import OFFERS
from dragoman.limits import DIGITS, FLASH_WORDS
from dragoman.members import shapes, text_rows
from dragoman.members.choices import OfferedKind
from dragoman.members.kind import PREFIX, FieldError, Member, form_fields
from dragoman.members.sides import MechanismKind, PersonKind
from dragoman.members.texts import language
from dragoman.stores.drafts import Draft
from dragoman.text import sentence, verbatim
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.fields import words_members

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
        "attack",
        "sabotage",
        "gas_leak",
        "pollution",
        "flood",
        "landslide",
        "wildfire",
        "unknown",
        "other",
    ),
)
"""Kinds of incidents, in the order in which the form offers them."""


_KEPT: Final = ("key", "etag", "draft", "draft_etag", "more", release_preview.OF)
"""Fields that are not members of the act and go from page to page."""


_FEW_OPTIONAL: Final = 6
"""The most optional members that the form of an act in an exchange shows at once."""

_NAMED: Final = 3
"""The number of fields that the button for more fields names."""

_ACCOUNT_BEGINS: Final = ("kind", "time", "place", "began", "ended")
"""Members that the form of an account asks first: those compared with the other side's.
"""


def writing_of(context: PageContext) -> Writing:
    """Return the act and the exchange that the path names. Raises `Refused`."""
    act = context.request.match_info["act"]
    id = context.request.match_info.get("exchange", "")
    exchange = context.projection.exchange(id) if id else None
    version = in_force(context.registry)
    of_channel = context.request.path.startswith(f"/c/{context.name}/admin/acts/")
    is_known = act in (CHANNEL_ACTS if of_channel else version.rules if id else version.formats)
    if (
        not is_known
        or act not in version.rules
        or (id and exchange is None)
        or (id and act in CHANNEL_ACTS)
    ):
        raise refused(
            "not-found", sentence("There is no such form. The page “Write” lists the forms.")
        )
    if of_channel:
        channel_acts.refuse_others(context, act)
    elif not context.may_write:
        if context.past:
            raise refused(
                "not-permitted", sentence("You cannot write at a past moment. Go back to now.")
            )
        if (refusal := check_ended(context.registry, act)) is not None:
            raise refused(refusal.kind, refusal.detail)
        detail = (
            sentence("Only officers can write. You are signed in without that role.")
            if not context.is_officer
            else sentence("Your token only allows reading. Ask the operator for another token.")
        )
        raise refused("not-permitted", detail)
    return Writing(context=context, act=act, exchange=exchange)


class FormQuery(Struct, frozen=True, kw_only=True):
    """The query of a form, beside the fields that it fills in.

    `fields` are the members that an amendment changes. `of` is the message that is
    translated, and `part` the part that an alternative replaces. `under` is the issue,
    `of_matter` and `carry` are matters and topics to take over. `entered` is the person
    who was entered for the field `in`. `more` asks for the members of every message.
    """

    draft: str = ""
    fields: tuple[str, ...] = ()
    of: str = ""
    part: str = ""
    under: str = ""
    matters: tuple[str, ...] = field(name=release_preview.OF, default=())
    carry: tuple[str, ...] = ()
    in_: str = field(name="in", default="")
    entered: str = ""
    more: bool = False


async def form(context: PageContext) -> Page:
    """Return the page of an empty form, or of a form that is filled from a draft."""
    writing, query = writing_of(context), context.asked(FormQuery)
    session_form = kept_form(context.request, context.grant)
    if session_form is not None and session_form.path == context.request.path:
        session_fields = _fields_of_kept(session_form)
        await _choose(writing, session_fields)
        is_back = not query.entered
        return await render_form(writing, session_fields, [], is_back=is_back)
    fields: MultiDict[str] = MultiDict()
    fields.add("key", secrets.token_hex(16))
    if writing.exchange is not None:
        fields.add("etag", writing.exchange.revision)
    if writing.exchange is not None:
        fields.extend(("fields", name) for name in query.fields)
    if writing.exchange is not None and writing.act == translations.ACT:
        fields.add("f.of", query.of)
        fields.add("f.language", untranslated_language(writing, writing.exchange, query.of))
    if writing.act == "alternative" and query.part:
        fields.add("f.field", query.part)
    if writing.act == release.RELEASE.rule.act:
        fields.extend((release_preview.OF, matter) for matter in query.matters)
    fields.extend(agreement_form.prefilled(writing))
    if query.more:
        fields["more"] = "1"
    opened = context.projection.exchange(query.under) if act_has_issue(writing.act) else None
    if opened is not None and opened.act == writing.act:
        members = [member for member in shapes.members(writing.act) if member.name == "issue"]
        fields.extend(form_fields(context.registry.languages, members, opened.content))
        fields.add("f.under", opened.id)
    if writing.of_channel is not None and not query.draft:
        linked = form_beginnings.linked_members(context)
        begin = writing.of_channel.begin(context)
        content = {name: value for name, value in begin.items() if name not in linked}
        fields.extend(form_fields(context.registry.languages, writing.members(), content))
    if not query.draft:
        fields.extend(form_beginnings.beginnings(writing))
    else:
        fields.popall("f.of", None)
        fields.popall("f.language", None)
        writing.draft = await find_draft(context, query.draft)
        fields.extend(_of_draft(context, writing))
    if query.carry:
        fields = await agreement_form.with_topics(writing, fields, query.carry)
    return await render_form(writing, fields, [])


def _fields_of_kept(session_form: KeptForm) -> MultiDict[str]:
    """Return the fields of a form that was sent after its session had ended.

    The act that was checked or signed with one press is left out: it is checked and
    signed again.
    """
    fields = parse_qsl(session_form.body.decode(), keep_blank_values=True)
    return MultiDict(
        (name, value) for name, value in fields if name not in ("do", "act", *OF_SIGNING)
    )


async def _choose(writing: Writing, fields: MultiDict[str]) -> None:
    """Choose in a form the person who was entered from it."""
    context = writing.context
    query = context.asked(FormQuery)
    name, id = query.in_, query.entered
    if not name.startswith(f"{PREFIX}.") or not id:
        return
    value = next(
        (
            choice.value
            for choice in await people_choices.choices(context)
            if people_choices.id_of(choice.value) == id
        ),
        "",
    )
    names = tuple(member.name for member in replaced_members.offered(writing))
    member = member_at(writing.members(names), name.split(".")[1:])
    if not value or member is None or not isinstance(member.kind, PersonKind):
        return
    if not member.kind.many:
        fields[name] = value
    elif value not in fields.getall(name, []):
        fields.add(name, value)


def _whole(digits: str) -> int | str:
    """Return a whole number of a draft.

    Older drafts may hold more digits than any act has: such a number stays text.
    """
    return int(digits) if len(digits) <= DIGITS else digits


def _of_draft(context: PageContext, writing: Writing) -> MultiDict[str]:
    """Return the form fields of a draft."""
    assert writing.draft is not None
    act = json.loads(bytes(writing.draft.act), parse_int=_whole)
    members = writing.members(tuple(act.get("fields", ())))
    fields = form_fields(
        context.registry.languages,
        members,
        {name: value for name, value in act.items() if name not in ("act", "signed")},
    )
    fields.extend(("fields", name) for name in act.get("fields", ()))
    if writing.act == "alternative" and "field" in act:
        fields["f.field"] = f"{act['field']}/{act.get('item', 0)}"
    fields.add("draft", writing.draft.id)
    fields.add("draft_etag", writing.draft.etag)
    return fields


def is_own_member(act: str, member: Member) -> bool:
    """Return whether a member is the act's own, and not one of every message."""
    return (
        member.required
        or member.name not in shapes.FRAME
        or member.name == "text"
        or (act in FORMATS and member.name == "of")
    )


def text_values(
    writing: Writing, fields: Mapping[str, Any], faults: Iterable[FieldError]
) -> dict[str, Any]:
    """Return the values that the control of a text needs."""
    context, act = writing.context, writing.act
    faults, languages = list(faults), sorted(context.registry.languages)
    either = OFFERS[act].either
    return {
        "value": lambda name: str(fields.get(name, "")),
        "fault_of": {fault.field: fault for fault in reversed(faults)},
        "holds_fault": lambda name: any(
            fault.field == name or fault.field.startswith(f"{name}.") for fault in faults
        ),
        "label": writing.label,
        "hints": {name: context.words.sentence(hint) for name, hint in OFFERS[act].hints.items()}
        if writing.of_channel is None
        else writing.of_channel.hints(context),
        "needs_words": {"text", "phrases"}
        if act == "reply" and not any(member.name == "answers" for member in writing.members())
        else set(),
        "either": {
            name: context.words.listed(
                context.words.field(other) for other in sorted(either - {name})
            )
            for name in either
        },
        "languages_of": {tag: language(tag) for tag in languages_own_first(context)},
        "translated": lambda name: (
            sum(bool(text_rows.joined(fields, f"{name}.{tag}")) for tag in languages) > 1
        ),
        "main_texts": message_view.TEXTS,
        "text_rows": lambda name: text_rows.rows(fields, name, languages),
        "most_rows": text_rows.most_rows(languages),
        "whole_text": lambda name: text_rows.joined(fields, name),
        "wakes": [side.upper() for side in context.sides if side != context.side],
    }


async def render_form(
    writing: Writing,
    fields: Mapping[str, Any],
    faults: Iterable[FieldError],
    problem: str = "",
    status: int = 200,
    *,
    is_back: bool = False,
    parted: Draft | None = None,
) -> Page:
    """Return the page of a form with its typed text, its faults and its choices.

    A form that `is_back` was kept for its officer, and says so. A form that `parted`
    from a draft leads to that draft.
    """
    context, act = writing.context, writing.act
    replaced = replaced_members.offered(writing)
    if replaced and isinstance(fields, MultiDict):
        fields = replaced_members.with_present(writing, fields)
    members = writing.members(tuple(member.name for member in replaced))
    extra = {"upload": "upload", **({"f.fields": "f-fields"} if replaced else {})}
    faults = [
        at_field(fault, members, languages_own_first(context), extra=extra) for fault in faults
    ]
    wrong = {fault.field.split(".")[1] for fault in faults if fault.anchor.startswith("f-")} | (
        {"attachments"} if any(fault.field == "upload" for fault in faults) else set()
    )
    own_members = [
        member
        for member in members
        if (member.name != "fields" or not replaced) and is_own_member(act, member)
    ]
    begins = _ACCOUNT_BEGINS if act == "counter-account" else ()
    required = [member for name in begins for member in own_members if member.name == name]
    required += [
        member
        for member in own_members
        if member not in required and (member.required or isinstance(member.kind, OfferedKind))
    ]
    # A reply says something, so its text is open where no other member is required.
    names = {"text"} if writing.exchange is not None and not required else set()
    names |= form_beginnings.linked_members(context)
    either = OFFERS[act].either
    rule = precedence_hints.rule_of(writing.format, context.service.now())
    carried = await agreement_form.carried_topics(writing, fields)
    if carried:
        names.add(agreement_form.AGENDAS[act])
    # What was typed, or is wrong, must never be out of sight.
    names |= wrong | either | OFFERS[act].asks | {rule.member}
    names |= form_rows.filled_of(fields, f"{PREFIX}.")
    # The words for a choice that no list has belong beside the choice.
    open_names = names | {member.name for member in required}
    names |= {words for choice, words in words_members(SHAPES[act]).items() if choice in open_names}
    rest = [
        member
        for member in members
        if member not in required and member.name not in ("precedence", "fields")
    ]
    unfolded = [member for member in rest if member.name in names]
    optional = [member for member in rest if member in own_members and member not in unfolded]
    # The phrases of the codebook are some forty boxes.
    many = writing.format is not None or len(optional) > _FEW_OPTIONAL
    waiting = [member for member in optional if many or member.name == "phrases"]
    own_first = sorted(waiting, key=lambda member: member.name in shapes.FRAME)
    further = own_first + [
        member
        for member in rest
        if member not in own_members and member not in unfolded and member.name != "of"
    ]
    shows_more = "more" in fields
    offices = [office_of(side, context.projection.office(side)) for side in context.sides]
    return Page(
        template="compose.html",
        view=Composing(
            act=act,
            exchange=writing.at,
            draft=str(fields.get("draft", "")),
            fields={
                name: tuple(str(value) for value in fields.getall(name))
                for name in dict.fromkeys(fields)
                if name.startswith("f.")
            }
            if hasattr(fields, "getall")
            else {},
            faults=tuple((fault.field, fault.sentence) for fault in faults),
        ),
        status=status,
        values={
            **text_values(writing, fields, faults),
            "writing": writing,
            "headline": headline(context, writing.exchange) if writing.exchange is not None else "",
            "typed": fields,
            "values": lambda name: (
                list(fields.getall(name, [])) if hasattr(fields, "getall") else []
            ),
            "faults": list(faults),
            "problem": problem,
            "is_back": is_back,
            "parted": parted,
            "required": required,
            "unfolded": unfolded,
            "meanings": {}
            if writing.of_channel is None
            else writing.of_channel.choices(context.words),
            "purpose": context.words.sentence(OFFERS[act].purpose or verbatim("")),
            "text_parts": []
            if writing.exchange is None or act != "alternative"
            else exchange_choices.parts(Display(context.words, offices), writing.exchange),
            "releasable": releasable_records(writing, fields),
            "issues_known": await issue_choices(context) if act_has_issue(act) else [],
            "mechanisms_known": await agreement_form.mechanism_choices(context)
            if any(isinstance(member.kind, MechanismKind) for member in members)
            else [],
            "handed": agreement_form.handed_choices(writing),
            "carried": carried,
            "upload_to": agreement_form.upload_field(writing),
            "beside": texts_beside(writing, offices),
            "optional": [member for member in optional if member not in waiting],
            "further": further,
            "further_named": [
                writing.label(member, f"{PREFIX}.{member.name}") for member in further[:_NAMED]
            ],
            "shows_more": shows_more,
            "precedence": writing.format is not None and context.registry.kind != "track2",
            "chooses_precedence": (
                shows_more or not rule.always or bool({"precedence"} & (wrong | names))
            ),
            "rule": rule,
            "limits": limits_of(context),
            "edits": replaced_members.edits(
                writing, Display(context.words, offices, link=context.link), fields
            ),
            "rows": lambda name, kind: form_rows.rows(fields, name, kind),
            "filled_of": lambda prefix: form_rows.filled_of(fields, prefix),
            "windows": lambda name: form_rows.windows(fields, name),
            "other_languages": lambda name: other_languages(
                context.registry.languages,
                fields.getall(name, []) if hasattr(fields, "getall") else [],
            ),
            "offices": offices,
            "own_office": next((office for office in offices if office.side == context.side), None),
            "officers": officer_choices(context),
            "others": [side for side in context.sides if side != context.side],
            "people": await person_choices(context, members),
            "people_offered": people_choices.offered,
            "files": await file_choices(context, members),
            "phrases": phrase_choices(context),
            "offered_phrases": agreed_phrases.offered(writing),
            "offered": window_choices(writing, offices),
            "messages": lambda member: message_choices(writing, member),
            "translating": translation_values(writing, fields),
            "incidents": INCIDENTS,
            "prefix": PREFIX,
            "who_sends": authorised_senders.senders_text(
                context.words, sending_of(context, writing.rule)
            ),
            "words_allowed": FLASH_WORDS,
            "kept": [
                (name, value)
                for name in _KEPT
                for value in (fields.getall(name, []) if hasattr(fields, "getall") else [])
            ],
        },
    )


async def render_refusal(writing: Writing, fields: Mapping[str, Any], refusal: Refusal) -> Page:
    """Return the page of a form whose act was refused, with the reasons."""
    faults = field_errors(writing, refusal.faults)
    problem = "" if faults else writing.context.words.sentence(plain(refusal.detail))
    return await render_form(writing, fields, faults, problem=problem, status=422)
