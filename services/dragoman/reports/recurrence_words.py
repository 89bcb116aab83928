"""The words for how far a recurring undertaking is, as pages and reports say them."""

from dragoman.i18n.words import Words
from dragoman_schemas.agreement_responses import UndertakingView


def progress_text(words: Words, view: UndertakingView) -> str:
    """Return the numbers of given and missed intervals; empty for any other."""
    if not view.intervals:
        return ""
    every = words.number(view.intervals)
    parts = [
        words.say("every %(n)s h", n=words.number(view.every_hours)),
        words.say("given %(n)s of %(all)s", n=words.number(view.given), all=every),
    ]
    if view.missed:
        parts.append(words.say("missed %(n)s of %(all)s", n=words.number(view.missed), all=every))
    if view.last_given:
        parts.append(words.say("last given %(t)s", t=words.written(view.last_given, "minute")))
    if view.next_due:
        parts.append(words.say("next due %(t)s", t=words.written(view.next_due, "minute")))
    return "; ".join(parts)
