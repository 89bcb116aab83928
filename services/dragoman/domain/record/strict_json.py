r"""The strict reader of acts, which is the same in every language.

See docs/spec/record.md §3.

    valid UTF-8 without BOM · one object
    keys [A-Za-z0-9][A-Za-z0-9_-]{0,39}, unescaped, unique in their object
    no null · numbers -?(0|[1-9][0-9]*)(.[0-9]+)? of at most 17 digits
    no minus on zero · integers within ±(2^53-1)
    after unescaping: no lone surrogate, no control but \n and \t
    after unescaping: no bidi embedding, override or isolate
    depth at most 32 · at most 240 KiB

There are two readers of one grammar. `read` first takes the fast path, which splits the
text at its strings. One regular expression checks that only permitted tokens are
between the strings. Another checks that the strings have only permitted characters,
unless the text is plain. The key check refuses a key that repeats. The decoder then
checks that the tokens make up JSON; every act must fit its schema.

If the fast path cannot vouch for a text, `_Scan` reads it. It walks token by token,
cuts white space if that is allowed, and says where and why it stops. A property test
compares the two readers.
"""

import re
from typing import Final

from dragoman.domain.record.errors import Malformed
from dragoman.limits import ACT_BYTES, DEPTH, DIGITS, INTEGER
from dragoman.text import Text, sentence

_BIDI = "\u202a-\u202e\u2066-\u2069"
_CHAR = rf'[^"\\\x00-\x1f\x7f-\x9f{_BIDI}]'
_HEX = "[0-9a-fA-F]"
_ESCAPE = (
    r'\\(?:["\\/nt]'
    rf"|u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}"
    r"|u000[9aA]"
    rf"|u(?!00[01]|007[fF]|00[89]|202[a-eA-E]|206[6-9]|[dD][89a-fA-F]){_HEX}{{4}})"
)
_QUOTED: Final = re.compile(r'"((?:[^"\\]++|\\.)*+)"')
_WITHIN: Final = re.compile(rf"(?:{_CHAR}++|{_ESCAPE})*+")
_BETWEEN: Final = re.compile(
    r'(?:[{}\[\]:,"]++|-(?=[1-9])|(?:0|[1-9][0-9]{0,7})\.[0-9]{1,8}(?![0-9])'
    r"|(?:0|[1-9][0-9]{0,14})(?![0-9.])|true|false)*+"
)
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_KEYS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}(?:\n[A-Za-z0-9][A-Za-z0-9_-]{0,39})*")

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_LOOSE_STRING: Final = re.compile(r'"((?:[^"\\\x00-\x1f]++|\\.)*+)"', re.DOTALL)
_UNIT: Final = re.compile(rf"{_CHAR}++|{_ESCAPE}")
_WORD: Final = re.compile(r"[^\s,:\[\]{}\"]+")
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_MINUS_ZERO: Final = re.compile(r"-0(\.0+)?")


