"""Every limit of the service, with its unit and its reason.

A limit that is part of a shape stands in the shape.
"""

from typing import Final

ACT_BYTES: Final = 240 * 1024
"""Bytes of an act as recorded. With its envelope and headers the act stays well below
the message limit of the stream.
"""

DRAFT_BYTES: Final = ACT_BYTES + 4_096
"""Bytes of a draft in its bucket: an act, its author and its time."""

PERSON_BYTES: Final = 16 * 1024
"""Bytes of an entry in the register of people: a name and contacts, not a file."""

PEOPLE: Final = 2_000
"""Living entries of a side in a channel. Every gateway reads all when it starts."""

EXCHANGE_BYTES: Final = 2 * 1024 * 1024
"""Bytes of a side's records in one exchange: a long book. It is read whole."""

EXCHANGE_SPARE_BYTES: Final = 64 * 1024
"""The part of `EXCHANGE_BYTES` for acts that end or settle something: acknowledgement,
correction, cancellation, closure, second key.
"""

EXCHANGE_LAST_BYTES: Final = 4 * 1024
"""The last bytes of it, which no correction and no long reason may use."""

FILE_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a file: a report with pictures, not a film. The file is in memory once,
while its digest is computed.
"""

CHUNK_BYTES: Final = 512 * 1024
"""Bytes of a piece of a file as one message: half of the broker's limit. To erase a
piece, the broker writes its block of 8 MiB again.
"""

SPARE_BYTES: Final = 256 * 1024 * 1024
"""Bytes of a side's files in a channel that none of its acts names. Drafts have
attachments too, but the store is not a deposit.
"""

FILES_AT_ONCE: Final = 2
"""Files of one side that a gateway receives at once: each of them is in memory."""

FILE_SECONDS: Final = 120.0
"""Seconds for a file to arrive: 16 MiB over a slow line."""

BODY_BYTES: Final = 2 * ACT_BYTES
"""Bytes of a posted body: an act with generous white space."""

FIRST_REQUEST_SECONDS: Final = 5.0
"""Seconds that a new connection may take for its handshake, and then for its headers. A
browser opens another connection when it needs one.
"""

ACCEPTED_AT_ONCE: Final = 32
"""Connections that are accepted before the event loop does anything else."""

DESCRIPTORS_SHARE: Final = 0.75
"""The share of a process's descriptors that connections may take: the broker, the
projection and the archive need the rest.
"""

SMALL_BODY_BYTES: Final = 16 * 1024
"""Bytes of a body that is read on the event loop. The worst body of this size takes
about 20 ms. Nearly every act is smaller.
"""

SWITCH_SECONDS: Final = 0.001
"""Seconds for which a worker may keep the interpreter from the event loop. The loop
needs it a dozen times for one answer.
"""

WORKERS: Final = 4
"""Threads that read large bodies. One side occupies one of them at a time."""

HELD_SECONDS: Final = 0.1
"""Seconds for which the event loop may be blocked before the log names the cause."""

HELD_LINE_SECONDS: Final = 1.0
"""The smallest interval between two such lines: a caller who blocks the loop must not
fill the log as well.
"""

FULL_LINE_SECONDS: Final = 60.0
"""The smallest interval between two lines which say that connections are refused."""

SMALL_FORM_BYTES: Final = 8 * 1024
"""Bytes of a form from a person who may have no session: a token, a return path, three
preferences.
"""

KEPT_FORM_BYTES: Final = 512 * 1024
"""Bytes of a form that is stored when it was sent after its session had ended."""

KEPT_FORM_SECONDS: Final = 3600
"""Seconds for which such a form is stored, and for which an ended session still names
its officer.
"""

KEPT_FORMS: Final = 32
"""Such forms that a gateway stores, of different officers: 16 MiB at most."""

FORM_FIELDS: Final = 1_000
"""Fields of a form. The longest form has about three hundred."""

PART_HEADER_BYTES: Final = 4 * 1024
"""Bytes of the headers of one part of a form: the names of a field and of a file."""

MESSAGE_BYTES: Final = 524_288
"""`max_msg_size` of a log stream: an act, its envelope and 64 signatures."""

FAULTS: Final = 20
"""Faulty members of a body that one answer lists, at any depth: nobody fixes more at
once. Missing members of the body itself are listed besides.
"""

DEPTH: Final = 32
"""Nesting of an act; the act itself is depth 1. Deeper input is an attack on parsers.
"""

DIGITS: Final = 17
"""Digits of a number: as many as a double can hold in every language."""

INTEGER: Final = 2**53 - 1
"""The largest integer that JavaScript reads exactly."""

KEY_BYTES: Final = (16, 128)
"""The length of an Idempotency-Key that is not a UUIDv7: long enough not to collide,
short enough to log.
"""

SIDES: Final = 64
"""Sides of a channel: as many as the largest real arrangement has, and as many as a
record may have signatures.
"""

CONSENTED_EXCHANGES: Final = 100
"""Exchanges of a side's consents to erasures that wait for the other sides. The
registry stores their ids.
"""

SIGNATURES: Final = 64
"""Signatures on one record: as many as a channel may have sides."""

SUBJECT_LENGTH: Final = 120
"""Characters of a title that replaces a subject: as many as a subject may have."""

FLASH_WORDS: Final = 200
"""Words in one text of a flash or immediate message. A Han character counts as half a
word.
"""

APPEND_ATTEMPTS: Final = 3
"""Times that a post is decided again after a conflict, before the poster is asked to
try again. Posts of one gateway to one exchange take turns, so only other gateways can
conflict.
"""

APPEND_SECONDS: Final = 5.0
"""Seconds within which an append is tried. The last attempt may take the time of a
request longer; then the outcome is reported as unknown.
"""

REQUEST_SECONDS: Final = 2.0
"""Seconds for one answer of the broker: enough for the fsync of a slow disk, not for a
dead broker.
"""

KEEPER_SECONDS: Final = 5.0
"""Seconds for which a gateway without the log key waits for the one that has it. It
asks again meanwhile, since that gateway may just be starting.
"""

KEEPER_OPENING_SECONDS: Final = 25.0
"""Seconds for which a gateway without the log key waits until another one has opened a
channel: longer than an election takes. The broker lets the answer come within a minute.
"""

KEEPER_REQUESTS: Final = 64
"""Requests of other gateways that the keeper answers at once. Others are dropped, and
are asked again.
"""

FOLD_SECONDS: Final = 5.0
"""Seconds for which an answer waits until the fold has passed its record, or a read its
minimum position.
"""

BATCH_RECORDS: Final = 1000
"""Records of one atomic batch: the limit of the broker."""

BATCH_ACTS: Final = 500
"""Acts in one request."""

BATCH_AT_ONCE: Final = 100
"""Acts of one request that are on their way to the log at once."""

COALESCE_FROM: Final = 20
"""Appends in flight from which openings are committed together. With fewer, single
appends are faster.
"""

COALESCE_SLOW_S: Final = 0.004
"""Seconds of the last append, beyond which two openings in flight coalesce.

