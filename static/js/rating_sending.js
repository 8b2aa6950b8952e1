// Handing in the form of one trace, and what comes of it: the next trace, or why the server did not take this one.
import { gettext } from "./frame.js";
import { readForm, readReason } from "./rating_ahead.js";

export class Sending {
  isUnderway = false;

  /** `show(form, url)` puts the next form in place and returns its cockpit; `current()` is the one now on the page. */
  constructor(cockpit, { outbox, show, current }) {
    Object.assign(this, { cockpit, outbox, show, current });
  }

  /** Sends the form with this button's action. The trace leased ahead shows at once; else the answer brings the next. */
  async deliver(action) {
    if (this.isUnderway) return;
    const { root, data, time, view, ahead, amends } = this.cockpit;
    time.note();
    const next = amends ? null : ahead.next;
    const item = { url: root.getAttribute("action"), assignment: data.assignment, body: this.#body(action, next) };
    root.setAttribute("aria-busy", "true");
    this.#begin();
    if (next) return this.#goAhead(item, next);
    await this.#goOn(await this.outbox.add(item));
  }

  /** This very trace was submitted before a reload and is still on its way: the answer brings the next. */
  waitForLeftOver() { this.#begin(); }

  /** The outbox heard from the server of a form that no page waits for. */
  async takeLeftOver(item, answer) {
    if (item.assignment === this.cockpit.data.assignment) return this.#goOn(answer);
    if (!answer.ok) return this.#tellRefusal(item, answer);
    this.cockpit.view.showSaveState(gettext("Sent"), "good");
  }

  #begin() {
    this.isUnderway = true;
    this.cockpit.queue?.close({ isStored: false });
    this.cockpit.view.showSaveState(gettext("Sending…"));
  }

  /** The form as it stands, with what is said of steps taken from the state: far cards are painted a little later. */
  #body(action, next) {
    const { root, state, fields, time } = this.cockpit;
    const body = new URLSearchParams();
    const isLeftOut = /^(label|note|rewrite|category)-|^csrfmiddlewaretoken$/; // the header has the token that holds
    for (const [name, value] of new FormData(root)) if (!isLeftOut.test(name)) body.append(name, value);
    for (let index = 0; index < state.numNeeded; index += 1) body.append(`label-${index}`, state.labels[index] ?? "");
    for (const kind of ["note", "rewrite"]) {
      for (const [index, text] of Object.entries(fields.collect(kind))) body.append(`${kind}-${index}`, text);
    }
    for (const [index, category] of state.categories) body.append(`category-${index}`, category);
    body.set("active_seconds", time.seconds.toFixed(3));
    body.set("action", action);
    if (next) body.set("shown", next.form.dataset.assignment);
    return body.toString();
  }

  #goAhead(item, next) {
    const { last_urls: links } = this.cockpit.data;
    const sent = this.outbox.add(item);
    const shown = this.show(next.form, next.url);
    shown.view.showLast(gettext("Sending the last trace…"));
    sent.then(async (answer) => {
      if (!answer.ok) return this.current().sending.#tellRefusal(item, answer);
      this.cockpit.queue.dropKept();
      const redirect = answer.headers.get("HX-Redirect"); // paused: there it says why
      if (redirect) return location.assign(redirect);
      if (this.current() === shown) {
        shown.view.showLast(gettext("Last trace saved."), links);
        await shown.ahead.take(answer);
      }
    });
  }

  async #goOn(answer) {
    const redirect = answer.headers.get("HX-Redirect");
    const html = redirect ? "" : await answer.text();
    const next = readForm(html);
    if (answer.ok) this.cockpit.queue?.dropKept();
    if (redirect || !next) {
      if (answer.ok) location.assign(redirect ?? location.href);
      else this.#refused(answer.status, readReason(html));
      return;
    }
    this.show(next, answer.headers.get("HX-Push-Url"), { isNew: answer.ok });
  }

  #refused(status, reason) {
    const { root, view } = this.cockpit;
    this.isUnderway = false;
    root.removeAttribute("aria-busy");
    view.showSaveState(gettext("Not sent"), "bad");
    const text = status === 403 ? gettext("This page went stale. Your ratings are kept as a draft.") : reason || gettext("The server did not take this.");
    view.showMessage("refused", text, [[gettext("Reload the page"), location.href]], "error");
  }

  /** A rating that was sent behind this trace and not taken: said here, with the way back. */
  async #tellRefusal(item, answer) {
    const reason = readReason(await answer.text());
    const text = gettext("The rating of an earlier trace was not taken. {reason}", { reason });
    this.cockpit.view.showMessage(`refused-${item.assignment}`, text, [[gettext("Look at it"), item.url]], "error");
    this.cockpit.view.showLast(gettext("Last trace: not taken."));
  }
}
