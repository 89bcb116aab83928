"""Every limit of the service: its name, its unit, its reason. Limits that are part of a shape stand in the shape."""

from typing import Final

ACT_BYTES: Final = 240 * 1024
"""An act as recorded. With its envelope and headers it stays well below the stream's
message limit.
"""

DRAFT_BYTES: Final = ACT_BYTES + 4_096
"""A draft in its bucket: an act, and who wrote it when."""

PERSON_BYTES: Final = 16 * 1024
"""An entry of the register of people: who it is and how to reach them, no file on them."""

PEOPLE: Final = 2_000
"""Living entries of a side in a channel: every gateway reads the whole register when it
starts.
"""

EXCHANGE_BYTES: Final = 2 * 1024 * 1024
"""A side's records in one exchange: a matter that needs more than a long book is
several. The exchange is read whole.
"""

EXCHANGE_SPARE_BYTES: Final = 64 * 1024
"""What is left of it for acts that end or settle something: acknowledgement,
correction, cancellation, closure, second key.
"""

FILE_BYTES: Final = 16 * 1024 * 1024
"""A file: a report with pictures, not a film. It is held in memory once, while its
digest is taken.
"""

CHUNK_BYTES: Final = 512 * 1024
"""A piece of a file as one message, half of what the broker takes; to erase one it
writes its block of 8 MiB anew.
"""

SPARE_BYTES: Final = 256 * 1024 * 1024
"""A side's files in a channel that none of its acts names: drafts have attachments too,
and a store is not a deposit.
"""

FILES_AT_ONCE: Final = 2
"""Files of one side that a gateway takes in at once: each is held in memory."""

FILE_SECONDS: Final = 120.0
"""Time for a file to arrive: 16 MiB over a slow line."""

BODY_BYTES: Final = 2 * ACT_BYTES
"""A posted body: an act with generous white space."""

FIRST_REQUEST_SECONDS: Final = 5.0
"""How long a new connection may send no request: its handshake, and then its headers. A
browser opens another one when it needs it.
"""

ACCEPTED_AT_ONCE: Final = 32
"""Connections that are taken before the event loop does anything else."""

DESCRIPTORS_SHARE: Final = 0.75
"""The share of a process's descriptors that connections may take: the broker, the
projection and the archive need the rest.
"""

SMALL_BODY_BYTES: Final = 16 * 1024
"""A body that is read on the event loop: the worst of this size takes some 20 ms.
Nearly every act is smaller.
"""

SWITCH_SECONDS: Final = 0.001
"""How long a worker may keep the interpreter from the event loop, which needs it a
dozen times for one answer.
"""

WORKERS: Final = 4
"""Threads that read large bodies: one of several sides each at a time."""

HELD_SECONDS: Final = 0.1
"""How long the event loop may be held before the log says by what."""

HELD_LINE_SECONDS: Final = 1.0
"""How often the log says so: who can hold the loop must not fill the log as well."""

FULL_LINE_SECONDS: Final = 60.0
"""How often the log says that connections are refused."""

SMALL_FORM_BYTES: Final = 8 * 1024
"""A form of somebody who may have no session: a token, a path to go on at, three
preferences.
"""

KEPT_FORM_BYTES: Final = 512 * 1024
"""A form that is kept when it was sent after its session had ended."""

KEPT_FORM_SECONDS: Final = 3600
"""How long such a form is kept, and for how long a session that has ended still says
whose it was.
"""

KEPT_FORMS: Final = 32
"""How many such forms a gateway keeps, of different officers: 16 MiB at most."""

FORM_FIELDS: Final = 1_000
"""Fields of a form. The longest form has some three hundred."""

PART_HEADER_BYTES: Final = 4 * 1024
"""Headers of one part of a form with a file: the names of the field and of the file."""

MESSAGE_BYTES: Final = 524_288
"""`max_msg_size` of a log stream: an act, its envelope and 64 signatures."""

FAULTS: Final = 20
"""Members of a body that one answer says are wrong, at whatever depth: nobody fixes
more at once. What the body itself lacks comes on top.
"""

DEPTH: Final = 32
"""Nesting of an act; the act itself is depth 1. Deeper input is made to hurt parsers."""

DIGITS: Final = 17
"""Digits of a number: what a double holds in every language."""

INTEGER: Final = 2**53 - 1
"""Largest integer that JavaScript reads exactly."""

KEY_BYTES: Final = (16, 128)
"""Length of an Idempotency-Key that is no UUIDv7: long enough not to collide, short
enough to log.
"""

