"""The part of an exchange's page that is about an agreement.

undertaking       who said it, who agrees, and whether it was done
mechanism         whether it works, and what waits for it
transmittal       each recommendation with each side's answer, and the bundle
data-series       each interval with its value
item-request      each thing: who has it, and whether it was handed over
recommendation    its fate at each official side, with the extracts that say so
release           who may take its bundle
"""

from typing import Final

import msgspec
from msgspec import Struct

from dragoman.application.operations import transmittals
from dragoman.console.display import dialogue_views
from dragoman.console.matter.agreement_words import AgreementWords
from dragoman.console.matter.panel import Panel, ShownMatter, ShownPanel
from dragoman.console.page.context import PageContext
from dragoman.document.blocks import Listing
from dragoman.domain.acts.families import dialogue, release
from dragoman.domain.views.offers import may_promise
from dragoman.domain.views.undertakings import undertaking_view
from dragoman.office.agreements.item_table import item_table
from dragoman.office.agreements.series_page import value_table
from dragoman.projection.queries import mechanisms
from dragoman_schemas.agreement_responses import (
    BundleCheck,
    MechanismView,
    TransmittalView,
    UndertakingView,
)
from dragoman_schemas.fields import Attachment
from dragoman_schemas.state import Exchange


class ReleaseAudience(Struct, frozen=True, kw_only=True):
    """The audience of a release, and whether its bundle is given out."""

    for_members: bool
    is_out: bool


class ShownBundle(Struct, frozen=True, kw_only=True):
    """The check of a file, and the reason for it in the reader's language."""

    check: BundleCheck
    why: str = ""
    cid: str = ""
    release: str = ""
    terms: str = ""


class ShownFate(Struct, frozen=True, kw_only=True):
    """The fate of a recommendation at an official side, and the files that say so."""

    line: dialogue_views.FateLine
    bundles: tuple[ShownBundle, ...] = ()


class AgreementPanel(Struct, frozen=True, kw_only=True):
    """The part of an exchange's page about an agreement; None for each missing part.

    `may_promise` says whether an undertaking may be recorded from this exchange.
    """

    may_promise: bool = False
    undertaking: UndertakingView | None = None
    mechanism: MechanismView | None = None
    transmittal: TransmittalView | None = None
    bundle: ShownBundle | None = None
    fates: tuple[ShownFate, ...] = ()
    release: ReleaseAudience | None = None
    table: Listing | None = None

    @property
    def is_shown(self) -> bool:
        """Return whether any part is shown."""
        parts = (
            self.undertaking,
            self.mechanism,
            self.transmittal,
            self.fates,
            self.release,
            self.table,
        )
        return self.may_promise or any(bool(part) for part in parts)

    @property
    def is_proved(self) -> bool:
        """Return whether there is a bundle whose proof the browser can repeat."""
        return self.bundle is not None and self.bundle.check.state == "proved"


async def shown(matter: ShownMatter) -> ShownPanel | None:
    """Return the panel of an agreement; None where there is nothing to say."""
    value = await _panel(matter.context, matter.state)
    if not value.is_shown:
        return None
    return ShownPanel(
        template="agreement_panel.html",
        value=(value, AgreementWords(matter.context)),
        script="release.js" if value.is_proved else "",
    )


async def _panel(context: PageContext, state: Exchange) -> AgreementPanel:
    promise = context.may_post and may_promise(state)
    match state.act:
        case "undertaking":
            view = undertaking_view(state, context.sides, context.moment)
            return AgreementPanel(undertaking=view)
        case "mechanism":
            return AgreementPanel(may_promise=promise, mechanism=await _mechanism(context, state))
        case "transmittal":
            shown, bundle = await _transmittal(context, state)
            return AgreementPanel(may_promise=promise, transmittal=shown, bundle=bundle)
        case "recommendation":
            lines = {line.official: line for line in dialogue_views.fates(state)}
            fates = [
                ShownFate(line=lines[side], bundles=await _extracts(context, item.content))
                for side, item in dialogue.newest_fates(state).items()
            ]
            return AgreementPanel(may_promise=promise, fates=tuple(fates))
        case "release":
            audience = ReleaseAudience(
                for_members=release.is_for_members(state),
                is_out=release.is_out(state, context.moment),
            )
            return AgreementPanel(release=audience)
        case "item-request":
            table = item_table(AgreementWords(context), state)
            return AgreementPanel(may_promise=promise, table=table)
        case "data-series":
            table = value_table(AgreementWords(context), state)
            return AgreementPanel(may_promise=promise, table=table)
        case _:
            return AgreementPanel(may_promise=promise)


async def _mechanism(context: PageContext, state: Exchange) -> MechanismView:
    return await context.ask(mechanisms.mechanism, state)


async def _transmittal(
    context: PageContext, state: Exchange
) -> tuple[TransmittalView, ShownBundle]:
    view, result = await transmittals.view_of(
        context.call, context.projection, state, context.moment
    )
    source = (
        msgspec.json.decode(state.content["source"], type=dict[str, str])
        if "source" in state.content
        else {}
    )
    return view, _shown(context, result, source)


async def _extracts(
    context: PageContext, content: dict[str, msgspec.Raw]
) -> tuple[ShownBundle, ...]:
    """Return the checks of the files that came with a fate."""
    if "attachments" not in content:
        return ()
    attachments = msgspec.json.decode(content["attachments"], type=tuple[Attachment, ...])
    results = [
        await transmittals.checked(context.call, context.projection, attachment)
        for attachment in attachments
    ]
    return tuple(_shown(context, result, {}) for result in results)


def _shown(
    context: PageContext, result: transmittals.BundleResult, source: dict[str, str]
) -> ShownBundle:
    why = "" if result.why is None else context.words.whole(result.why)
    return ShownBundle(check=result.view, why=why, **source)


PANELS: Final = (Panel(place="main", of=shown),)
