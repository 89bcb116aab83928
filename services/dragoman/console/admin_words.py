"""The words that the pages of administration share.

words = AdminWords(context)
words.page("/admin/rules", title, lead)       a page among those of administration
words.change(title, act, button, whose)       the way to an act, or what hinders it
words.adoptions(registry.codebooks, said)     what each side has adopted, and when
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dragoman.console.forms.admin_forms import Hindrance, address, colleagues, hindrance
from dragoman.console.page.rendering import Page
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import (
    Buttons,
    PageDocument,
    Paragraph,
    Points,
    Remark,
    Section,
    Verbatim,
    section,
)
from dragoman.domain.acts.families.channel import ADMINISTRATORS, check_ended
from dragoman.members.runs import Cell, Mark, PageLink, Runs, Sourced, joined, runs_of
from dragoman_schemas.acts.office.channel import Role


class AdminWords(PageWords):
    """The words of administration, for one page."""

    def page(self, path: str, title: str, lead: Cell, status: int = 200, **parts: Any) -> Page:
        """Return a page of administration."""
        places = self.places(path)
        return Page(
            view=PageDocument(
                title=title, area="admin", lead=runs_of(lead), places=places, **parts
            ),
            status=status,
        )

    def places(self, current: str) -> tuple[PageLink, ...]:
        """Return the pages of administration, this one among them."""
        say = self.w.say
        pages = (
            ("/admin", say("The channel")),
            ("/admin/officers", say("Officers")),
            ("/admin/keys", say("Keys")),
            ("/admin/profiles", say("Limits")),
            ("/admin/codebook", say("Codebook")),
            ("/admin/policy", say("Witnesses")),
            ("/admin/rules", say("Rules")),
            ("/admin/onward", say("Onward lists")),
            ("/admin/erasures", say("Erased records")),
            ("/admin/endpoints", say("Endpoints and links")),
        )
        return tuple(
            PageLink(word, path, "current" if path == current else "") for path, word in pages
        )

    @property
    def where(self) -> str:
        """The options of a command that is given to this channel."""
        name, server = self.context.name, address(self.context)
        return f"--channel {name} --server {server} --token-file YOUR.token"

    def change(
        self,
        title: str,
        act: str,
        button: str,
        whose: str,
        *commands: str,
        roles: frozenset[Role] = ADMINISTRATORS,
        flag: bool = True,
    ) -> Section:
        """Return the way to an act of the channel, or why the reader has none.

        `whose` says who may do it. With `flag`, an officer whose key is not in the
        browser gives the `commands` instead.
        """
        ended = check_ended(self.context.registry, act)
        if ended is not None:
            return section(title, Remark(self.w.sentence(ended.detail)))
        why = hindrance(self.context, roles, flag=flag)
        if not why:
            link = PageLink(button, f"/admin/acts/{act}", "button first")
            return section(title, Buttons((link,)))
        if why != "signed":
            return section(title, self.hindered(why, whose, colleagues(self.context, roles)))
        by_command = self.w.say(
            "In this channel the sides keep their own keys, and this act is signed with yours. No "
            "page is given a private key: sign on your own machine."
        )
        return section(title, Paragraph(by_command), *map(Verbatim, commands))

    def hindered(self, why: Hindrance, whose: str = "", who: Sequence[str] = ()) -> Remark | None:
        """Return the reason that keeps the reader from a change, and who can do it."""
        say, side, back = self.w.say, self.context.side.upper(), self.context.again(at="")
        roles = self.w.listed(map(self.w.value, self.context.roles))
        can = (
            say("Of %(side)s these are: %(who)s.", side=side, who=self.w.listed(who))
            if who
            else say("%(side)s has nobody in office for it.", side=side)
        )
        runs: dict[str, Runs] = {
            "past": (
                say("This page shows the past, which nobody can change."),
                " ",
                PageLink(say("Back to now"), f"/{back}"),
            ),
            "role": (
                self.w.sentences((whose, can, say("You are signed in as %(roles)s.", roles=roles))),
            ),
            "reading": (
                say("Your token only allows reading. The operator can issue another token."),
            ),
            "unwritable": (say("Nothing can be recorded at this moment. You can still read."),),
        }
        return Remark(runs[why]) if why in runs else None

    def adopt(self, act: str, button: str, whose: str, *commands: str) -> Section:
        """Return the section in which the reader's side adopts something."""
        title = self.w.say("Adopt for %(side)s", side=self.context.side.upper())
        return self.change(title, act, button, whose, *commands)

    def adoptions(
        self,
        adopted: Mapping[str, Any],
        words_of: Callable[[Any], Cell],
        none: Cell = "",
        beside: Callable[[Any], Cell] = lambda _: (),
    ) -> Section:
        """Return the adoption of each side, and its record."""

        def point(side: str) -> Runs:
            adoption = adopted.get(side)
            if adoption is None:
                missing = none or Mark("state", self.w.say("none adopted"), "off")
                return joined((self.side(side), " ", missing))
            runs = (
                words_of(adoption),
                self.w.comma,
                self.record(adoption.adopted.position, adoption.adopted.time),
            )
            of = self.of_record(joined(runs), adoption.adopted.position)
            return joined((self.side(side), " ", of, beside(adoption)))

        return section(
            self.w.say("Who has adopted what"), Points(tuple(map(point, self.context.sides)))
        )

    def since(self, position: int, time: str = "") -> Sourced:
        """Return the record in which something began, and its time, as a fact of it."""
        return self.of_record(self.record(position, time), position)
