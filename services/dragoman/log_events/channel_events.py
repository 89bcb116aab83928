"""Log events of channels, their logs, and the copy that each process folds of them."""

from typing import Final

from dragoman.log_events.entry import LogEvent

EVENTS: Final[dict[str, LogEvent]] = {
    "audit.reader_died": LogEvent(
        "A process that helps an audit to read records ended. The audit reads the rest itself, "
        "and is slower.",
        "Nothing. If it happens each time, see whether memory is short.",
    ),
    "backup.file_not_read": LogEvent(
        "An uploaded file could not be read during a backup. The backup tries it once more.",
        "Nothing. If the backup ends with an error, erase that file or have it uploaded again.",
    ),
    "channel.newer_rules": LogEvent(
        "The sides of a channel adopted rules that this release lacks. It is read up to "
        "`position`, and nothing is recorded in it. Other channels go on.",
        "Install the release that the line names, or a newer one.",
    ),
    "channel.not_followed": LogEvent(
        "The log of a channel cannot be read. It is tried again, later each time. Other channels "
        "go on.",
        "See [when a log is read-only](operating-faults.md#when-a-log-is-read-only).",
    ),
    "channel.not_signed_here": LogEvent(
        "Nobody on this host has proved that he has the log key of a channel. It is read-only here, "
        "and no token is issued for its officers.",
        "Use the channel's own host, or start the signer that has the key "
        "([a host that cannot sign](operating-faults.md#a-host-that-cannot-sign)).",
    ),
    "channel.opened": LogEvent(
        "The first record of a new channel is in its log.",
        "Keep `cid` for the sides: it is the channel's id in every proof.",
    ),
    "channel.signed_here": LogEvent(
        "A signer has proved the log key of a channel by a head. The channel takes posts again.",
    ),
    "coverage.no_head": LogEvent(
        "A value in the store of the signed heads is not a head of this log. The gateway covers "
        "nothing with it.",
        "Keep it and the log as they are, and find out who can write to the broker.",
    ),
    "coverage.other_records": LogEvent(
        "A signed head is of other records than this gateway has folded. It covers nothing.",
        "Stop posting, keep both, and compare with a side's mirror "
        "([how](operating-faults.md#when-a-log-is-read-only)).",
    ),
    "coverage.waits": LogEvent(
        "The gateway could not read the newest signed heads. It asks again.",
    ),
    "delivery.failed": LogEvent(
        "A fault of the program kept the delivery of records to a side from being recorded. The "
        "side's next delivery includes it.",
        "Keep the traceback, and report it.",
    ),
    "delivery.not_recorded": LogEvent(
        "The delivery of records up to `upto` to a side could not be recorded, because the broker "
        "is away or the log is read-only.",
        "Nothing. The side's next delivery includes it.",
    ),
    "log.agrees": LogEvent(
        "The gateway's own file was wrong, and not the log. The channel takes posts again.",
        "Check the disk of the projection.",
    ),
    "log.broken": LogEvent(
        "The log of a channel has changed, is shorter, damaged or replaced. The channel is "
        "read-only.",
        "Stop posting, keep every copy, and follow "
        "[when a log is read-only](operating-faults.md#when-a-log-is-read-only).",
    ),
    "log.damage_located": LogEvent(
        "The gateway found the first position at which a broken log differs. `reason` names it.",
        "Use the position in [when a log is read-only](operating-faults.md#when-a-log-is-read-only).",
    ),
    "log.judged_otherwise": LogEvent(
        "This release gives the records of a channel up to `position` another meaning than "
        "`release` did. Nothing was changed in the log. The channel is read-only.",
        "Go back to `release`, and report it ([check after an upgrade](upgrading.md#check-after)).",
    ),
    "log.not_writable": LogEvent(
        "The broker failed to write the log of a channel, most likely because its disk is full. "
        "Nothing that was acknowledged is lost, and nothing is recorded now.",
        "Make room, as in [a full disk](operating-runbooks.md#a-full-disk). Restore nothing.",
    ),
    "log.writable_again": LogEvent(
        "The broker writes the log of a channel again.",
    ),
    "mark.not_read": LogEvent(
        "The fold mark of a channel cannot be read. The channel is not compared with what it "
        "meant before, and another mark is kept.",
        "Compare the digest of the channel with another gateway, and check the disk.",
    ),
    "mark.of_other_fold": LogEvent(
        "The fold mark is not what this same program makes of the whole log. The file of the "
        "projection had been changed when the mark was kept. The log counts.",
        "Find out who can write that file.",
    ),
    "outage.not_recorded": LogEvent(
        "A past outage could not be recorded. With `again` true it is tried later, joined with "
        "the next one.",
    ),
    "projection.beside_refused": LogEvent(
        "A file that a start had begun, or that `dragoman prepare` had left, cannot be used. "
        "`reason` says why. The logs are folded again, which takes longer.",
        "Nothing. If it comes back at each start, see to the disk.",
    ),
    "projection.checked": LogEvent(
        "Rows or whole logs were compared with the records, and are right. `what` is `rows` or "
        "`refold`. Later passes over the rows are at level debug.",
    ),
    "projection.checker_ended": LogEvent(
        "The process that compares the rows ended. Another one is started.",
        "Nothing, if it happens once. If `times` grows, report the checker's error in this log: "
        "no row is checked until then.",
    ),
    "projection.damaged": LogEvent(
        "The projection's file is damaged, a row in it cannot be read, or another program has "
        "changed it. Another file is built beside it.",
        "Nothing at first: `projection.rebuilt` follows. If it comes again, check the disk, and find "
        "out which program writes into the file.",
    ),
    "projection.differs": LogEvent(
        "A row of the projection is not what its records make: bit rot, or somebody changed it. "
        "Another file is built beside it.",
        "Find out who can write that file, and check the disk.",
    ),
    "projection.listener_failed": LogEvent(
        "A part of the service failed at one record, such as a stream or a counter. Other records "
        "go on.",
        "Keep the traceback, and report it.",
    ),
    "projection.not_folded": LogEvent(
        "A record that was just written could not be folded. The reader of the log tries it again.",
        "Keep the traceback, and report it. If the channel stays read-only, restart.",
    ),
    "projection.not_rebuilt": LogEvent(
        "Another file of the projection could not be built. It is tried again every two seconds.",
        "Check its disk.",
    ),
    "projection.not_written": LogEvent(
        "The writer of the projection was killed, hangs, or its disk is full. Lists are as old as "
        "the file, and posts go on.",
        "Make room where the disk is full. Else nothing: `projection.written_again` follows.",
    ),
    "projection.prepared_taken": LogEvent(
        "The start has taken over the file that `dragoman prepare` had left, and folds what came "
        "since.",
    ),
    "projection.rebuilding": LogEvent(
        "The projection's file is of another release, damaged, or differs from its records. It is "
        "built again from the log.",
        "Nothing. It takes seconds for each hundred thousand records.",
    ),
    "projection.rebuilt": LogEvent(
        "The new file of the projection is in use.",
    ),
    "projection.written_again": LogEvent(
        "The writer of the projection works again, and the file follows the log.",
    ),
    "record.id_taken": LogEvent(
        "Another actor has used the id that this service gives to its own record. The service "
        "takes the next one of nine.",
        "See who wrote `position` past the gateways, and tell the sides.",
    ),
    "stream.cursor_not_stored": LogEvent(
        "A stream over all channels could not store its place. Channels that its reader has just "
        "gained are not in it yet. It tries again.",
        "Check the broker.",
    ),
    "stream.failed": LogEvent(
        "A fault of the program kept some events from the open streams of a channel.",
        "Keep the traceback, and report it. Restart the gateway if pages stay still: streams "
        "resume without a gap.",
    ),
}
