"""Debian's libical, as the other reader of our calendars: what it cannot read, and what its table
of restrictions forbids.
"""

import ctypes
import re

from gobuild import required

_ERROR = re.compile(r"^X-LIC-ERROR.*$", re.MULTILINE)


def errors(raw: bytes) -> list[str]:
    """Return the errors that libical finds in a calendar."""
    try:
        library = ctypes.CDLL("libical.so.3")
    except OSError:
        required(False, "libical3t64")
        raise
    library.icalparser_parse_string.restype = ctypes.c_void_p
    library.icalparser_parse_string.argtypes = [ctypes.c_char_p]
    library.icalrestriction_check.argtypes = [ctypes.c_void_p]
    library.icalcomponent_as_ical_string.restype = ctypes.c_char_p
    library.icalcomponent_as_ical_string.argtypes = [ctypes.c_void_p]
    component = library.icalparser_parse_string(raw)
    assert component, "libical reads nothing of it"
    library.icalrestriction_check(component)
    read = library.icalcomponent_as_ical_string(component).decode()
    return _ERROR.findall(re.sub(r"\r?\n[ \t]", "", read).replace("\r", ""))
