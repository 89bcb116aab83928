"""The table of a request for things: what, who has it, handed over and received."""

from collections.abc import Iterator

import msgspec

from dragoman.console.page_words import PageWords
from dragoman.document.blocks import Group, Listing, ListingRow
from dragoman.domain.acts.families import items
from dragoman.members.runs import Aside, Cell, QuotedText, joined
from dragoman_schemas.state import Exchange, Said


def item_table(words: PageWords, state: Exchange) -> Listing:
    """Return the items of a request, each with the newest word on it."""
    w = words.w
    head = (
        w.field("item_number"),
        w.field("items"),
        w.field("holder"),
        w.say("Handed over"),
        w.say("Received"),
    )
    return Listing(w.act(state.act), head, (Group(tuple(_rows(words, state))),))


def _rows(words: PageWords, state: Exchange) -> Iterator[ListingRow]:
    for number, standing in enumerate(items.standings(state), start=1):
        item, opened = standing.item, state.opened.position
        what: list[Cell] = [words.of_record(words.own(item.what), opened, "items")]
        if isinstance(item.mark, str):
            what += [", ", words.of_record(QuotedText(item.mark), opened, "items")]
        cells = (
            words.w.number(number),
            joined(what),
            _holder(words, standing, opened),
            _when(words, standing.handed_over),
            _when(words, standing.received),
        )
        yield ListingRow(cells, {"item": str(number)})


def _holder(words: PageWords, standing: items.ItemStanding, opened: int) -> Cell:
    """Return the holder of an item, by the newest word or by the request."""
    word = standing.holder
    if word is not None:
        holder = QuotedText(msgspec.json.decode(word.content["holder"]))
        parts = [words.of_record(holder, word.said.position, "holder")]
        side = words.w.say("said by %(side)s", side=word.said.side.upper())
        return joined([*parts, Aside(side)])
    if isinstance(standing.item.holder, str):
        return words.of_record(QuotedText(standing.item.holder), opened, "items")
    return words.w.say("not said")


def _when(words: PageWords, word: Said | None) -> Cell:
    if word is None:
        return words.w.say("not yet")
    at = words.time(msgspec.json.decode(word.content["at"]))
    return words.of_record(at, word.said.position, "at")
