// Presses that are signed: the act is asked for, signed with the browser's own key, and sent. What
// signs and verifies (signatures.js) is large, so it is loaded where the page has such a press.

import { ask, element, words } from "./page.js";

const PATIENCE_MS = 8000;

const signatures = () => import("./signatures.js");

if (document.querySelector("[data-signs], [data-signed]")) signatures().catch(() => null); // asked for again when it is pressed

/** Why nothing was signed: a code, for which the page has a sentence. */
export class Unsigned extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

// The act that a press stands for: of this name, in the exchange and about the message that the form names, as the page shows it.
function isMeant(act, body, name, shown) {
  const data = JSON.parse(act);
  return data.act === name
    && (shown === null || act === shown)
    && (!body.has("officer") || data.officer === body.get("officer"))
    && (!body.has("of") || !("of" in data) || data.of === body.get("of"))
    && (!body.has("exchange") || data.signed.exchange === body.get("exchange"));
}

/** What a form would record is asked for, and signed: the fields to send with it, none where no signature is asked. Throws `Unsigned`. */
export async function signatureFor(action, body, name, shown = null) {
  const asking = new URLSearchParams(body);
  asking.set("sign", "ask");
  const answer = await ask(action, { method: "POST", body: asking, accept: "application/json", patience: PATIENCE_MS });
  if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("application/json")) return null; // sent as it is, the answer says what is wrong
  const asked = await answer.json();
  if (!asked.act) return {};
  if (!isMeant(asked.act, body, name, shown)) throw new Unsigned("other_act");
  return (await signatures()).sign(asked);
}

/** The sentence for why nothing was signed. */
export const whyUnsigned = (error) => words(`unsigned_${error.code}`);

/** Forms whose button is marked: signed when pressed, then sent. */
export function signForms(fail) {
  addEventListener("submit", async (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || !submitter?.hasAttribute("data-signs") || form.dataset.ready) return;
    event.preventDefault();
    submitter.disabled = true;
    try {
      const body = new URLSearchParams(new FormData(form, submitter));
      if (submitter.name) body.set(submitter.name, submitter.value); // a button that is disabled by now says nothing
      const action = submitter.getAttribute("formaction") ?? form.getAttribute("action") ?? location.href;
      const shown = form.elements.act?.value ?? document.getElementById("act-bytes")?.textContent ?? null;
      const found = await signatureFor(action, body, submitter.dataset.signs, shown);
      for (const [name, value] of Object.entries(found ?? {})) {
        form.querySelector(`input[name="${name}"]`)?.remove();
        form.append(element("input", { type: "hidden", name, value }));
      }
      form.dataset.ready = "yes";
      if (!form.isConnected) document.body.append(form); // the board was exchanged meanwhile; what was pressed is still meant
      submitter.disabled = false;
      form.requestSubmit(submitter);
    } catch (error) {
      submitter.disabled = false;
      fail(error instanceof Unsigned ? whyUnsigned(error) : words("unsigned_unreachable"));
    }
  });
}
