"""The compiled templates of the pages, which one process of the tests leaves for all others in
`build/templates`. Compiling them all takes more than two seconds.
"""

import hashlib
import os
import sys
from pathlib import Path
from typing import Final

import jinja2

from dragoman.console.display import punctuation
from dragoman.console.page import rendering
from dragoman.i18n.words import LANGUAGES

_MADE_BY: Final = (rendering, punctuation)
"""The modules that say how templates are compiled."""


def keep() -> None:
    """Let this process take compiled templates from the folder, and put there what it compiles."""
    made_by = hashlib.sha256(f"{jinja2.__version__} {sys.version}".encode())
    for module in _MADE_BY:
        made_by.update(Path(str(module.__file__)).read_bytes())
    folder = Path(__file__).parents[2] / "build" / "templates" / made_by.hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    vars(rendering)["_COMPILED"] = jinja2.FileSystemBytecodeCache(os.fspath(folder))


def load() -> None:
    """Load the templates of all pages, in all languages."""
    keep()
    for language in LANGUAGES:
        templates = rendering.environment(language)
        for name in templates.list_templates():
            templates.get_template(name)
