// One event stream for all tabs of a browser: over HTTP/1.1, a seventh stream would not load at
// all. The tab that holds the lock has the stream and the sound, and passes events on to the other
// tabs. A tab that may sound takes over from a tab that may not.

const LOCK = "dragoman-alarm";
const CHANNEL = "dragoman";

export class Link extends EventTarget {
  #tabs = new BroadcastChannel(CHANNEL);
  #stream = null;
  #release = null;
  #asked = 0;
  #claiming = false;
  leads = false;
  leaderSounds = false;
  knows = false; // whether this tab leads, or the leader has answered it
  maySound = () => false;

  constructor() {
    super();
    this.#tabs.addEventListener("message", ({ data }) => this.#told(data));
    addEventListener("pagehide", () => { this.#stream?.close(); this.#release?.(); });
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  }

  begin() {
    this.#tabs.postMessage({ kind: "whoLeads", detail: {} });
    if (navigator.locks) this.#queue({});
    else this.#lead();
  }

  // Tell all tabs, this one among them.
  tell(kind, detail = {}) {
    this.#tabs.postMessage({ kind, detail });
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  // A tab whose sound is allowed takes the lead where the leader's is not.
  claim() {
    if (!this.leads && !this.leaderSounds && !this.#claiming && this.maySound()) {
      this.#claiming = true;
      this.#queue({ steal: true });
    }
    if (this.leads) this.#tabs.postMessage({ kind: "leader", detail: { sounds: this.maySound() } });
  }

  // The newest request is the one that counts: an older one of this tab that is granted, or taken away, changes nothing.
  #queue(options) {
    if (!navigator.locks) return;
    const mine = ++this.#asked;
    navigator.locks.request(LOCK, options, () => {
      if (mine !== this.#asked) return undefined;
      this.#claiming = false;
      this.#lead();
      return new Promise((release) => { this.#release = release; });
    }).catch(() => { // another tab, which may sound, took it
      if (mine !== this.#asked) return;
      this.#claiming = false;
      this.#rest();
      this.#queue({});
    });
  }

  #lead() {
    this.leads = true;
    this.knows = true;
    this.leaderSounds = this.maySound();
    this.#open();
    this.tell("leads", {});
    this.#tabs.postMessage({ kind: "leader", detail: { sounds: this.leaderSounds } });
  }

  #rest() {
    this.leads = false;
    this.#stream?.close();
    this.#stream = null;
    this.dispatchEvent(new CustomEvent("rests"));
  }

  #open() {
    this.#stream?.close();
    const stream = this.#stream = new EventSource("/alarm/events");
    for (const kind of ["hello", "change", "ping"]) {
      stream.addEventListener(kind, (event) => this.tell(kind, JSON.parse(event.data)));
    }
    stream.addEventListener("error", () => {
      this.tell("error", {});
      if (stream.readyState === EventSource.CLOSED && this.leads && this.#stream === stream) {
        setTimeout(() => { if (this.leads && this.#stream === stream) this.#open(); }, 2000);
      }
    });
  }

  #told({ kind, detail }) {
    if (kind === "whoLeads") {
      if (this.leads) this.claim();
      return;
    }
    if (kind === "leader") {
      this.leaderSounds = detail.sounds;
      this.knows = true;
      this.claim();
      return;
    }
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
