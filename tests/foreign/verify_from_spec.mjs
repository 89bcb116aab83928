// A complete verifier of an export of a channel's log, written from docs/spec/record.md,
// docs/spec/log.md and docs/spec/terms.md alone. It does the log check (record.md section 19), not
// the full replay. It computes the terms of every consent, which the log check does not need:
// `consents` in its answer has both, and takes all other records as legal.
//
//   node verify_from_spec.mjs EXPORT.zip [--log VERIFIER-KEY] [--cid CID] [--witness VERIFIER-KEY]…
//                             [--policy FILE] [--oldest SECONDS-OF-UNIX-TIME]
//   node verify_from_spec.mjs --batch       a path or a line {"path": …, "log": …, "cid": …,
//                                           "witnesses": […], "policy": TEXT, "oldest": …} on
//                                           stdin gives one line of JSON on stdout
//
// Comments cite the sections as R§ (record.md), L§ (log.md) and T§ (terms.md).

import { createHash, createPublicKey, verify as verifyWithLibrary } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as zlib from 'node:zlib'

// ---------------------------------------------------------------------------------------------
// Bytes

const sha256 = (...parts) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const hexOf = (...parts) => sha256(...parts).toString('hex')

/** Canonical base64 (R§1), or null. */
function fromBase64(text) {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}

class Failure extends Error {
  constructor(step, check, position, meaning, positions = position ? [position] : []) {
    super(meaning)
    Object.assign(this, { step, check, position, positions })
  }
}

// ---------------------------------------------------------------------------------------------
// Ed25519 (R§7). Rules 1 to 5 are here; rule 6 is OpenSSL's own check: it has no cofactor and
// compares the encoding of S·B − h·A with R byte by byte.

const P = 2n ** 255n - 19n
const L = 2n ** 252n + 27742317777372353535851937790883648493n
const mod = (a) => ((a % P) + P) % P
const power = (base, exponent) => {
  let result = 1n
  for (base = mod(base); exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % P
    base = (base * base) % P
  }
  return result
}
const D = mod(-121665n * power(121666n, P - 2n))
const ROOT_OF_MINUS_ONE = power(2n, (P - 1n) / 4n)
const littleEndian = (bytes) => BigInt('0x' + Buffer.from(bytes).reverse().toString('hex'))

function add([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = mod((y1 - x1) * (y2 - x2))
  const b = mod((y1 + x1) * (y2 + x2))
  const c = mod(2n * t1 * t2 * D)
  const d = mod(2n * z1 * z2)
  const [e, f, g, h] = [b - a, d - c, d + c, b + a]
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)]
}

const isIdentity = ([x, y, z]) => x === 0n && y === z

function times(scalar, point) {
  let result = [0n, 1n, 1n, 0n]
  for (; scalar > 0n; scalar >>= 1n) {
    if (scalar & 1n) result = add(result, point)
    point = add(point, point)
  }
  return result
}

const strength = new Map()

/** A key that breaks none of the rules 1 to 3. */
function isStrongKey(key) {
  if (key.length !== 32) return false
  const name = key.toString('hex')
  if (!strength.has(name)) strength.set(name, judge())
  return strength.get(name)

  function judge() {
    const number = littleEndian(key)
    const sign = number >> 255n
    const y = number & (2n ** 255n - 1n)
    if (y >= P) return false
    const u = mod(y * y - 1n)
    const v = mod(D * y * y + 1n)
    let x = mod(u * power(v, 3n) * power(u * power(v, 7n), (P - 5n) / 8n))
    if (mod(v * x * x) !== u) x = mod(x * ROOT_OF_MINUS_ONE)
    if (mod(v * x * x) !== u) return false
    if (x === 0n && sign === 1n) return false
    if ((x & 1n) !== sign) x = mod(-x)
    const point = [x, y, 1n, mod(x * y)]
    return !isIdentity(point) && isIdentity(times(L, point))
  }
}

const IDENTITY_BYTES = Buffer.from('01' + '00'.repeat(31), 'hex')
const imported = new Map()

function isSignature(key, message, signature) {
  if (signature.length !== 64 || !isStrongKey(key)) return false
  if (littleEndian(signature.subarray(32)) >= L) return false
  if (signature.subarray(0, 32).equals(IDENTITY_BYTES)) return false
  const name = key.toString('base64url')
  if (!imported.has(name)) {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: name }
    imported.set(name, createPublicKey({ key: jwk, format: 'jwk' }))
  }
  return verifyWithLibrary(null, message, imported.get(name), signature)
}

/** The bytes of a key that an act writes in base64, or null when it is no key or weak (R§14.1). */
function keyOf(text) {
  const key = fromBase64(text)
  return key && isStrongKey(key) ? key : null
}
/** The keyid of any text of the type Base64Of32. A text that is not canonical has none. */
function keyidOf(text) {
  const key = fromBase64(text)
  return key ? hexOf(key) : null
}

/** R§7, the member `signatures`: a list of [keyid, signature], or null when a rule is broken. */
function readSignatures(text) {
  const items = text.split(' ')
  if (items.length > 64) return null
  const found = []
  for (const item of items) {
    const match = /^([0-9a-f]{64}):([A-Za-z0-9+/=]+)$/.exec(item)
    const bytes = match && fromBase64(match[2])
    if (!bytes || bytes.length !== 64) return null
    if (found.length && found.at(-1)[0] >= match[1]) return null
    found.push([match[1], bytes])
  }
  return found
}

const preAuthentication = (act) =>
  Buffer.concat([
    Buffer.from(`DSSEv1 36 application/vnd.dragoman.act.v1+json ${act.length} `, 'latin1'),
    act,
  ])

// ---------------------------------------------------------------------------------------------
// The act: the strict profile of JSON (R§3). Objects are Maps, numbers keep their text.

class Numeral {
  constructor(text) {
    this.text = text
  }
}

const MAX_INTEGER = 2n ** 53n - 1n
const NUMBER = /-?(0|[1-9][0-9]*)(\.[0-9]+)?/y
const KEY = /"([A-Za-z0-9][A-Za-z0-9_-]{0,39})"/y
const ESCAPES = { '"': '"', '\\': '\\', '/': '/', n: '\n', t: '\t' }

class Malformed extends Error {}

function isForbidden(code) {
  return (
    (code < 0x20 && code !== 0x0a && code !== 0x09) ||
    (code >= 0x7f && code <= 0x9f) ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069)
  )
}

