"""Hooks of hatchling: one fetches the files of others, one makes the page for a package index.

An editable installation needs neither. `DRAGOMAN_REQUIRE_ASSETS=1` fails a build that lacks files;
`DRAGOMAN_HOME_URL` is where this release's tree can be read, for the links and pictures of README.
"""

import os
import re
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

sys.path.insert(0, str(Path(__file__).parent))  # hatchling loads this file by its path
import assets

_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)\s]+)\)")


def index_page(readme: str, home_url: str) -> str:
    """Return README for an index, where relative links lead nowhere.

    With `home_url` they lead there. Without it pictures are left out, and links are
    their text.
    """

    def absolute(match: re.Match[str]) -> str:
        picture, text, path = match.groups()
        if home_url:
            return f"{picture}[{text}]({home_url.rstrip('/')}/{path})"
        return "" if picture else text

    return _LINK.sub(absolute, readme)


class AssetsHook(BuildHookInterface[Any]):
    """The hook of a build, which fetches the files of others."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch the files unless they are there. Raises `FileNotFoundError`."""
        root = Path(self.root)
        if version != "editable" and not assets.are_fetched(root):
            if not (root / "package-lock.json").exists():
                raise FileNotFoundError("package-lock.json is missing: build from the whole tree")
            assets.main()


class IndexPageHook(MetadataHookInterface):
    """The hook of the metadata, which makes README the page for a package index."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the description."""
        text = (Path(self.root) / "README.md").read_text()
        page = index_page(text, os.environ.get("DRAGOMAN_HOME_URL", ""))
        metadata["readme"] = {"content-type": "text/markdown", "text": page}
