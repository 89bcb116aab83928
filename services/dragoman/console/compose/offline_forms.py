"""The forms of the offline page: texts that an officer begins without a connection.

    POST /c/{channel}/offline    the service worker answers it, and keeps the text

No server answers that address. The text is sealed on the device like the texts that
could not be saved. The form of its act offers it again, and nothing is sent by itself.
"""

from typing import Final

from markupsafe import Markup
from msgspec import Struct

from dragoman.console.compose.form_choices import languages_own_first
from dragoman.console.compose.writing import may_write
from dragoman.console.page.context import PageContext
from dragoman.domain.acts.act_registry import in_force
from dragoman.domain.views.offers import INCIDENT
from dragoman.members.texts import language

_LINES_AND_TEXT: Final = {
    "contact-note": ((), "text"),
    INCIDENT: (("time", "place"), "facts"),
}
"""The members of each act on the offline page: those of one line, and the text."""


class OfflineField(Struct, frozen=True, kw_only=True):
    """A field: its name in the form of the act, its label, and the tag of its language.

    The service worker replaces `begun` by the text that the device keeps of it.
    """

    name: str
    label: str
    tag: str
    begun: Markup


class OfflineForm(Struct, frozen=True, kw_only=True):
    """A form of the offline page."""

    act: str
    title: str
    fields: tuple[OfflineField, ...]


def offline_forms(context: PageContext) -> list[OfflineForm]:
    """Return the forms of the acts that the reader may write in the channel."""
    formats = in_force(context.registry).formats
    return [
        OfflineForm(
            act=act,
            title=context.words.act(act),
            fields=(
                *(_field(context, act, member, "") for member in lines),
                *(_field(context, act, text, tag) for tag in languages_own_first(context)),
            ),
        )
        for act, (lines, text) in _LINES_AND_TEXT.items()
        if act in formats
        and context.registry.kind in formats[act].kinds
        and may_write(context, formats[act].rule)
    ]


def _field(context: PageContext, act: str, member: str, tag: str) -> OfflineField:
    label = context.words.field(member)
    name = f"f.{member}.{tag}" if tag else f"f.{member}"
    return OfflineField(
        name=name,
        label=context.words.listed([label, language(tag)]) if tag else label,
        tag=tag,
        begun=Markup(f"<!--begun {act} {name}-->"),  # noqa: S704
    )