On a disk whose sync takes 5 ms, openings that are appended one by one wait for each
other's sync.
"""

COALESCE_RECORDS: Final = 250
"""Openings of one batch. Beyond it the broker gains little, and a rejected batch is
halved more often.
"""

COALESCE_BESIDE: Final = 32
"""Openings that wait for a batch in flight, from which a second batch is sent beside
it.
"""

COALESCE_BATCHES: Final = 4
"""Batches in flight at once: enough that neither the gateway nor the broker waits."""

COMPRESSED_PAGE_BYTES: Final = 1024
"""Bytes from which a page, or a part of one, is compressed.

What rings is a part of 6 KiB for one flash. Over 64 kbit/s each KiB takes 0.13 s.
"""

COMPRESSED_BYTES: Final = 16 * 1024
"""Bytes from which an answer is compressed if the client accepts it. Compressing a
smaller one costs more than it saves.
"""

READ_RECORDS: Final = 500
"""Records of one read of the log."""

READ_BYTES: Final = 8 * 1024 * 1024
"""Bytes of one read of the log: less than the client library buffers for a
subscription.
"""

MARK_SECONDS: Final = 1.0
"""Seconds by which the file of a high-water mark may lag behind the acknowledged
records.
"""

INSPECT_SECONDS: Final = 10.0
"""The interval at which a stream is inspected by itself while the connection does not
change: its settings, its completeness, and the message at the known position.
"""

ROUND_SECONDS: Final = 10.0
"""The longest interval at which all streams are listed. A lost notification is noticed,
and a stream that is short or was changed, at the latest after so long.
"""

LIST_SECONDS: Final = 5.0
"""Seconds for one page of the list. A cluster waits four seconds for streams that have
no leader.
"""

WALK_SECONDS: Final = 3600.0
"""The interval at which the whole log is compared with its fold. It is also compared
after every new connection.
"""

WALK_RECORDS: Final = 64
"""Records that are compared at a time. Reading them delays a post by a few milliseconds
at most.
"""

WALK_REST: Final = 29
"""The pause after a comparison, as a multiple of its duration. So a walk takes a
thirtieth of a processor, and half an hour for a million records.
"""

WATCH_LOADED: Final = 200
"""Exchanges whose deadlines are read at a stretch when a scheduler starts: about ten
milliseconds, in which nothing else runs.
"""

ELECTION_SECONDS: Final = 20.0
"""Seconds for a cluster to agree on a leader. A node that is cut off believes for up to
ten seconds that it leads, and shows an old log.
"""

SERVERS_SECONDS: Final = 0.5
"""Seconds in which all servers of a cluster must answer after the first one has."""

WAIT_SECONDS: Final = 20.0
"""The longest time for which an answer waits for the witnesses (`Prefer: wait`): less
than clients and proxies allow for an answer.
"""

POLL_SECONDS: Final = 1.0
"""The interval at which a follower checks without a notification, in case one was lost.
Answers that are older than this are called stale.
"""

CLOCK_SKEW_SECONDS: Final = 2.0
"""Seconds by which a gateway's clock may differ from the broker's. Beyond it the
gateway refuses to write (docs/spec/record.md §16).
"""

PROOF_SECONDS: Final = 5.0
"""Seconds for which a proof of durability holds over one connection while the broker
does not answer the next question. One missed question passes, two in a row do not.
"""

LIST_PAGE: Final = 200
"""Rows of a page of a list."""

TIMELINE_PAGE: Final = 200
"""Records of an exchange on one page of its timeline. Nearly every exchange fits on one
page.
"""

TIMELINE_BYTES: Final = 256 * 1024
"""Bytes of records on one page of a timeline. A full exchange has 4 MiB."""

OVERDUE_LOOKED: Final = 2_000
"""Exchanges whose deadlines are read for one page of the overdue list: about 200 ms.
The cursor goes on from there.
"""

DUTIES_LOOKED: Final = 2_000
"""Exchanges whose deadlines are read for a board of the past: about 300 ms."""

OPEN_LOOKED: Final = 500
"""Exchanges that wait for no acknowledgement and are read for the list of open matters:
about 50 ms.
"""

CHART_EXCHANGES: Final = 250
"""Exchanges with places on one chart. With more of them, nobody reads it."""

STATISTICS_EXCHANGES: Final = 200_000
"""Exchanges that are counted for one answer: half a minute of a reader's thread, in
which other requests take turns.
"""

SITUATION_EXCHANGES: Final = 20_000
"""Exchanges that are read for a report of one page, all in memory at once: a hundred
years of quiet days.
"""

TREE_RECORDS: Final = 500
"""Records of one tree of causes, and its greatest depth: more than anybody reads."""

REPORT_EXCHANGES: Final = 2_000
"""Exchanges of one record of a period: a book of several thousand pages."""

LINE_CHECKS_BEFORE: Final = 100
"""Line checks before a period that are read, to count how many in a row came back."""

SCREEN_ROWS: Final = 50
"""Rows of a list on one page for people: as many as a reader looks through instead of
searching.
"""

SEARCH_PLACES: Final = 500
"""Newest places of a searched word that are read for a page, if they fill it."""

PAST_LOOKED: Final = 2_000
"""Exchanges that are read for one page of a list of the past: about 200 ms. The cursor
goes on from there.
"""

FACET_SECONDS: Final = 0.05
"""Seconds for one count beside a list. A count that takes longer is left out, and the
page says so.
"""

SEARCH_CHARACTERS: Final = 200
"""Characters of a search. A longer one is a pasted text, of which no single word would
be found.
"""

GO_FOUND: Final = 20
"""Goals of each kind on the page /go, if the typed text could mean several."""

RECORDS_PAGE: Final = 1000
"""Records that are fetched at a time while a replay is streamed."""

STREAM_BYTES: Final = 256 * 1024
"""Bytes that wait for one reader of a live stream. A reader that falls further behind
is cut off, and resumes by its last position.
"""

STREAM_HELD: Final = 1000
"""Events in memory for a reader that still receives what it missed. Beyond it the
reader goes on from the file.
"""

RING_SECONDS: Final = 1.0
"""The precision with which an unacknowledged flash rings again at its minute."""

SEAL_SECONDS: Final = 0.25
"""Seconds for which records gather under one signed head. With storing and sealing the
delay is half a second at most.
"""

RESEAL_SECONDS: Final = 300.0
"""The age at which a head is signed again although no record was added."""

DELIVERY_SECONDS: Final = 1.0
"""The smallest interval between two `delivery` records of a side."""

OUTAGE_LOOK_SECONDS: Final = 0.5
OUTAGE_SECONDS: Final = 10.0
"""Seconds without the end of a log after which the channel later records an outage: as
long as a post waits for a broker.
"""

DEDUPE_SECONDS: Final = 24 * 3600
"""The broker's window of message ids: a help, never the guarantee."""