/** The act as a Map. Throws Malformed. */
function parseAct(bytes) {
  if (bytes.length > 245760) throw new Malformed('act too long')
  let text
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Malformed('not UTF-8')
  }
  let at = 0
  const stop = (why) => {
    throw new Malformed(why)
  }
  if (text[0] !== '{') stop('no object')
  const result = value(1)
  if (at !== text.length) stop('bytes follow the act')
  return result

  function value(depth) {
    switch (text[at]) {
      case '{':
        return object(depth)
      case '[':
        return array(depth)
      case '"':
        return string()
    }
    for (const [word, meaning] of [['true', true], ['false', false]]) {
      if (text.startsWith(word, at)) {
        at += word.length
        return meaning
      }
    }
    return number()
  }

  function object(depth) {
    if (depth > 32) stop('too deep')
    const members = new Map()
    at += 1
    if (text[at] === '}') {
      at += 1
      return members
    }
    for (;;) {
      KEY.lastIndex = at
      const match = KEY.exec(text)
      if (!match) stop('no key')
      at = KEY.lastIndex
      if (members.has(match[1])) stop('the same key twice')
      if (text[at] !== ':') stop('no colon')
      at += 1
      members.set(match[1], value(depth + 1))
      if (text[at] === '}') break
      if (text[at] !== ',') stop('no comma')
      at += 1
    }
    at += 1
    return members
  }

  function array(depth) {
    if (depth > 32) stop('too deep')
    const items = []
    at += 1
    if (text[at] === ']') {
      at += 1
      return items
    }
    for (;;) {
      items.push(value(depth + 1))
      if (text[at] === ']') break
      if (text[at] !== ',') stop('no comma')
      at += 1
    }
    at += 1
    return items
  }

  function number() {
    NUMBER.lastIndex = at
    const match = NUMBER.exec(text)
    if (!match) stop('no value')
    at = NUMBER.lastIndex
    const digits = match[0].replace(/[-.]/g, '')
    if (digits.length > 17) stop('too many digits')
    if (match[0][0] === '-' && /^0+$/.test(digits)) stop('minus zero')
    if (match[2] === undefined) {
      const size = BigInt(digits)
      if (size > MAX_INTEGER) stop('integer too large')
    }
    return new Numeral(match[0])
  }

  function hex4() {
    const digits = text.slice(at, at + 4)
    if (!/^[0-9A-Fa-f]{4}$/.test(digits)) stop('bad escape')
    at += 4
    return parseInt(digits, 16)
  }

  function string() {
    let result = ''
    at += 1
    for (;;) {
      if (at >= text.length) stop('string without an end')
      const unit = text.charCodeAt(at)
      if (unit === 0x22) {
        at += 1
        return result
      }
      if (unit !== 0x5c) {
        if (unit < 0x20 || isForbidden(unit)) stop('forbidden character')
        result += text[at]
        at += 1
        continue
      }
      const letter = text[at + 1]
      at += 2
      if (letter !== 'u') {
        if (!Object.hasOwn(ESCAPES, letter ?? '')) stop('bad escape')
        result += ESCAPES[letter]
        continue
      }
      const code = hex4()
      if (code >= 0xdc00 && code <= 0xdfff) stop('lone surrogate')
      if (code >= 0xd800 && code <= 0xdbff) {
        if (text.slice(at, at + 2) !== '\\u') stop('lone surrogate')
        at += 2
        const low = hex4()
        if (low < 0xdc00 || low > 0xdfff) stop('lone surrogate')
        result += String.fromCharCode(code, low)
        continue
      }
      if (isForbidden(code)) stop('forbidden character')
      result += String.fromCharCode(code)
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Names of acts (R§18)

const words = (text) => text.trim().split(/\s+/)
const FILE_TYPES = words(`
  application/pdf application/json application/vnd.oasis.opendocument.text
  application/vnd.openxmlformats-officedocument.wordprocessingml.document
  audio/mpeg image/jpeg image/png text/csv text/plain video/mp4`)
const FAMILIES = ['contact', 'meeting', 'notification', 'dialogue', 'channel', 'desk']
const SPEC = readFileSync(new URL('../../docs/spec/record.md', import.meta.url), 'utf8')

/** The cells of the rows below a header line of the specification. */
function rowsBelow(header) {
  const lines = SPEC.slice(SPEC.indexOf(header)).split('\n').slice(2)
  const end = lines.findIndex((line) => !line.startsWith('|'))
  return lines.slice(0, end).map((line) => line.split('|').slice(1, -1))
}

const namesIn = (cell) => [...cell.matchAll(/`([a-z-]+)`/g)].map((match) => match[1])
const OPENING_FAMILY = new Map()
for (const [family, acts] of rowsBelow('| openings of family |')) {
  for (const act of namesIn(acts)) OPENING_FAMILY.set(act, namesIn(family)[0])
}
const CONTINUING = new Set(rowsBelow('| continuing acts |').flatMap(([acts]) => namesIn(acts)))
/** The acts that have version 2 (R§18). Every other act has version 1 alone. */
const OF_TWO_VERSIONS = new Set(words(`call-attempt reply interim-reply clarification-request decline
  repeat-request help-request help-offer help-acceptance help-delivery`))
const SERVICE_OF = new Map([
  ['channel-opening', 'desk'], ['delivery', 'gateway'], ['broker-outage', 'gateway'],
  ['reminder', 'watch'], ['lapse', 'watch'], ['line-check-missed', 'watch'],
  ['window-notice', 'watch'],
  ['courier-outcome', 'courier'],
])
/** The acts of a station (R§18). */
const OF_STATIONS = new Set(['delivery', 'line-outage', 'line-check'])
const SILENT = new Set(words('reminder courier-outcome delivery broker-outage line-outage'))
const RECEIPT = new Set(words('acknowledgement second-key call-attempt passed-on window-notice'))
const CONSENTING = new Set(words(`assessment correction retraction cancellation translation-agreement amendment
  amendment-agreement agreement adoption closure acceptance agenda-agreement readout-agreement
  accounts-agreement common-ground endorsement release-consent erasure-consent`))
const CAUSED = new Set(words('reminder lapse line-check-missed window-notice'))
const SPEAKING = ['officer', 'duty_officer', 'head_of_office']
const ROLES = [...SPEAKING, 'auditor', 'administrator', 'station']
const isStation = (roles) => roles.includes('station')
const WATCH_ROLES = ['duty_officer', 'head_of_office']

// ---------------------------------------------------------------------------------------------
// Shapes (R§9, R§12, R§14)

const whole = (pattern) => new RegExp(`^(?:${pattern})$`, 'u')
const ID = whole('[0-9a-f]{8}-[0-9a-f]{4}-[578][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}')
const NAME = whole('[a-z0-9]+(-[a-z0-9]+)*')
const TIMESTAMP = whole('([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2})' +
  '(?::([0-9]{2})(?:\\.([0-9]{1,6}))?)?(?:Z|([+-])([0-9]{2}):([0-9]{2}))')

const isText = (v) => typeof v === 'string'
const length = (v) => [...v].length
const ofLength = (least, most) => (v) => isText(v) && length(v) >= least && length(v) <= most
// `$` without the flag m matches at the very end only, so a trailing LF is no match.
const like = (pattern) => (v) => isText(v) && pattern.test(v)
const oneOf = (...values) => (v) => values.includes(v)
const listOf = (type, least, most) => (v) =>
  Array.isArray(v) && v.length >= least && v.length <= most && v.every(type)
const integer = (least, most = Number.MAX_SAFE_INTEGER) => (v) =>
  v instanceof Numeral && !v.text.includes('.') && Number(v.text) >= least && Number(v.text) <= most
const objectOf = (needed, optional = {}) => (v) =>
  v instanceof Map &&
  Object.keys(needed).every((key) => v.has(key)) &&
  [...v].every(([key, item]) => {
    const type = Object.hasOwn(needed, key) ? needed[key]
      : Object.hasOwn(optional, key) ? optional[key] : null
    return type !== null && type(item)
  })

const Name = (v) => isText(v) && v.length <= 63 && NAME.test(v)
const Id = like(ID)
const Hex32 = like(whole('[0-9a-f]{64}'))
const Base64Of32 = like(whole('[A-Za-z0-9+/]{43}='))
const Line = ofLength(1, 500)
const Text = ofLength(1, 60000)
const Language = (v) =>
  isText(v) && v.length <= 35 && whole('[a-z]{2,3}(-[A-Za-z0-9]{2,8})*').test(v)
const Words = (v) =>
  Text(v) ||
  (v instanceof Map && v.size >= 1 && v.size <= 20 &&
    [...v].every(([key, item]) => Language(key) && Text(item)))
const Timestamp = like(TIMESTAMP)
const ClockTime = like(whole('([01][0-9]|2[0-3]):[0-5][0-9]'))
const Zone = (v) =>
  isText(v) && v.length <= 64 && whole('[A-Za-z0-9_+\\-]+(/[A-Za-z0-9_+\\-]+)*').test(v)
const GenesisSide = objectOf(
  { name: Name, roots: listOf(Base64Of32, 1, 16), threshold: integer(1, 16) },
  { next_roots: Hex32, observer: (v) => typeof v === 'boolean' },
)
const OnwardEntry = objectOf(
  { format: Name, posts: listOf(Line, 1, 30) },
  { before_min: integer(1, 20160) },
)
const LineChecks = objectOf(
  { at: listOf(ClockTime, 1, 48), zone: Zone, sent_by: Name },
  { from: Timestamp },
)
const ErasedRecord = objectOf(
  {
    position: integer(2), commit: Hex32, id: Id, type: ofLength(0, 90), subject: Id,
    time: ofLength(0, 24), actor: ofLength(0, 127),
  },
  { void: (v) => typeof v === 'boolean' },
)
const Signed = objectOf({
  channel: Hex32, type: ofLength(0, 90), exchange: ofLength(0, 36), id: Id,
  author: ofLength(0, 127), after: like(whole('([0-9a-f]{64})?')),
  seen: objectOf({ size: integer(1), root: Base64Of32 }),
})
const Keys = listOf(Base64Of32, 1, 8)
const Erased = listOf(ErasedRecord, 1, 500)

const CHANNEL_SHAPES = new Map(Object.entries({
  'channel-opening': [
    {
      type: oneOf('dragoman.channel-opening.v1'), name: Name,
      kind: oneOf('official', 'track2', 'exercise', 'desk'), sides: listOf(GenesisSide, 1, 64),
      log_key: Base64Of32, origin: Line, languages: listOf(Language, 1, 20), rules: integer(1, 9999),
      nonce: Hex32,
    },
    {
      witnesses: listOf(Line, 0, 64), policy: Text, profiles: listOf(Name, 0, 20), marking: Line,
      required_signatures: listOf(oneOf(...FAMILIES), 0, 6),
      file_types: listOf(oneOf(...FILE_TYPES), 0, 10),
      exercise_of: objectOf({ name: Name, cid: Hex32 }), custody: oneOf('host'),
      arrangement: Words,
      continues: objectOf({ cid: Hex32, size: integer(1), root: Base64Of32 }),
    },
  ],
  officer: [
    { officer: Name, office: Name, roles: listOf(oneOf(...ROLES), 1, 5) },
    { keys: Keys, kept_by: oneOf('station') },
  ],
  'officer-revocation': [{ officer: Name }, { reason: Words }],
  'key-addition': [{ officer: Name, keys: Keys }, { kept_by: oneOf('station') }],
  'key-revocation': [{ key: Hex32 }, { suspect_from: integer(1), reason: Words }],
  'root-rotation': [
    { roots: listOf(Base64Of32, 1, 16) },
    { threshold: integer(1, 16), next_roots: Hex32 },
  ],
  'side-admission': [{ side: GenesisSide }, {}],
  'log-handover': [
    { epoch: integer(1, 1000), key: Base64Of32 },
    { cut: (v) => typeof v === 'boolean', host_url: Line, reason: Words },
  ],
  'channel-end': [{ reason: Words }, { successor: objectOf({ name: Name }, { cid: Hex32 }) }],
  'erasure-consent': [
    { records: Erased },
    { reason: Words, withdrawn: (v) => typeof v === 'boolean' },
  ],
  erasure: [{ records: Erased }, { reason: Words }],
  'profile-adoption': [
    { profile: oneOf('default', 'vienna', 'shanghai') },
    { line_check: LineChecks },
  ],
  'codebook-adoption': [{ codebook: Name, version: integer(1, 1000000) }, {}],
  'policy-adoption': [{ policy: Text }, {}],
  'rules-adoption': [{ rules: integer(1, 9999) }, { release: Line }],
  'onward-adoption': [{ entries: listOf(OnwardEntry, 0, 40) }, {}],
  'channel-status': [
    { status: oneOf('in_force', 'degraded', 'suspended', 'resumed') },
    { reason: Words },
  ],
  'watch-assumption': [{}, {}],
  'watch-relief': [{}, { to: Name, note: Words }],
  delivery: [{ side: Name, upto: integer(1) }, {}],
  'broker-outage': [
    { from: Timestamp, to: Timestamp, cause: oneOf('broker', 'gateway') },
    {},
  ],
  'line-outage': [{ from: Timestamp, to: Timestamp }, {}],
}).map(([act, [needed, optional]]) => [
  act,
  // R§3: every act may have `signed`, `channel-opening` too.
  objectOf({ act: oneOf(act), ...needed }, { ...optional, signed: Signed }),
]))
const KEEPER = new Set(words(`officer officer-revocation key-addition key-revocation root-rotation
  side-admission log-handover channel-end erasure-consent erasure profile-adoption codebook-adoption
  policy-adoption rules-adoption`))

/** The acts that stay possible in a channel that was ended (R§14.13). */
const AFTER_THE_END = new Set(words(`erasure-consent erasure officer officer-revocation key-addition
  key-revocation root-rotation log-handover`))

/** The act in the type of a record: the second part between points (R§15.2). */
const actOfType = (type) => type.split('.')[1] ?? ''

function fitsShape(act) {
  const name = act.get('act')
  if (CHANNEL_SHAPES.has(name)) return CHANNEL_SHAPES.get(name)(act)
  if (!OPENING_FAMILY.has(name) && !CONTINUING.has(name)) return false
  // The other shapes are not on these pages (R§19). R§12 still gives the shape of `signed`.
  return !act.has('signed') || Signed(act.get('signed'))
}

// ---------------------------------------------------------------------------------------------
// Times

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
function dayExists(year, month, day) {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return day <= DAYS[month - 1] + (month === 2 && leap ? 1 : 0)
}

/** Microseconds of Unix time of a Timestamp, or null when the time does not exist (R§14.1). */
function instant(text) {
  const match = TIMESTAMP.exec(text)
  if (!match) return null
  const [year, month, day, hour, minute] = match.slice(1, 6).map(Number)
  const second = Number(match[6] ?? 0)
  const [zoneHour, zoneMinute] = [Number(match[9] ?? 0), Number(match[10] ?? 0)]
  if (!dayExists(year, month, day) || hour > 23 || minute > 59 || second > 59) return null
  if (year < 1000 || year > 9000 || zoneHour > 23 || zoneMinute > 59) return null
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  const offset = BigInt(zoneHour * 3600 + zoneMinute * 60) * (match[8] === '-' ? -1n : 1n)
  const fraction = BigInt((match[7] ?? '').padEnd(6, '0'))
  return (BigInt(date.getTime() / 1000) - offset) * 1000000n + fraction
}

function zoneExists(zone) {
  // R§14.11 asks for a name of the time zone database, in its spelling. Intl also takes plain
  // offsets and other cases, which are refused here as far as Intl shows them.
  if (!/^[A-Za-z]/.test(zone)) return false
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions()
    return timeZone === zone || timeZone.toLowerCase() !== zone.toLowerCase()
  } catch {
    return false
  }
}

// ---------------------------------------------------------------------------------------------
// The record (R§4) and the leaf (R§8)

const ENVELOPE = [
  ['specversion', true], ['id', true], ['source', true], ['type', true], ['subject', true],
  ['time', true], ['datacontenttype', true], ['dataschema', true], ['channel', true],
  ['family', true], ['actor', true], ['releasedby', false], ['decided', true],
  ['causationid', false], ['attestation', true], ['signatures', false], ['salt', true],
]
const RECORD_TIME = whole(
  '([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\\.[0-9]{3}Z')
function isRecordTime(text) {
  const match = RECORD_TIME.exec(text)
  if (!match) return false
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number)
  return dayExists(year, month, day) && hour <= 23 && minute <= 59 && second <= 59
}
const DECIDED = whole('0|[1-9][0-9]{0,15}')
const ENTRY = whole('dragoman-entry/v1\\nindex (0|[1-9][0-9]{0,15})\\ncommit ([0-9a-f]{64})\\n')

/** The record in a message, or null when the message is none. */
function splitRecord(message) {
  if (message.length > 524288) return null
  const text = message.toString('latin1')
  if (!text.startsWith('{"specversion":"1.0","id":"')) return null
  const record = { specversion: '1.0' }
  let at = '{"specversion":"1.0"'.length
  for (const [name, needed] of ENVELOPE.slice(1)) {
    const start = `,"${name}":"`
    if (!text.startsWith(start, at)) {
      if (needed) return null
      continue
    }
    at += start.length
    const end = text.indexOf('"', at)
    if (end < 0) return null
    record[name] = text.slice(at, end)
    if (!/^[\x20-\x7e]*$/.test(record[name]) || record[name].includes('\\')) return null
    at = end + 1
  }
  if (!text.startsWith(',"data":', at) || text.at(-1) !== '}') return null
  at += ',"data":'.length
  if (at > message.length - 1) return null
  record.bytes = message.subarray(at, message.length - 1)
  if (!ID.test(record.id) || !ID.test(record.subject)) return null
  if (!isRecordTime(record.time)) return null
  if (!DECIDED.test(record.decided)) return null
  if (!/^[0-9a-f]{64}$/.test(record.salt)) return null
  if (record.datacontenttype !== 'application/json') return null
  if (record.attestation !== 'author' && record.attestation !== 'host') return null
  if ((record.signatures !== undefined) !== (record.attestation === 'author')) return null
  try {
    record.members = parseAct(record.bytes)
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
  record.act = record.members.get('act')
  if (typeof record.act !== 'string' || !fitsShape(record.members)) return null
  // R§4: a type of an older version asks for an act of that name.
  const older = /^dragoman\.(.*)\.v1$/.exec(record.type)?.[1]
  if (OF_TWO_VERSIONS.has(older) && record.act !== older) return null
  return record
}

const commitOf = (message) => hexOf('dragoman-commit/v1\n', message)
const entryOf = (index, commit) =>
  Buffer.from(`dragoman-entry/v1\nindex ${index}\ncommit ${commit}\n`, 'latin1')
const leafHash = (entry) => sha256(Buffer.of(0), entry)
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right)

/** The commitment in a message that is the leaf entry of its own index, or null. */
function ownEntry(message, position) {
  if (message.length > 200) return null
  const match = ENTRY.exec(message.toString('latin1'))
  return match && match[1] === String(position - 1) ? match[2] : null
}

/** The tree of L§2, which grows leaf by leaf and knows its root at every size. */
class Tree {
  levels = [[]]

  get size() {
    return this.levels[0].length
  }

  push(hash) {
    this.levels[0].push(hash)
    for (let level = 0; this.levels[level].length % 2 === 0; level += 1) {
      const below = this.levels[level]
      this.levels[level + 1] ??= []
      this.levels[level + 1].push(nodeHash(below.at(-2), below.at(-1)))
    }
  }

  root(size = this.size) {
    return this.over(0, size)
  }

  /** The root over the leaves [from, to); `from` is a multiple of a power of two ≥ to−from. */
  over(from, to) {
    if (from === to) return sha256('')
    let result = null
    for (let end = to; end > from; ) {
      let level = 0
      while (end % 2 ** (level + 1) === 0 && end - 2 ** (level + 1) >= from) level += 1
      const hash = this.levels[level][end / 2 ** level - 1]
      result = result ? nodeHash(hash, result) : hash
      end -= 2 ** level
    }
    return result
  }
}

// ---------------------------------------------------------------------------------------------
// Notes, verifier keys, checkpoints, policies (L§4, L§5, L§8)

const goodKeyName = (name) => name.length > 0 && !/[\p{White_Space}+]/u.test(name)
const shortKeyId = (name, typed) => sha256(name, '\n', typed).subarray(0, 4).toString('hex')

function parseVerifierKey(text, type) {
  const match = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/s.exec(text)
  if (!match || !goodKeyName(match[1])) return null
  const typed = fromBase64(match[3])
  if (!typed || typed.length !== 33 || typed[0] !== type) return null
  if (shortKeyId(match[1], typed) !== match[2]) return null
  const key = typed.subarray(1)
  return isStrongKey(key) ? { name: match[1], id: match[2], key, type, text } : null
}

function logVerifierKey(origin, key) {
  const typed = Buffer.concat([Buffer.of(1), key])
  return `${origin}+${shortKeyId(origin, typed)}+${typed.toString('base64')}`
}

