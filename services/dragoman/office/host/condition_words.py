"""The words for the conditions of a host, as its operator reads them."""

from dragoman.application.operations.host_health import Condition
from dragoman.i18n.words import Words


def condition_text(words: Words, condition: Condition) -> str:
    """Return the sentence on a condition: that it is met, or that it is not."""
    say = words.say
    sentences = {
        "the service is not stopping": (
            say("The service runs"),
            say("The service is being stopped"),
        ),
        "broker connected": (say("The broker is connected"), say("The broker is not connected")),
        "broker syncs every write": (
            say("The broker writes every record to disk before it answers"),
            say("The broker was not proven to write every record to disk"),
        ),
        "data are in their place": (
            say("The data are where they were written"),
            say("The data were copied or moved, and nothing is recorded"),
        ),
        "channels are read live": (
            say("Every channel is up to date"),
            say("Not every channel is up to date"),
        ),
        "the rules of channels are known": (
            say("This program has the rules of every channel"),
            say("A channel goes on by newer rules than this program has"),
        ),
        "records mean what they meant before": (
            say("Kept records mean what they meant before"),
            say("This program judges kept records otherwise than before"),
        ),
        "the log keys of channels are here": (
            say("Every channel can be signed here"),
            say("A channel cannot be signed here, and is read-only"),
        ),
        "the copy is what the log makes": (
            say("The copy for reading matches the log"),
            say("The copy for reading is being rebuilt"),
        ),
        "this process keeps up with the log": (
            say("This gateway keeps up with the logs"),
            say("This gateway is behind the logs"),
        ),
        "the copy can be read": (
            say("The copy for reading can be read"),
            say("Nothing can be read here"),
        ),
        "there is room on the disks": (
            say("There is room on the disks"),
            say("The disks are nearly full"),
        ),
        "the copy is written": (
            say("The copy is up to date"),
            say("The copy cannot be written, and lists are as old as it is"),
        ),
        "background tasks run": (
            say("Every background task runs"),
            say("A background task fails and is tried again"),
        ),
        "channels have the host's log key": (
            say("Every channel has the host’s log key"),
            say("A channel was opened under another log key"),
        ),
        "heads are signed": (
            say("The heads of all logs are signed"),
            say("The head of a log is not signed"),
        ),
    }
    met, unmet = sentences.get(condition.name, (condition.name, condition.name))
    return met if condition.ok else unmet
