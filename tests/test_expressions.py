"""Every regular expression of the product costs what a text is long, whatever the text is.

An expression that goes back to each place of a text is quadratic. On a long text without
spaces, as Chinese is, it holds the whole service: `re` never lets another thread run.
"""

import ast
import re
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest

import dragoman
import dragoman_schemas
from dragoman.members.input.not_understood import LONGEST as INPUT_CHARACTERS

TEXT_CHARACTERS = 60_000
SHORT, LONG = 400, 4_000

KINDS = (
    *("a", "A", "0", "海", "ж", "é", "a\u0301", "\u200b", "'", '"', "`", "_", "-", "/", "\\"),
    *(" ", "\t", "\n", "#", "%", "&", "(", "*", ",", ".", ":", "<", "=", "@", "{", "|"),
    *("海 ", "a b", "a/", "a=", "a@", "a.", "0/", "0-", "0.", "0:", "0 ", "1<", "<a", "<!--", "{a", "//"),
)  # fmt: skip
"""The parts of texts: words without spaces, digits, marks of syntax, and pairs of them."""

BOUNDED = {"dragoman.members.input.": INPUT_CHARACTERS}
"""Modules that refuse a longer text before an expression sees it."""

ASKS = ("search", "fullmatch", "match", "finditer", "findall", "sub", "split")


class Expression:
    """A compiled expression of a module, with the methods by which the package asks it."""

    def __init__(self, where: str, pattern: "re.Pattern[Any]", methods: frozenset[str]) -> None:
        self.where, self.pattern = where, pattern
        self.methods = {"search"} if not methods else {m for m in ASKS if m in methods}
        self.most = next((n for name, n in BOUNDED.items() if where.startswith(name)), None)

    def seconds(self, kind: str, characters: int) -> float:
        """Return the longest processor time of an ask about a text of one kind."""
        text: Any = (kind * characters)[:characters] + "!"
        text = text.encode() if isinstance(self.pattern.pattern, bytes) else text
        return max(_seconds(self._ask(method), text) for method in self.methods)

    def _ask(self, method: str) -> Callable[[Any], object]:
        if method in ("sub", "finditer", "findall", "split"):
            return lambda text: sum(1 for _ in self.pattern.finditer(text))
        function: Callable[[Any], object] = getattr(self.pattern, method)
        return function


def _seconds(ask: Callable[[Any], object], text: Any) -> float:
    begun = time.thread_time()
    ask(text)
    return time.thread_time() - begun


def _modules() -> Iterator[tuple[str, Any, ast.Module]]:
    for package in (dragoman, dragoman_schemas):
        for found in walk_packages(package.__path__, package.__name__ + "."):
            module = import_module(found.name)
            assert module.__file__ is not None
            yield found.name, module, ast.parse(Path(module.__file__).read_text())


@cache
def expressions() -> list[Expression]:
    """Return every expression: compiled in a module, given to `re`, or a pattern of a schema."""
    modules = list(_modules())
    methods: dict[tuple[str, str], set[str]] = {}
    inline: list[Expression] = []
    for name, _, tree in modules:
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            for keyword in node.keywords:
                if keyword.arg == "pattern" and isinstance(keyword.value, ast.Constant):
                    pattern = re.compile(str(keyword.value.value))
                    inline.append(
                        Expression(f"{name}:{node.lineno}", pattern, frozenset({"search"}))
                    )
            if isinstance(node.func, ast.Attribute):
                owner = node.func.value
                owned = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
                if owned == "re" and node.func.attr in ASKS and node.args:
                    if isinstance(node.args[0], ast.Constant) and isinstance(
                        node.args[0].value, (str, bytes)
                    ):
                        inline.append(
                            Expression(
                                f"{name}:{node.lineno}",
                                re.compile(node.args[0].value),
                                frozenset({node.func.attr}),
                            )
                        )
                else:
                    for place in (name, ""):
                        methods.setdefault((place, owned), set()).add(node.func.attr)

    def asked(module: str, variable: str) -> frozenset[str]:
        """Return the methods by which a module, or those that import it, ask an expression."""
        own = methods.get((module, variable), set()) & set(ASKS)
        return frozenset(own or methods.get(("", variable), set()) & set(ASKS))

    compiled = [
        Expression(f"{name}.{variable}", value, asked(name, variable))
        for name, module, _ in modules
        for variable, value in vars(module).items()
        if isinstance(value, re.Pattern)
    ]
    return list(
        {(x.where.partition(":")[0], x.pattern, *x.methods): x for x in compiled + inline}.values()
    )


def dear(expression: Expression) -> Iterator[str]:
    """Yield the kinds of text on which an expression is not linear, or takes too long."""
    for kind in KINDS:
        if expression.most is not None:
            slow = expression.seconds(kind, expression.most) > 0.01
        else:
            slow = expression.seconds(kind, SHORT) > 0.01
            if not slow and (longer := expression.seconds(kind, LONG)) > 0.001:
                # A slow machine is no fault: the best of three is compared with a shorter text.
                longer = min(longer, *(expression.seconds(kind, LONG) for _ in range(2)))
                shorter = max(expression.seconds(kind, LONG // 4) for _ in range(3))
                slow = longer > 8 * shorter or longer * TEXT_CHARACTERS / LONG > 0.25
        if slow:
            yield kind


def test_every_expression_is_linear_in_the_length_of_any_text() -> None:
    found = expressions()

    assert len(found) > 150
    slow = {expression.where: kinds for expression in found if (kinds := [*dear(expression)])}
    assert slow == {}


@pytest.mark.parametrize("pattern", [r"[^\s/]+(?:/[^\s/]+){3,}", r"\S+://\S*", r"<[^>]+>"])
def test_an_expression_that_goes_back_to_each_place_is_found(pattern: str) -> None:
    assert any(dear(Expression("here", re.compile(pattern), frozenset({"search"}))))