SIDES: Final = 64
"""Sides of a channel: as many as in the largest of the real arrangements, and as many
signatures as a record may have.
"""

CONSENTED_EXCHANGES: Final = 100
"""Exchanges of a side's consents to erasures that wait for the other sides: the
registry keeps their ids.
"""

SIGNATURES: Final = 64
"""Signatures on one record: as many as sides in a channel."""

SUBJECT_LENGTH: Final = 120
"""Characters of the title that stands for a subject: as many as a subject may have."""

FLASH_WORDS: Final = 200
"""Words in one text of a flash or immediate message; Han characters count half a word
each.
"""

APPEND_ATTEMPTS: Final = 3
"""Times that a post is decided anew after a conflict, before the poster is asked to try
again. Posts of one gateway to one exchange take turns, so that only other gateways are
in the way.
"""

APPEND_SECONDS: Final = 5.0
"""Time within which an append is tried; what was begun last has a request's time more,
and then the outcome is said to be unknown.
"""

REQUEST_SECONDS: Final = 2.0
"""Time for one answer of the broker: a slow disk's fsync, not a dead broker."""

FOLD_SECONDS: Final = 5.0
"""Time that an answer waits for the fold to pass its record, or a read for its minimum
position.
"""

BATCH_RECORDS: Final = 1000
"""Records of one atomic batch: the broker's own limit."""

COALESCE_FROM: Final = 20
"""Appends in flight from which openings are committed together; below, single ones are
quicker.
"""

COALESCE_RECORDS: Final = 250
"""Openings of one batch: beyond it the broker's gain is small, and a rejected batch is
halved more often.
"""

COALESCE_BESIDE: Final = 32
"""Openings that wait for a batch on its way, from which another one goes beside it."""

COALESCE_BATCHES: Final = 4
"""Batches on their way at once: enough that neither we nor the broker wait."""

COMPRESSED_BYTES: Final = 16 * 1024
"""From this size on an answer is compressed for who accepts it: a small one costs more
than it saves.
"""

READ_RECORDS: Final = 500
"""Records of one read of the log."""

READ_BYTES: Final = 8 * 1024 * 1024
"""Bytes of one read of the log; below what the client library buffers for a
subscription.
"""

MARK_SECONDS: Final = 1.0
"""How far a high-water mark's file may be behind what was acknowledged."""

INSPECT_SECONDS: Final = 10.0
"""Interval at which a stream's settings and completeness are looked at while nothing
happens to the connection.
"""

WALK_SECONDS: Final = 3600.0
"""Interval at which the whole log is compared with what was folded from it, besides
every time that the connection stands anew.
"""

WALK_RECORDS: Final = 64
"""Records compared at a time: reading them holds a post up by a few milliseconds at
most.
"""

WALK_REST: Final = 29
"""Times as long as comparing took that is rested after it: a walk takes a thirtieth of
a processor, and half an hour for a million records.
"""

WATCH_LOADED: Final = 200
"""Exchanges whose clocks are read at a stretch when a watch starts: some ten
milliseconds, in which nothing else happens.
"""

ELECTION_SECONDS: Final = 20.0
"""Time for a cluster to agree on a leader: a node cut off believes for up to ten
seconds that it leads, and shows an old log.
"""

SERVERS_SECONDS: Final = 0.5
"""Time that all servers of a cluster have to answer, once the first has."""

WAIT_SECONDS: Final = 20.0
"""Longest time that an answer waits for the witnesses (`Prefer: wait`): below what
clients and proxies allow an answer.
"""

POLL_SECONDS: Final = 1.0
"""Interval at which a follower looks by itself, should a nudge be lost; also the age at
which answers are called stale.
"""

CLOCK_SKEW_SECONDS: Final = 2.0
"""A gateway whose clock is further off the broker's refuses to write (record.md §8)."""

LIST_PAGE: Final = 200
"""Rows of a page of a list."""

TIMELINE_PAGE: Final = 200
"""Records of an exchange on one page of its timeline: nearly every exchange is on one
page.
"""

OVERDUE_LOOKED: Final = 2_000
"""Exchanges whose clocks are looked at for one page of what is overdue: some 200 ms;
the cursor goes on from there.
"""

DUTIES_LOOKED: Final = 2_000
"""Exchanges whose clocks are looked at for a board of the past: some 300 ms."""

OPEN_LOOKED: Final = 500
"""Exchanges that wait for no acknowledgement and are looked at for the list of open
matters: some 50 ms.
"""

