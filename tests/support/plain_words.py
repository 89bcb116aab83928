"""Checks of plain words: how docstrings open, names, phrases, and the length of lines and
sentences.

    python tests/support/plain_words.py services/dragoman/tlog docs/api.md

prints each place with the reason and what to write instead, and exits with 1 if there is any. `make check` asks this of the whole
tree; of tests, only how their docstrings open. To forbid another opening, name or phrase, add it to the tables below.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]

OPENINGS: Final = frozenset(
    [
        "What",
        "Who",
        "Whom",
        "Whose",
        "Where",
        "Which",
        "Whether",
        "How",
        "When",
        "Why",
        "That",
        "Those",
        "If",
        "As",
        "Nothing",
        "Nobody",
    ]
)
"""Words with which no docstring opens: a docstring describes, it is not a question."""

VAGUE: Final = frozenset({"Return", "Yield"})
CLAUSES: Final = frozenset(
    ["what", "who", "whom", "whose", "where", "which", "how", "when", "why", "those"]
)
"""Words that do not follow "Return" or "Yield": the thing has a name."""

NAMES: Final = frozenset(
    [
        "each",
        "found",
        "said",
        "known",
        "told",
        "kept",
        "asked",
        "here",
        "then",
        "given",
        "left",
        "own",
        "named",
        "held",
        "made",
        "seen",
        "taken",
        "called",
    ]
)
"""Participles and pronouns that name no value."""

PHRASES: Final = {
    re.compile(pattern): instead
    for pattern, instead in {
        r"\bis had\b": "has, with the noun that has it",
        r"\b(?:is|are) told\b|\bwho(?:ever)? is told\b": "an actor and a verb: the gateway notifies the side",
        r"\bdoes not hold\b": "is not valid",
        r"\bis none\b": "does not exist, is empty",
        r"\bof one another\b": "each other's",
        r"\bof the own\b": "own, before its noun: the side's own key",
        r"\bhear(?:s|d)? of\b": "receive",
        r"\bmend(?:s|ed|ing)?\b": "fix",
        r"\bwhat stands\b": "what is shown, what is recorded",
    }.items()
}
"""Phrases that a tired reader whose first language is not English would read twice, and what to
write instead.
"""

WORDING: Final = {
    re.compile(pattern, re.IGNORECASE): instead
    for pattern, instead in {
        r"\balone\b": "only",
        r"\banew\b": "again",
        r"\bstands?\b(?! by\b)|\bstood\b": "is shown, is",
        r"\bwhoever\b|\bwhether all\b": "anyone who, everyone",
        r"(?<!here )\bis no\b(?! (?:longer|more)\b)": "is not a",
        r"\bfrom the record on\b": "as soon as this is recorded",
        r"\b(?:one|second|two) keys?\b|\btwo-key\b": "one officer, a second officer",
        r"\ball keys\b|\bany key\b|\bkeys? (?:act|work)s?\b": "shortcuts",
    }.items()
}
"""Wording that reads like a translation, or that uses one word for two things, and what to write
instead. No text that people read has it: no string of the services, and no text of the English
catalogue.
"""

UNREAD: Final = {
    "services/dragoman/audit/export.py": "the page in an export is frozen",
    "services/dragoman/domain/acts/act_rules.py": "the words of a rule are in its frozen digest",
    "services/dragoman/eventlog/cluster_site.py": "the file of a node is frozen",
    "services/dragoman/eventlog/repair.py": "its reports are frozen literals",
    "services/dragoman/notifier/webhook.py": "the log names its reason",
}
"""Modules whose strings are not checked for wording, and why."""

MESSAGES: Final = {"sentence": 0, "say": 0, "_": 0, "refuse": 1, "make_refusal": 1}
"""Calls with a message to people, and which argument that is."""

COLUMNS: Final = 100
DOC_COLUMNS: Final = 88
WORDS: Final = 25

ADVICE: Final = {
    "opening": "a docstring describes and does not ask. Begin a function with a verb and the thing's "
    "name (Return the side's pending keys), a class or module with a noun.",
    "name": "a participle or pronoun names no value. Name the content: exchange, records, context.",
    "phrase": "a reader whose first language is not English reads this twice. Write: %s.",
    "wording": "people read this text, and it reads like a translation. Write: %s.",
    "long sentence": f"more than {WORDS} words. Make two sentences with one idea each.",
    "wide docstring": f"more than {DOC_COLUMNS} columns. Break the line.",
    "long line": f"more than {COLUMNS} columns. Break the line.",
}
"""The reason of each kind of fault, and what to write instead."""

_UNBREAKABLE: Final = re.compile(r"https?://|# noqa|# type:|re\.compile|^\s*[\"'r]")


class Fault(NamedTuple):
    """One place that is not in plain words."""

    path: str
    line: int
    kind: str
    text: str
    instead: str = ""

    def __str__(self) -> str:
        why = ADVICE[self.kind].replace("%s", self.instead)
        return f"{self.path}:{self.line}: {self.kind}: {self.text!r}: {why}"


def of_python(path: Path) -> Iterator[Fault]:
    """Yield the faults of a module."""
    where = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
    source = path.read_text()
    tree = ast.parse(source)
    documentation = dict(_documentation(tree))
    yield from _of_lines(where, source.splitlines(), documentation)
    for constant, text in documentation.items():
        yield from _of_docstring(where, constant.lineno, text)
    if where not in UNREAD:
        yield from _of_wording(where, tree, set(documentation))
    members = set(_members(tree))
    for node in ast.walk(tree):
        if node not in members:
            yield from _of_node(where, node)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and len(token.string) > 4:
            yield from _of_phrases(where, token.start[0], token.string)


def _members(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the names of members of classes: what is stored or sent keeps its name."""
    for node in ast.walk(tree):
        for statement in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(statement, ast.AnnAssign):
                yield statement.target


