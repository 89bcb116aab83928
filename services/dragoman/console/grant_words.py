"""The words for what grants: sessions, tokens, and subjects of the provider.

words = GrantWords(context)
words.date(token.issued)              a time, or a dash for none
words.ends(expires, is_soon=True)     "soon 1 Jan 2027 00:00Z", or "never"
"""

from collections.abc import Sequence
from typing import Final

from dragoman.console.page_words import PageWords
from dragoman.members.runs import Cell, Mark, PageLink, joined, listed

NONE: Final = "–"


class GrantWords(PageWords):
    """The words of grants, for one page."""

    def date(self, time: str, form: str = "minute", none: str = NONE) -> Cell:
        """Return a time, or the word for none."""
        return self.time(time, form) if time else none

    def ends(self, expires: str, *, is_soon: bool) -> Cell:
        """Return the end of a token, and whether it is near."""
        time = self.date(expires, none=self.w.say("never"))
        return (
            joined([Mark("state", self.w.say("soon"), "caution"), " ", time]) if is_soon else time
        )

    def scope(self, scope: str) -> str:
        """Return the scope of a grant."""
        return self.w.say("act") if scope == "act" else self.w.say("read only")

    def channels(self, identity: str, channels: Sequence[str]) -> str:
        """Return the channels of a grant: those named, or all of an identity."""
        if identity:
            return self.w.say("every channel of %(identity)s", identity=identity)
        return self.w.listed(channels) or self.w.say("none")

    def sides(self, names: Sequence[str]) -> Cell:
        """Return the names of sides."""
        marks = (Mark("side", name.upper()) for name in names)
        return listed(marks, self.w.comma) or self.w.say("none")

    def places(self, current: str) -> tuple[PageLink, ...]:
        """Return the pages of the host, this one among them."""
        say = self.w.say
        pages = (
            ("/host", say("The host")),
            ("/host/tokens", say("Tokens")),
            ("/host/subjects", say("Subjects")),
            ("/host/open", say("Open a trial channel")),
            ("/host/terms", say("Open a channel with own keys")),
        )
        return tuple(
            PageLink(word, f"/{path}", "current" if path == current else "") for path, word in pages
        )
