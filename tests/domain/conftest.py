"""What holds of everything that the rules say, whichever test made them say it."""

from collections.abc import Mapping

import pytest

from dragoman.sentence import Sentence


@pytest.fixture(autouse=True)
def whole_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sentence has a value for each of its places, and none for a place that it has not."""
    make = Sentence.__init__

    def made(self: Sentence, message: str, values: Mapping[str, object]) -> None:
        make(self, message, values)
        spare = [name for name, value in values.items() if value is None or f"%({name})" not in message]
        assert not spare, f"{spare} of {message!r}"
        str(self)

    monkeypatch.setattr(Sentence, "__init__", made)