def _of_lines(
    where: str, lines: list[str], documentation: Iterable[ast.Constant]
) -> Iterator[Fault]:
    inside = {
        number
        for constant in documentation
        for number in range(constant.lineno, (constant.end_lineno or constant.lineno) + 1)
    }
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS and number not in inside and not _UNBREAKABLE.search(line):
            yield Fault(where, number, "long line", line.strip()[:60])
        if number in inside and len(line) > DOC_COLUMNS and "://" not in line:
            yield Fault(where, number, "wide docstring", line.strip()[:60])


def _of_node(where: str, node: ast.AST) -> Iterator[Fault]:
    """Yield the fault of a name that is bound, or of a message to people."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) if name in NAMES:
            yield Fault(where, node.lineno, "name", name)
        case ast.arg(arg=name) if name in NAMES:
            yield Fault(where, node.lineno, "name", name)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments):
            index = MESSAGES.get(name, len(arguments))
            if index < len(arguments):
                message = arguments[index]
                if isinstance(message, ast.Constant) and isinstance(message.value, str):
                    yield from _of_phrases(where, node.lineno, message.value)
        case _:
            pass


def of_text(text: str) -> tuple[str, str]:
    """Return the wording of a text that reads like a translation, and what to write instead. Both
    are empty if it has none.
    """
    return next(
        (
            (match.group(), instead)
            for wording, instead in WORDING.items()
            if (match := wording.search(text))
        ),
        ("", ""),
    )


def _of_wording(where: str, tree: ast.Module, documentation: set[ast.Constant]) -> Iterator[Fault]:
    """Yield the wording of strings of more than one word."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and " " in node.value.strip()
            and node not in documentation
            and (wording := of_text(node.value))[0]
        ):
            yield Fault(where, node.lineno, "wording", *wording)