STATISTICS_EXCHANGES: Final = 200_000
"""Exchanges that are counted for one answer: half a minute of a reader's thread, in
which others have their turn.
"""

SITUATION_EXCHANGES: Final = 20_000
"""Exchanges that are looked at for a report of one page, all held in memory at once: a
hundred years of quiet days.
"""

TREE_RECORDS: Final = 500
"""Records of one tree of causes: more than anybody follows, and the depth to which it
may go.
"""

REPORT_EXCHANGES: Final = 2_000
"""Exchanges of one record of a period: a book of some thousand pages."""

LINE_CHECKS_BEFORE: Final = 100
"""Line checks of before a period that are looked at, to say how many came back in a row
and whether the line was there.
"""

SCREEN_ROWS: Final = 50
"""Rows of a list on one page for people: what is still looked through rather than
searched.
"""

PAST_LOOKED: Final = 2_000
"""Exchanges that are looked at for one page of a list of the past: some 200 ms; the
cursor goes on from there.
"""

FACET_SECONDS: Final = 0.05
"""Time for one count beside a list; one that takes longer is left out, and the page
says so.
"""

SEARCH_CHARACTERS: Final = 200
"""Characters of what is searched for: longer is a pasted text, and none of its words
alone would be found.
"""

GO_FOUND: Final = 20
"""Places that are listed where what was typed could be several."""

SEARCHES: Final = 50
"""Saved searches of an officer: every gateway holds them all."""

SEARCH_NAME: Final = 80
"""Characters of a saved search's name."""

RECORDS_PAGE: Final = 1000
"""Records fetched at a time while a replay is streamed."""

STREAM_BYTES: Final = 256 * 1024
"""What waits for one reader of a live stream; one that is further behind is cut off,
and resumes by its last position.
"""

STREAM_HELD: Final = 1000
"""Events held for a reader that is still brought what it has missed; beyond it reads on
from the file.
"""

RING_SECONDS: Final = 1.0
"""How exactly the repetition of an unacknowledged flash keeps its minute."""

SEAL_SECONDS: Final = 0.25
"""How long records are gathered under one signed head; with the time to keep and seal
it, at most half a second.
"""

RESEAL_SECONDS: Final = 300.0
"""How old a signed head may become before it is signed again, though nothing was added."""

DELIVERY_SECONDS: Final = 1.0
"""Smallest interval between two `delivery` records of a side."""

OUTAGE_LOOK_SECONDS: Final = 0.5
OUTAGE_SECONDS: Final = 10.0
"""How long a gateway must have been without a broker for the log to say so afterwards:
as long as a post waits for one.
"""

DEDUPE_SECONDS: Final = 24 * 3600
"""The broker's window of message ids: a help, never the guarantee."""

MEMORY_EXCHANGES: Final = 20_000
"""Folded exchanges kept in memory by a gateway; the rest are read from its file."""

MEMORY_BYTES: Final = 64 * 1024 * 1024
"""The same in bytes of their encodings: some hundred of the longest."""

QUEUE_WRITES: Final = 5_000
"""Folded records waiting for the file before the fold pauses, so that memory is bounded
in a rebuild.
"""

QUEUE_BYTES: Final = 64 * 1024 * 1024
"""The same in bytes of records and states: at half of it the fold pauses, at all of it
nothing more is taken in.
"""

REBUILD_SECONDS: Final = 60.0
"""At least so long between two rebuildings of a projection's file: a disk that damages
what is written is not written to without end.
"""

INTEGRITY_SHARE: Final = 0.02
"""How much of a processor the check of the projection's rows uses."""

INTEGRITY_SECONDS: Final = 24 * 3600.0
"""How often the whole log is folded again, and compared row by row."""

SESSIONS: Final = 10
"""Sessions of one token: the screens of an office. A further one closes the oldest."""

DRAFTS: Final = 200
"""Drafts of a side in a channel: every gateway holds them all."""

SESSION_SECONDS: Final = 12 * 3600
KEPT_SECONDS: Final = 24 * 3600
"""For how long at most a device keeps the duty numbers of a channel; never longer than
its session.
"""

"""A page's session: one watch."""

PING_SECONDS: Final = 10
"""How often an open page hears that it still hears; after 15 s without it is unsure,
after 20 s blind.
"""

GATHER_SECONDS: Final = 0.2
"""How long changes that ring nobody are gathered before an open page is told."""

ALARMS_SHOWN: Final = 100
"""Messages that a page may name as ringing when it asks what has become of them."""

