"""The form of an act."""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from multidict import MultiDict

from dragoman.console.compose.writing import (
    OF_SIGNING,
    Composing,
    Writing,
    _draft,
    _member,
    sending_of,
)
from dragoman.console.display import field_history, translations
from dragoman.console.display.act_display import Display, DisplayedMember, language, other_languages
from dragoman.console.display.office_clocks import Office, office_of
from dragoman.console.forms import (
    authorised_senders,
    exchange_choices,
    field_types,
    form_parser,
    form_writer,
    people_choices,
    precedence_hints,
)
from dragoman.console.forms.field_types import Member
from dragoman.console.forms.form_errors import FieldError, placed
from dragoman.console.forms.kept_forms import KeptForm
from dragoman.console.pages import release_preview
from dragoman.console.pages.exchange_page import headline
from dragoman.console.rendering import Page, PageContext, refused
from dragoman.console.sessions import kept_form
from dragoman.domain.acts import deadlines
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.families import release
from dragoman.i18n.words import Words
from dragoman.limits import DIGITS, FLASH_WORDS
from dragoman.projection.queries import dialogue as projected
from dragoman.text import sentence
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.state import Exchange

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


_KEPT: Final = ("key", "etag", "draft", "draft_etag", release_preview.OF)
"""Fields beside the act's own that go from page to page."""


_ACCOUNT_BEGINS: Final = ("kind", "time", "place", "began", "ended")
"""The members that the form of an account asks first: those that are compared with the
other side's.
"""


def _writing(context: PageContext) -> Writing:
    """Return what the path names. Raises `Refused`."""
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


async def form(context: PageContext) -> Page:
    """Return an empty form, or one with a draft in it."""
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
            form_writer.typed(
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
            form_writer.typed(context.words, context.registry.languages, members, opened.content)
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
    """Return the fields of a form that was sent after its session had ended; what one press had checked or signed is checked and signed again."""
    qsl = parse_qsl(kept.body.decode(), keep_blank_values=True)
    return MultiDict((name, value) for name, value in qsl if name not in ("do", "act", *OF_SIGNING))


async def _choose(writing: Writing, fields: MultiDict[str]) -> None:
    """Choose in a form the person who was entered from it."""
    context = writing.here
    name, id = context.request.query.get("in", ""), context.request.query.get("entered", "")
    if not name.startswith(f"{form_writer.PREFIX}.") or not id:
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
    """Return a whole number of a draft; one of more digits than any act has, which older drafts may hold, stays text."""
    return int(digits) if len(digits) <= DIGITS else digits


def _of_draft(context: PageContext, writing: Writing) -> MultiDict[str]:
    assert writing.draft is not None
    act = json.loads(bytes(writing.draft.act), parse_int=_whole)
    members = writing.members(tuple(act.get("fields", ())))
    fields = form_writer.typed(
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
            "rows": lambda name, kind: form_writer.rows(fields, name, kind.group),
            "windows": lambda name: form_writer.windows(fields, name),
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
            "prefix": form_writer.PREFIX,
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
"""Members that do not develop: what a message says of itself, and what makes a matter
urgent.
"""


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
    """Return what a translation is written beside: the original paragraph by paragraph, each with what was typed for it, and the other messages."""
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
    """Return the windows that an acceptance may name."""
    if writing.exchange is None:
        return []
    return exchange_choices.windows(Display(writing.here.words, offices), offices, writing.exchange)


def _messages(writing: Writing, member: Member) -> list[exchange_choices.ExchangeChoice]:
    """Return what a member names by its id: another side's translation, or a message of the exchange."""
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
    """Return the channel's languages, the reader's own first."""
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
    """Return the people of the register whom an act may name."""
    return (
        await people_choices.choices(context)
        if any(_has(member.kind, field_types.PersonField) for member in members)
        else []
    )


async def _files(context: PageContext, members: Iterable[Member]) -> list[tuple[str, str]]:
    """Return the own side's files that an act may name."""
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


def _releasable(writing: Writing, fields: Mapping[str, Any]) -> list[release_preview.Candidate]:
    """Return the records that a release may name: those of its matter, and of the matters of records that it names already."""
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