/** A signed note: its text and its lines, or null. */
function parseNote(bytes) {
  if (bytes.length > 1000000) return null
  let note
  try {
    note = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
  if (/[\x00-\x09\x0b-\x1f]/.test(note)) return null
  const split = note.lastIndexOf('\n\n')
  if (split < 0) return null
  const text = note.slice(0, split + 1)
  const rest = note.slice(split + 2)
  if (!rest.endsWith('\n')) return null
  const found = rest.slice(0, -1).split('\n')
  if (found.length > 100) return null
  const lines = []
  for (const line of found) {
    const match = /^\u2014 ([^ ]+) ([^ ]+)$/u.exec(line)
    if (!match || !goodKeyName(match[1])) return null
    const payload = fromBase64(match[2])
    if (!payload || payload.length < 5) return null
    lines.push({
      name: match[1],
      id: payload.subarray(0, 4).toString('hex'),
      payload: payload.subarray(4),
    })
  }
  return { text, lines }
}

/** The first line of a known key: true without one, `{time}` with a good one; null: a bad line. */
function lineOf(note, known) {
  let first
  for (const line of note.lines) {
    if (line.name !== known.name || line.id !== known.id) continue
    let time = null
    let signed = note.text
    let signature = line.payload
    if (known.type === 4) {
      if (line.payload.length !== 72) return null
      time = line.payload.readBigUInt64BE(0)
      signed = `cosignature/v1\ntime ${time}\n${note.text}`
      signature = line.payload.subarray(8)
    }
    if (!isSignature(known.key, Buffer.from(signed, 'utf8'), signature)) return null
    first ??= { time }
  }
  return first ?? true
}

function parseCheckpoint(text) {
  const match = /^([^\n]+)\n(0|[1-9][0-9]{0,15})\n([^\n]+)\n$/.exec(text)
  const root = match && fromBase64(match[3])
  if (!root || root.length !== 32) return null
  const size = Number(match[2])
  if (size === 0 && !root.equals(sha256(''))) return null
  return { origin: match[1], size, root }
}

const wordsOf = (line) => line.split(/\p{White_Space}+/u).filter((word) => word !== '')

/** The size in the text of a checkpoint, whatever its signature lines are; null without a text. */
function sizeIn(checkpoint) {
  const end = checkpoint ? checkpoint.lastIndexOf('\n\n') : -1
  return end < 0 ? null : parseCheckpoint(checkpoint.toString('utf8', 0, end + 1))?.size ?? null
}

/** A policy (L§8), or null. One that is given may lack its log line (L§10 step 3). */
function parsePolicy(text, needsLog = true) {
  const policy = { logs: [], members: new Map(), quorum: null }
  const isFree = (name) => name !== 'none' && !policy.members.has(name)
  for (const [index, piece] of text.split('\n').entries()) {
    const line = wordsOf(piece.split('#')[0])
    if (line.length === 0) continue
    if (index >= 1000) return null
    if (line[0] === 'log' && (line.length === 2 || line.length === 3)) {
      const key = parseVerifierKey(line[1], 1)
      if (!key) return null
      policy.logs.push(key)
    } else if (line[0] === 'witness' && (line.length === 3 || line.length === 4)) {
      const key = parseVerifierKey(line[2], 4)
      if (!key || !isFree(line[1])) return null
      policy.members.set(line[1], { key })
    } else if (line[0] === 'group' && line.length >= 4) {
      const members = line.slice(3)
      if (!isFree(line[1]) || new Set(members).size !== members.length) return null
      if (!members.every((name) => policy.members.has(name))) return null
      const many = line[2] === 'all' ? members.length : line[2] === 'any' ? 1
        : /^[0-9]+$/.test(line[2]) ? Number(line[2]) : 0
      if (many < 1 || many > members.length) return null
      policy.members.set(line[1], { members, many })
    } else if (line[0] === 'quorum' && line.length === 2) {
      if (policy.quorum !== null) return null
      if (line[1] !== 'none' && !policy.members.has(line[1])) return null
      policy.quorum = line[1]
    } else {
      return null
    }
  }
  if (policy.quorum === null || (needsLog && policy.logs.length === 0)) return null
  policy.witnesses = [...policy.members.values()].filter((m) => m.key).map((m) => m.key)
  return policy
}

/** A policy for a channel (L§8), or null. `isTaken` says whether a keyid serves for something. */
function policyForChannel(text, { sides, origin, logKeys, isTaken }) {
  if (text.split(/[\n\u2028\u2029]/).some((line) => wordsOf(line)[0] === 'log')) return null
  const bare = text.replace(/\p{White_Space}+$/u, '')
  const policy = parsePolicy(`${bare}\nlog ${logVerifierKey(origin, logKeys[0])}\n`)
  if (!policy || policy.quorum === 'none') return null
  if (!sides.every((side) => policy.members.has(side))) return null
  const keyids = policy.witnesses.map((witness) => hexOf(witness.key))
  if (new Set(keyids).size !== keyids.length || keyids.some(isTaken)) return null
  if (logKeys.some((key) => keyids.includes(hexOf(key)))) return null
  policy.keyids = keyids
  return policy
}

function isSatisfied(policy, name, cosigned) {
  const member = policy.members.get(name)
  if (member.key) return cosigned.has(member.key.text)
  return member.members.filter((one) => isSatisfied(policy, one, cosigned)).length >= member.many
}

/** The witnesses of the group or witness with a name; none when the policy has no such name. */
function witnessesOf(policy, name) {
  const member = policy.members.get(name)
  if (!member) return []
  return member.key ? [member.key.text] : member.members.flatMap((one) => witnessesOf(policy, one))
}

/** Whether the quorum cannot be reached without the witnesses of each of these sides (R§14.10). */
function asksEvery(policy, sides) {
  return sides.every((side) => {
    const others = new Set(policy.witnesses.map((witness) => witness.text))
    for (const text of witnessesOf(policy, side.name)) others.delete(text)
    return !isSatisfied(policy, policy.quorum, others)
  })
}

// ---------------------------------------------------------------------------------------------
// The opening (R§9)

/** Whether a GenesisSide is an observer, which consents to nothing (R§10). */
const isObserver = (side) => side.get('observer') === true

/** What makes this record no valid opening, or null. */
function faultOfOpening(record) {
  const act = record.members
  if (record.act !== 'channel-opening') return 'position 1 is not channel-opening'
  if (record.type !== 'dragoman.channel-opening.v1') return 'type'
  if (record.dataschema !== 'urn:dragoman:schema:channel-opening:1') return 'dataschema'
  if (record.family !== 'channel') return 'family'
  if (record.releasedby !== undefined) return 'releasedby'
  if (record.causationid !== undefined) return 'causationid'
  if (record.actor !== 'service/desk') return 'actor'
  if (record.source !== '/services/desk') return 'source'
  if (record.decided !== '0' || act.has('signed')) return 'decided or signed'
  if (record.channel !== act.get('name')) return 'channel'
  if (record.subject !== record.id) return 'subject'
  if (record.attestation !== 'author') return 'attestation'
  const sides = act.get('sides')
  const names = sides.map((side) => side.get('name'))
  if (new Set(names).size !== names.length || names.includes('service')) return 'names of sides'
  const texts = [...sides.flatMap((side) => side.get('roots')), act.get('log_key')]
  if (new Set(texts).size !== texts.length || !texts.every(keyOf)) return 'keys'
  if (sides.some((side) => numberOf(side, 'threshold') > side.get('roots').length)) {
    return 'threshold'
  }
  const isExercise = act.get('kind') === 'exercise'
  if (isExercise !== act.has('exercise_of')) return 'exercise_of'
  if (isExercise !== act.get('name').endsWith('-exercise')) return 'name of an exercise'
  const roots = new Map()
  for (const side of sides) {
    for (const text of side.get('roots')) {
      roots.set(keyidOf(text), { side: side.get('name'), key: keyOf(text) })
    }
  }
  const witnesses = act.get('witnesses') ?? []
  if (!act.has('policy')) {
    if (witnesses.length > 0) return 'witnesses without a policy'
  } else {
    const policy = policyForChannel(act.get('policy'), {
      sides: sides.filter((side) => !isObserver(side)).map((side) => side.get('name')),
      origin: act.get('origin'), logKeys: [keyOf(act.get('log_key'))],
      isTaken: (keyid) => roots.has(keyid),
    })
    if (!policy) return 'policy'
    // R§9 rule 8: the same key may stand in `witnesses` twice.
    const given = new Set(witnesses)
    const named = new Set(policy.witnesses.map((witness) => witness.text))
    if (given.size !== named.size || ![...given].every((key) => named.has(key))) return 'witnesses'
  }
  const signatures = readSignatures(record.signatures)
  if (!signatures) return 'signatures'
  const signed = preAuthentication(record.bytes)
  const count = new Map()
  for (const [keyid, signature] of signatures) {
    const root = roots.get(keyid)
    if (!root || !isSignature(root.key, signed, signature)) return 'a signature'
    count.set(root.side, (count.get(root.side) ?? 0) + 1)
  }
  for (const side of sides) {
    const signers = count.get(side.get('name')) ?? 0
    if (signers < numberOf(side, 'threshold')) return 'too few signatures'
  }
  return null
}

function numberOf(members, name, otherwise) {
  return members.has(name) ? Number(members.get(name).text) : otherwise
}

// ---------------------------------------------------------------------------------------------
// The replay of the log (R§10 to R§15)

/** The version of the rules that these pages describe (R§14.12). */
const RULES = 1

class Void extends Error {}
const need = (condition, why) => {
  if (!condition) throw new Void(why)
}

const NAMESPACE = Buffer.from('19307e854fd45476ad3525429f547f28', 'hex')
function serviceId(channel, actor, key) {
  const bytes = createHash('sha1').update(NAMESPACE)
    .update(`dragoman-id/v1\n${channel}\n${actor}\n${key}`).digest().subarray(0, 16)
  bytes[6] = (bytes[6] & 0x0f) | 0x50
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
    .join('-')
}

const itemOf = (member) => ({
  position: numberOf(member, 'position'), commit: member.get('commit'), id: member.get('id'),
  type: member.get('type'), subject: member.get('subject'), time: member.get('time'),
  actor: member.get('actor'), void: member.get('void') ?? false,
})

const isSameItem = (one, other) => Object.keys(one).every((member) => one[member] === other[member])

const listHash = (items) =>
  hexOf('dragoman-erasure/v1\n', items.map((item) => `${item.position} ${item.commit}\n`).join(''))

const rootsHash = (threshold, keyids) =>
  hexOf(`dragoman-roots/v1\n${threshold}\n`,
    [...keyids].sort().map((keyid) => `${keyid}\n`).join(''))

const isService = (actor) => actor.startsWith('service/')

/** The side of the officer who is an actor: empty for root and for services (R§14.11). */
function sideOfOfficer(actor) {
  const [side] = actor.split('/', 1)
  return side === 'service' || actor === `${side}/root` ? '' : side
}

const ERASURE_MARK = Buffer.from(',"type":"dragoman.erasure.v', 'latin1')

/**
 * What erasures name, by position (R§15.2): the item of the first erasure that names it, and the
 * positions of this erasure and of all others that name it with the same eight members.
 */
function namedIn(messages, records) {
  const named = new Map()
  for (const [index, record] of records.entries()) {
    if (record?.act !== 'erasure' || !messages[index].includes(ERASURE_MARK)) continue
    for (const item of record.members.get('records').map(itemOf)) {
      if (item.position > index) continue
      const first = named.get(item.position)
      if (!first) named.set(item.position, { item, by: new Set([index + 1]) })
      else if (isSameItem(first.item, item)) first.by.add(index + 1)
    }
  }
  return named
}

class Replay {
  constructor(messages, records) {
    const opening = records[0]
    const act = opening.members
    Object.assign(this, {
      messages, records, tree: new Tree(), entries: [], named: namedIn(messages, records),
      junk: [], voids: [], stubs: [], disputes: [], datedBack: [], lateHeads: [],
      counts: { author: 0, host: 0, service: 0 },
      channel: opening.channel, genesis: opening.id,
      cid: hexOf('dragoman-channel/v1\n', opening.bytes),
      custody: act.get('custody') ?? 'sides', origin: act.get('origin'),
      required: act.get('required_signatures') ?? [],
      // The key of the opening and that of each handover, with the size of its first head (L§5).
      logKeys: [{ key: keyOf(act.get('log_key')), since: 0 }],
      rules: numberOf(act, 'rules'), rulesAdopted: new Map(), newerFrom: 0,
      sides: [], officers: new Map(), keys: new Map(), policy: null, policies: new Map(),
      consents: [], erased: new Set(), delivered: new Map(), outage: null, watches: new Map(),
      lineOutages: new Map(),
      used: new Set(), exchanges: new Map(), bySubject: new Map(), channelCommits: new Set(),
      valid: new Map(), channelTime: '', signers: new Map(), highest: new Map(),
    })
    // The stubs that no valid erasure has proven so far.
    this.unproven = new Set()
  }

  run() {
    for (let position = 1; position <= this.messages.length; position += 1) this.take(position)
    for (const [keyid, positions] of this.signers) {
      const key = this.keys.get(keyid)
      if (key.suspectFrom === undefined) continue
      for (const q of positions) if (key.suspectFrom <= q && q < key.until) this.disputes.push(q)
    }
    this.withheld = [...this.unproven]
    return this
  }

  take(position) {
    const message = this.messages[position - 1]
    const record = this.records[position - 1]
    const stub = record ? null : this.stubAt(position, message)
    const commit = stub ? stub.commit : commitOf(message)
    const entry = stub ? message : entryOf(position - 1, commit)
    // R§14.12: what follows newer rules is hashed, and not judged.
    if (this.rules > RULES) this.newerFrom ||= position - 1
    else if (stub) this.enterStub(position, stub)
    else if (!record) this.junk.push(position)
    else if (position === 1) this.open(record, commit)
    else this.judge(position, record, commit)
    this.entries.push(entry)
    this.tree.push(leafHash(entry))
  }

  // -- stubs (R§15.2) ---------------------------------------------------------------------------

  stubAt(position, message) {
    const named = this.named.get(position)
    if (!named || ownEntry(message, position) !== named.item.commit) return null
    const { item } = named
    const act = actOfType(item.type)
    if (!OPENING_FAMILY.has(act) && !CONTINUING.has(act)) return null
    if (this.used.has(item.id)) return null
    if (!isRecordTime(item.time)) return null
    if (!item.void && !OPENING_FAMILY.has(act)) {
      const earlier = this.bySubject.get(item.subject) ?? []
      const opening = earlier.find((one) => one.id === item.subject)
      if (!opening || !OPENING_FAMILY.has(opening.act)) return null
    }
    return { ...item, act }
  }

  enterStub(position, stub) {
    this.stubs.push(stub)
    this.unproven.add(position)
    this.useUp(stub)
    this.enter({ ...stub, isStub: true })
    if (stub.void) return
    this.valid.set(position, stub.actor)
    this.raiseTime(stub.time, position)
  }

  /** A valid erasure proves every stub that it names. */
  prove(erasure) {
    for (const position of this.unproven) {
      if (this.named.get(position).by.has(erasure)) this.unproven.delete(position)
    }
  }

  /** R§6: an id of version 5 is used up by services only. */
  useUp({ id, actor }) {
    if (isService(actor) || id[14] !== '5') this.used.add(id)
  }

  enter(item) {
    const list = this.bySubject.get(item.subject) ?? []
    this.bySubject.set(item.subject, list)
    list.push(item)
  }

  raiseTime(time, position) {
    if (time > this.channelTime) Object.assign(this, { channelTime: time, raisedAt: position })
  }

  // -- the opening ------------------------------------------------------------------------------

  open(record, commit) {
    const act = record.members
    for (const side of act.get('sides')) this.addSide(side, 0)
    if (act.has('policy')) this.policy = this.readPolicy(act.get('policy'))
    this.used.add(record.id)
    this.newest = commit
    this.channelCommits.add(commit)
    this.valid.set(1, record.actor)
    this.raiseTime(record.time, 1)
    this.counts.service += 1
  }

  addSide(side, since) {
    const name = side.get('name')
    this.sides.push({
      name, threshold: numberOf(side, 'threshold'), nextRoots: side.get('next_roots'),
      observer: isObserver(side),
      roots: side.get('roots').map((text) => this.addKey(text, `${name}/root`, since)),
    })
  }

  addKey(text, owner, since) {
    const keyid = keyidOf(text)
    this.keys.set(keyid, { keyid, key: keyOf(text), owner, since })
    return keyid
  }

  readPolicy(text, isTaken = () => false) {
    return policyForChannel(text, {
      sides: this.consenting().map((side) => side.name), origin: this.origin,
      logKeys: this.logKeys.map((one) => one.key), isTaken,
    })
  }

  // -- the registry -----------------------------------------------------------------------------

  /** The sides that count where a rule asks for every side (R§10). */
  consenting() {
    return this.sides.filter((side) => !side.observer)
  }
  side(name) {
    return this.sides.find((side) => side.name === name)
  }
  inOffice(actor, p) {
    const officer = this.officers.get(actor)
    return officer && officer.since < p && (officer.until === undefined || officer.until >= p)
      ? officer : null
  }
  validKey(keyid, p) {
    const key = this.keys.get(keyid)
    return key && key.since < p && (key.until === undefined || key.until >= p) ? key : null
  }
  isFresh(text) {
    const key = keyOf(text)
    if (!key) return false
    const keyid = hexOf(key)
    if (this.keys.has(keyid) || this.logKeys.some((one) => one.key.equals(key))) return false
    const policies = [this.policy, ...[...this.policies.values()].map((one) => one.policy)]
    return !policies.some((policy) => policy?.keyids.includes(keyid))
  }
  /** The verifier key under which a head of this size stands (L§5). */
  logKeyAt(size) {
    return logVerifierKey(this.origin, this.logKeys.findLast((one) => one.since <= size).key)
  }
  isAdministrator(actor) {
    const officer = this.officers.get(actor)
    if (!officer || officer.until !== undefined) return false
    return officer.roles.includes('administrator')
  }

  /** What a side has adopted of the rules (R§14.12). */
  standing(side) {
    return Math.max(this.rulesAdopted.get(side) ?? this.rules, this.rules)
  }

  // -- R§11 -------------------------------------------------------------------------------------

  judge(p, record, commit) {
    const item = {
      position: p, commit, id: record.id, type: record.type, subject: record.subject,
      time: record.time, actor: record.actor, act: actOfType(record.type), isStub: false,
      void: false,
    }
    let effect
    let signers
    try {
      signers = this.check(p, record)
      effect = this.checkChannelAct(p, record, signers)
    } catch (error) {
      if (!(error instanceof Void)) throw error
      item.void = true
      this.voids.push({ position: p, why: error.message })
    }
    if (record.act === 'erasure' && !item.void) this.prove(p)
    this.useUp(record)
    this.enter(item)
    if (item.void) return
    this.valid.set(p, record.actor)
    if (isService(record.actor)) this.counts.service += 1
    else this.counts[record.attestation] += 1
    for (const signer of signers) {
      if (!this.signers.has(signer)) this.signers.set(signer, [])
      this.signers.get(signer).push(p)
    }
    const back = Date.parse(this.channelTime) - Date.parse(record.time)
    if (back > 2000) this.datedBack.push(p)
    this.raiseTime(record.time, p)
    this.noteSeen(p, record)
    if (effect) effect()
    this.join(record, commit)
  }

  noteSeen(p, record) {
    const seen = record.members.get('signed')?.get('seen')
    if (!seen) return
    const size = numberOf(seen, 'size')
    const highest = this.highest.get(record.actor) ?? 0
    if (size < highest || p - size > 1000) this.lateHeads.push(p)
    this.highest.set(record.actor, Math.max(highest, size))
  }

  join(record, commit) {
    if (CHANNEL_SHAPES.has(record.act)) {
      this.channelCommits.add(commit)
      if (!SILENT.has(record.act)) this.newest = commit
      return
    }
    if (OPENING_FAMILY.has(record.act)) {
      this.exchanges.set(record.id, {
        family: record.family, commits: new Set([commit]), revision: commit,
      })
      return
    }
    const exchange = this.exchanges.get(record.subject)
    exchange.commits.add(commit)
    if (!SILENT.has(record.act) && !RECEIPT.has(record.act)) exchange.revision = commit
  }

  /** Steps 1 to 15. Returns the keyids that signed. */
  check(p, record) {
    const { act, actor, members } = record
    const service = isService(actor)
    const isChannelAct = CHANNEL_SHAPES.has(act)
    need(!this.used.has(record.id), 'its id is used up')
    need(service || record.id[14] !== '5', 'an id of version 5 that is not of a service')
    need(act !== 'channel-opening', 'a second opening')
    need(Number(record.decided) < p, 'decided')
    need(record.channel === this.channel, 'channel')
    if (isChannelAct) {
      need(record.family === 'channel' && record.subject === this.genesis, 'family or subject')
    } else if (OPENING_FAMILY.has(act)) {
      need(record.family === OPENING_FAMILY.get(act), 'family')
      need(record.subject === record.id, 'subject')
    } else {
      const exchange = this.exchanges.get(record.subject)
      need(exchange && !this.erased.has(record.subject), 'no such exchange')
      need(record.family === exchange.family, 'family')
    }
    const match = /^dragoman\.(.*)\.v([1-9][0-9]*)$/.exec(record.type)
    need(match && match[1] === act, 'type')
    need(['1', ...(OF_TWO_VERSIONS.has(act) ? ['2'] : [])].includes(match[2]), 'version')
    need(record.dataschema === `urn:dragoman:schema:${act}:${match[2]}`, 'dataschema')
    this.checkActor(p, record, service, isChannelAct)
    need((record.causationid !== undefined) === CAUSED.has(act), 'causationid')
    if (CAUSED.has(act)) need(record.causationid === members.get('started_by'), 'causationid')
    if (service) this.checkServiceId(record)
    this.checkSecond(p, record, service, isChannelAct)
    const signed = members.get('signed')
    need(Boolean(signed) === (record.attestation === 'author'), 'signed and attestation')
    need(signed || !KEEPER.has(act), 'a keeper act that nobody signed')
    need(signed || service || !this.required.includes(record.family), 'required signature')
    if (!signed) return []
    this.checkSigned(p, record, signed, isChannelAct)
    return this.checkSignatures(p, record)
  }

  checkActor(p, record, service, isChannelAct) {
    const { act, actor } = record
    const parts = actor.split('/')
    need(parts.length === 2 && parts[0] !== '' && parts[1] !== '', 'actor')
    const [sideName, name] = parts
    need(!this.ended || AFTER_THE_END.has(act), 'the channel was ended')
    if (service) {
      const allowed = SERVICE_OF.get(act) === name || (act === 'line-check' && name === 'watch')
      need(allowed, 'the service may not do this')
      need(record.source === `/services/${name}`, 'source')
      return
    }
    need(this.side(sideName), 'no such side')
    if (name === 'root') {
      need(KEEPER.has(act), 'root may not do this')
      need(record.source === `/sides/${sideName}`, 'source')
      return
    }
    const officer = this.inOffice(actor, p)
    need(officer, 'not in office')
    need(record.source === `/sides/${sideName}/offices/${officer.office}`, 'source')
    if (isStation(officer.roles)) {
      need(OF_STATIONS.has(act), 'a station may not do this')
      need(record.attestation === 'author', 'an act of a station that nobody signed')
      return
    }
    need(!SERVICE_OF.has(act) && act !== 'line-outage', 'only a service or a station does this')
    if (!isChannelAct) return
    const asked = act === 'root-rotation' ? []
      : act === 'key-revocation' ? [...SPEAKING, 'administrator']
      : KEEPER.has(act) ? ['administrator']
      : act === 'channel-status' ? SPEAKING
      : act === 'onward-adoption' ? ['head_of_office']
      : WATCH_ROLES
    need(officer.roles.some((role) => asked.includes(role)), 'role')
  }

  checkServiceId(record) {
    const { act, actor, members } = record
    const keys = {
      reminder: ['clock', 'side', 'started_by', 'step'],
      delivery: ['side', 'upto'], 'broker-outage': ['from', 'to'],
      'courier-outcome': ['of', 'side', 'means', 'outcome'],
      'window-notice': ['started_by', 'step'],
    }
    keys.lapse = keys['line-check-missed'] = keys.reminder
    // `line-check` needs <due>, which these pages leave out (R§6, R§19).
    if (!keys[act]) return
    const values = keys[act].map((name) => members.get(name))
    // R§6: without a member that the shape asks for, the id is not judged here.
    if (!values.every((v) => typeof v === 'string' || v instanceof Numeral)) return
    const texts = values.map((v) => (v instanceof Numeral ? v.text : v))
    const key = act === 'courier-outcome' ? texts.join('/')
      : CAUSED.has(act) ? [act, record.subject, ...texts].join('\n')
      : [act, ...texts].join('\n')
    for (let turn = 1; turn <= 9; turn += 1) {
      const id = serviceId(this.channel, actor, turn === 1 ? key : `${key}\n${turn}`)
      if (this.used.has(id)) continue
      need(record.id === id, 'the id of a service')
      return
    }
    need(false, 'all nine ids are used up')
  }

  checkSecond(p, record, service, isChannelAct) {
    const second = record.releasedby
    const takesTwo = record.act === 'channel-status'
    if (isChannelAct) need((second !== undefined) === takesTwo, 'releasedby')
    if (second === undefined) return
    const [side, name] = record.actor.split('/')
    need(!service && name !== 'root', 'releasedby of a service or of root')
    need(second !== record.actor && second.startsWith(`${side}/`), 'releasedby')
    for (const actor of [second, record.actor]) {
      const officer = this.inOffice(actor, p)
      need(officer && officer.roles.some((role) => SPEAKING.includes(role)), 'releasedby')
    }
  }

  checkSigned(p, record, signed, isChannelAct) {
    const { act } = record
    const isOpening = OPENING_FAMILY.has(act)
    need(signed.get('channel') === this.cid, 'signed.channel')
    need(signed.get('type') === record.type, 'signed.type')
    need(signed.get('exchange') === (isOpening ? '' : record.subject), 'signed.exchange')
    need(signed.get('id') === record.id, 'signed.id')
    need(signed.get('author') === record.actor, 'signed.author')
    const size = numberOf(signed.get('seen'), 'size')
    need(size < p, 'seen.size')
    need(this.tree.root(size).toString('base64') === signed.get('seen').get('root'), 'seen.root')
    const after = signed.get('after')
    if (isOpening) {
      need(after === '', 'after')
    } else if (act === 'erasure-consent') {
      need(after === this.newest, 'after')
    } else if (isChannelAct) {
      need(this.channelCommits.has(after), 'after')
    } else {
      // R§12: without a full replay, some records may be void that are not known to be.
      const records = this.bySubject.get(record.subject) ?? []
      need(records.some((one) => one.commit === after && !one.void), 'after')
    }
  }

  /** R§13. Returns the keyids of the registry's keys that signed. */
  checkSignatures(p, record) {
    const { act, actor, members } = record
    const [sideName, name] = actor.split('/')
    const signatures = readSignatures(record.signatures)
    need(signatures, 'the form of signatures')
    let added = []
    let needed = 0
    if (act === 'officer' || act === 'key-addition') {
      added = members.get('keys') ?? []
      needed = added.length
    } else if (act === 'root-rotation') {
      added = members.get('roots')
      needed = numberOf(members, 'threshold', 1)
    } else if (act === 'side-admission') {
      added = members.get('side').get('roots')
      needed = numberOf(members.get('side'), 'threshold')
    }
    const addedKeys = new Map(added.map((text) => [keyidOf(text), keyOf(text)]))
    const signedBytes = preAuthentication(record.bytes)
    const owners = new Set()
    const signers = []
    let addedSigned = 0
    for (const [keyid, signature] of signatures) {
      const known = this.validKey(keyid, p)
      const key = known ? known.key : addedKeys.get(keyid)
      need(key && isSignature(key, signedBytes, signature), 'a signature')
      if (addedKeys.has(keyid)) addedSigned += 1
      if (!known) continue
      signers.push(keyid)
      owners.add(known.owner)
    }
    need(addedSigned >= needed, 'an added key did not sign')
    const rootsSigned = (side) => side.roots.filter((keyid) => signers.includes(keyid)).length
    const agrees = (side) =>
      rootsSigned(side) >= side.threshold ||
      [...owners].some((owner) => owner.startsWith(`${side.name}/`) && this.isAdministrator(owner))
    if (['side-admission', 'log-handover', 'channel-end', 'erasure'].includes(act)) {
      need(this.consenting().every(agrees), 'not every side signed')
    } else {
      need([...owners].every((owner) => owner.startsWith(`${sideName}/`)), 'another side signed')
    }
    const second = record.releasedby
    need(second === undefined || owners.has(second), 'the second did not sign')
    if (name === 'root') {
      const side = this.side(sideName)
      need(rootsSigned(side) >= side.threshold, 'too few root keys')
    } else {
      need(owners.has(actor), 'the actor did not sign')
    }
    return signers
  }

  // -- step 16: the acts of the channel (R§14) --------------------------------------------------

  /** Returns the effect of the act as a function, or null. */
  checkChannelAct(p, record, signers) {
    const { act, actor, members } = record
    if (!CHANNEL_SHAPES.has(act)) return null
    const [sideName, name] = actor.split('/')
    const side = this.side(sideName)
    const officerId = `${sideName}/${members.get('officer')}`
    const officer = this.officers.get(officerId)
    const addKeys = () => {
      for (const text of members.get('keys') ?? []) this.addKey(text, officerId, p)
    }
    switch (act) {
      case 'officer':
        need(members.get('officer') !== 'root', 'an officer called root')
        need(officer?.until === undefined, 'the officer was revoked')
        need((members.get('keys') ?? []).every((text) => this.isFresh(text)), 'a key is not fresh')
        if (isStation(members.get('roles'))) {
          need(members.get('roles').length === 1 && members.has('keys'), 'a station')
        }
        need(!officer || isStation(officer.roles) === isStation(members.get('roles')), 'a station')
        this.checkKeptBy(sideName, members)
        return () => {
          this.officers.set(officerId, {
            office: members.get('office'), roles: members.get('roles'), since: p, until: undefined,
          })
          addKeys()
        }
      case 'officer-revocation':
        need(officer && officer.until === undefined, 'no such officer')
        return () => {
          officer.until = p
          for (const key of this.keys.values()) {
            if (key.owner === officerId && key.until === undefined) key.until = p
          }
        }
      case 'key-addition':
        need(officer && officer.until === undefined, 'no such officer')
        need(members.get('keys').every((text) => this.isFresh(text)), 'a key is not fresh')
        this.checkKeptBy(sideName, members)
        return addKeys
      case 'key-revocation':
        return this.keyRevocation(p, record, signers)
      case 'root-rotation':
        return this.rootRotation(p, record, side, name)
      case 'side-admission': {
        const entering = members.get('side')
        const roots = entering.get('roots')
        const entered = entering.get('name')
        need(entered !== 'service' && !this.side(entered), 'name of a side')
        need(this.sides.length < 64, 'too many sides')
        need(new Set(roots).size === roots.length, 'the same root twice')
        need(numberOf(entering, 'threshold') <= roots.length, 'threshold')
        need(roots.every((text) => this.isFresh(text)), 'a key is not fresh')
        return () => this.addSide(entering, p)
      }
      case 'log-handover': {
        const key = members.get('key')
        need(Number(record.decided) === p - 1, 'decided on an earlier record')
        need(numberOf(members, 'epoch') === this.logKeys.length, 'epoch')
        need(this.policy, 'no policy in force')
        need(asksEvery(this.policy, this.consenting()), 'a policy that does not ask every side')
        const seen = numberOf(members.get('signed').get('seen'), 'size')
        need(!members.get('cut') || seen === p - 1, 'a cut at another record than the one seen')
        need(this.isFresh(key), 'a key is not fresh')
        return () => this.logKeys.push({ key: keyOf(key), since: p })
      }
      case 'channel-end':
        need(members.get('successor')?.get('cid') !== this.cid, 'its own successor')
        return () => { this.ended = true }
      case 'erasure-consent':
        return this.erasureConsent(p, record, sideName)
      case 'erasure':
        return this.erasure(p, record, sideName)
      case 'profile-adoption': {
        const checks = members.get('line_check')
        if (!checks) return null
        need(zoneExists(checks.get('zone')), 'zone')
        const by = checks.get('sent_by')
        need(by === 'alternating' || this.side(by), 'sent_by')
        need(!checks.has('from') || instant(checks.get('from')) !== null, 'from')
        return null
      }
      case 'codebook-adoption':
        need(members.get('codebook') === 'starter', 'codebook')
        need(numberOf(members, 'version') === 1, 'version')
        return null
      case 'policy-adoption': {
        const text = members.get('policy')
        const policy = this.readPolicy(text, (keyid) => this.keys.has(keyid))
        need(policy, 'policy')
        return () => {
          this.policies.set(sideName, { text, policy })
          const sides = this.consenting()
          if (sides.every((one) => this.policies.get(one.name)?.text === text)) {
            this.policy = policy
          }
        }
      }
      case 'rules-adoption': {
        const rules = numberOf(members, 'rules')
        need(rules >= this.rules, 'rules that are past')
        need(rules !== this.standing(sideName), 'adopted already')
        return () => {
          this.rulesAdopted.set(sideName, rules)
          const versions = new Set(this.consenting().map((one) => this.standing(one.name)))
          if (versions.size === 1) this.rules = Math.max(this.rules, ...versions)
        }
      }
      case 'onward-adoption': {
        const entries = members.get('entries')
        const formats = entries.map((entry) => entry.get('format'))
        need(formats.every((format) => OPENING_FAMILY.has(format)), 'format')
        need(new Set(formats).size === formats.length, 'the same format twice')
        need(entries.every((entry) => {
          const posts = entry.get('posts')
          return new Set(posts).size === posts.length
        }), 'the same post twice')
        return null
      }
      case 'channel-status': {
        const isHead = (one) => this.officers.get(one)?.roles.includes('head_of_office')
        need(isHead(actor) || isHead(record.releasedby), 'no head of office')
        need(members.get('status') !== 'suspended' || members.has('reason'), 'reason')
        return null
      }
      case 'watch-assumption':
        need(this.watches.get(sideName) !== actor, 'the actor has the watch')
        return () => this.watches.set(sideName, actor)
      case 'watch-relief': {
        need(this.watches.has(sideName), 'nobody has the watch')
        if (!members.has('to')) return () => this.watches.delete(sideName)
        const to = `${sideName}/${members.get('to')}`
        const next = this.officers.get(to)
        need(next && next.until === undefined, 'to')
        need(next.roles.some((role) => WATCH_ROLES.includes(role)), 'to')
        need(this.watches.get(sideName) !== to, 'to')
        return () => this.watches.set(sideName, to)
      }
      case 'delivery':
        return this.delivery(p, record)
      case 'broker-outage':
        return this.brokerOutage(record)
      case 'line-outage':
        return this.outageOf(record, this.lineOutages.get(sideName), (span) => {
          this.lineOutages.set(sideName, span)
        })
    }
    throw new Error(`no rules for ${act}`)
  }

  checkKeptBy(side, members) {
    if (!members.has('kept_by')) return
    need(members.has('keys') && this.hasStation(side), 'kept_by')
  }

  hasStation(side) {
    return [...this.officers].some(([actor, officer]) => actor.startsWith(`${side}/`) &&
      officer.until === undefined && isStation(officer.roles))
  }

  keyRevocation(p, { actor, members }, signers) {
    const [sideName, name] = actor.split('/')
    const key = this.keys.get(members.get('key'))
    need(key && key.owner.startsWith(`${sideName}/`), 'no such key of the side')
    const suspect = numberOf(members, 'suspect_from')
    need(key.until === undefined ||
      (suspect !== undefined && (key.suspectFrom === undefined || suspect < key.suspectFrom)),
      'the key was revoked')
    need(key.until !== undefined || key.owner !== `${sideName}/root`, 'a root key')
    const isKeeper = name === 'root' || this.officers.get(actor).roles.includes('administrator')
    need(isKeeper || (key.owner === actor && signers.includes(key.keyid)), 'not the own key')
    if (suspect !== undefined) {
      need(key.since < suspect && suspect < (key.until ?? p), 'suspect_from')
    }
    return () => {
      key.until ??= p
      key.suspectFrom = suspect
    }
  }

  rootRotation(p, { members }, side, name) {
    need(name === 'root', 'only root rotates')
    const roots = members.get('roots')
    const threshold = numberOf(members, 'threshold', 1)
    need(new Set(roots).size === roots.length && threshold <= roots.length, 'roots')
    need(roots.every((text) => this.isFresh(text)), 'a key is not fresh')
    if (side.nextRoots !== undefined) {
      need(side.nextRoots === rootsHash(threshold, roots.map(keyidOf)), 'next_roots')
    }
    return () => {
      for (const key of this.keys.values()) {
        if (key.owner === `${side.name}/root` && key.until === undefined) key.until = p
      }
      side.roots = roots.map((text) => this.addKey(text, `${side.name}/root`, p))
      side.threshold = threshold
      side.nextRoots = members.get('next_roots')
    }
  }

  delivery(p, { actor, members, bytes }) {
    const side = members.get('side')
    const upto = numberOf(members, 'upto')
    need(this.side(side) && upto < p, 'side or upto')
    const sender = sideOfOfficer(this.valid.get(upto) ?? '')
    need(sender !== '' && sender !== side, 'upto')
    need(upto > (this.delivered.get(side) ?? 0), 'upto')
    if (isService(actor)) {
      need(!this.hasStation(side), 'a side with a station')
      need(bytes.equals(Buffer.from(`{"act":"delivery","side":"${side}","upto":${upto}}`)), 'bytes')
    } else {
      need(actor.startsWith(`${side}/`), 'a delivery of another side')
    }
    return () => this.delivered.set(side, upto)
  }

  brokerOutage({ members, bytes, time }) {
    const [from, to, cause] = ['from', 'to', 'cause'].map((key) => members.get(key))
    const exact = `{"act":"broker-outage","from":"${from}","to":"${to}","cause":"${cause}"}`
    need(bytes.equals(Buffer.from(exact)), 'bytes')
    return this.outageOf({ members, time }, this.outage, (span) => {
      this.outage = span
    })
  }

  outageOf({ members, time }, before, effect) {
    const [from, to] = ['from', 'to'].map((key) => members.get(key))
    const [start, end] = [instant(from), instant(to)]
    need(start !== null && end !== null, 'a time that does not exist')
    need(end >= start && end <= instant(time) + 2000000n, 'to')
    need(!before || start < before.start || end > before.end, 'within an outage')
    return () => effect({ start, end })
  }

  // -- erasure (R§14.8, R§14.9, R§15.3) ---------------------------------------------------------

  checkComplete(items) {
    const exchanges = new Set(items.map((item) => item.subject))
    const all = []
    for (const exchange of exchanges) {
      need(exchange !== this.genesis, 'the exchange of the channel')
      need(!this.erased.has(exchange), 'an exchange that was erased')
      const records = this.bySubject.get(exchange) ?? []
      const opening = records.find((one) => one.id === exchange && !one.void)
      need(opening && OPENING_FAMILY.has(opening.act), 'no opening')
      need(!['liaison-office', 'explanation-request'].includes(opening.act), 'this act stays')
      need(!isService(opening.actor), 'a service opened it')
      all.push(...records)
    }
    all.sort((a, b) => a.position - b.position)
    need(all.length === items.length, 'the list is not complete')
    for (const [at, one] of all.entries()) {
      const given = items[at]
      for (const member of ['position', 'commit', 'id', 'type', 'subject', 'time', 'actor']) {
        need(one[member] === given[member], `the list differs at position ${one.position}`)
      }
      // R§15.3: without a full replay only a record that is void must be listed so. A stub's
      // `void` is known from the erasure that names it.
      if (one.void || one.isStub) need(one.void === given.void, 'void')
    }
    return exchanges
  }

  consentCounts(consent, side) {
    const actor = consent.sides.get(side)
    if (actor === undefined) return false
    const hasKey = [...this.keys.values()].some(
      (key) => key.owner === actor && key.until === undefined)
    return hasKey && (actor.endsWith('/root') || this.isAdministrator(actor))
  }

  erasureConsent(p, { actor, members }, sideName) {
    const items = members.get('records').map(itemOf)
    const exchanges = this.checkComplete(items)
    const hash = listHash(items)
    const withdrawn = members.get('withdrawn') === true
    const shares = (consent) => [...consent.exchanges].some((one) => exchanges.has(one))
    const same = this.consents.find((consent) => consent.hash === hash)
    if (withdrawn) {
      need(same?.sides.has(sideName), 'nothing to withdraw')
    } else {
      need(!same || !this.consentCounts(same, sideName), 'the side consented already')
      const others = this.consents.filter((one) => one.sides.has(sideName) && !shares(one))
      const named = new Set([...exchanges, ...others.flatMap((one) => [...one.exchanges])])
      need(named.size <= 100, 'too many exchanges')
    }
    return () => {
      for (const consent of this.consents) if (shares(consent)) consent.sides.delete(sideName)
      if (!withdrawn) {
        let consent = this.consents.find((one) => one.hash === hash)
        if (!consent) {
          consent = { hash, exchanges, sides: new Map() }
          this.consents.push(consent)
        }
        consent.sides.set(sideName, actor)
      }
      this.consents = this.consents.filter((one) => one.sides.size > 0)
    }
  }

  erasure(p, { members }, sideName) {
    const items = members.get('records').map(itemOf)
    const exchanges = this.checkComplete(items)
    if (this.custody === 'host') {
      need(!members.has('reason'), 'reason')
      const consent = this.consents.find((one) => one.hash === listHash(items))
      for (const side of this.consenting()) {
        if (side.name === sideName) continue
        need(consent && this.consentCounts(consent, side.name), `no consent of ${side.name}`)
      }
    }
    return () => {
      for (const exchange of exchanges) {
        this.erased.add(exchange)
        this.exchanges.delete(exchange)
      }
      this.consents = this.consents.filter(
        (consent) => ![...consent.exchanges].some((one) => exchanges.has(one)))
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Consents (T§, docs/spec/terms.md). Bytes are kept as latin1 text, one character a byte.

const BESIDE = ['precedence', 'area', 'dtg', 'for_the_record', 'passed_by', 'acting_for']
const BINDING = new Set(words(`liaison-office people-programme mechanism undertaking recommendation
  roadmap-item joint-report release public-line`))
const KEPT_OF_MESSAGES = new Set(words('correction cancellation acceptance'))
const OF_TEXT = new Set(words('agreement endorsement release-consent'))
const NAMES_TERMS = new Set([...OF_TEXT, ...words(`acceptance amendment amendment-agreement accounts-agreement
  translation-agreement fairness agenda-agreement readout-agreement adoption`)])

/** The bytes of the items of a list, or of the members of an object (T§1). */
function rawItems(text) {
  const items = []
  let [depth, start] = [0, 1]
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[{\]},]/g)) {
    if (depth === 1 && [',', ']', '}'].includes(token)) {
      items.push(text.slice(start, index))
      start = index + 1
    }
    if (token === '[' || token === '{') depth += 1
    if (token === ']' || token === '}') depth -= 1
  }
  return items.filter((item) => item !== '')
}

/** The members of an object, each with the bytes of its value (T§1). */
const rawMembers = (text) => new Map(rawItems(text).map((item) => {
  const end = item.indexOf('":')
  return [item.slice(1, end), item.slice(end + 2)]
}))

const toObject = (members) =>
  `{${[...members].sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `"${name}":${value}`).join(',')}}`
const asText = (raw) => JSON.parse(Buffer.from(raw, 'latin1').toString('utf8'))
const asRaw = (value) => Buffer.from(JSON.stringify(value), 'utf8').toString('latin1')
const without = (members, names) =>
  new Map([...members].filter(([name]) => !names.includes(name)))
const isUnknown = (value) => value === 'unknown' || (typeof value === 'object' &&
  Object.keys(value).length > 0 && Object.values(value).every((member) => member === 'unknown'))

/** When a record was said: its time, or the time in `passed_by` where that is earlier. */
function saidAt({ time, members }) {
  const passed = members.get('passed_by')
  const [own, earlier] = [instant(time), passed ? instant(passed.get('at')) : null]
  return earlier !== null && earlier < own ? earlier : own
}

class Matter {
  constructor(position, record, sides) {
    const given = record.members
    const others = sides.filter((side) => side.name !== sideNameOf(record))
    const info = given.get('info') ?? []
    const to = given.get('to') ?? others.filter((side) => !info.includes(side.name) && !side.observer)
      .map((side) => side.name)
    const everyone = record.act === 'release' ? others.map((side) => side.name) : to
    this.parties = new Set([sideNameOf(record), ...(given.get('signatories') ?? everyone)])
    for (const side of sides) if (side.observer) this.parties.delete(side.name)
    const content = without(rawMembers(record.bytes.toString('latin1')), ['act', 'signed'])
    Object.assign(this, {
      id: record.id, act: record.act, side: sideNameOf(record), opened: content, content, position,
      begins: saidAt(record), changes: [], amendments: new Map(), agreements: [], oneKey: new Set(),
      withdrawn: new Set(), accounts: new Map(), messages: new Map(), translations: new Map(),
      restatement: null, draft: null, proposal: record.id, agendas: new Map(), readouts: new Map(),
      stated: [{ id: record.id, side: sideNameOf(record) }],
    })
    const time = given.get('time')
    const event = instant(time instanceof Map ? time.get('about') ?? '' : time ?? '')
    if (event !== null && event < this.begins) this.begins = event
  }

  text(fields = new Map()) {
    const outcome = this.act === 'people-programme' ? ['actual', 'follow_up'] : []
    return toObject(without(new Map([...this.content, ...fields]), [...BESIDE, ...outcome]))
  }

  digest(what, text) {
    return hexOf(Buffer.from(`dragoman-terms/v1\n${this.id}\n${what}\n${text}`, 'latin1'))
  }

  /** The terms that an act must name at its position; empty if there is no such text (T§2). */
  terms({ act, members }, raw, side) {
    if (OF_TEXT.has(act)) return this.digest('text', this.text())
    if (act === 'acceptance') {
      return this.digest('proposal', `{"record":${JSON.stringify(this.proposal)},"text":${this.text()}}`)
    }
    const of = members.get('of')
    const whose = members.get('side')
    switch (act) {
      case 'amendment':
        return this.digest('text', this.text(rawMembers(raw.get('fields'))))
      case 'amendment-agreement':
        return this.amendments.has(of) ? this.digest('text', this.text(this.amendments.get(of).fields)) : ''
      case 'accounts-agreement': {
        const accounts = toObject([...this.accounts].map(([name, account]) => [name, toObject(account)]))
        return this.digest('accounts', toObject([['opening', this.text()], ['accounts', accounts]]))
      }
      case 'translation-agreement': {
        const translation = this.translations.get(of)
        if (!translation) return ''
        const message = translation.has('of') ? asText(translation.get('of')) : this.id
        const original = message === this.id ? this.text() : toObject(this.messages.get(message) ?? [])
        return this.digest('reading', toObject([['original', original], ['translation', toObject(translation)]]))
      }
      case 'fairness':
        return this.restatement === null ? ''
          : this.digest('view', toObject([['opening', this.text()], ['restatement', this.restatement]]))
      case 'adoption':
        return this.draft === null ? '' : this.digest('draft', this.draft)
      case 'agenda-agreement': {
        const versions = this.versions()
        const author = whose ?? [...versions.keys()].find((name) => name !== side)
        return versions.has(author) ? this.digest('agenda', versions.get(author)) : ''
      }
      case 'readout-agreement': {
        const readout = this.readouts.get(whose ?? this.authorOfReadout(side))
        return readout?.isJoint ? this.digest('readout', toObject([['topics', readout.topics], ['text', readout.text]])) : ''
      }
    }
    return ''
  }

  versions() {
    const own = this.content.has('agenda') ? [[this.side, this.content.get('agenda')]] : []
    return new Map([...own, ...this.agendas])
  }

  authorOfReadout(side) {
    return [...this.readouts].find(([name, readout]) => name !== side && readout.isJoint)?.[0]
  }

  /** Take a valid record of this exchange into account (T§3). */
  take(position, record, raw) {
    const { act, members, id } = record
    const side = sideNameOf(record)
    const own = without(raw, ['act', 'signed'])
    const fields = raw.has('fields') && raw.get('fields').startsWith('{') ? rawMembers(raw.get('fields')) : new Map()
    if (!KEPT_OF_MESSAGES.has(act)) this.messages.set(id, act === 'counter-account' ? without(own, ['of']) : own)
    if (BINDING.has(this.act) && /^amendment/.test(act) && !record.releasedby) this.oneKey.add(id)
    if (/^(counter-account|reply|final-report)$/.test(act)) this.stated.push({ id, side, act, names: own })
    switch (act) {
      case 'correction': return this.change({ fields, position })
      case 'retraction': {
        const mine = this.stated.filter((message) => message.side === side)
        const has = ({ id: of, names }) => [...fields.keys()].every((name) => (of === this.id ? this.content : names).has(name))
        const of = members.get('of')
        const taken = of === undefined ? mine.findLast(has) : mine.find((message) => message.id === of) ?? mine[0]
        if (taken.id === this.id) return this.change({ fields, position })
        const newest = mine.findLast((message) => message.act === 'counter-account')
        if (taken === newest) this.accounts.set(side, new Map([...this.accounts.get(side), ...fields]))
        return undefined
      }
      case 'update': {
        const asOf = members.has('as_of') ? instant(members.get('as_of')) : saidAt(record)
        const newest = [...fields].filter(([name]) => this.isNewest(name, asOf))
        return this.change({ fields, position, asOf }, new Map(newest))
      }
      case 'amendment': return this.amendments.set(id, { fields, side })
      case 'amendment-agreement':
        this.agreements.push({ of: members.get('of'), side, id })
        return this.settle(position)
      case 'second-key':
        this.oneKey.delete(members.get('of'))
        return this.settle(position)
      case 'consent-withdrawal': return this.withdrawn.add(members.get('of'))
      case 'counter-proposal':
      case 'postponement': return this.propose(own, record.id)
      case 'counter-account': return this.accounts.set(side, without(own, ['of']))
      case 'translation': return this.translations.set(id, own)
      case 'status-change':
        if (members.get('status') === 'deliverable_tabled') {
          this.draft = toObject([...own].filter(([name]) => ['text', 'attachments'].includes(name)))
        }
        return undefined
      case 'restatement': return (this.restatement = own.get('text'))
      case 'agenda': return this.agendas.set(side, own.get('topics'))
      case 'agenda-agreement': {
        const versions = this.versions()
        const author = members.get('side') ?? [...versions.keys()].find((name) => name !== side)
        if (!this.agendas.has(author)) this.agendas.set(author, versions.get(author))
        return this.agendas.set(side, versions.get(author))
      }
      case 'readout':
        return this.readouts.set(side, {
          isJoint: members.get('kind') !== 'separate', topics: asRaw(asText(own.get('topics'))), text: own.get('text'),
        })
      case 'readout-agreement':
        return this.readouts.set(side, this.readouts.get(members.get('side') ?? this.authorOfReadout(side)))
    }
    return undefined
  }

  change(change, fields = change.fields) {
    this.changes.push(change)
    this.content = new Map([...this.content, ...fields])
  }

  isNewest(name, asOf) {
    const opened = this.opened.has(name) && !isUnknown(asText(this.opened.get(name)))
    const values = opened ? [{ asOf: this.begins, position: this.position }] : []
    for (const change of this.changes.filter(({ fields }) => fields.has(name))) {
      if (change.asOf !== undefined) values.push(change)
      else if (values.length === 0) values.push({ asOf: this.begins, position: change.position })
    }
    return values.every((value) => value.asOf < asOf)
  }

  settle(position) {
    const counts = (id) => !this.withdrawn.has(id) && !this.oneKey.has(id)
    for (const [id, { fields, side, isTaken }] of this.amendments) {
      const takers = this.agreements.filter((one) => one.of === id && counts(one.id)).map((one) => one.side)
      if (counts(id)) takers.push(side)
      if (isTaken || ![...this.parties].every((party) => takers.includes(party))) continue
      this.amendments.get(id).isTaken = true
      this.change({ fields, position })
    }
  }

  propose(own, id) {
    const renewed = new Map([...own].filter(([name]) => ['windows', 'venue'].includes(name)))
    const isMeeting = ['meeting-request', 'call-request', 'visit-invitation'].includes(this.act)
    const single = this.content.has('dates') ? 'dates' : isMeeting ? '' : 'window'
    if (renewed.has('windows') && single) {
      renewed.set(single, rawItems(renewed.get('windows'))[0])
      renewed.delete('windows')
    }
    if (renewed.size > 0) this.proposal = id
    this.content = new Map([...this.content, ...renewed])
  }
}

const sideNameOf = ({ actor, members }) =>
  isService(actor) ? members.get('side') ?? 'service' : actor.split('/')[0]

/** Each consent of a log: its position, its act, and the terms that it names and must name. */
function consentsOf(replay) {
  const voids = new Set(replay.voids.map(({ position }) => position))
  const matters = new Map()
  const found = []

  function take(position, record) {
    if (OPENING_FAMILY.has(record.act)) {
      const sides = replay.sides.filter((side) => replay.keys.get(side.roots[0]).since < position)
      matters.set(record.id, new Matter(position, record, sides))
      return
    }
    const matter = matters.get(record.subject)
    if (!matter) return
    const raw = rawMembers(record.bytes.toString('latin1'))
    if (NAMES_TERMS.has(record.act)) {
      const computed = matter.terms(record, raw, sideNameOf(record))
      const terms = record.members.get('terms')
      found.push({ position, act: record.act, terms, computed })
      if (computed !== terms) return // it is void
    }
    matter.take(position, record, raw)
  }

  for (const [index, record] of replay.records.entries()) {
    if (!record || voids.has(index + 1)) continue
    try {
      take(index + 1, record)
    } catch (error) {
      // The log check does not know the shapes of these acts. A record of another shape is void.
      if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error
    }
  }
  return found
}

// ---------------------------------------------------------------------------------------------
// The ZIP file (L§9.4)

const CRC_TABLE = Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1
  return n >>> 0
})
function crc32(bytes) {
  if (zlib.crc32) return zlib.crc32(bytes)
  let crc = 0xffffffff
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

const LIMIT_OF_MEMBER = 1048576

function readZip(file) {
  const damaged = (why) => {
    throw new Failure(1, 'file', 0, `not an export: ${why}`)
  }
  let end = file.length - 22
  const lowest = Math.max(0, end - 65535)
  while (end >= lowest && file.readUInt32LE(end) !== 0x06054b50) end -= 1
  if (end < lowest) damaged('no end record')
  const [count, size, offset] = [
    file.readUInt16LE(end + 10), file.readUInt32LE(end + 12), file.readUInt32LE(end + 16),
  ]
  if (offset + size > end) damaged('no directory')
  const members = []
  let at = offset
  for (let n = 0; n < count; n += 1) {
    if (at + 46 > end || file.readUInt32LE(at) !== 0x02014b50) damaged('directory')
    const entry = {
      // version needed, flags, method, time, date, CRC-32, both sizes, length of the name
      common: file.subarray(at + 6, at + 30),
      flags: file.readUInt16LE(at + 8), method: file.readUInt16LE(at + 10),
      crc: file.readUInt32LE(at + 16), packed: file.readUInt32LE(at + 20),
      size: file.readUInt32LE(at + 24), extra: file.readUInt16LE(at + 30),
      comment: file.readUInt16LE(at + 32), offset: file.readUInt32LE(at + 42),
    }
    const nameLength = file.readUInt16LE(at + 28)
    entry.nameBytes = file.subarray(at + 46, at + 46 + nameLength)
    entry.name = entry.nameBytes.toString('latin1')
    at += 46 + nameLength + entry.extra + entry.comment
    if (at > end) damaged('directory')
    members.push(entry)
  }
  const files = new Map()
  for (const entry of members) {
    const known = ['records.ndjson', 'checkpoint', 'channel.json', 'README.md'].includes(entry.name)
    // Any name below `tile/` passes here; step 15 judges it.
    if (!known && !/^tile\/./.test(entry.name)) damaged(`a member that is none: ${entry.name}`)
    if (files.has(entry.name)) damaged(`${entry.name} stands twice`)
    // L§9.4 gives this limit; it is applied before the member is unpacked.
    const isLimited = entry.name !== 'records.ndjson'
    if (isLimited && entry.size > LIMIT_OF_MEMBER) damaged('a member too large')
    if (entry.offset + 30 > file.length) damaged('no local header')
    // A member that says it is encrypted (flag bit 0) does not unpack.
    if (entry.flags & 1) damaged('encrypted')
    entry.body = entry.offset + 30 + file.readUInt16LE(entry.offset + 26) +
      file.readUInt16LE(entry.offset + 28)
    const packed = file.subarray(entry.body, entry.body + entry.packed)
    if (packed.length !== entry.packed) damaged(`${entry.name} is cut off`)
    let bytes
    if (entry.method === 0) {
      bytes = packed
      entry.consumed = packed.length
    } else if (entry.method === 8) {
      try {
        const inflated = zlib.inflateRawSync(packed,
          { info: true, maxOutputLength: entry.size + 1 })
        bytes = inflated.buffer
        entry.consumed = inflated.engine.bytesWritten
      } catch {
        damaged(`${entry.name} does not unpack`)
      }
    } else {
      damaged('method')
    }
    const isWhole = bytes.length === entry.size && crc32(bytes) === entry.crc
    if (!isWhole) damaged(`${entry.name} is damaged`)
    files.set(entry.name, bytes)
  }
  return { file, files, members, end, offset, size, count }
}

/** Step 16: the file is exactly what L§9.4 says. */
function checkZipBytes({ file, members, end, offset, size, count }) {
  const wrong = (why) => {
    throw new Failure(16, 'file', 0, `bytes that nobody signed: ${why}`)
  }
  let at = 0
  for (const entry of [...members].sort((a, b) => a.offset - b.offset)) {
    if (entry.offset !== at) wrong('a gap')
    if (file.readUInt32LE(at) !== 0x04034b50) wrong('local header')
    if (!file.subarray(at + 4, at + 28).equals(entry.common)) wrong('local header differs')
    if (entry.flags & 8) wrong('flag bit 3')
    if (file.readUInt16LE(at + 28) !== 0) wrong('extra field')
    if (!file.subarray(at + 30, at + 30 + entry.nameBytes.length).equals(entry.nameBytes)) {
      wrong('another name')
    }
    if (entry.extra !== 0 || entry.comment !== 0) wrong('extra field or comment')
    if (entry.method === 0 && entry.packed !== entry.size) wrong('sizes')
    if (entry.consumed !== entry.packed) wrong('bytes behind a deflate stream')
    at = entry.body + entry.packed
  }
  if (at !== offset) wrong('a gap before the directory')
  if (offset + size !== end) wrong('a gap behind the directory')
  const directory = members.reduce((sum, entry) => sum + 46 + entry.nameBytes.length, 0)
  if (directory !== size) wrong('size of the directory')
  if (file.readUInt32LE(end + 4) !== 0 || file.readUInt16LE(end + 8) !== count) wrong('end record')
  if (file.readUInt16LE(end + 20) !== 0 || end + 22 !== file.length) wrong('bytes at the end')
}

// ---------------------------------------------------------------------------------------------
// records.ndjson (L§9.1), the tiles (L§3), the descriptions (L§9.2, L§9.3)

const OWN_LINE = Buffer.from('{"specversion":', 'latin1')
const isOwnLine = (message) =>
  message.subarray(0, OWN_LINE.length).equals(OWN_LINE) &&
  !message.includes(0x0a) && !message.includes(0x0d)

function readMessages(bytes, most) {
  const messages = []
  for (let at = 0; at < bytes.length && messages.length < most; ) {
    const position = messages.length + 1
    const stop = bytes.indexOf(0x0a, at)
    // L§10: that the last line ends with LF is judged in step 12 only.
    const line = bytes.subarray(at, stop < 0 ? bytes.length : stop)
    at += line.length + 1
    if (line.length + 1 >= 1052672) throw new Failure(2, 'file', position, 'a line too long')
    if (isOwnLine(line)) {
      messages.push(line)
      continue
    }
    const match = /^\{"junk":"((?:[0-9a-f]{2})*)"\}$/.exec(line.toString('latin1'))
    const message = match && Buffer.from(match[1], 'hex')
    if (!message || isOwnLine(message)) {
      throw new Failure(2, 'file', position, 'no line of a message')
    }
    messages.push(message)
  }
  if (messages.length === 0) throw new Failure(2, 'file', 0, 'no message')
  return messages
}

function tilePath(level, number, width) {
  let digits = String(number)
  digits = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = digits.match(/.{3}/g)
  const name = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
  return `tile/${level}/${name}${width < 256 ? `.p/${width}` : ''}`
}

/** The tiles of a tree in their order, as [path, bytes, level, number]. */
function* tilesOf(tree, entries, size) {
  for (let first = 0; first < size; first += 256) {
    const width = Math.min(256, size - first)
    const parts = []
    for (const entry of entries.slice(first, first + width)) {
      parts.push(Buffer.of(entry.length >> 8, entry.length & 255), entry)
    }
    yield [tilePath('entries', first / 256, width), Buffer.concat(parts), 'entries', first / 256]
  }
  for (let level = 0; ; level += 1) {
    const count = Math.floor(size / 256 ** level)
    if (count === 0) return
    for (let first = 0; first < count; first += 256) {
      const width = Math.min(256, count - first)
      const span = 256 ** level
      const hashes = []
      for (let n = first; n < first + width; n += 1) {
        hashes.push(tree.over(n * span, (n + 1) * span))
      }
      yield [tilePath(level, first / 256, width), Buffer.concat(hashes), level, first / 256]
    }
  }
}

/** The first leaf below a tile in which these bytes differ from the right ones (L§10 step 15). */
function firstDifference(right, given, level, number, entries) {
  const width = level === 'entries' ? Math.min(256, entries.length - 256 * number)
    : right.length / 32
  const sizeOf = (n) => (level === 'entries' ? 2 + entries[256 * number + n].length : 32)
  let [at, n] = [0, 0]
  for (; n < width - 1; n += 1) {
    const next = at + sizeOf(n)
    if (!right.subarray(at, next).equals(given.subarray(at, next))) break
    at = next
  }
  return (256 * number + n) * (level === 'entries' ? 1 : 256 ** level)
}

function quote(text) {
  const escapes = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\t': '\\t' }
  return `"${text.replace(/["\\\n\t]/g, (one) => escapes[one])}"`
}

function descriptionOf(replay, opening, count) {
  const lines = [
    `"name": ${quote(opening.get('name'))}`,
    `"cid": ${quote(replay.cid)}`,
    `"kind": ${quote(opening.get('kind'))}`,
    `"custody": ${quote(replay.custody)}`,
    `"sides": [\n${replay.sides.map((side) => `  ${quote(side.name)}`).join(',\n')}\n ]`,
    `"log": ${quote(replay.logKeyAt(0))}`,
    `"records": ${count}`,
  ]
  return Buffer.from(`{\n ${lines.join(',\n ')}\n}\n`, 'utf8')
}

// The texts of L§16.
const README_TEXTS = [
  [
    "# A channel's log, exported",
    "",
    "`records.ndjson` has the log of the channel {name}, one message a line, exactly as it " +
      "stands there: position 1 first. A line that",
    "begins with `{\"junk\":` is a message that is no record, in hex. `channel.json` says " +
      "which channel it is and what signs its heads.",
    "**Take cid and verifier key from your own side's notes of the opening, not from this file.**",
    "",
    "With Dragoman, on a machine without a network:",
    "",
    "    dragoman audit verify {name}.zip --cid {cid} --log '{log}'",
    "",
    "Without it, with `sha256sum` and a reader of C2SP tiles and checkpoints:",
    "",
    "1. The commitment of a message is SHA-256 of `dragoman-commit/v1`, a line feed, and " +
      "its bytes.",
    "2. The entry of the message at position n is `dragoman-entry/v1`, `index <n-1>`, " +
      "`commit <hex>`, each with a line feed. `tile/entries/…` has them.",
    "3. The tree over the entries is RFC 6962's; `tile/…` has its hashes. Its root at " +
      "{size} entries is in `checkpoint`, signed as C2SP signed-note.",
    "4. The cid is SHA-256 of `dragoman-channel/v1`, a line feed, and the act of the first " +
      "record: what follows its first `,\"data\":`, without",
    "   the last brace. Every side's root keys signed that act (Ed25519 over DSSE's " +
      "encoding), and nothing can be taken from it.",
    "",
    "People and files are not here: they stand in registers beside the log. Where an " +
      "exchange names a person, there is an id and a commitment.",
    "",
  ].join('\n'),
  [
    "# A channel's log, exported",
    "",
    "`records.ndjson` has the log of the channel {name}, one message a line, exactly as it " +
      "stands there: position 1 first. A line that",
    "begins with `{\"junk\":` is a message that is no record, in hex. `channel.json` says " +
      "which channel it is and what signs its heads.",
    "**Take cid and verifier key from your own side's notes of the opening, not from this file.**",
    "",
    "With Dragoman, on a machine without a network:",
    "",
    "    dragoman audit verify {name}.zip --cid {cid} --log '{log}'",
    "",
    "Without it, with `sha256sum` and a reader of C2SP tiles and checkpoints:",
    "",
    "1. The bytes of a message are its line without the line feed at the end; of a line " +
      "that begins with `{\"junk\":`, the bytes that its hex spells.",
    "   The commitment of a message is SHA-256 of `dragoman-commit/v1`, a line feed, and " +
      "its bytes, in lower-case hex.",
    "2. The entry of the message at position n is three lines, each with a line feed: " +
      "`dragoman-entry/v1`, `index <n-1>`, `commit <commitment>`.",
    "3. An erased record is the exception to step 2. In its place stands a message that is " +
      "itself such three lines, with the index n-1: these bytes, as",
    "   they are, are the entry of position n. Check three things.",
    "   - A later record of the type `dragoman.erasure.v1` has, among the `records` of its " +
      "`data`, one with this `position` and this `commit`. If",
    "     no such record comes, nothing was erased: the record is withheld. Ask whoever " +
      "gave you this file for it.",
    "   - Every side consented: a key of each side signed that erasure. `signatures` has " +
      "the SHA-256 of each key in hex, a colon, and an Ed25519 signature over",
    "     DSSE's encoding of the erasure's act (step 6), with the type " +
      "`application/vnd.dragoman.act.v1+json`. Where `custody` in the first record is `host`,",
    "     the host keeps all keys: then each side but that of the erasure's `actor` also " +
      "has an earlier record of the type `dragoman.erasure-consent.v1`",
    "     with the same `records`, and none after it that takes it back (`withdrawn`).",
    "   - The keys are the sides' own. The first record, and those of the type " +
      "`dragoman.side-admission.v1`, have each side's `roots`; records of the types",
    "     `dragoman.officer.v1`, `dragoman.key-addition.v1`, `dragoman.key-revocation.v1` " +
      "and `dragoman.root-rotation.v1` say which keys came and went. Whether who signed was " +
      "an administrator at that",
    "     position, and whether all records of an exchange were named, is judged by " +
      "`dragoman audit verify`.",
    "4. `tile/entries/…` has the entries of all messages, 256 in a file, each after its " +
      "length in two bytes. Compare each with yours.",
    "5. The tree over the entries is RFC 6962's; `tile/…` has its hashes. Its root at " +
      "{size} entries is in `checkpoint`, signed as C2SP signed-note.",
    "6. The act of a record is what follows its first `,\"data\":`, without the last " +
      "brace. The cid is SHA-256 of `dragoman-channel/v1`, a line feed, and the act",
    "   of the first record. Every side's root keys signed that act (Ed25519 over DSSE's " +
      "encoding), and nothing can be taken from it.",
    "",
    "People and files are not here: they stand in registers beside the log. Where an " +
      "exchange names a person, there is an id and a commitment.",
    "",
  ].join('\n'),
]
README_TEXTS.push(README_TEXTS[1].replace(/^5\. .*\n/m, (step) => `${step}   From a record of the ` +
  'type `dragoman.log-handover.v1` on, if every side signed it as in step 3, the checkpoint is ' +
  'signed by the `key` named there.\n'))

// ---------------------------------------------------------------------------------------------
// Step 6: where the messages differ from the signed ones (L§10)

/** Descends from the signed root. Returns [from, to): the leaves in which the difference lies. */
function locate(replay, files, head) {
  const fromTiles = new Map()
  const entriesGiven = new Map()
  for (const [path, bytes] of files) {
    const match = /^tile\/(entries|[0-9]+)\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/[0-9]+)?$/.exec(path)
    if (!match) continue
    const number = Number(match[2].replace(/[x/]/g, ''))
    if (match[1] !== 'entries') {
      for (let n = 0; n * 32 + 32 <= bytes.length; n += 1) {
        fromTiles.set(`${match[1]}:${256 * number + n}`, bytes.subarray(n * 32, n * 32 + 32))
      }
      continue
    }
    for (let at = 0, n = 256 * number; at + 2 <= bytes.length; n += 1) {
      const next = at + 2 + bytes.readUInt16BE(at)
      entriesGiven.set(n, leafHash(bytes.subarray(at + 2, next)))
      at = next
    }
  }
  // A leaf entry of its own index is junk when the erasure that named it was changed, and so its
  // computed leaf differs too, before the place of the lie. So it counts as the entry that it is,
  // unless the entry bundle has it as junk.
  const tree = new Tree()
  for (const [index, entry] of replay.entries.entries()) {
    const message = replay.messages[index]
    const junk = leafHash(entry)
    const isOpen = ownEntry(message, index + 1) !== null && !entriesGiven.get(index)?.equals(junk)
    tree.push(isOpen ? leafHash(message) : junk)
  }
  const sources = [
    (from, to) => (to <= tree.size ? tree.over(from, to) : null),
    (from, to) => tileRoot(from, to),
    (from, to) => build(from, to, (leaf) => entriesGiven.get(leaf)),
  ]
  const memo = new Map()
  function build(from, to, leafOf) {
    if (to - from === 1) return leafOf(from) ?? null
    const key = `${from}:${to}`
    if (memo.has(key)) return memo.get(key)
    const middle = from + splitOf(to - from)
    const left = build(from, middle, leafOf)
    const right = left && build(middle, to, leafOf)
    const result = right ? nodeHash(left, right) : null
    memo.set(key, result)
    return result
  }
  function tileRoot(from, to) {
    for (let level = 7, span = 256 ** 7; level >= 0; level -= 1, span /= 256) {
      if (to - from === span && from % span === 0 && fromTiles.has(`${level}:${from / span}`)) {
        return fromTiles.get(`${level}:${from / span}`)
      }
    }
    if (to - from === 1) return null
    const middle = from + splitOf(to - from)
    const left = tileRoot(from, middle)
    const right = left && tileRoot(middle, to)
    return right ? nodeHash(left, right) : null
  }
  let [from, to, right] = [0, head.size, head.root]
  while (to - from > 1) {
    const middle = from + splitOf(to - from)
    const lefts = sources.map((source) => source(from, middle)).filter(Boolean)
    const rights = sources.map((source) => source(middle, to)).filter(Boolean)
    const pair = lefts.flatMap((a) => rights.map((b) => [a, b]))
      .find(([a, b]) => nodeHash(a, b).equals(right))
    if (!pair) break
    const own = middle <= tree.size ? tree.over(from, middle) : null
    if (own?.equals(pair[0])) [from, right] = [middle, pair[1]]
    else [to, right] = [middle, pair[0]]
  }
  return [from, to]
}