GROUP_ALARMS: Final = 20
"""Messages of one side to one side that ring each by itself. A further one joins the
group of its sender, and is not heard anew.
"""

FLOOD_SECONDS: Final = 600
FLOOD_ALARMS: Final = 10
"""More alarms than this within that time are a flood, and shown as a table."""

VIEW_SECONDS: Final = 365 * 24 * 3600
"""How long a screen remembers its language and its light."""

CONSOLE_SECONDS: Final = 60
"""How long what a console has said is believed."""

DISARMED_SECONDS: Final = 30
"""How long nobody of a manned watch may have an armed alarm before the pages say so;
after twice that nobody is on watch.
"""

UNARMED_SECONDS: Final = 120
"""How long no alarm of a manned watch may be armed before the deputies are told by
courier.
"""

CHECK_SECONDS: Final = 720
"""How long an armed console of an office that has its quiet watch checked may see no
key and no pointer before it asks.
"""

CHECK_STEP_SECONDS: Final = 15
"""From its question to its sound, and from there to the deputies."""

CHECKED_HEAD_SECONDS: Final = 90
"""How long after the deputies the head of office learns that nobody answers."""

WATCH_LOOK_SECONDS: Final = 5.0
"""How often a gateway looks after the watches."""

NOTICE_SECONDS: Final = 600
"""How old a notice about a watch may be and still be worth bringing."""

UNOPENED_SECONDS: Final = 12 * 3600
"""How long a flash that was acknowledged and not opened is spoken of: one watch."""

CHANGED_SECONDS: Final = 600
"""How long a change of an acknowledged flash is news."""

UNOPENED_RECORDS: Final = 300
"""Records that a gateway looks back over for such a flash when it starts."""

SHELVED: Final = 20
"""Cautions that a watch may have put aside: a board on which nothing warns any more
warns of nothing.
"""

SHELVED_REASON: Final = 200
"""Characters of the reason."""

BROKER_VERSION: Final = (2, 12, 1)
"""The oldest nats-server whose atomic batches are checked for duplicate ids."""

ENDPOINTS: Final = 20
"""Endpoints of a side in a channel: each is a courier's round."""

LINKS: Final = 20
"""Secret links of an officer to one calendar: a few devices, and what was forgotten on
old ones.
"""

BURST_SECONDS: Final = 10
"""How many seconds' worth of a budget may be used at once: a page with all its parts, a
morning's backlog.
"""

BUDGET_KEYS: Final = 100_000
"""Officers, sides or addresses whose spending is remembered; whoever has spent nothing
lately is forgotten first.
"""

BODY_SECONDS: Final = 20.0
"""Time for an act to arrive: 240 KiB over a satellite line."""

COUNT_SECONDS: Final = 10.0
"""Smallest interval between two counts of what a side has open: a count reads every
exchange.
"""

JWKS_BYTES: Final = 256 * 1024
"""A provider's documents: some dozens of keys."""

JWKS_SECONDS: Final = 300.0
"""How old the provider's keys may become: a key that was taken back is not believed
longer.
"""

JWKS_AGAIN_SECONDS: Final = 5.0
"""Smallest interval between two looks at the provider's keys, however many tokens name
keys that nobody knows.
"""

VERIFIED_SECONDS: Final = 60.0
"""How long a token that held is believed without a new look at its signature."""

VERIFIED_TOKENS: Final = 1_024
"""Tokens that are remembered as having held: one an officer."""

RETRY_AFTER_SECONDS: Final = 2
"""What a 503 asks its client to wait: a broker's restart takes less."""

ANSWER_BYTES: Final = 128 * 1024 * 1024
"""An answer that a client holds in memory: the record of a long period, and no endless
one.
"""

LINE_BYTES: Final = 2 * MESSAGE_BYTES + 4096
"""A line of a stream or an export, a little over 1 MiB: a record and what is said of
it, or junk in hexadecimal digits.
"""

VOID_RECORDS: Final = 100_000
"""Messages without effect that an auditor holds in memory. A log with more was filled
up, and is none that anybody needs to read to its end.
"""

COMPARED_GROWTH: Final = 100_000
"""Records by which a log may grow while its answers are compared: hours of the busiest
channel, and no endless log.
"""

RETRY_FIRST_SECONDS: Final = 1.0
"""Wait before a task that failed unexpectedly is run again; doubled at each further
failure.
"""

RETRY_LONGEST_SECONDS: Final = 60.0
"""Longest such wait: an operator who has removed the cause sees the channel back within
a minute.
"""
