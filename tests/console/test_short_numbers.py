"""Numbers in lists: year and serial to the eye, the whole number to everybody else."""

from lxml import html as parser

from dragoman.document.html import markup, number, short_number
from dragoman.members.runs import Mark, plain

NUMBER = "NATO-CHINA/NATO/26/0015/UNDER/O"


def test_a_number_in_a_list_is_short_to_the_eye_and_whole_to_a_reader() -> None:
    element = parser.fragment_fromstring(short_number(NUMBER))
    assert element.text_content() == element.get("title") == NUMBER
    for part in element.xpath("./*[@class='hide']"):
        part.text = ""
    assert element.text_content() == "26/0015"


def test_a_number_in_a_frame_is_whole_to_everybody() -> None:
    element = parser.fragment_fromstring(number(NUMBER))
    assert element.xpath(".//*[@class='hide']") == []
    assert element.text_content() == NUMBER


def test_what_is_no_number_is_shown_as_it_is() -> None:
    assert short_number("0f3a") == number("0f3a")


def test_a_number_is_whole_where_nothing_hides() -> None:
    run = (Mark("number", NUMBER),)
    assert plain(run) == NUMBER
    assert markup(run) == short_number(NUMBER)
