"""A next release of this program, made from its source: rules 2, in a copy of the tree.

    build = next_release.built(folder)
    subprocess.run([sys.executable, ...], env={**os.environ, **build})

Rules 2 has five changes. A `courtesy` is a new act in a contact note. A contact note is of version
2, which has one more member, `mood`. A `call-record` is entered by a head of office only. A
`weather-inquiry` is a new format, N18, and an answer to it has a deadline. The copy
is changed as a developer would change the tree (docs/adding-rules.md), so that this also tests what
that page says.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

RELEASE = "0.2.0"
ROOT = Path(__file__).parents[2]

Changes = tuple[tuple[str, str], ...]
VERSION: Changes = (('__version__ = "0.1.0"', f'__version__ = "{RELEASE}"'),)
_CHANGES: dict[str, Changes] = {
    "services/dragoman/__init__.py": VERSION,
    "schemas/dragoman_schemas/acts/rules_versions.py": (
        (
            "ADDED: Final[frozenset[str]] = frozenset()",
            'ADDED: Final[frozenset[str]] = frozenset({"courtesy", "weather-inquiry"})',
        ),
        (
            "CHANGES: Final[Mapping[int, Mapping[str, int]]] = {}",
            "CHANGES: Final[Mapping[int, Mapping[str, int]]] = {\n"
            '    2: {"contact-note": 2, "courtesy": 1, "call-record": 1, "weather-inquiry": 1},\n'
            "}",
        ),
    ),
    "schemas/dragoman_schemas/acts/contact/contact_note.py": (
        (
            "class ContactNote(OpeningAct",
            'class ContactNoteV1(OpeningAct, frozen=True, kw_only=True, tag="contact-note"):\n'
            '    """A contact note of rules 1."""\n\n'
            "    form: Form\n"
            "    text: Words\n"
            "    venue: Line | UnsetType = UNSET\n"
            "    participants: People | UnsetType = UNSET\n"
            "    reply_wanted_by: Annotated[Timestamp, DUE] | UnsetType = UNSET\n\n\n"
            'class WeatherInquiry(OpeningAct, frozen=True, kw_only=True, tag="weather-inquiry"):\n'
            '    """A question about the weather that a side sees."""\n\n'
            "    text: Words\n\n\n"
            "class ContactNote(OpeningAct",
        ),
        (
            "    reply_wanted_by: Annotated[Timestamp, DUE] | UnsetType = UNSET\n",
            "    reply_wanted_by: Annotated[Timestamp, DUE] | UnsetType = UNSET\n"
            "    mood: Line | UnsetType = UNSET\n",
        ),
    ),
    "schemas/dragoman_schemas/acts/continuing.py": (
        (
            "class Reaction(",
            'class Courtesy(Continuing, frozen=True, kw_only=True, tag="courtesy"):\n'
            '    """A courtesy in a contact."""\n\n'
            "    text: Words\n\n\n"
            "class Reaction(",
        ),
    ),
    "schemas/dragoman_schemas/acts/__init__.py": (
        (
            '    ("call-attempt", 1): continuing.CallAttemptV1,\n',
            '    ("call-attempt", 1): continuing.CallAttemptV1,\n'
            '    ("contact-note", 1): contact_note.ContactNoteV1,\n',
        ),
        (
            "from dragoman_schemas.acts.notification import emergency_notification\n",
            "from dragoman_schemas.acts.contact import contact_note\n"
            "from dragoman_schemas.acts.notification import emergency_notification\n",
        ),
    ),
    "services/dragoman/domain/record/upcast.py": (
        ('    *("reply", ', '    "contact-note",\n    *("reply", '),
    ),
    "services/dragoman/domain/acts/versions/later_rules.py": (
        (
            "CHANGES: Final[Mapping[int, Changes]] = {}",
            "_COURTESY = Rule(\n"
            '    act="courtesy", shape=continuing.Courtesy, who=Who.ANY, kept=True\n'
            ")\n"
            "_NOTE = replace(\n"
            "    contact.CONTACT_NOTE,\n"
            "    rule=replace(contact.CONTACT_NOTE.rule, version=2),\n"
            '    moves={**contact.CONTACT_NOTE.moves, "courtesy": {"open": "open"}},\n'
            ")\n"
            "_CALL = replace(\n"
            "    contact.CALL_RECORD, rule=replace(contact.CALL_RECORD.rule, roles=HEADS)\n"
            ")\n"
            "_WEATHER = Format(\n"
            '    rule=opening("weather-inquiry", contact_note.WeatherInquiry, "notification"),\n'
            '    code="N18",\n'
            '    start="open",\n'
            '    moves=moves_of_format(("open", "answered"), {"reply": {"open": "answered"}}),\n'
            '    title=lambda data: sentence("Weather"),\n'
            ")\n"
            "CHANGES: Final[Mapping[int, Changes]] = {\n"
            "    2: Changes(rules=(_COURTESY,), formats=(_NOTE, _CALL, _WEATHER)),\n"
            "}",
        ),
        ("from dataclasses import dataclass\n", "from dataclasses import dataclass, replace\n"),
        (
            "from dragoman.domain.acts.act_rules import Format, Rule\n",
            "from dragoman.domain.acts.act_rules import HEADS, Format, Rule, Who, opening\n"
            "from dragoman.domain.acts.families import contact\n"
            "from dragoman.domain.acts.families.exchange import moves_of_format\n"
            "from dragoman.text import sentence\n"
            "from dragoman_schemas.acts import continuing\n"
            "from dragoman_schemas.acts.contact import contact_note\n",
        ),
    ),
    "services/dragoman/domain/acts/deadlines.py": (
        (
            '            case "ict-inquiry":\n',
            '            case "ict-inquiry" | "weather-inquiry":\n',
        ),
    ),
    "services/dragoman/domain/acts/families/exchange.py": (
        (
            '    "ict-inquiry": ("open",),\n',
            '    "ict-inquiry": ("open",),\n    "weather-inquiry": ("open",),\n',
        ),
    ),
}


def built(folder: Path, changes: Mapping[str, Changes] | None = None) -> dict[str, str]:
    """Make the next release in a folder, and return the environment in which it runs.

    With `changes`, make a release that has these instead.
    """
    for part in ("services", "schemas"):
        shutil.copytree(
            ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "published")
        )
    for name, pairs in (_CHANGES if changes is None else changes).items():
        path = folder / name
        text = path.read_text()
        for before, after in pairs:
            assert before in text, f"{name} has no {before!r} to change"
            text = (
                after.join(text.rsplit(before, 1))
                if before.startswith("    reply_wanted_by")
                else text.replace(before, after, 1)
            )
        path.write_text(text)
    return {"PYTHONPATH": f"{folder / 'services'}:{folder / 'schemas'}"}
