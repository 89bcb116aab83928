"""Forms of documents as HTML.

What is wrong with a field stands beside it, and in the same words in a summary above.
Every form that is sent has a key: sending it again is the same post.
"""

import secrets
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import parse_qsl

from markupsafe import Markup

from dragoman.document.blocks import FieldGroup, Form, FormButton, FormField, FormPart
from dragoman.i18n.words import Words
from dragoman.members.runs import Cell

Draw = Callable[[Cell], Markup]
"""A function that draws runs."""

_UNSPELT: Final = Markup('autocomplete="off" autocapitalize="none" spellcheck="false"')
_HIDDEN: Final = Markup('<input type="hidden" name="{}" value="{}">')


def form(item: Form, address: str, draw: Draw) -> Markup:
    """Return a form that is sent to an address, with what else the address has."""
    path, _, query = address.partition("?")
    first = Markup("") if item.gets else Markup(' class="first"')
    if item.signs:
        first += Markup(' data-signs="{}"').format(item.signs)
    default = Markup('<button class="hide" tabindex="-1" aria-hidden="true">{}</button>')
    values = (dict(parse_qsl(query)) if item.gets else {}) | item.values
    drawn = Markup(
        '<form class="{}" method="{}" action="{}"{}{} novalidate>{}{}{}'
        '<p class="row"><button{}>{}</button> {}</p></form>'
    ).format(
        "row query after" if item.gets else "stack narrow",
        "get" if item.gets else "post",
        path if item.gets else address,
        Markup(' aria-label="{}"').format(item.label) if item.label else "",
        Markup(" hidden") if item.is_hidden else "",
        default.format(item.button) if any(_buttons(item.parts)) else "",
        _joined(_part(part, draw) for part in item.parts),
        _joined(_HIDDEN.format(*pair) for pair in item.again)
        + hidden(values, "" if item.gets else item.key or new_key()),
        first,
        item.button,
        draw(item.beside),
    )
    return fold(item.fold, drawn, is_open=bool(faults(item))) if item.fold else drawn


def fault_summary(faults: Iterable[tuple[str, str]], words: Words) -> Markup:
    """Return the faults of a form, each with a link to its field."""
    line = Markup('<li><a href="#{}">{}</a></li>')
    lines = _joined(line.format(*fault) for fault in faults)
    frame = Markup(
        '<div class="fault" role="alert" tabindex="-1" data-focus><h2>{}</h2>'
        '<ul class="list plain">{}</ul></div>'
    )
    return frame.format(words.say("There is a problem"), lines) if lines else lines


def new_key() -> str:
    """Return the key of a form that was never sent."""
    return secrets.token_hex(16)


def hidden(values: dict[str, str], key: str = "") -> Markup:
    """Return the values that a form sends and does not show."""
    return _joined(
        _HIDDEN.format(*pair) for pair in (values | ({"key": key} if key else {})).items()
    )


def fold(label: str, content: Markup, *, is_open: bool) -> Markup:
    """Return content that unfolds under its label."""
    frame = Markup("<details{}><summary>{}</summary>{}</details>")
    return frame.format(Markup(" open") if is_open else "", label, content)


def faults(item: Form | FieldGroup) -> tuple[tuple[str, str], ...]:
    """Return the fields of a form with faults, each with its sentence."""
    pairs: list[tuple[str, str]] = []
    for part in item.parts:
        if isinstance(part, FormField) and part.fault:
            pairs.append((part.name, part.fault))
        elif isinstance(part, FieldGroup):
            pairs += faults(part)
    return tuple(pairs)


def _buttons(parts: tuple[FormPart, ...]) -> Iterable[FormButton]:
    for part in parts:
        if isinstance(part, FormButton):
            yield part
        elif isinstance(part, FieldGroup):
            yield from _buttons(part.parts)


def _part(part: FormPart, draw: Draw) -> Markup:
    match part:
        case FormField():
            return field(part, draw)
        case FormButton():
            button = Markup('<p><button name="{}" value="{}">{}</button></p>')
            return button.format(part.name, part.value, part.label)
    content = _joined(_part(inner, draw) for inner in part.parts)
    if part.folds:
        chosen = any(map(_is_chosen, part.parts))
        return fold(part.label, content, is_open=chosen)
    note = Markup("<p><small>{}</small></p>").format(part.note) if part.note else ""
    frame = Markup('<fieldset class="inner stack tight"><legend><b>{}</b></legend>{}{}</fieldset>')
    return frame.format(part.label, note, content)


def _is_chosen(part: FormPart) -> bool:
    """Return whether a field has one of its options chosen."""
    return isinstance(part, FormField) and any(value in part.values for value, *_ in part.options)


def field(item: FormField, draw: Draw) -> Markup:
    """Return a field with its label, its hint and its fault."""
    name, described = item.name, []
    beside = Markup("")
    for kind, text, line in (
        ("hint", item.hint, Markup('<p id="{}-hint"><small>{}</small></p>')),
        ("fault", item.fault, Markup('<p id="{}-fault"><b>{}</b></p>')),
    ):
        if text:
            beside += line.format(name, text)
            described.append(f"{name}-{kind}")
    about = (
        Markup(' aria-describedby="{}"').format(" ".join(described)) if described else Markup("")
    )
    invalid = Markup(' aria-invalid="true"') if item.fault else Markup("")
    if item.control in ("radios", "checks"):
        return _choices(item, beside, about, invalid, draw)
    label = Markup('<label for="{}">{}</label>').format(name, item.label)
    frame = Markup('<div class="field">{}{}{}</div>')
    return frame.format(label, beside, _control(item, invalid + about))


def _control(item: FormField, attributes: Markup) -> Markup:
    name, value = item.name, next(iter(item.values), "")
    match item.control:
        case "select":
            options = _joined(
                Markup('<option value="{}"{}>{}</option>').format(
                    of, Markup(" selected") if of == value else "", word
                )
                for of, word, *_ in item.options
            )
            return Markup('<select id="{0}" name="{0}"{1}>{2}</select>').format(
                name, attributes, options
            )
        case "text":
            frame = Markup('<textarea id="{0}" name="{0}"{1}>\n{2}</textarea>')
            return frame.format(name, attributes, value)
        case kind:
            if item.leads:
                attributes += Markup(" autofocus")
            return Markup('<input id="{0}" name="{0}" type="{1}" value="{2}" {3}{4}>').format(
                name, "text" if kind == "line" else kind, value, _UNSPELT, attributes
            )


def _choices(item: FormField, beside: Markup, about: Markup, invalid: Markup, draw: Draw) -> Markup:
    """Return a choice. Without a label, it continues the choice before."""
    radio = item.control == "radios"
    choices = Markup("")
    for at, (value, word, *effect) in enumerate(item.options):
        choices += Markup(
            '<label><input type="{}" name="{}" value="{}"{}{}{}> <span>{}{}</span></label>'
        ).format(
            "radio" if radio else "checkbox",
            item.name,
            value,
            Markup(' id="{}"').format(item.name) if at == 0 and item.label else "",
            Markup(" checked") if value in item.values else "",
            "" if radio else invalid,
            draw(word),
            _joined(Markup("<small>{}</small>").format(draw(line)) for line in effect),
        )
    drawn = Markup('<div class="choices">{}</div>').format(choices)
    if not item.label:
        return drawn
    frame = Markup('<fieldset class="field"{}{}><legend>{}</legend>{}{}</fieldset>')
    group = Markup(' role="radiogroup"') + invalid if radio else Markup("")
    return frame.format(group, about, item.label, beside, drawn)


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)
