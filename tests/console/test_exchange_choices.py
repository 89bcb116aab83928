"""Choices that an exchange gives to a form, as its officer knows them."""

from dragoman.console.forms import exchange_choices
from dragoman.i18n.words import words
from samples import act
from world import World


def test_a_text_that_is_cut_says_so_and_is_cut_where_it_can_be_read() -> None:
    world = World()
    id = world.open("nato/d-1", act("hazardous-incident"))
    long = (
        "Personne des nôtres n’est blessé, et le navire tient sa route vers le nord à douze nœuds."
    )
    for text in (long, "我" * 90, "Short."):
        world.keep("nato/o-1", {"act": "translation", "language": "fr", "text": text}, id)
    shown = [
        str(each.shown)
        for each in exchange_choices.translations(words("en"), world.exchange(id), "china")
    ]
    assert shown[0].endswith(" …") and long.startswith(
        shown[0].rpartition(": ")[2].removesuffix(" …")
    )
    assert shown[1].endswith("我" * 60 + " …")
    assert shown[2].endswith(": Short.")