MEMORY_EXCHANGES: Final = 5_000
"""Exchanges of a channel whose sizes stay in memory; decoded exchanges of an audit."""

MEMORY_BYTES: Final = 32 * 1024 * 1024
"""Bytes of memory for the folded exchanges of all channels. The file has the others."""

QUEUE_WRITES: Final = 5_000
"""Folded records that wait for the file before the fold pauses. This bounds the memory
of a rebuild.
"""

QUEUE_BYTES: Final = 64 * 1024 * 1024
"""The same limit in bytes of records and states. The fold pauses at half of it; at all
of it no record is accepted.
"""

REBUILD_SECONDS: Final = 60.0
"""The smallest interval between two rebuilds of a projection's file: a disk that
damages what is written must not be written to without end.
"""

INTEGRITY_SHARE: Final = 0.02
"""The share of a processor that the check of the projection's rows may use."""

INTEGRITY_SECONDS: Final = 3600.0
"""The shortest interval at which the whole log is folded again and compared row by row.
It grows with the log: between two such folds are at least four times the time of one.
"""

SESSIONS: Final = 10
"""Sessions of one token: the screens of an office. A further session closes the oldest
one.
"""

NAMED_CHANNELS: Final = 900
"""Channels that one token may name, so that it fits into one value of the broker."""