def read(raw: bytes, *, cut: bool) -> bytes:
    """Return the act's compact bytes.

    With `cut`, white space around and between tokens is removed, token by token, and
    nothing else is changed. Without it, white space is refused. Raises `Malformed` with
    a pointer and advice.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Malformed(
            "", sentence("byte %(n)s is not valid UTF-8; send the body as UTF-8", n=error.start)
        ) from None
    if len(raw) <= ACT_BYTES and _is_everyday(text):
        return raw
    compact = _Scan(text, cut=cut).run().encode()
    if len(compact) > ACT_BYTES:
        raise Malformed(
            "",
            sentence(
                "the act has %(n)s bytes; at most %(limit)s are kept: "
                "put long matter into an attachment",
                n=len(compact),
                limit=ACT_BYTES,
            ),
        )
    return compact


def _is_everyday(text: str) -> bool:
    # Then no string can have an escape, a control, a bidi control or a surrogate.
    """Return whether the fast path can vouch for a text."""
    plain = "\\" not in text and text.isprintable()
    parts = text.split('"') if plain else _QUOTED.split(text)
    between, strings = parts[::2], parts[1::2]
    tokens = '"'.join(between)  # Each string became one quotation mark.
    if (
        not text.startswith("{")
        or _BETWEEN.fullmatch(tokens) is None
        or tokens.count('"') != len(strings)
    ):
        return False
    if tokens.count("{") + tokens.count("[") > DEPTH or not (
        plain or _WITHIN.fullmatch(" ".join(strings))
    ):
        return False
    keys = [string for string, after in zip(strings, between[1:], strict=False) if after[:1] == ":"]
    return len(set(keys)) == len(keys) and _KEYS.fullmatch("\n".join(keys)) is not None


class _Scan:
    """One walk over a text.

    It collects the compact tokens and keeps the path to the present value.
    """

    def __init__(self, text: str, *, cut: bool) -> None:
        self._text = text
        self._at = 0
        self._cut = cut
        self._tokens: list[str] = []
        self._size = 0
        self._path: list[str] = []

    def run(self) -> str:
        """Return the compact text. Raises `Malformed`."""
        if self._text.startswith("\ufeff"):
            raise self._fault(sentence("there is a byte order mark before the act; leave it out"))
        self._space()
        if self._peek() != "{":
            raise self._fault(sentence("an act is one JSON object; start with {"))
        self._value(1)
        self._space()
        if self._at < len(self._text):
            raise Malformed(
                "",
                sentence(
                    "something follows the act, at character %(at)s; post only one object",
                    at=self._at,
                ),
            )
        return "".join(self._tokens)

    def _fault(self, detail: Text) -> Malformed:
        return Malformed("".join("/" + step for step in self._path), detail)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        if match is not None and match.end() > self._at:
            if not self._cut:
                raise self._fault(
                    sentence("there is white space between tokens; sign and send the act compact")
                )
            self._at = match.end()

    def _take(self, token: str) -> None:
        self._size += len(token)
        if self._size > ACT_BYTES:
            raise Malformed(
                "",
                sentence(
                    "the act has over %(limit)s bytes: put long matter into an attachment",
                    limit=ACT_BYTES,
                ),
            )
        self._tokens.append(token)
        self._at += len(token)

    def _value(self, depth: int) -> None:
        match self._peek():
            case "{":
                self._members(depth)
            case "[":
                self._items(depth)
            case '"':
                self._string()
            case "":
                raise self._fault(sentence("the act ends too early; send it whole"))
            case _:
                self._word()

    def _enter(self, depth: int) -> None:
        if depth > DEPTH:
            raise self._fault(sentence("nested deeper than %(limit)s; flatten it", limit=DEPTH))
        self._take(self._peek())
        self._space()

    def _members(self, depth: int) -> None:
        self._enter(depth)
        keys: set[str] = set()
        if self._peek() == "}":
            return self._take("}")
        while True:
            if self._peek() != '"':
                raise self._fault(
                    sentence("a key in double quotes is expected at character %(at)s", at=self._at)
                )
            start = self._at
            self._string()
            key = self._text[start + 1 : self._at - 1]
            if _KEY.fullmatch(key) is None:
                raise self._fault(
                    sentence("a key must be 1 to 40 of A-Z a-z 0-9 _ -, without escapes")
                )
            if key in keys:
                raise self._fault(sentence("the key %(key)s is there twice; keep one", key=key))
            keys.add(key)
            self._space()
            if self._peek() != ":":
                raise self._fault(sentence("a colon is expected after the key %(key)s", key=key))
            self._take(":")
            self._space()
            self._path.append(key)
            self._value(depth + 1)
            self._path.pop()
            self._space()
            if self._peek() == "}":
                return self._take("}")
            self._comma("}")

    def _items(self, depth: int) -> None:
        self._enter(depth)
        if self._peek() == "]":
            return self._take("]")
        index = 0
        while True:
            self._path.append(str(index))
            self._value(depth + 1)
            self._path.pop()
            index += 1
            self._space()
            if self._peek() == "]":
                return self._take("]")
            self._comma("]")

    def _comma(self, end: str) -> None:
        if self._peek() != ",":
            raise self._fault(
                sentence("a comma or %(end)s is expected at character %(at)s", end=end, at=self._at)
            )
        self._take(",")
        self._space()

    def _string(self) -> None:
        match = _LOOSE_STRING.match(self._text, self._at)
        if match is None:
            raise self._fault(
                sentence(
                    "a string does not end, or holds a raw control character; "
                    "write \\n for a new line"
                )
            )
        inner, end = match.span(1)
        while inner < end:
            unit = _UNIT.match(self._text, inner, end)
            if unit is None:
                text = ascii(
                    self._text[inner : inner + 6 if self._text[inner] == "\\" else inner + 1]
                )
                raise self._fault(
                    sentence(
                        "a text contains %(shown)s, which is not allowed: a control "
                        "character, a bidirectional control, a lone surrogate or an invalid "
                        "escape; leave it out",
                        shown=text,
                    )
                )
            inner = unit.end()
        self._take(match.group())

    def _word(self) -> None:
        match = _WORD.match(self._text, self._at)
        word = match.group() if match is not None else self._peek()
        if word not in ("true", "false"):
            self._check_number(word)
        self._take(word)

    def _check_number(self, word: str) -> None:
        if word == "null":
            raise self._fault(
                sentence(
                    'null says nothing; leave the field out, or say "unknown" where that is allowed'
                )
            )
        number = _NUMBER.fullmatch(word)
        if number is None:
            raise self._fault(
                sentence(
                    "%(word)s is not a valid value; numbers are written plainly, without "
                    "exponent or leading zeros",
                    word=word[:40],
                )
            )
        if _MINUS_ZERO.fullmatch(word):
            raise self._fault(sentence("zero has no minus; write 0"))
        if sum(character.isdigit() for character in word) > DIGITS:
            raise self._fault(
                sentence("the number has more than %(limit)s digits; round it", limit=DIGITS)
            )
        if number.group(2) is None and abs(int(word)) > INTEGER:
            raise self._fault(
                sentence("the integer is beyond ±%(limit)s; write it as a string", limit=INTEGER)
            )
