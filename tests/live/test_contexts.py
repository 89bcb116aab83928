"""Gateways by a name: commands go where the person said, and nowhere else."""

import json
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import commands
from office import Office
from patience import PATIENCE_S
from service import DRAGOMAN, Gateway


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Gateway]]:
    """Two hosts with a channel each."""
    hosts = []
    for name in ("first", "second"):
        host = Office(tmp_path_factory.mktemp(name) / "data")
        hosts.append(host)
        opening = host.run("channel", "example", f"{name}-desk", "--sides", "north", "south").stdout
        host.run("channel", "new", "-", stdin=opening)
        token = host.run("token", "issue", "north/d-1").stdout.strip()
        path = host.data.parent / "north.token"
        path.touch(mode=0o600)
        path.write_text(token)
    yield hosts[0], hosts[1]
    for host in hosts:
        host.stop()


class Person:
    """A person with settings of their own, in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.folder = folder

    def run(self, *arguments: str, stdin: str = "", check: int = 0, **environment: str) -> str:
        """Call the command line; return both outputs."""
        own = {"XDG_CONFIG_HOME": str(self.home), "HOME": str(self.folder), "PATH": "/usr/bin"}
        done = commands.run(arguments, stdin=stdin, environment=own | environment)
        assert done.returncode == check, (arguments, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def channels(self, *arguments: str, **environment: str) -> list[str]:
        """The channels that the gateway of a call shows."""
        answer = self.run("channel", "list", "--json", *arguments, check=0, **environment)
        return [channel["name"] for channel in json.loads(answer)]


@pytest.fixture
def person(tmp_path: Path, two: tuple[Gateway, Gateway]) -> Person:
    """A person with a context for each host."""
    someone = Person(tmp_path)
    first, second = two
    told = someone.run(
        *("context", "add", "first", "--server", first.base_url),
        *("--token-file", str(first.data.parent / "north.token")),
    )
    assert "first is saved, and current" in told and "north/d-1 in first-desk" in told
    told = someone.run(
        *("context", "add", "second", "--server", second.base_url),
        *("--token-file", "-", "--channel", "second-desk"),
        stdin=(second.data.parent / "north.token").read_text(),
    )
    assert "current" not in told
    return someone


def test_commands_go_to_the_current_context_and_to_a_named_one(
    person: Person, two: tuple[Gateway, Gateway]
) -> None:
    first, second = two
    assert person.channels() == ["first-desk"]
    assert person.channels("--context", "second") == ["second-desk"]
    assert person.channels(DRAGOMAN_CONTEXT="second") == ["second-desk"]
    person.run("context", "use", "second")
    assert person.channels() == ["second-desk"]
    # What a call names itself goes before the current context.
    assert person.channels("--data", str(first.data)) == ["first-desk"]
    token = str(first.data.parent / "north.token")
    assert person.channels("--server", first.base_url, "--token-file", token) == ["first-desk"]
    assert "second-desk" in person.run("state", "--json")
    assert second.base_url in person.run("context", "list")


def test_what_a_person_saves_is_the_persons_alone(person: Person) -> None:
    files = [path for path in person.home.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"contexts.json", "second"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    saved = (person.home / "dragoman" / "contexts.json").read_text()
    token = (person.home / "dragoman" / "tokens" / "second").read_text().strip()
    assert token.startswith("drg_") and token not in saved
    listed = json.loads(person.run("context", "list", "--json"))
    assert [(row["name"], row["current"], row["channel"]) for row in listed] == [
        ("first", True, None),
        ("second", False, "second-desk"),
    ]
    person.run("context", "remove", "second")
    assert not (person.home / "dragoman" / "tokens" / "second").exists()
    person.run("context", "remove", "first")
    assert "no context is saved yet" in person.run("context", "list")
    assert "no gateway is known" in person.run("channel", "list", check=2)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["add", "A B", "--server", "http://a.example", "--token-file", "-"], "is not a name"),
        (["add", "a", "--server", "a.example", "--token-file", "-"], "is a URL"),
        (["add", "a", "--server", "https://u:p@a.example", "--token-file", "-"], "is a URL"),
        (["add", "a", "--server", "http://a.example", "--token-file", "/nowhere"], "no file"),
        (["add", "a", "--server", "http://a.example", "--token-file", "-"], "no token came"),
        (["use", "third"], "saved: first, second"),
        (["remove", "third"], "saved: first, second"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    person: Person, arguments: list[str], word: str
) -> None:
    path = person.home / "dragoman" / "contexts.json"
    before = path.read_bytes()
    assert word in person.run("context", *arguments, check=2)
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_read_is_named(person: Person) -> None:
    path = person.home / "dragoman" / "contexts.json"
    path.write_text("{")
    assert str(path) in person.run("channel", "list", check=2)
    assert str(path) in person.run("context", "use", "first", check=2)
    assert str(path) in person.run("doctor", check=2)


def test_the_operator_of_a_host_here_is_not_led_elsewhere(
    person: Person, two: tuple[Gateway, Gateway], tmp_path: Path
) -> None:
    """In the folder of a host, the operator's commands are for that host, whatever is current."""
    first, _ = two
    (tmp_path / "dragoman-data").symlink_to(first.data)
    person.run("context", "use", "second")
    listed = subprocess.run(
        [DRAGOMAN, "token", "list"],
        cwd=tmp_path,
        env={"XDG_CONFIG_HOME": str(person.home), "HOME": str(tmp_path), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    ).stdout
    assert "north/d-1" in listed and "first-desk" in listed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_name_the_commands_of_commands(tmp_path: Path, shell: str) -> None:
    text = Person(tmp_path).run("completion", shell)
    assert "quickstart" in text and "take-over" in text