CURSOR_SECONDS: Final = 24 * 3600.0
"""The least time for which a stream over several channels can be resumed."""

CURSORS: Final = 64
"""Sets of positions that are kept for the streams of one token."""

DRAFTS: Final = 200
"""Drafts of a side in a channel. Every gateway holds all of them."""

SESSION_SECONDS: Final = 12 * 3600
"""The length of a page's session: one watch."""

KEPT_SECONDS: Final = 24 * 3600
"""The longest time for which a device stores the duty numbers of a channel; never
longer than its session.
"""

PING_SECONDS: Final = 10
"""The interval of the signs of life to an open page. Without one the page is unsure
after 15 s and blind after 20 s.
"""

GATHER_SECONDS: Final = 0.2
"""Seconds for which changes that ring nobody gather before an open page receives them.
"""

ALARMS_SHOWN: Final = 100
"""Messages that a page may name as ringing when it asks for their present state."""

GROUP_ALARMS: Final = 20
"""Messages of one side to one side that ring one by one. A further message joins the
group of its sender, without a new sound.
"""

FLOOD_SECONDS: Final = 600
FLOOD_ALARMS: Final = 10
"""Alarms within `FLOOD_SECONDS` beyond which they are a flood, which is shown as a
table.
"""

VIEW_SECONDS: Final = 365 * 24 * 3600
"""Seconds for which a screen remembers its language and its brightness."""

