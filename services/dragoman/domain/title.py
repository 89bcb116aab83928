"""What an exchange is called: in its opener's words, or else in a sentence of its format, which every reader gets in their own language."""

from dragoman.domain.exchange import event_of, opening_of
from dragoman.domain.table import FORMATS
from dragoman.sentence import Sentence
from dragoman_schemas.state import Exchange


def title_of(exchange: Exchange) -> Sentence | None:
    """The sentence that stands for a subject, in English in the state; None where the opener gave a subject."""
    return None if "subject" in exchange.content else FORMATS[exchange.act].title(opening_of(exchange, event_of(exchange)))
