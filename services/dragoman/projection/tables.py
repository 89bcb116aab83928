"""The tables of a projection's file: their SQL, version and encoded columns."""

from typing import Final

import msgspec

from dragoman.projection.row_keys import POSITION_BITS
from dragoman.tlog.merkle import Frontier

VERSION: Final = 23
"""The version of the tables.

Files of another version are built again. So are files of another program
(`fold_digest`).
"""

SNAPSHOT_RECORDS: Final = 256
"""A snapshot is taken at every position that is a multiple of this number."""

SCHEMA: Final = f"""
CREATE TABLE made_by (digest TEXT NOT NULL) STRICT;
CREATE TABLE channels (number INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, position
  INTEGER NOT NULL, state BLOB NOT NULL, total BLOB NOT NULL, frontier BLOB NOT NULL,
  tally BLOB NOT NULL, void INTEGER NOT NULL) STRICT;
CREATE TABLE records (key INTEGER PRIMARY KEY, id TEXT, exchange TEXT, actor TEXT, act
  TEXT, time TEXT, valid INTEGER NOT NULL, reason TEXT, detail TEXT, number TEXT,
  subject TEXT, record_commit TEXT NOT NULL, digest TEXT NOT NULL, raw BLOB NOT NULL, state BLOB)
  STRICT;
CREATE INDEX records_id ON records (id, key) WHERE id IS NOT NULL;
CREATE INDEX records_exchange ON records (exchange, key) WHERE exchange IS NOT NULL;
CREATE TABLE exchanges (key INTEGER PRIMARY KEY, id TEXT NOT NULL, number TEXT NOT NULL,
  act TEXT NOT NULL, family TEXT NOT NULL, status TEXT NOT NULL, side TEXT NOT NULL,
  sides TEXT NOT NULL, precedence INTEGER NOT NULL, area TEXT NOT NULL, subject BLOB NOT
  NULL, opened TEXT NOT NULL, updated TEXT NOT NULL, position INTEGER NOT NULL,
  unacknowledged TEXT NOT NULL, unanswered TEXT NOT NULL) STRICT;
CREATE INDEX exchanges_id ON exchanges (id);
CREATE INDEX exchanges_office ON exchanges (key) WHERE act = 'liaison-office';
CREATE INDEX exchanges_line ON exchanges (key) WHERE act = 'line-check';
CREATE INDEX exchanges_point ON exchanges (key) WHERE act = 'point-of-contact';
CREATE INDEX exchanges_window ON exchanges (key) WHERE act IN ('danger-area',
  'launch-notice', 'military-activity', 'humanitarian-notification', 'visit-invitation',
  'visit-request');
CREATE INDEX exchanges_number ON exchanges (number);
CREATE INDEX exchanges_status ON exchanges (family, status, key);
CREATE INDEX exchanges_waiting ON exchanges (key >> {POSITION_BITS}, precedence, key)
  WHERE unacknowledged != '';
CREATE INDEX exchanges_unacknowledged ON exchanges (key) WHERE unacknowledged != '';
CREATE INDEX exchanges_unanswered ON exchanges (key) WHERE unanswered != '';
CREATE TABLE waits (key INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT
  NULL, precedence INTEGER NOT NULL, PRIMARY KEY (key, since)) STRICT, WITHOUT ROWID;
CREATE INDEX waits_until ON waits (until, since, precedence, key);
CREATE TABLE subjects (channel INTEGER NOT NULL, subject TEXT NOT NULL, last INTEGER NOT
  NULL, PRIMARY KEY (channel, subject)) STRICT, WITHOUT ROWID;
CREATE TABLE links (channel INTEGER NOT NULL, target TEXT NOT NULL, key INTEGER NOT
  NULL, PRIMARY KEY (channel, target, key)) STRICT, WITHOUT ROWID;
CREATE TABLE attached (channel INTEGER NOT NULL, sha256 TEXT NOT NULL, side TEXT NOT
  NULL, position INTEGER NOT NULL, PRIMARY KEY (channel, sha256, side, position))
  STRICT, WITHOUT ROWID;
CREATE TABLE snapshots (key INTEGER PRIMARY KEY, frontier BLOB NOT NULL, time TEXT NOT
  NULL, tally BLOB NOT NULL) STRICT;
CREATE TABLE deliveries (channel INTEGER NOT NULL, side TEXT NOT NULL, upto INTEGER NOT
  NULL, position INTEGER NOT NULL, time TEXT NOT NULL, PRIMARY KEY (channel, side,
  upto)) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE search USING fts5 (words, content='',
  tokenize="unicode61 remove_diacritics 2");
"""


PRECEDENCES: Final = ("flash", "immediate", "priority", "routine")


ACKNOWLEDGED: Final = len(PRECEDENCES)
"""The precedence in `waits` of an exchange that needs no acknowledgement.

Such an exchange may be an open matter for another reason.
"""


encode_frontier = msgspec.msgpack.Encoder().encode


decode_frontier = msgspec.msgpack.Decoder(Frontier).decode
