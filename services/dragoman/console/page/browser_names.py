"""Names of browsers and systems, for the list of an officer's own sessions.

    browser_of("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        ("Firefox", "Linux")

Only names of these tables are stored. A browser's own description has versions and
models of devices, by which it could be recognised elsewhere.
"""

from typing import Final

_READ: Final = 512
"""Characters of the description that are read."""

_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
"""Parts of descriptions, and the browser's name.

Chrome also names Safari, and Edge also names both. So the order counts.
"""

_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_of(description: str) -> tuple[str, str]:
    """Return the names of a browser and of its system; empty for an unknown one.

    `description` is the header User-Agent.
    """
    text = description[:_READ]
    return (
        next((name for part, name in _BROWSERS if part in text), ""),
        next((name for part, name in _SYSTEMS if part in text), ""),
    )