function splitOf(count) {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}

// ---------------------------------------------------------------------------------------------
// The steps of L§10

function verifyExport(file, { log, cid, witnesses = [], policy: policyText, oldest }) {
  const state = { size: 0, root: '', withheld: [], messages: 0, junk: [], void: [], erased: [] }
  let step = 1
  try {
    const notes = steps()
    return {
      verdict: state.newerFrom ? 'newer' : 'verified', step: 16, finding: notes, positions: [], ...state, check: '',
    }
  } catch (error) {
    const known = error instanceof Failure
    const check = known ? error.check : 'defect'
    return {
      verdict: check === 'newer' ? 'newer' : 'failed', step: known ? error.step : step,
      finding: `${check}: ${known ? error.message : error.stack}`,
      positions: known ? error.positions : [], ...state, check,
    }
  }

  function steps() {
    // What the auditor gave
    const given = witnesses.map((text) => parseVerifierKey(text, 4))
    if (given.includes(null)) throw new Error('a witness that is given is no verifier key')
    const bare = policyText === undefined ? null : parsePolicy(policyText, false)
    if (policyText !== undefined && !bare) throw new Error('the policy that is given is none')

    // Steps 1 and 2
    const zip = readZip(file)
    const { files } = zip
    if (!files.has('channel.json')) throw new Failure(1, 'file', 0, 'no channel.json')
    let description
    try {
      description = JSON.parse(files.get('channel.json').toString('utf8'))
    } catch {
      throw new Failure(1, 'file', 0, 'channel.json is no JSON')
    }
    if (description === null || typeof description !== 'object' || Array.isArray(description)) {
      throw new Failure(1, 'file', 0, 'channel.json is no object')
    }
    step = 2
    const checkpoint = files.get('checkpoint')
    const note = checkpoint && parseNote(checkpoint)
    const head = note && parseCheckpoint(note.text)
    // The size is read before any signature, as soon as the text is that of a checkpoint.
    const size = head?.size ?? sizeIn(checkpoint)
    const most = size === null ? Infinity : size + 1
    if (!files.has('records.ndjson')) throw new Failure(2, 'file', 0, 'no records.ndjson')
    const ndjson = files.get('records.ndjson')
    const messages = readMessages(ndjson, most)
    state.messages = messages.length

    // Step 3
    step = 3
    const records = messages.map(splitRecord)
    const opening = records[0]
    const fault = opening ? faultOfOpening(opening) : 'position 1 is no record'
    if (opening?.members.has('rules') && numberOf(opening.members, 'rules') > RULES) {
      throw new Failure(3, 'newer', 1, 'the channel goes by newer rules')
    }
    if (fault) throw new Failure(3, 'opening', 1, `no valid opening: ${fault}`)
    const ownCid = hexOf('dragoman-channel/v1\n', opening.bytes)
    if (cid !== undefined && cid !== ownCid) throw new Failure(3, 'opening', 1, 'another cid')
    const ownKey = logVerifierKey(
      opening.members.get('origin'), keyOf(opening.members.get('log_key')))
    // The whole verifier key, with the origin as its name.
    if (log !== undefined && log !== ownKey) throw new Failure(3, 'opening', 1, 'another log key')
    const logs = (bare?.logs ?? []).map((one) => one.text)
    if (logs.length > 0 && !logs.includes(ownKey)) {
      throw new Failure(3, 'opening', 1, 'the policy has another log')
    }

    // Steps 4 and 5. What step 5 finds is reported in step 7, since step 6 outranks it.
    step = 4
    const replay = new Replay(messages, records).run()
    Object.assign(state, {
      junk: replay.junk, void: replay.voids,
      erased: replay.stubs.map((stub) => stub.position),
      signed: replay.counts.author, hosted: replay.counts.host, services: replay.counts.service,
      consents: consentsOf(replay), newerFrom: replay.newerFrom, disputed: replay.disputes, dated_back: replay.datedBack, late_heads: replay.lateHeads,
    })

    // Step 6
    step = 6
    if (checkpoint) {
      if (!head) throw new Failure(6, 'head', 0, 'checkpoint is no head')
      const key = parseVerifierKey(replay.logKeyAt(head.size), 1)
      // An `origin` with white space or `+` opens a channel, but no head of it can be verified,
      // since it is no name of a key (L§5).
      const line = key ? lineOf(note, key) : null
      if (!key || head.origin !== key.name || line === null || line === true) {
        throw new Failure(6, 'head', 0, 'not a head of this log')
      }
      Object.assign(state, { size: head.size, root: head.root.toString('base64') })
      checkRoot(replay, files, head)
    } else if (log !== undefined || given.length > 0 || bare) {
      throw new Failure(6, 'head', 0, 'no head, though a log key, a witness or a policy was given')
    }

    // Step 7
    step = 7
    if (replay.withheld.length) {
      state.withheld = replay.withheld
      throw new Failure(7, 'erasure', replay.withheld[0], 'withheld: only void erasures name it')
    }

    // Step 8
    if (head && head.size !== messages.length) {
      throw new Failure(8, 'head', head.size + 1, 'messages beyond the head')
    }

    // Step 9
    step = 9
    const times = new Map()
    const cosigned = new Set()
    if (head) {
      const known = new Map()
      const judged = [bare, replay.policy].flatMap((one) => one?.witnesses ?? [])
      for (const witness of [...given, ...judged]) known.set(witness.text, witness)
      for (const witness of known.values()) {
        const line = lineOf(note, witness)
        if (line === null) throw new Failure(9, 'head', 0, `a wrong line of ${witness.name}`)
        if (line === true) continue
        cosigned.add(witness.text)
        times.set(witness.text, line.time)
      }
      const absent = given.find((witness) => !cosigned.has(witness.text))
      if (absent) throw new Failure(9, 'head', 0, `${absent.name} did not cosign`)
      if (bare && bare.quorum !== 'none' && !isSatisfied(bare, bare.quorum, cosigned)) {
        throw new Failure(9, 'head', 0, 'the quorum of the given policy did not cosign')
      }
    }
    const { policy } = replay
    if (head && policy) {
      state.final = isSatisfied(policy, policy.quorum, cosigned)
      state.countersigned = replay.sides.map((side) => side.name)
        .filter((side) => policy.members.has(side) && isSatisfied(policy, side, cosigned))
    }

    // Step 10: each given witness, and the quorum of the given policy with the fresh ones alone.
    step = 10
    if (head && oldest !== undefined) {
      const fresh = new Set(
        [...times].filter(([, time]) => time >= BigInt(oldest)).map(([key]) => key))
      if (given.some((witness) => !fresh.has(witness.text)) ||
        (bare && bare.quorum !== 'none' && !isSatisfied(bare, bare.quorum, fresh))) {
        throw new Failure(10, 'freshness', 0, 'a cosignature is too old')
      }
    }

    // Step 11: the given witnesses, and those of the given policy.
    step = 11
    const judges = [...given, ...(bare?.witnesses ?? [])].filter((one) => times.has(one.text))
    if (judges.length > 0) {
      const earliest = judges.map((one) => times.get(one.text)).reduce((a, b) => (a < b ? a : b))
      if (BigInt(Date.parse(replay.channelTime)) > (earliest + 10n) * 1000n) {
        throw new Failure(11, 'times', replay.raisedAt, 'dated ahead of a cosignature')
      }
    }

    // Step 12
    step = 12
    if (ndjson.at(-1) !== 0x0a) throw new Failure(12, 'file', messages.length, 'cut off')
    const tilesGiven = [...files.keys()].filter((name) => name.startsWith('tile/'))
    if (!checkpoint && tilesGiven.length) throw new Failure(12, 'file', 0, 'tiles without a head')

    // Steps 13 and 14
    step = 13
    const expectedJson = descriptionOf(replay, opening.members, messages.length)
    if (!files.get('channel.json').equals(expectedJson)) {
      throw new Failure(13, 'description', 0, 'channel.json was changed')
    }
    step = 14
    const values = {
      name: opening.members.get('name'), cid: ownCid, log: ownKey,
      size: String(head ? head.size : 0),
    }
    const texts = README_TEXTS.map((text) =>
      text.replace(/\{(name|cid|log|size)\}/g, (_, word) => values[word]))
    const readme = files.get('README.md')
    if (!readme || !texts.some((text) => readme.equals(Buffer.from(text, 'utf8')))) {
      throw new Failure(14, 'description', 0, 'README.md was changed')
    }

    // Step 15
    step = 15
    if (head) {
      const expected = new Set()
      const tiles = [...tilesOf(replay.tree, replay.entries, head.size)]
      for (const [path] of tiles) expected.add(path)
      const another = tilesGiven.find((path) => !expected.has(path))
      if (another) throw new Failure(15, 'file', 0, `another tile: ${another}`)
      for (const [path, bytes, level, number] of tiles) {
        const given = files.get(path)
        if (given?.equals(bytes)) continue
        if (!given) throw new Failure(15, 'tiles', 0, `${path} is missing`)
        const leaf = firstDifference(bytes, given, level, number, replay.entries)
        throw new Failure(15, 'tiles', leaf + 1, `${path} is wrong`)
      }
    }

    // Step 16
    step = 16
    checkZipBytes(zip)
    const nobody = checkpoint ? '' : '; nobody signed these messages'
    const alone = cid === undefined || log === undefined
      ? '; without cid and log key this shows only that the export agrees with itself' : ''
    return `log check${nobody}${alone}`
  }

  function checkRoot(replay, files, head) {
    const { tree, messages } = replay
    if (head.size <= tree.size && tree.root(head.size).equals(head.root)) return
    // All junk messages that are entries of their own index, named by an erasure or not.
    const entries = replay.junk.filter((p) => ownEntry(messages[p - 1], p) !== null)
    if (entries.length && head.size <= tree.size) {
      const other = new Tree()
      for (const [index, entry] of replay.entries.entries()) {
        other.push(leafHash(entries.includes(index + 1) ? messages[index] : entry))
      }
      if (other.root(head.size).equals(head.root)) {
        state.withheld = entries.filter((p) => p <= head.size)
        throw new Failure(6, 'erasure', entries[0], 'withheld: a stub without a valid erasure')
      }
    }
    const [from, to] = locate(replay, files, head)
    const what = from === messages.length ? 'the log was cut off'
      : to - from > 1 ? 'the messages are not the signed ones, somewhere in this range'
      : 'this message is not the signed one'
    throw new Failure(6, 'records', from + 1, what, to - from > 1 ? [from + 1, to] : [from + 1])
  }
}

