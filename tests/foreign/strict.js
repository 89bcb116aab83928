// Reads acts strictly (record.md §2) in a browser: one JSON object, compact, of the permitted tokens and no others.

const MOST_BYTES = 240 * 1024, MOST_DEPTH = 32;
const TEXT = /"((?:[^"\\\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\\(?:["\\/nt]|u[0-9a-fA-F]{4}))*)"/y;
const NUMBER = /-?(0|[1-9][0-9]*)(\.[0-9]+)?/y;
const KEY = /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/;
const FORBIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

class Reader {
  constructor(text) { this.text = text; this.at = 0; }

  take(token) {
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  string() {
    const found = this.match(TEXT);
    return found && !FORBIDDEN.test(JSON.parse(found[0])) ? found[1] : null;
  }

  number() {
    const found = this.match(NUMBER);
    if (!found || found[0].replace(/[^0-9]/g, "").length > 17) return false;
    if (found[0].startsWith("-") && !/[1-9]/.test(found[0])) return false;
    return found[2] !== undefined || Number.isSafeInteger(Number(found[0]));
  }

  value(depth) {
    const next = this.text[this.at];
    if (next === "{" || next === "[") return this.nested(next, depth);
    if (next === '"') return this.string() !== null;
    return this.take("true") || this.take("false") || this.number();
  }

  nested(open, depth) {
    const end = open === "{" ? "}" : "]", seen = new Set();
    if (depth > MOST_DEPTH || !this.take(open)) return false;
    if (this.take(end)) return true;
    do {
      if (open === "{") {
        const key = this.string();
        if (key === null || !KEY.test(key) || seen.has(key) || !this.take(":")) return false;
        seen.add(key);
      }
      if (!this.value(depth + 1)) return false;
    } while (this.take(","));
    return this.take(end);
  }
}

export function isAct(bytes) {
  if (bytes.length > MOST_BYTES) return false;
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return false;
  }
  const reader = new Reader(text);
  return text.startsWith("{") && reader.nested("{", 1) && reader.at === text.length;
}
