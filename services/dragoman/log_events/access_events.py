"""Log events of tokens, identities, people, files and sign-ins."""

from typing import Final

from dragoman.log_events.entry import LogEvent

EVENTS: Final[dict[str, LogEvent]] = {
    "file.cut_off": LogEvent(
        "The broker went away while a file was sent. The client noticed, and has no whole file.",
        "Check the broker.",
    ),
    "file.erased": LogEvent(
        "An officer erased an uploaded file. Its digest stays known.",
        "After restoring an older backup, erase the file again. This line names it.",
    ),
    "file.not_scanned": LogEvent(
        "The scanner could not scan a file of another side. The file is held, and scanned again "
        "after a while. `tries` counts the scans that failed, and `reason` says why this one did.",
        "See that the scanner runs ([scanning.md](scanning.md#when-files-stay-held)).",
    ),
    "file.not_whole": LogEvent(
        "The bytes of a file do not match its digest, or are incomplete. Nobody received it whole.",
        "Put back a copy of the broker's store, or erase the file and have it uploaded again.",
    ),
    "file.refused": LogEvent(
        "The scanner refused a file of another side. Nobody gets it here. `reason` is the line "
        "that the scanner wrote.",
        "Tell your side's security officer, and the officers who wait for the file.",
    ),
    "file.scans_put_off": LogEvent(
        "Files could not be scanned, because the broker does not answer. It is tried again.",
    ),
    "form.kept": LogEvent(
        "The session of an officer ended before a form was sent. The form waits until the same "
        "officer signs in.",
    ),
    "identity.changed": LogEvent(
        "The list of sides that are one identity on this host was changed. `keys` names the keys "
        "that signed it.",
        "See that you or the sides wanted it: tokens of the identity follow the list.",
    ),
    "link.made": LogEvent(
        "An officer made a secret link to a calendar, which any calendar program can read.",
    ),
    "link.revoked": LogEvent(
        "An officer revoked a link to a calendar. It answers nobody any more.",
    ),
    "oidc.keys_not_fetched": LogEvent(
        "The keys of the OIDC provider could not be fetched. The known keys stay in use.",
        "Check the provider, and whether this machine reaches it.",
    ),
    "person.erased": LogEvent(
        "An officer erased a person's entry. Acts keep the id, which names nobody any more.",
        "After restoring an older backup, erase the person again. This line has the id.",
    ),
    "session.ended": LogEvent(
        "An officer ended `count` sessions, on one device or on several.",
    ),
    "sign_in.done": LogEvent(
        "An officer signed in at the pages. `by` says if it was with a token or at the provider.",
    ),
    "sign_in.refused": LogEvent(
        "Somebody tried to sign in with a token that is not valid, or the provider's answer was not. "
        "`reason` says what was wrong with the answer.",
        "Nothing, if it is rare. If one `address` repeats it, find out who is there.",
    ),
    "subject.forgotten": LogEvent(
        "A subject of the OIDC provider speaks for no officer any more.",
    ),
    "subject.mapped": LogEvent(
        "A subject of the OIDC provider speaks for an officer from now on.",
    ),
    "token.issued": LogEvent(
        "The operator issued a token. `scope` says what it may do, and `channels` or `identity` "
        "where.",
        "Nothing. A line that you did not cause means that somebody has the operator's token.",
    ),
    "token.revoked": LogEvent(
        "A token was revoked. Sessions that it opened end with it.",
    ),
}