// ---------------------------------------------------------------------------------------------
// The command line

function verifyPath({ path, ...given }) {
  let file
  try {
    file = readFileSync(path)
  } catch (error) {
    return { verdict: 'failed', step: 1, finding: `file: ${error.message}`, positions: [], size: 0,
      root: '', withheld: [] }
  }
  return verifyExport(file, given)
}

function main(given) {
  if (given[0] === '--batch') {
    for (const line of readFileSync(0, 'utf8').split('\n')) {
      if (line === '') continue
      const request = line.startsWith('{') ? JSON.parse(line) : { path: line }
      process.stdout.write(`${JSON.stringify(verifyPath(request))}\n`)
    }
    return 0
  }
  const request = {}
  for (let at = 0; at < given.length; at += 1) {
    const word = given[at].slice(2)
    const options = ['--log', '--cid', '--witness', '--policy', '--oldest']
    if (options.includes(given[at]) && at + 1 < given.length) {
      at += 1
      if (word === 'witness') (request.witnesses ??= []).push(given[at])
      else request[word] = word === 'policy' ? readFileSync(given[at], 'utf8') : given[at]
    } else if (request.path === undefined && !given[at].startsWith('--')) {
      request.path = given[at]
    } else {
      request.path = undefined
      break
    }
  }
  if (request.path === undefined) {
    process.stderr.write('verify_from_spec.mjs EXPORT.zip [--log VERIFIER-KEY] [--cid CID]\n')
    return 2
  }
  const result = verifyPath(request)
  process.stdout.write(`${JSON.stringify(result)}\n`)
  return result.verdict === 'verified' ? 0 : 1
}

process.exitCode = main(process.argv.slice(2))
