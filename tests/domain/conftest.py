"""Checks of every sentence that the rules produce, in whichever test."""

from collections.abc import Iterator, Mapping

import pytest

from dragoman.i18n import vocabulary
from dragoman.text import NameValue, Text


@pytest.fixture(autouse=True)
def whole_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sentence has a value for each of its places, and none for a place that it has not; its
    names are a side's, or the vocabulary has them.
    """
    make = Text.__init__

    def made(self: Text, message: str, values: Mapping[str, object]) -> None:
        make(self, message, values)
        str(self)
        for name, value in values.items():
            assert value is not None and f"%({name})" in message, f"{name} of {message!r}"
            for each in _names(value):
                assert each.context == "side" or (each.context, each.name) in vocabulary.known(), (
                    f"{each} in {message!r}"
                )

    monkeypatch.setattr(Text, "__init__", made)


def _names(value: object) -> Iterator[NameValue]:
    if isinstance(value, NameValue):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _names(each)
