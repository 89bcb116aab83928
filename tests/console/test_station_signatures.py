"""A page says of a record which its author's station signed that the station signed it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec import Raw

from dragoman.console.display.log_rows import line_of
from dragoman.console.page.context import PageContext
from dragoman.domain.fold import Folded
from dragoman.i18n.words import Words
from dragoman_schemas.responses import Entry
from world import NOTE, World, public_of


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "signed by the station for nato/o-1"),
        ("fr", "signé par la station pour nato/o-1"),
        ("zh", "由站点代nato/o-1签名"),
    ],
)
def test_a_line_of_the_log_says_that_the_station_signed(
    language: str, words: str, world: World
) -> None:
    world.enter_station("nato")
    said = []
    for key, more in (("kept", {"kept_by": "station"}), ("own", {})):
        addition: dict[str, Any] = {"act": "key-addition", "officer": "o-1", **more}
        body = {**addition, "keys": [public_of(key)]}
        assert world.attested(body, "nato/root", key).valid
        folded = world.hand_in("nato/o-1", NOTE, "", key)
        assert isinstance(folded, Folded) and folded.record is not None
        entry = Entry(
            position=folded.position, valid=True, commit="", record=Raw(folded.record.raw)
        )
        context = SimpleNamespace(registry=world.registry, words=Words(language))
        said.append(PageContext.by_station(cast(PageContext, context), line_of(entry)))
    assert said == [words, ""]