CONSOLE_SECONDS: Final = 60
"""Seconds for which the report of a console is believed."""

DISARMED_SECONDS: Final = 30
"""Seconds without an armed alarm at a manned watch before the pages say so. After twice
that nobody is on watch.
"""

UNARMED_SECONDS: Final = 120
"""Seconds without an armed alarm at a manned watch before the notifier tells the
deputies.
"""

CHECK_SECONDS: Final = 720
"""Seconds without a key or a pointer before an armed console asks. It asks only if the
office has its quiet watch checked.
"""

CHECK_STEP_SECONDS: Final = 15
"""Seconds from its question to its sound, and from its sound to the deputies."""

CHECKED_HEAD_SECONDS: Final = 90
"""Seconds from the notice to the deputies until the head of office learns that nobody
answers.
"""

WATCH_LOOK_SECONDS: Final = 5.0
"""The interval at which a gateway checks the watches."""

NOTICE_SECONDS: Final = 600
"""The age up to which a notice about a watch is still worth sending."""

UNOPENED_SECONDS: Final = 12 * 3600
"""Seconds for which an acknowledged flash that nobody opened is shown: one watch."""

CHANGED_SECONDS: Final = 600
"""Seconds for which a change of an acknowledged flash is shown as new."""

UNOPENED_RECORDS: Final = 300
"""Records that a gateway searches for such a flash when it starts."""

SHELVED: Final = 20
"""Matters that a watch may set aside: an empty list warns of nothing."""

HANDED: Final = 40
"""Matters of which a side keeps the colleague to whom they were handed."""

SHELVED_REASON: Final = 200
"""Characters of the reason for setting a matter aside."""

BROKER_VERSION: Final = (2, 12, 1)
"""The oldest nats-server whose atomic batches are checked for duplicate ids."""

ENDPOINTS: Final = 20
"""Endpoints of a side in a channel. The notifier serves each of them on its own."""

LINKS: Final = 20
"""Secret links of an officer to one calendar: several devices, and forgotten links on
old ones.
"""

BURST_SECONDS: Final = 10
"""Seconds of a budget that may be used at once: a page with all its parts, or the
backlog of a morning.
"""

BUDGET_KEYS: Final = 100_000
"""Officers, sides or addresses whose spending is remembered. The one that has spent
nothing for longest is forgotten first.
"""

BODY_SECONDS: Final = 20.0
"""Seconds for an act to arrive: 240 KiB over a satellite line."""

COUNT_SECONDS: Final = 10.0
"""The smallest interval between two counts of the open exchanges of a side. A count
reads every exchange.
"""

JWKS_BYTES: Final = 256 * 1024
"""Bytes of a provider's documents: several dozen keys."""

JWKS_SECONDS: Final = 300.0
"""The age at which the provider's keys are fetched again, so that a withdrawn key is
not believed for longer.
"""

JWKS_AGAIN_SECONDS: Final = 5.0
"""The smallest interval between two requests for the provider's keys, however many
tokens name unknown keys.
"""

RETRY_AFTER_SECONDS: Final = 2
"""Seconds that a 503 asks its client to wait. A restart of the broker takes less."""

ANSWER_BYTES: Final = 128 * 1024 * 1024
"""Bytes of an answer that a client holds in memory: enough for the record of a long
period, but not endless.
"""

LINE_BYTES: Final = 2 * MESSAGE_BYTES + 4096
"""Bytes of a line of a stream or an export, a little over 1 MiB: a record with its
annotations, or junk in hexadecimal digits.
"""

VOID_RECORDS: Final = 100_000
"""Messages without effect that an auditor holds in memory. A log with more was filled
on purpose, and nobody needs to read it to its end.
"""

COMPARED_GROWTH: Final = 100_000
"""Records by which a log may grow while its answers are compared: hours of the busiest
channel, but not endless.
"""

CALENDAR_BYTES: Final = 384 * 1024
"""The limit of a calendar, in bytes: a year of shifts, each an event of its own."""
