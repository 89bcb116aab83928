"""Earlier addresses of forms of administration, which lead to the generated forms.

    GET  /admin/officers/revoke?officer=o-17    to /admin/acts/officer-revocation
    POST /admin/officers                        to /admin/acts/officer

A page that was loaded before an update still sends its form to the earlier address. Its
reader gets the new form, and nothing is recorded.
"""

from typing import Final, Literal, NamedTuple

from aiohttp import web
from msgspec import Struct

from dragoman.console.compose.channel_acts import CHANNEL_ACTS
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Handler, PageRoute
from dragoman.console.page.sessions import redirect


class _MovedForm(NamedTuple):
    """The act of a form. A form with a page of its own had one field in its address.

    `member` is the name of that field now. A form `withdraws` a consent.
    """

    act: str
    field: Literal["", "exchanges", "officer", "of"] = ""
    member: str = ""
    withdraws: bool = False


class _MovedQuery(Struct, frozen=True, kw_only=True):
    """The values that the earlier addresses had."""

    exchanges: str = ""
    officer: str = ""
    of: str = ""


_MOVED: Final = {
    **{
        act.page: _MovedForm(name)
        for name, act in reversed(tuple(CHANNEL_ACTS.items()))
        if act.page not in ("/admin/erasures", "/admin/keys")
    },
    "/admin/erasures/consent": _MovedForm("erasure-consent", "exchanges", "f.records"),
    "/admin/erasures/erase": _MovedForm("erasure", "exchanges", "f.records"),
    "/admin/erasures/withdraw": _MovedForm(
        "erasure-consent", "exchanges", "f.records", withdraws=True
    ),
    "/admin/officers/revoke": _MovedForm("officer-revocation", "officer", "f.officer"),
    "/admin/keys/revoke": _MovedForm("key-revocation", "of", "f.key"),
}
"""The forms by their earlier addresses.

The first form of most pages was on the page itself.
"""


def _leading(form: _MovedForm) -> Handler:
    async def moved(context: PageContext) -> web.StreamResponse:
        value = getattr(context.asked(_MovedQuery), form.field) if form.field else ""
        fields = {form.member: value} if value else {}
        if form.withdraws:
            fields["f.withdrawn"] = "yes"
        return redirect(context.link(f"/admin/acts/{form.act}", **fields))

    return moved


ROUTES: Final = tuple(
    PageRoute(path=path, handler=_leading(form), method=method)
    for path, form in _MOVED.items()
    for method in (("GET", "POST") if form.field else ("POST",))
)
