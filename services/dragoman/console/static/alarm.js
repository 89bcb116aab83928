// The alarm of a page: its armed state, the ringing messages, the takeover, and acknowledgements.
// A takeover covers every open page. The reader can silence this screen.
//
//   off duty ─ press ─▶ arming ─ heard ─▶ armed ⇄ partly armed
//                                   └─ context suspended, reload, new tab ─▶ not armed
//
// At every load, the audio context says whether the page is armed. The state is never remembered:
// a tab is not armed because it was armed before.

import { ask, bar, button, cell, clock, element, hour, minutes, opens, page, parsed, rings, say, SignedOut, span, words } from "./page.js";
import { forget } from "./kept.js";
import { signatureFor, Unsigned, whyUnsigned } from "./signing.js";
import { EVERY, play } from "./sounds.js";

const GUARD_MS = 800; // a stray key is no acknowledgement: keys act after so long without any key
const CHAINED_MS = 300;
const SILENCE_S = 30;
const AGAIN_S = 60;
const ACK_PATIENCE_MS = 3000;
const RESUME_MS = 10_000;
const SHOWN_MS = 1500;
const TEST_MS = 30_000;
const STARTS_MS = 3000; // a browser that finds no loudspeaker may leave open for ever whether its sound starts
const TESTED_MS = 8 * 3600_000;
const [CHECK_S, CHECK_STEP_S] = page.check;
const OPENED_S = 300;
const LEFT_SHOWN = 3;
const LATER_MS = 30_000;
const HALF = 0.5;
const NINE_TENTHS = 0.9;
const BEAT_S = 15;
const AHEAD_S = 70;
const DUTY = `dragoman-duty ${page.actor}`;
const TESTED = "dragoman-tested";
const LEFT = "dragoman-left";
const SETTLED = "dragoman-settled";
const HANDED_SHOWN = 3;
const REMINDED = "dragoman-reminded";
const RANK = ["flash", "immediate", "priority"];

const TYPED = "textarea, select, [contenteditable], input:not([type=button], [type=checkbox], [type=color], [type=file], [type=image], [type=radio], [type=range], [type=reset], [type=submit])";

// The word stands wherever an exercise could be taken for the live channel, and every bar names its channel.
const drilled = (ring, text) => (ring.exercise ? `EXERCISE ${text}` : text);
const named = (all) => [...new Set(all.map(({ channel }) => channel))].join(", ");

// Links to the exchanges of a bar's messages, each once, the first ones alone; none to the page that is open already.
const openLinks = (all) =>
  [...new Map(all.map((each) => [`/c/${each.channel}/exchanges/${each.exchange}`, each])).entries()]
    .filter(([href]) => href !== location.pathname)
    .slice(0, LEFT_SHOWN)
    .map(([href, { number }]) => opens(href, number));

const place = document.getElementById("alarm");
let title = document.title; // the page's own, while a flash has its place
let flashTitle = "";
const iconLink = document.querySelector("link[rel=icon]");
const iconHref = iconLink?.href;

// Buttons in the alarm's cell of the rail; the same ones stay as they are, so that none goes from under a finger.
function inRail(actions) {
  const shown = document.getElementById("cell-alarm");
  const known = shown?.querySelector(".do");
  const text = actions.map((action) => action.textContent).join("\n");
  if (!shown || (known?.dataset.shown ?? "") === text) return;
  known?.remove();
  if (!actions.length) return;
  const made = element("span", { className: "do" }, ...actions);
  made.dataset.shown = text;
  shown.append(made);
}

// A button with a word for a screen that has little room.
function inShort(long, short, press) {
  const made = button("", press);
  made.append(element("span", { className: "long", textContent: words(long) }), element("span", { className: "short", textContent: words(short) }));
  return made;
}

export class Alarm {
  #link;
  #rings = new Map();
  #last = null; // what was settled last
  #context = null;
  #lock = null;
  #burst = null;
  #silentUntil = 0;
  #arming = false;
  #shown = null;
  #shownAt = 0;
  #keyAt = -Infinity;
  #field = null;
  #swallowed = "";
  #closedAt = -Infinity;
  #guarding = 0;
  #settled = new Map();
  #acknowledging = new Set();
  #tick = 0;
  #blind = false;
  #blindSince = 0;
  #known = 0;
  #asking = null;
  #again = false;
  #notices = new Map();
  #fraught = new Map();
  #stale = false;
  #unopened = [];
  #done = 0;
  #absent = [];
  #unpassed = [];
  #touchedAt = clock.now();
  #toldAt = 0;
  #checking = 0;
  #later = null;
  #marks = new Map();
  #otherDevice = false;
  #outputs = "";
  #question = null; // the buttons that answer whether the test sound is heard
  #unheard = false; // no sound came when the alarm was armed here

