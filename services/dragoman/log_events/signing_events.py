"""Log events of signed heads, keys and witnesses."""

from typing import Final

from dragoman.log_events.entry import LogEvent

EVENTS: Final[dict[str, LogEvent]] = {
    "archive.made_good": LogEvent(
        "Files of the signer's archive were incomplete, as after a crash. They were completed or "
        "cut to the last whole record. Nothing is lost.",
        "If nothing crashed, check the disk.",
    ),
    "host.log_key_adopted": LogEvent(
        "The log key of the oldest channel is now the host's, and is in the broker.",
    ),
    "host.log_key_entered": LogEvent(
        "The first opening of a channel has entered this gateway's log key as the host's.",
        "Back up `keys/log`: no other key ever signs the channels of this host.",
    ),
    "keeper.failed": LogEvent(
        "A fault of the program ended a request for an opening. The asker was refused.",
        "Keep the traceback, and report it.",
    ),
    "keeper.no_user": LogEvent(
        "Other gateways cannot have channels opened with the log key here, since the broker has no "
        "user `keeper`.",
        "Call `dragoman init --data DIR`, and enter its public key in the broker's configuration.",
    ),
    "keeper.opened": LogEvent(
        "Another gateway had a channel opened with the log key here.",
    ),
    "keeper.refused": LogEvent(
        "Another gateway asked for an opening, and was refused. `reason` says why.",
        "Nothing. If you do not know that gateway, see who has the key of the broker's user "
        "`gateway`.",
    ),
    "keeper.request_not_read": LogEvent(
        "A request for an opening here is not valid. Its sender is of another release, or no "
        "gateway.",
        "Find out who writes to the broker.",
    ),
    "keeper.serves": LogEvent(
        "The keeper answers requests of other gateways on `subject`.",
    ),
    "registrar.another_key": LogEvent(
        "The genesis of a channel names another log key than this signer has. This signer never "
        "signs it. The line comes at once and each hour.",
        "Start a signer on the data directory that has the key "
        "([how](operating-faults.md#when-a-head-is-not-signed)).",
    ),
    "registrar.looks_again": LogEvent(
        "A node of the cluster shows an older head, or less of a log, than the signer has. A node "
        "that was cut off does so for some seconds.",
        "Nothing. If it stays so, `registrar.stopped` follows.",
    ),
    "registrar.no_store_of_heads": LogEvent(
        "The stream of the signed heads is gone from the broker. Nothing is signed, so that "
        "nothing is signed twice.",
        "Put the broker's store back, or call `dragoman log rebuild` on the signer's archive "
        "([how](operating-faults.md#when-a-head-is-not-signed)).",
    ),
    "registrar.sealing": LogEvent(
        "The signer has started, and signs the heads of all logs that have its key.",
    ),
    "registrar.stopped": LogEvent(
        "The signer signs nothing more for a channel, because the log cannot continue what was "
        "signed, or the archive is damaged.",
        "Stop posting, keep all copies, and follow "
        "[when a head is not signed](operating-faults.md#when-a-head-is-not-signed).",
    ),
    "registrar.waits": LogEvent(
        "The signer waits for the broker. Records are accepted meanwhile, and are unsigned.",
    ),
    "registrar.waits_for_a_witness": LogEvent(
        "After a start or a lost connection no witness that ever cosigned this log answers. The "
        "signer signs nothing until one agrees.",
        "Ask the sides to start their witnesses.",
    ),
    "registrar.waits_for_its_disk": LogEvent(
        "The disk of the signer's archive is full or fails. Nothing is signed for that channel "
        "until it works. It is tried every second, and said once for each time that the disk fails.",
        "Free or repair the disk. The signer tries again by itself.",
    ),
    "witness.contradiction": LogEvent(
        "The log's key signed a head that contradicts the records of this witness. `evidence` is "
        "the file that proves it.",
        "Post nothing. Show that file and this witness's copy to all sides.",
    ),
    "witness.damaged": LogEvent(
        "The copy that this witness keeps differs from what was written. It cosigns nothing.",
        "Check the disk, and follow [when a copy is damaged](operating-faults.md#when-a-copy-is-damaged).",
    ),
    "witness.not_cosigned": LogEvent(
        "A witness gave no cosignature, and `reason` says why. The signer asks it again, and "
        "nothing waits for it.",
        "Tell its side, if it lasts.",
    ),
}
