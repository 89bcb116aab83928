from itertools import combinations

from dragoman.interop.check_words import WORDS, check_words


def apart(one: str, other: str) -> int:
    """Return the number of letters to insert, remove or change to make one word of another."""
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        before, row = row, [index]
        for place, each in enumerate(other, 1):
            row.append(min(before[place] + 1, row[-1] + 1, before[place - 1] + (letter != each)))
    return row[-1]


def test_every_byte_has_a_word_of_its_own_of_four_to_seven_plain_letters() -> None:
    assert len(set(WORDS)) == 256
    assert all(
        word.isascii() and word.isalpha() and word.islower() and 4 <= len(word) <= 7
        for word in WORDS
    )
    assert list(WORDS) == sorted(WORDS)


def test_no_two_words_differ_in_one_letter_alone() -> None:
    assert [pair for pair in combinations(WORDS, 2) if apart(*pair) < 2] == []


def test_the_words_are_those_of_the_first_four_bytes() -> None:
    assert check_words("d1c407e9" + "0" * 56) == ("silver", "ribbon", "autumn", "tulip")
    assert check_words("00ff00ff" + "a" * 56) == ("acorn", "zipper", "acorn", "zipper")
