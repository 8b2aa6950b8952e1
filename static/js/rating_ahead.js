// The trace after the current one, fetched and leased while this one is rated, so that going on waits for nothing.
import { send } from "./rating_network.js";

const FETCH_AFTER_MS = 200; // let the current trace paint first

export class Ahead {
  #next = null;
  #contact = 0;

  constructor(form, { data, token }) {
    Object.assign(this, { form, data, token });
  }

  /** Asks for it once the page is at rest. A failure is no matter: submitting brings the next trace then. */
  fetchSoon() {
    setTimeout(async () => {
      if (this.#next) return;
      try {
        this.take(await send(this.data.ahead_url, { body: "", token: this.token }));
      } catch { /* see above */ }
    }, FETCH_AFTER_MS);
  }

  /** Keeps the form in an answer, to be shown by and by. */
  async take(answer) {
    if (!answer.ok || answer.status === 204) return;
    const form = readForm(await answer.text());
    if (!form?.dataset.assignment || Number(form.dataset.assignment) === this.data.assignment) return;
    this.#next = { form, url: answer.headers.get("HX-Push-Url") ?? form.getAttribute("action") };
    this.form.dataset.next = "ready"; // from here on Enter waits for nothing
    this.renewed();
  }

  /** Saving a draft renews the lease of the trace ahead too. */
  renewed() { this.#contact = Date.now(); }

  /** {form, url} of the next trace while its lease surely holds, else null. */
  get next() {
    const isHeld = Date.now() - this.#contact < (this.data.lease_seconds - 30) * 1000;
    return isHeld || !navigator.onLine ? this.#next : null;
  }
}

/** The form in the answer's HTML, or whatever stands in its place. */
export function readForm(html) { return parse(html).querySelector("#cockpit"); }

/** Why the server refused, in its own words; "" where it does not say. */
export function readReason(html) { return parse(html).querySelector(".notice p")?.textContent ?? ""; }

function parse(html) { return new DOMParser().parseFromString(html, "text/html"); }
