"""Build the documentation site from the pages of the repository.

    .venv/bin/python docs/site/build.py build/site

The pages are copied to a folder beside the site, in the layout of the repository. So
their links work as on a code host. There are three rules for links out of the pages:

- a folder is its index page, if it has one;
- any other file of the repository is copied into the site, as a download;
- a target that does not exist is an error.

Diagrams of states, which code hosts draw, are tables of transitions here. Drawing them
would take a program that is not Python.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]

OWN_PAGES: Final = {"index.md": "index.md", "decisions.md": "docs/decisions/index.md"}
"""The pages that only the site has, with their places in it."""

_LINK: Final = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
_DIAGRAM: Final = re.compile(r"```mermaid\nstateDiagram-v2\n(.*?)\n```", re.DOTALL)
_TRANSITION: Final = re.compile(r" *(\S+) --> (\S+?)(?:: (.*))?")
_CODE: Final = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)


def pages(root: Path = ROOT) -> list[Path]:
    """Return the pages of the repository that the site has."""
    special = root / HERE.relative_to(ROOT)
    every_page = [
        *root.glob("*.md"),
        *(page for page in (root / "docs").rglob("*.md") if special not in page.parents),
        *(root / "tests").glob("**/README.md"),
        *(root / "deploy").rglob("README.md"),
    ]
    return sorted(every_page)


def stage(target: Path, root: Path = ROOT) -> None:
    """Copy all pages, and the files to which they link, to a new folder."""
    for page in pages(root):
        text = page.read_text()
        copy = target / page.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(_linked(_DIAGRAM.sub(_transitions, text), page, root))
        for file in _files(text, page, root):
            download = target / file.relative_to(root)
            download.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, download)
    for name, place in OWN_PAGES.items():
        shutil.copyfile(HERE / name, target / place)


def _transitions(diagram: re.Match[str]) -> str:
    """Return a diagram of states as a table of its transitions."""
    rows = ["| from | by | to |", "|---|---|---|"]
    for line in diagram[1].split("\n"):
        if (transition := _TRANSITION.fullmatch(line)) is None:
            raise ValueError(f"this line of a diagram is not a transition: {line}")
        before, after, act = transition.groups()
        start = "*(start)*" if before == "[*]" else before
        rows.append(f"| {start} | {f'`{act}`' if act else ''} | {after} |")
    return "\n".join(rows)


def _linked(text: str, page: Path, root: Path) -> str:
    """Return a page whose links to folders lead to the index pages of these."""
    indexes = {str(Path(place).parent) for place in OWN_PAGES.values()} - {"."}

    def link(match: re.Match[str]) -> str:
        folder = (page.parent / match[2]).resolve()
        if folder.is_dir() and str(folder.relative_to(root)) in indexes:
            return f"{match[1]}{match[2].rstrip('/')}/index.md{match[3]}"
        return match[0]

    parts = _CODE.split(text)
    return "".join(
        part if number % 2 else _LINK.sub(link, part) for number, part in enumerate(parts)
    )


def _files(text: str, page: Path, root: Path) -> Iterator[Path]:
    """Yield the files of the repository that a page links to and that are no pages."""
    for match in _LINK.finditer(_CODE.sub("", text)):
        file = (page.parent / match[2]).resolve()
        if file.is_file() and file.is_relative_to(root) and file.suffix != ".md":
            yield file


def sphinx_command(source: Path, target: Path) -> list[str]:
    """Return the command that makes the site, and fails at a warning."""
    doctrees = source.with_name(f"{source.name}-doctrees")
    strict = ["-n", "-W", "--keep-going"]
    return [
        *(sys.executable, "-m", "sphinx", "-b", "html", "-q", "-j", "auto", *strict),
        *("-c", str(HERE), "-d", str(doctrees), str(source), str(target)),
    ]


def main(target: Path) -> int:
    """Build the site in a folder, anew; return 0 if there was no warning."""
    source = target.with_name(f"{target.name}-source")
    for folder in (source, source.with_name(f"{source.name}-doctrees"), target):
        shutil.rmtree(folder, ignore_errors=True)
    stage(source)
    return subprocess.run(sphinx_command(source, target), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