def _documentation(tree: ast.Module) -> Iterator[tuple[ast.Constant, str]]:
    """Yield each docstring, and each text under a name that documents it."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            if (
                isinstance(statement, ast.Expr)
                and isinstance(statement.value, ast.Constant)
                and isinstance(statement.value.value, str)
            ):
                yield statement.value, statement.value.value


def _of_docstring(where: str, line: int, text: str) -> Iterator[Fault]:
    words = re.findall(r"[\w’']+", text[:120])
    if words and words[0] in OPENINGS:
        yield Fault(where, line, "opening", text.split("\n", maxsplit=1)[0][:80])
    if len(words) > 1 and words[0] in VAGUE and words[1] in CLAUSES:
        yield Fault(where, line, "opening", text.split("\n", maxsplit=1)[0][:80])
    prose = "\n".join(part for part in text.split("\n") if not part.startswith("    " * 2))
    for sentence in _sentences(prose):
        if len(sentence.split()) > WORDS:
            yield Fault(where, line, "long sentence", sentence[:80])
    yield from _of_phrases(where, line, text)


def _sentences(text: str) -> Iterator[str]:
    """Yield the sentences of running text; examples and tables are none."""
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.split("\n")
        if any(re.search(r"\S {2,}\S", line) for line in lines):
            continue  # a table or an example in columns
        running = re.sub(r"`[^`]*`", "x", " ".join(line.strip() for line in lines))
        running = re.sub(r"x(?:, x)+", "x", running)  # a list of names reads as one
        running = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", running)
        yield from (part.strip() for part in re.split(r"(?<=[.!?:;])\s+", running) if part.strip())


def _of_phrases(where: str, line: int, text: str) -> Iterator[Fault]:
    for phrase, instead in PHRASES.items():
        if match := phrase.search(text):
            yield Fault(where, line, "phrase", match.group(), instead)


def of_page(path: Path) -> Iterator[Fault]:
    """Yield the faults of a page of documentation: long sentences, and phrases."""
    where = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
    text = re.sub(
        r"```.*?```",
        lambda code: "\n" * code.group().count("\n"),
        path.read_text(),
        flags=re.DOTALL,
    )
    for number, block in _blocks(text):
        yield from _of_phrases(where, number, block)
        if block.lstrip().startswith(("|", "#")):
            continue
        for sentence in _sentences(re.sub(r"^\s*(?:[-*]|\d+\.)\s+", "", block)):
            if len(sentence.split()) > WORDS:
                yield Fault(where, number, "long sentence", sentence[:80])


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Yield the blocks of a page with the line where each begins."""
    number = 1
    block: list[str] = []
    for index, line in enumerate([*text.split("\n"), ""], 1):
        begins = re.match(r"\s*(?:[-*|#]|\d+\.)\s?", line)
        if (not line.strip() or begins) and block:
            yield number, "\n".join(block)
            block = []
        if line.strip():
            if not block:
                number = index
            block.append(line)


def of_file(path: Path) -> Iterator[Fault]:
    """Yield the faults of a module or a page; of a test, only how its docstrings open."""
    if path.suffix == ".md":
        yield from of_page(path)
    elif path.is_relative_to(ROOT / "tests"):
        for constant, text in _documentation(ast.parse(path.read_text())):
            yield from (
                fault
                for fault in _of_docstring(str(path.relative_to(ROOT)), constant.lineno, text)
                if fault.kind == "opening"
            )
    else:
        yield from of_python(path)


def main() -> None:
    """Print the faults of the files and folders that the command names."""
    paths = [Path(name).resolve() for name in sys.argv[1:]]
    files = [
        file
        for path in paths
        for file in (sorted(path.rglob("*")) if path.is_dir() else [path])
        if file.suffix in (".py", ".md")
    ]
    faults = [fault for file in files for fault in of_file(file)]
    for fault in faults:
        print(fault)  # noqa: T201
    print(len(faults), "places")  # noqa: T201
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