  constructor(link) {
    this.#link = link;
    link.maySound = () => this.sounds && this.duty; // a tab without duty would take the lead and stay mute
    link.addEventListener("acked", ({ detail }) => this.#settle(detail.key, detail.exercise && detail.exercise !== page.exercise ? "" : detail.text));
    link.addEventListener("silence", () => this.#silence());
    link.addEventListener("duty", ({ detail }) => this.#setDuty(detail.duty, detail.exercise));
    link.addEventListener("touched", () => this.#touched());
    link.addEventListener("leads", () => this.#sound());
    link.addEventListener("rests", () => this.#hush());
    addEventListener("keydown", (event) => this.#key(event), true);
    addEventListener("keyup", (event) => { if (event.key === this.#swallowed) { this.#swallowed = ""; event.preventDefault(); event.stopPropagation(); } }, true);
    addEventListener("pointerdown", (event) => this.#pointed(event), true);
    for (const touch of ["keydown", "click", "pointermove"]) addEventListener(touch, (event) => this.#touch(event), { capture: true, passive: true });
    addEventListener("beforeunload", (event) => { if (this.state === "armed" && this.#rings.size) event.preventDefault(); });
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#devices());
    this.#devices();
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#keepAwake(); });
  }

  begin() {
    if (page.duty) {
      this.#context = new AudioContext();
      this.#context.addEventListener("statechange", () => {
        if (this.sounds) {
          bar("help", null);
          this.#unheard = false;
        }
        this.#changed();
      });
      if (this.duty) this.#keepAwake();
    }
    this.#barSettled();
    this.#take(place);
    this.#changed();
  }

  // What the officer has said: on duty or off, and for the live channels or an exercise.
  get duty() {
    return sessionStorage.getItem(DUTY) !== null && sessionStorage.getItem(DUTY) !== "off";
  }

  get offDuty() {
    return sessionStorage.getItem(DUTY) === "off";
  }

  get exercise() {
    const said = sessionStorage.getItem(DUTY) ?? "";
    return said.startsWith("exercise:") ? said.slice(9) : "";
  }

  get sounds() {
    return this.#context?.state === "running";
  }

  get state() {
    if (!page.duty) return "off";
    if (this.#blind) return "blind";
    if (this.offDuty) return "off";
    if (!this.sounds || !this.duty || this.#otherDevice) return "not_armed";
    if (this.#checking >= 3) return "no_answer";
    return this.#missing().length ? "partly" : "armed";
  }

  #missing() {
    const found = [];
    const notices = globalThis.Notification?.permission;
    if (notices !== "granted") found.push(words(notices === "denied" ? "blocked_notice" : "missing_notice"));
    if (this.#lock === null && !document.hidden) found.push(words("missing_screen"));
    return found;
  }

  // Arming

  async arm() {
    const exercise = page.drill ? "" : page.exercise; // on the page of a drill the officer arms for what is real
    this.#arming = true;
    this.#unheard = false;
    if (this.#otherDevice) sessionStorage.removeItem(TESTED); // another loudspeaker is heard before it is believed
    this.#otherDevice = false;
    this.#askForNotices();
    await Promise.race([this.#context.resume(), new Promise((go) => { setTimeout(go, STARTS_MS); })]);
    await this.#keepAwake(true);
    const tested = Date.now() - Number(sessionStorage.getItem(TESTED) ?? 0) < TESTED_MS;
    if (tested || !this.sounds) {
      this.#armed(exercise);
      if (!this.sounds) this.#help();
      return;
    }
    play(this.#context, "flash", { volume: 0.6 });
    const over = setTimeout(() => this.#disarm(), TEST_MS);
    // Asked in the bar, and in a takeover that covers it.
    this.#question = () => [
      button(words("heard_yes"), () => {
        clearTimeout(over);
        sessionStorage.setItem(TESTED, String(Date.now()));
        this.#armed(exercise);
      }),
      button(words("heard_no"), () => {
        clearTimeout(over);
        this.#disarm();
        this.#help();
      }),
    ];
    bar("arm", "caution", [words("heard_ask")], ...this.#question());
    this.#showMute();
  }

  #help() {
    this.#unheard = true;
    this.#showMute();
    bar("help", "caution", [words("heard_help")], button(words("lost_know"), () => bar("help", null)));
  }

  // The browser's question may stay open for as long as nobody answers it. The sound does not wait for that.
  async #askForNotices() {
    if (globalThis.Notification?.permission !== "default") return;
    await Notification.requestPermission().catch(() => null);
    this.#changed();
  }

  #armed(exercise) {
    this.#arming = false;
    this.#question = null;
    bar("help", null);
    this.#link.tell("duty", { duty: true, exercise });
    this.#link.claim();
  }

  // Another loudspeaker, or none: what was heard before says nothing of it.
  async #devices() {
    const found = await navigator.mediaDevices?.enumerateDevices?.().catch(() => null);
    if (!found) return;
    const outputs = found.filter(({ kind }) => kind === "audiooutput").map(({ deviceId, groupId }) => `${deviceId} ${groupId}`).sort().join("\n");
    const changed = this.#outputs !== "" && outputs !== this.#outputs;
    this.#outputs = outputs || " ";
    if (!changed || !this.duty) return;
    this.#otherDevice = true;
    this.#changed();
  }

  #disarm() {
    this.#arming = false;
    this.#question = null;
    this.#changed();
  }

  #setDuty(duty, exercise) {
    sessionStorage.setItem(DUTY, duty ? (exercise ? `exercise:${exercise}` : "live") : "off");
    if (!duty) this.#lock?.release();
    this.#changed();
    this.#sound();
  }

  async #keepAwake(asked = false) {
    if (!page.duty || (!asked && !this.duty) || this.#lock !== null) return;
    try {
      this.#lock = await navigator.wakeLock.request("screen");
      this.#lock.addEventListener("release", () => { this.#lock = null; this.#changed(); });
    } catch {
      this.#lock = null;
    }
    this.#changed();
  }

  #changed() {
    if (!page.duty) return;
    const state = this.state;
    document.body.dataset.alarm = state;
    if (!this.#arming) this.#showState(state);
    this.#link.claim();
    this.#showMute();
    this.#heartbeat(true);
  }

  #showState(state) {
    if (state === "armed") cell("alarm", "normal", words("armed"), words("armed_detail"));
    else if (state === "partly") cell("alarm", "caution", words("partly"), this.#missing().join(" "));
    else if (state === "no_answer") cell("alarm", "critical", words("no_answer"), words("check_ask"));
    else if (state === "blind" && this.sounds && this.duty) cell("alarm", "normal", words("armed"), words("blind_detail"));
    else if (state === "off") cell("alarm", "off", words("off_duty"), words("off_duty_detail"));
    else cell("alarm", "serious", words("not_armed"), words("not_armed_detail"));
    const mute = state === "not_armed" || (state === "blind" && !this.sounds);
    const missing = this.#missing();
    // What the browser's settings forbid, no press here can allow.
    const helps = mute || state === "off" || missing.some((each) => each !== words("blocked_notice"));
    const arm = helps ? [inShort("arm_do", "arm_short", () => this.arm())] : [];
    const off = inShort("arm_off", "off_short", () => this.#link.tell("duty", { duty: false, exercise: "" }));
    bar("arm", null);
    inRail(state === "off" ? arm : mute || state === "partly" ? [...arm, off] : []);
  }

  #heartbeat(now = false) {
    if (!this.#link.leads || !page.duty || (!now && this.#tick % BEAT_S !== 0)) return;
    const form = new URLSearchParams({ state: this.state, exercise: this.exercise });
    if (this.state === "no_answer") form.set("since", String(Math.round((this.#touchedAt + (CHECK_S + 2 * CHECK_STEP_S) * 1000) / 1000)));
    fetch("/alarm/beat", { method: "POST", body: form, keepalive: true }).catch(() => null);
  }

  // What rings

  // Ask what rings now; asked again while an answer is under way, once more after it.
  async refresh() {
    if (this.#asking) {
      this.#again = true;
      return this.#asking;
    }
    this.#asking = this.#ask();
    try {
      await this.#asking;
    } finally {
      this.#asking = null;
      if (this.#again) {
        this.#again = false;
        this.refresh();
      }
    }
  }

  async #ask() {
    const known = [...this.#rings.values()].filter((ring) => !ring.elsewhere).map((ring) => `${ring.channel} ${ring.exchange} ${ring.key}`);
    const query = new URLSearchParams([["in", page.channel], ["armed", this.exercise], ["drill", page.drill], ...known.map((each) => ["known", each])]);
    try {
      const answer = await ask(`/alarm?${query}`);
      if (!answer.ok) throw new Error(String(answer.status));
      this.#take(parsed(await answer.text()).body);
      this.#stale = false;
    } catch (error) {
      this.#stale = true; // asked again with the next tick: what rings is not left to the next change
      if (error instanceof SignedOut) this.signedOut();
    }
  }

  signedOut() {
    forget();
    bar("signed-out", "critical", [words("signed_out"), words("signed_out_bar")]);
    document.title = words("signed_out");
  }

  #take(fresh) {
    const data = fresh.querySelector("#alarms");
    if (!data) return;
    clock.set(data.dataset.now);
    const rings = JSON.parse(data.dataset.alarms);
    this.#unopened = JSON.parse(data.dataset.left ?? "[]");
    this.#absent = JSON.parse(data.dataset.absent ?? "[]");
    this.#unpassed = JSON.parse(data.dataset.unpassed ?? "[]");
    this.#news(JSON.parse(data.dataset.later ?? "[]"));
    this.#barHanded(JSON.parse(data.dataset.handed ?? "[]"));
    for (const done of JSON.parse(data.dataset.settled ?? "[]")) this.#settle(done.key, done.text);
    const before = this.#rings;
    this.#rings = new Map(rings.map((ring) => [ring.key, ring]));
    for (const ring of rings) this.#compare(before.get(ring.key), ring);
    for (const key of before.keys()) if (!this.#rings.has(key)) this.#settle(key, "");
    this.#replaceDialogs(fresh);
    this.#show();
    this.#barAbsent();
    this.#barUnpassed();
    this.#sound();
    this.#known += 1;
  }

  // What a colleague has handed over to be sent: a line until it is sent, changed or dropped.
  #barHanded(handed) {
    const [first] = handed;
    const open = handed.slice(0, HANDED_SHOWN).map(({ channel, id, act }) =>
      element("a", { className: "button", href: `/c/${channel}/drafts/${id}`, textContent: `${words("open")}${handed.length > 1 ? ` ${act}` : ""}` }));
    const here = first && location.pathname === `/c/${first.channel}/drafts/${first.id}`;
    bar("handed", first && !here ? "caution" : null, first ? [words("handed", { who: first.author, act: first.act })] : [], ...open);
  }

  #compare(before, ring) {
    if (ring.joined) return; // many of its sender's wait already: it is counted with them, and not heard anew
    if (!before) {
      if (this.#known) {
        this.#silentUntil = 0;
        this.#showSilence();
        if (ring.precedence === "priority") this.#short();
      }
    } else if (before.position !== ring.position && ring.precedence === "flash") {
      this.#silentUntil = 0; // corrected or added to: one alarm a situation, and its burst again
      this.#showSilence();
      this.#hush();
    }
  }

  // What its sender has changed of a flash that is acknowledged: a short sound and a line, once.
  #news(later) {
    const newest = Math.max(0, ...later.map(({ position }) => position));
    const fresh = this.#later === null ? [] : later.filter(({ position, exchange }) => position > this.#later && ![...this.#rings.values()].some((ring) => ring.exchange === exchange));
    this.#later = Math.max(this.#later ?? 0, newest);
    const last = fresh.at(-1);
    if (!last) return;
    this.#short();
    const open = opens(`/c/${last.channel}/exchanges/${last.exchange}`, last.number);
    bar("later", "standby", [words("later", { channel: last.channel, t: last.time, what: last.act })], open);
    setTimeout(() => bar("later", null), LATER_MS);
  }

  #replaceDialogs(fresh) {
    if (!fresh.querySelector("dialog.flooded")) this.#noFlood();
    for (const made of fresh.querySelectorAll("dialog")) {
      const known = place.querySelector(`dialog[data-key="${made.dataset.key}"]`);
      const ring = this.#rings.get(made.dataset.key);
      if (!known) place.append(document.adoptNode(made));
      else if (known !== made && ring && Number(known.dataset.position ?? -1) !== ring.position && !this.#acknowledging.has(ring.key)) {
        known.firstElementChild.replaceWith(document.adoptNode(made.firstElementChild));
        known.dataset.position = String(ring.position);
        if (known === this.#shown) {
          if (!this.#field) known.querySelector(".head")?.focus();
          this.#showKeys();
          this.#showSilence();
          this.#showMute();
          this.#showPlace();
        }
      } else if (known !== made && made.dataset.key === "flood") {
        this.#freshRows(known, made);
      } else if (known !== made) {
        this.#showPlace();
      }
    }
    for (const dialog of place.querySelectorAll("dialog")) {
      const ring = this.#rings.get(dialog.dataset.key);
      if (ring) dialog.dataset.position = String(ring.position);
      if (!dialog.dataset.wired) this.#wire(dialog);
    }
  }

  // Groups keep their places. What somebody points at or is about to press keeps its message, and only its count goes on.
  #freshRows(known, made) {
    const table = known.querySelector("table");
    const groups = new Map([...table.querySelectorAll("[data-group]")].map((group) => [group.dataset.group, group]));
    for (const group of made.querySelectorAll("[data-group]")) {
      const old = groups.get(group.dataset.group);
      groups.delete(group.dataset.group);
      const newest = old?.querySelector("[data-row]")?.dataset.row;
      const busy = [...(old?.querySelectorAll("[data-row]") ?? [])].some((row) => this.#acknowledging.has(row.dataset.row));
      if (!old) table.append(document.adoptNode(group));
      else if (busy || (this.#rings.has(newest) && old.matches(":hover, :focus-within"))) {
        old.querySelector("[data-count]").textContent = group.querySelector("[data-count]").textContent;
      } else {
        const fresh = document.adoptNode(group);
        const [before, after] = [old, fresh].map((each) => each.querySelector("details"));
        if (before?.open && after) after.open = true;
        if (newest !== fresh.querySelector("[data-row]").dataset.row) fresh.madeAt = performance.now();
        const focused = old.matches(":focus-within");
        old.replaceWith(fresh);
        if (focused) fresh.querySelector("[data-acknowledge]").focus();
      }
    }
    for (const gone of groups.values()) gone.remove();
    known.querySelector("#f-flood").replaceChildren(...document.adoptNode(made.querySelector("#f-flood")).childNodes);
  }

  // Few enough wait again to be looked at one by one.
  #noFlood() {
    const dialog = place.querySelector("dialog.flooded");
    if (!dialog || [...dialog.querySelectorAll("[data-row]")].some((row) => this.#acknowledging.has(row.dataset.row))) return;
    if (dialog === this.#shown) this.#closeShown();
    dialog.remove();
  }

  #wire(dialog) {
    dialog.dataset.wired = "yes";
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => {
      if (dialog !== this.#shown || !this.#waits(dialog)) return;
      this.#closedAt = performance.now();
      this.#open(dialog);
    });
    dialog.addEventListener("submit", (event) => this.#submitted(event, dialog));
    dialog.addEventListener("click", (event) => {
      if (event.target.closest("[data-silence]")) this.#pressSilence();
      const open = event.target.closest("[data-open]");
      if (open) sessionStorage.setItem(LEFT, JSON.stringify({ ...this.#left(), [dialog.dataset.key]: clock.now() }));
    });
  }

  #left() {
    return JSON.parse(sessionStorage.getItem(LEFT) ?? "{}");
  }

  // Whether a message has reached this console: by its rung, or because it is armed.
  #reaches(ring) {
    if (ring.reaches === null) return false;
    if (ring.exercise && page.exercise !== ring.exercise && this.exercise !== ring.exercise) return false;
    return this.duty || this.#waited(ring) >= ring.reaches;
  }

  #waited(ring) {
    return (clock.now() - Date.parse(ring.since)) / 1000;
  }

  #waits(dialog) {
    return dialog.dataset.key === "flood" ? this.#flashes().some((ring) => !ring.elsewhere) : this.#rings.has(dialog.dataset.key);
  }

  #flashes() {
    return [...this.#rings.values()].filter((ring) => ring.precedence === "flash" && this.#reaches(ring));
  }

  // Read on a page of its own, it is raised again with its next minute.
  #isLeft(ring) {
    const at = this.#left()[ring.key];
    if (at === undefined) return false;
    const since = Date.parse(ring.since);
    const next = since + Math.ceil((at - since) / 1000 / AGAIN_S + 0.001) * AGAIN_S * 1000;
    return clock.now() < next;
  }

  #show() {
    if (this.#shown && (this.#acknowledging.has(this.#shown.dataset.key) || this.#settled.has(this.#shown.dataset.key))) return;
    const flood = place.querySelector("dialog.flooded");
    const flashes = this.#flashes();
    const wanted = flashes.find((ring) => !this.#isLeft(ring) && place.querySelector(`dialog[data-key="${ring.key}"]`));
    const dialog = flood && flashes.some((ring) => !ring.elsewhere) ? flood : wanted && place.querySelector(`dialog[data-key="${wanted.key}"]`);
    if (this.#shown && this.#shown !== dialog) this.#closeShown();
    if (dialog && !dialog.open) this.#open(dialog);
    this.#bars();
  }

  // Somebody who types goes on typing: the field keeps the keyboard and the caret, and the dialog only covers the page, until it is
  // pointed at or Tab is pressed. A flash that follows another one at once is met by somebody who looks.
  #open(dialog) {
    const focused = document.activeElement;
    const chained = performance.now() - this.#closedAt < CHAINED_MS;
    this.#shown = dialog;
    this.#shownAt = performance.now();
    this.#showMute();
    this.#field = !chained && focused?.matches(TYPED) && !focused.closest("dialog") ? focused : null;
    if (this.#field) dialog.setAttribute("open", "");
    else this.#hold();
    this.#showKeys();
    this.#showSilence();
    this.#count();
  }

  // Give the dialog the keyboard, and leave the page behind it alone.
  #hold() {
    const dialog = this.#shown;
    this.#field = null;
    dialog.removeAttribute("open");
    dialog.showModal();
    (dialog.querySelector(".head") ?? dialog.querySelector("#f-flood"))?.focus();
    this.#showKeys();
  }

  #closeShown() {
    const dialog = this.#shown;
    const field = this.#field;
    if (!field) this.#closedAt = performance.now();
    this.#shown = null;
    this.#field = null;
    if (dialog?.open) dialog.close();
    if (field && [null, document.body].includes(document.activeElement)) field.focus(); // the button that was pressed is gone
    if (document.title === flashTitle) document.title = title;
    if (iconLink) iconLink.href = iconHref;
  }

  #bars() {
    const rings = [...this.#rings.values()];
    const here = rings.filter((ring) => !ring.elsewhere);
    const others = here.filter((ring) => ring.precedence === "flash" && (!this.#reaches(ring) || this.#isLeft(ring)));
    const [first] = others;
    if (first && !this.#shown) {
      const values = { channel: first.channel, side: first.sender, d: span(this.#waited(first)), what: first.name };
      bar("flash", "critical", [words("flash_bar", values), first.reaches === null || this.#reaches(first) ? "" : words("flash_other")], ...openLinks([first]));
    } else {
      bar("flash", null);
    }
    // A screen that is armed for an exercise sounds on pages of other channels too: it says why.
    const drill = rings.find((ring) => ring.elsewhere && ring.precedence === "flash" && ring.channel === this.exercise);
    const values = drill && { channel: drill.channel, side: drill.sender, d: span(this.#waited(drill)), what: drill.name };
    bar("drill", drill ? "standby" : null, drill ? [drilled({ exercise: true }, words("flash_bar", values))] : [], ...openLinks(drill ? [drill] : []));
    const immediate = here.filter((ring) => ring.precedence === "immediate");
    const [only] = immediate;
    const told = immediate.length > 1 ? words("immediate_bar", { channel: named(immediate), n: immediate.length })
      : only && words("immediate_one", { channel: only.channel, side: only.sender, what: only.name });
    bar("immediate", only ? "serious" : null, only ? [told] : [], ...openLinks(immediate));
  }

  #barAbsent() {
    const [absent] = this.#absent;
    bar("absent", absent ? "critical" : null, absent ? [words("absent", { channel: absent.channel, who: absent.officer, t: hour(absent.since) }), words("absent_what")] : [],
      ...(absent?.channel === page.channel ? rings(true) : []));
  }

  // What was not passed on by its limit: from then on, until it is passed on or its window is over.
  #late() {
    const now = clock.now();
    return this.#unpassed.filter(({ since, until }) => Date.parse(since) <= now && !(until && Date.parse(until) < now));
  }

  #barUnpassed() {
    const late = this.#late();
    const [first] = late;
    if (!first) {
      bar("unpassed", null);
      return;
    }
    const away = first.opens ? (Date.parse(first.opens) - clock.now()) / 1000 : NaN;
    const rest = [];
    if (away > 0) rest.push(words("unpassed_opens", { d: span(away), t: hour(first.opens) }));
    else if (away <= 0) rest.push(words("unpassed_open", { d: span(-away) }));
    if (late.length > 1) rest.push(words(late.length === 2 ? "unpassed_one" : "unpassed_many", { n: late.length - 1 }));
    const open = late.slice(0, LEFT_SHOWN).map(({ channel, exchange, number }) => opens(`/c/${channel}/exchanges/${exchange}#passing`, number));
    const silence = this.duty && this.sounds && late.some((each) => this.#isCalled(each)) ? [button(words("silence"), () => this.#pressSilence())] : [];
    const text = drilled({ exercise: first.exercise }, words("unpassed", { channel: first.channel, posts: first.posts }));
    bar("unpassed", away <= 0 ? "critical" : "serious", [text, ...rest], ...open, ...silence);
  }

  // Whether what was not passed on has reached this console: at once for whoever has the watch, and for others with time.
  #isCalled({ channel, exercise, reaches_s: reaches, since }) {
    if (reaches === null) return false;
    if (exercise && page.exercise !== channel && this.exercise !== channel) return false;
    return this.duty || (clock.now() - Date.parse(since)) / 1000 >= reaches;
  }

  // Once a second: what counts, and what comes with the time.
  second() {
    this.#tick += 1;
    this.#heartbeat();
    if (this.#stale) this.refresh();
    this.#check();
    this.#remind();
    if (this.#absent.length && this.#tick % BEAT_S === 0) this.refresh(); // it ends when somebody comes, which is in no log
    if (this.#unpassed.length) this.#barUnpassed();
    if (this.#rings.size === 0) {
      if (this.#absent.length || this.#unpassed.length) this.#sound();
      return;
    }
    this.#mark();
    this.#show();
    this.#count();
    this.#sound();
  }

  // Half and nine tenths of a limit: said once of a flash, and sounded once of a priority message.
  #mark() {
    for (const ring of this.#rings.values()) {
      const spent = this.#waited(ring) / ring.limit;
      const passed = spent >= 1 ? 3 : spent >= NINE_TENTHS ? 2 : spent >= HALF ? 1 : 0;
      const before = this.#marks.get(ring.key);
      this.#marks.set(ring.key, passed);
      if (before === undefined || passed <= before || !this.#reaches(ring)) continue;
      if (ring.precedence === "flash" && !ring.elsewhere) say(words("flash_bar", { channel: ring.channel, side: ring.sender, d: span(this.#waited(ring)), what: ring.name }));
      else if (ring.precedence === "priority" && passed < 3) this.#short();
    }
  }

  // A quiet watch is asked whether somebody is there: seen, heard, then told to the deputies. Any key or pointer in any tab answers.
  #touch({ type }) {
    if (!CHECK_S || clock.now() - this.#toldAt < 1000) return;
    if (type === "pointermove" && this.#checking) return; // the question must not go from under a pointer on its way to it
    this.#toldAt = clock.now();
    this.#link.tell("touched");
  }

  #touched() {
    this.#touchedAt = clock.now();
    if (this.#checking === 0) return;
    this.#checking = 0;
    bar("check", null);
    this.#changed();
  }

  #check() {
    if (!CHECK_S) return;
    if (this.#rings.size || !this.duty || !this.sounds || this.#blind) {
      this.#touchedAt = clock.now();
      return;
    }
    const past = (clock.now() - this.#touchedAt) / 1000 - CHECK_S;
    const step = past < 0 ? 0 : past < CHECK_STEP_S ? 1 : past < 2 * CHECK_STEP_S ? 2 : 3;
    if (step <= this.#checking) return;
    this.#checking = step;
    bar("check", "caution", [words("check_ask"), words("check_what")], button(words("check_here"), () => this.#link.tell("touched")));
    if (step === 2) this.#short();
    if (step === 3) this.#changed();
  }

  // A flash that was acknowledged and not opened is spoken of once, and stands there until somebody opens it.
  #remind() {
    const late = this.#unopened.filter((each) => clock.now() - Date.parse(each.since) >= OPENED_S * 1000);
    const last = late.at(-1);
    const values = last && { channel: named(late), t: hour(last.since), n: late.length };
    bar("left", last ? "caution" : null, last ? [words(late.length > 1 ? "left_many" : "left", values)] : [], ...openLinks(late.slice(-LEFT_SHOWN)));
    const reminded = (localStorage.getItem(REMINDED) ?? "").split(" ");
    const fresh = late.filter((each) => !reminded.includes(each.key));
    if (fresh.length === 0 || !this.#link.leads) return;
    localStorage.setItem(REMINDED, [...fresh.map((each) => each.key), ...reminded].slice(0, 50).join(" "));
    if (!this.#again) this.refresh().then(() => { if (this.#unopened.some((each) => fresh.some(({ key }) => key === each.key))) this.#short(); });
  }

  #count() {
    const dialog = this.#shown;
    const ring = dialog && (this.#rings.get(dialog.dataset.key) ?? this.#flashes().find((each) => !each.elsewhere));
    if (!ring) return;
    this.#showPlace();
    this.#showMute();
    const waited = this.#waited(ring);
    if (document.title !== flashTitle) title = document.title;
    document.title = flashTitle = drilled(ring, words("flash_title", { d: minutes(waited), side: ring.sender }));
    if (iconLink && !iconLink.href.endsWith("alarm.svg")) iconLink.href = new URL("alarm.svg", import.meta.url);
    const spent = dialog.querySelector("[data-spent]");
    spent?.setAttribute("width", String(Math.min(100, (waited / ring.limit) * 100)));
    for (const row of dialog.querySelectorAll("[data-rung]")) row.toggleAttribute("aria-current", waited >= Number(row.dataset.rung));
    const outcome = dialog.querySelector("[data-outcome]");
    if (outcome && !this.#acknowledging.has(ring.key)) {
      const said = waited > ring.limit ? words("lapsed", { d: span(ring.limit) }) : waited >= 540 ? words("head") : waited >= 300 ? words("deputy") : "";
      if (outcome.textContent !== said) outcome.textContent = said;
    }
  }

  // Sound

  #loud() {
    const silent = clock.now() < this.#silentUntil;
    const loud = [...this.#rings.values()].filter((ring) =>
      this.#reaches(ring) && !this.#acknowledging.has(ring.key) && !(silent && ring.precedence !== "never"));
    loud.sort((one, other) => RANK.indexOf(one.precedence) - RANK.indexOf(other.precedence));
    return loud.find((ring) => ring.precedence === "flash" || ring.precedence === "immediate") ?? null;
  }

  #sound() {
    if (!this.sounds || !this.#link.leads) return;
    if (this.#blind) {
      this.#keepBursting("blind", this.#blindSince);
      return;
    }
    const ring = this.#loud();
    const absent = this.#absent.find((each) => each.reaches);
    if (ring === null && absent && this.duty && clock.now() >= this.#silentUntil) {
      this.#keepBursting("immediate", Date.parse(absent.since), "absent");
      return;
    }
    const late = this.#late().find((each) => this.#isCalled(each));
    if (ring === null && late && this.duty && clock.now() >= this.#silentUntil) {
      this.#keepBursting("immediate", Date.parse(late.since), "unpassed");
      return;
    }
    if (ring === null || !this.duty) {
      this.#hush();
      return;
    }
    const quiet = ring.cancelled ? "short" : ring.precedence;
    this.#keepBursting(quiet, Date.parse(ring.since), ring.key);
    this.#notice(ring);
  }

  // Bursts are put on the audio clock a minute ahead.
  #keepBursting(pattern, since, key = pattern) {
    const context = this.#context;
    if (this.#burst && (this.#burst.pattern !== pattern || this.#burst.key !== key)) this.#hush();
    this.#burst ??= { pattern, key, next: context.currentTime + 0.02, handles: [] };
    const burst = this.#burst;
    burst.handles = burst.handles.filter((handle) => handle.ends > context.currentTime);
    while (burst.next < context.currentTime + AHEAD_S) {
      const went = (clock.now() - since) / 1000 + burst.next - context.currentTime;
      const volume = went >= AGAIN_S ? 1 : 0.6;
      burst.handles.push(play(context, pattern, { when: Math.max(burst.next, context.currentTime), volume }));
      const every = EVERY[pattern];
      burst.next += every ? every(went) : Infinity;
    }
    document.body.dataset.sounding = pattern;
    this.dispatched(pattern, burst);
  }

  // Tests look at what was put on the clock.
  dispatched(pattern, burst) {
    document.body.dataset.bursts = String(burst.handles.length);
  }

  #hush() {
    for (const handle of this.#burst?.handles ?? []) handle.stop();
    this.#burst = null;
    delete document.body.dataset.sounding;
    delete document.body.dataset.bursts;
  }

  #short() {
    if (this.sounds && this.#link.leads && this.duty && !this.#burst) play(this.#context, "short", { volume: 0.6 });
  }

  #notice(ring) {
    const minute = Math.floor(this.#waited(ring) / AGAIN_S);
    if (globalThis.Notification?.permission !== "granted" || this.#notices.get(ring.key) === minute) return;
    this.#notices.set(ring.key, minute);
    const text = drilled(ring, words("flash_notice", { side: ring.sender })); // a locked screen is public
    const notice = new Notification(text, { tag: ring.key, requireInteraction: true, silent: true });
    notice.addEventListener("click", () => { window.focus(); notice.close(); });
    this.#fraught.set(ring.key, notice);
  }

  // Silenced here by somebody: that is counted, for the turn-over note, and by one tab.
  #pressSilence() {
    this.#link.tell("silence");
    const reached = [...this.#rings.values()].filter((ring) => this.#reaches(ring));
    const channels = new Set([...reached, ...this.#late().filter((each) => this.#isCalled(each))].map(({ channel }) => channel));
    const form = new URLSearchParams([...channels].map((channel) => ["channel", channel]));
    fetch("/alarm/silenced", { method: "POST", body: form, keepalive: true }).catch(() => null);
  }

  #silence() {
    this.#silentUntil = clock.now() + SILENCE_S * 1000;
    this.#hush();
    this.#showSilence();
    if (!this.#shown) say(words("silenced", { d: span(SILENCE_S) })); // behind a dialog nobody reads it
    setTimeout(() => { this.#showSilence(); this.#sound(); }, SILENCE_S * 1000 + 50);
  }

  // Why nothing is heard on this screen, as a key of the words; empty where a flash is heard.
  #mute() {
    if (this.#question) return "heard_ask";
    if (this.#unheard) return "mute_failed";
    if (this.#otherDevice && this.duty) return "mute_device";
    if (this.#link.leads ? this.#link.maySound() : this.#link.leaderSounds) return "";
    return this.offDuty ? "mute_off" : "mute";
  }

  // The dialog says that this screen is mute, and arms it: the bar with the same button is behind it.
  #showMute() {
    const strip = this.#shown?.querySelector("[data-mute]");
    if (!strip || !this.#link.knows) return; // until then another tab may have the sound
    const why = this.#mute();
    if (strip.dataset.mute === why && strip.hidden === (why === "")) return;
    const focused = strip.contains(document.activeElement);
    const actions = why === "heard_ask" ? this.#question() : why ? [button(words("arm_do"), () => this.arm())] : [];
    strip.dataset.mute = why;
    strip.hidden = why === "";
    strip.querySelector("[data-mute-said]").textContent = words(why);
    strip.querySelector("[data-mute-do]").replaceChildren(...actions);
    if (focused) (actions[0] ?? this.#shown.querySelector(".head, #f-flood")).focus();
  }

  // The dialog says until when this screen is silent, and stops flashing meanwhile.
  #showSilence() {
    const told = this.#shown?.querySelector("[data-silenced]");
    if (!told) return;
    const said = clock.now() < this.#silentUntil ? words("silent_until", { t: hour(this.#silentUntil) }) : "";
    this.#shown.toggleAttribute("data-silent", said !== "");
    if (told.textContent !== said) told.textContent = said;
  }

  // Which of those that waited together is shown: what is acknowledged meanwhile still counts.
  #showPlace() {
    const flashes = this.#flashes();
    const at = flashes.findIndex((ring) => ring.key === this.#shown?.dataset.key);
    const told = this.#shown?.querySelector("[data-of]");
    if (!told || at < 0) return;
    const all = this.#done + flashes.length;
    const said = all > 1 ? words("of_all", { n: this.#done + at + 1, all }) : "";
    if (told.textContent !== said) told.textContent = said;
  }

  // A lost link has a tone of its own; it stops with the first data, or for ten minutes when somebody says that they know.
  blind(is, since = 0) {
    if (is === this.#blind) return;
    this.#blind = is;
    this.#blindSince = clock.now() - since * 1000;
    this.#hush();
    if (!is && this.sounds && this.#link.leads && this.duty) play(this.#context, "back", { volume: 0.6 });
    else if (this.duty) this.#sound();
    this.#changed();
  }

  knowsBlind() {
    this.#hush();
    this.#blindSince = clock.now() + 600_000;
  }

  // Acknowledging

  // While a field has the keyboard, every key is its own. Otherwise keys act after a moment without any: what somebody types who has
  // not looked up acknowledges nothing.
  #key(event) {
    const now = performance.now();
    const quiet = now - Math.max(this.#keyAt, this.#shownAt) >= GUARD_MS;
    if (!["Shift", "Control", "Alt", "AltGraph", "Meta"].includes(event.key)) this.#keyAt = now;
    const dialog = this.#shown;
    if (!dialog?.open || event.isComposing || event.keyCode === 229) return;
    this.#showKeys();
    if (event.key === "Escape") {
      this.#stop(event);
      if (!event.repeat) this.#pressSilence();
      return;
    }
    if (this.#field) {
      if (event.key === "Tab" && quiet && !event.repeat) {
        this.#stop(event);
        this.#hold();
      } else if (["Enter", " "].includes(event.key) && !event.target.matches(TYPED)) {
        this.#stop(event); // a button behind the dialog is not in sight, and one in it was not chosen
      }
      return;
    }
    if (["Enter", " ", "a", "A"].includes(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (event.repeat || !quiet) {
        this.#stop(event);
        return;
      }
      const pressed = event.key === "a" || event.key === "A";
      if (pressed && page.keys && dialog.dataset.key !== "flood") {
        event.preventDefault();
        dialog.querySelector("[data-acknowledge]").click();
      }
    }
  }

  #stop(event) {
    event.preventDefault();
    event.stopPropagation();
    this.#swallowed = event.key; // a button is pressed by the release of the space bar
  }

  // A pointer beside the dialog is on the page behind it, which nobody sees.
  #pointed(event) {
    if (!this.#field || !this.#shown?.open || this.#shown.contains(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    this.#hold();
  }

  // The dialog says when keys act.
  #showKeys() {
    clearTimeout(this.#guarding);
    const shown = this.#shown?.querySelector("[data-keys]");
    if (!shown) return;
    const left = GUARD_MS - (performance.now() - Math.max(this.#keyAt, this.#shownAt));
    const state = this.#field ? "field" : left > 0 ? "guarded" : "act";
    if (left > 0) this.#guarding = setTimeout(() => this.#showKeys(), left + 10);
    if (shown.dataset.keys === state) return;
    shown.dataset.keys = state;
    shown.textContent = words(`keys_${state}`);
  }

  async #submitted(event, dialog) {
    event.preventDefault();
    const form = event.target;
    const key = form.elements.of.value;
    const madeAt = form.closest("[data-group]")?.madeAt ?? this.#shownAt;
    if (performance.now() - Math.max(madeAt, this.#shownAt) < GUARD_MS || this.#acknowledging.has(key)) return;
    this.#acknowledging.add(key);
    const pressed = form.querySelector("[data-acknowledge]");
    const outcome = form.querySelector("[data-outcome]");
    const label = pressed.textContent;
    pressed.disabled = true;
    outcome.textContent = words("sending");
    this.#hush();
    const pressedAt = performance.now();
    const nags = setInterval(() => {
      if (performance.now() - pressedAt < RESUME_MS || "kept" in outcome.dataset) return;
      this.#acknowledging.delete(key);
      this.#sound();
      this.#acknowledging.add(key);
    }, 1000);
    const late = setTimeout(() => { if (!("kept" in outcome.dataset)) outcome.textContent = words("failed"); }, ACK_PATIENCE_MS);
    try {
      const text = await this.#receipt(form, outcome);
      this.#acknowledging.delete(key);
      if (text === null) {
        pressed.disabled = false;
        pressed.textContent = label;
        return;
      }
      outcome.textContent = text;
      this.#link.tell("acked", { key, text, exercise: page.exercise });
    } finally {
      clearTimeout(late);
      clearInterval(nags);
      if (dialog.dataset.key === "flood") form.closest("[data-row]")?.setAttribute("data-done", "");
    }
  }

  // Send it until it is answered, with the same key: it cannot be recorded twice. Null where it was refused, and why is said.
  async #receipt(form, outcome) {
    for (let wait = 1000; ; wait = Math.min(wait * 2, 8000)) {
      try {
        const body = new URLSearchParams(new FormData(form));
        const signed = "signed" in form.dataset ? await signatureFor(form.action, body, form.dataset.signed) : null;
        for (const [name, value] of Object.entries(signed ?? {})) body.set(name, value);
        const answer = await ask(form.action, { method: "POST", body, accept: "application/json", patience: 8000 });
        if (answer.status === 202) outcome.dataset.kept = ""; // at a station whose line is cut: somebody has it, and the other side does not know
        else if (answer.ok) return this.#worded(await answer.json());
        else if (answer.status < 500) {
          const problem = await answer.json().catch(() => ({}));
          outcome.textContent = words("refused", { why: problem.detail ?? answer.status });
          return null;
        }
      } catch (error) {
        if (error instanceof SignedOut) {
          this.signedOut();
          return null;
        }
        if (error instanceof Unsigned) {
          outcome.textContent = words("refused", { why: whyUnsigned(error) });
          return null;
        }
      }
      outcome.textContent = words("kept" in outcome.dataset ? "kept" : "failed");
      await new Promise((go) => { setTimeout(go, wait); });
    }
  }

  #worded(receipt) {
    if (receipt.before) return words("before", { who: receipt.by, t: hour(receipt.time) });
    return words("done", { d: span(receipt.seconds) });
  }

  // What was acknowledged last, with the way to it: on every page of this tab, until somebody goes there or says that they know.
  #barSettled(said = "") {
    const last = JSON.parse(sessionStorage.getItem(SETTLED) ?? "null");
    const done = () => { sessionStorage.removeItem(SETTLED); bar("settled", null); };
    if (!said && (last?.actor !== page.actor || last.href === location.pathname)) done();
    else bar("settled", "standby", [said || last.said], ...(last ? [opens(last.href, last.number)] : []), button(words("lost_know"), done));
  }

  // A message waits no more: here, in another tab, or at a colleague's. It is never closed without a word.
  #settle(key, text) {
    const ring = this.#rings.get(key);
    if (ring) this.#last = ring; // the host says once more that it is settled
    if (text && !this.#settled.has(key)) this.#settled.set(key, text);
    if (!ring && !text) return;
    if (ring?.precedence === "flash" && this.#reaches(ring)) this.#done += 1;
    this.#rings.delete(key);
    if (this.#flashes().length === 0) this.#done = 0;
    this.#fraught.get(key)?.close();
    this.#fraught.delete(key);
    this.#acknowledging.delete(key);
    const dialog = place.querySelector(`dialog[data-key="${key}"]`);
    const said = this.#settled.get(key) ?? "";
    const row = place.querySelector(`[data-row="${key}"]`);
    if (row) {
      row.querySelector("[data-outcome]").textContent = said;
      row.querySelector("button").hidden = true;
    }
    this.#sound();
    if (dialog && dialog === this.#shown) {
      const outcome = dialog.querySelector("[data-outcome]");
      if (outcome && said) outcome.textContent = said;
      dialog.querySelector("[data-acknowledge]").hidden = true;
    }
    const close = () => {
      this.#settled.delete(key);
      if (dialog && dialog === this.#shown) this.#closeShown();
      dialog?.remove();
      if (this.#flashes().length === 0 && this.#shown?.dataset.key === "flood") this.#closeShown();
      this.#show();
    };
    if (this.#settled.has(key) && dialog === this.#shown && this.#flashes().length === 0 && dialog) setTimeout(close, SHOWN_MS);
    else close();
    if (said) {
      const of = this.#last?.key === key ? this.#last : null;
      if (of) sessionStorage.setItem(SETTLED, JSON.stringify({ actor: page.actor, said, href: `/c/${of.channel}/exchanges/${of.exchange}`, number: of.number }));
      this.#barSettled(said);
    }
  }
}

