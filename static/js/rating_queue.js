// Saves the draft of one trace after every change: kept in this browser first, then sent, one request at a time, again
// and again while the network is away. The server stores each once, by the sequence.
import { gettext } from "./frame.js";
import { whenIdle } from "./idle.js";
import { keep, RETRY_MS, send, SignedOut } from "./rating_network.js";

const SAVE_AFTER_MS = 250;
const SAVE_LARGE_AFTER_MS = 1000; // the draft of thousands of steps is tens of kilobytes
const LARGE = 500;

export class DraftQueue {
  #timer = null;
  #isSending = false;
  #isClosed = false;
  #numFailures = 0;
  #savedSequence = 0;

  constructor({ data, writer, token, collect, view, onSignedOut, onSaved }) {
    Object.assign(this, { data, writer, token, collect, view, onSignedOut, onSaved });
    this.sequence = 0;
    this.revision = data.revision;
    this.key = draftKey(data.account, data.assignment);
    this.retry = () => this.#schedule(0);
    addEventListener("online", this.retry);
    addEventListener("gradus:signed-in", this.retry);
  }

  get hasUnsent() { return !this.#isClosed && this.sequence > this.#savedSequence; }

  /** What this browser kept of the trace and the server may not have: {draft, isConflict}, or null. */
  findKept() {
    const kept = keep.read(this.key);
    if (!kept) return null;
    const isOurs = kept.writer === this.data.writer;
    if (isOurs && kept.sequence <= this.data.sequence) {
      keep.drop(this.key);
      return null;
    }
    return { draft: kept, isConflict: !isOurs && kept.base_revision !== this.data.revision };
  }

  dropKept() { keep.drop(this.key); }

  changed() {
    if (this.#isClosed) return;
    this.sequence += 1;
    const isLarge = this.data.labels.length > LARGE;
    if (!isLarge) this.#keep();
    else if (this.sequence === this.#savedSequence + 1) whenIdle(() => this.#keep(), { timeout: 500 });
    this.view.showSaveState(gettext("Saving…"));
    this.#schedule(this.#numFailures ? RETRY_MS[0] : isLarge ? SAVE_LARGE_AFTER_MS : SAVE_AFTER_MS);
  }

  /** The trace is submitted, or the page is left: nothing more is saved. */
  close({ isStored }) {
    if (this.hasUnsent && !isStored) this.#keep();
    this.#isClosed = true;
    clearTimeout(this.#timer);
    removeEventListener("online", this.retry);
    removeEventListener("gradus:signed-in", this.retry);
    if (isStored) this.dropKept();
  }

  /** Sends what is unsent while the page goes away. */
  flush() {
    if (!this.hasUnsent) return;
    this.#keep();
    this.#send({ keepalive: true });
  }

  #keep() { if (this.hasUnsent) keep.write(this.key, this.#draft()); }

  #draft() {
    return { ...this.collect(), writer: this.writer, sequence: this.sequence, base_revision: this.revision };
  }

  #schedule(delay) {
    clearTimeout(this.#timer);
    if (!this.#isClosed && this.hasUnsent) this.#timer = setTimeout(() => this.#send(), delay);
  }

  async #send({ keepalive = false } = {}) {
    if (this.#isSending) return;
    this.#isSending = true;
    this.#keep();
    const draft = this.#draft();
    try {
      const body = JSON.stringify(draft);
      const answer = await send(this.data.draft_url, { body, type: "application/json", token: this.token, keepalive });
      this.#numFailures = 0;
      if (!this.#isClosed) await this.#take(answer, draft.sequence);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isSending = false;
    }
  }

  async #take(answer, sequence) {
    const said = await answer.json().catch(() => ({}));
    this.view.clearMessage("signed-out");
    if (answer.ok) this.#saved(said, sequence);
    else if (answer.status === 409) this.#offerChoice(said);
    else if (answer.status === 410) {
      this.close({ isStored: true });
      this.view.showSaveState(gettext("Submitted elsewhere"), "warn");
      this.view.showMessage("draft", said.message, [[gettext("See what you submitted"), location.href]]);
    } else {
      this.#savedSequence = sequence; // sending the same again would be refused again
      this.view.showSaveState(gettext("Not saved"), "bad");
      const why = answer.status === 404
        ? gettext("This trace is not yours: are you signed in as somebody else? What you rated is kept in this browser.")
        : gettext("The server refused to save this. Reload the page.");
      this.view.showMessage("draft", said.message ?? why, [], "error");
    }
  }

  #saved(said, sequence) {
    this.revision = said.revision;
    this.#savedSequence = sequence;
    this.onSaved();
    this.view.clearMessage("draft");
    if (!said.has_place) this.view.showMessage("place", gettext("Your lease on this trace ran out. Your work is kept, and is handed in if a place is still free when you submit."));
    if (this.hasUnsent) return this.#schedule(0);
    keep.drop(this.key);
    this.view.showSaveState(gettext("Saved"), "good");
  }

  #offerChoice({ message, revision, saved_at: savedAt }) {
    this.view.showSaveState(gettext("Changed elsewhere"), "warn");
    const time = savedAt ? ` (${new Date(savedAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })})` : "";
    const keepMine = () => {
      this.revision = revision;
      this.view.clearMessage("draft");
      this.changed();
    };
    const takeTheirs = () => {
      this.close({ isStored: true });
      location.reload();
    };
    this.view.showMessage("draft", `${message}${time}`, [[gettext("Load that version"), takeTheirs], [gettext("Keep what is here"), keepMine]]);
  }

  #fail(error) {
    if (this.#isClosed) return;
    this.#numFailures += 1;
    if (error instanceof SignedOut) this.onSignedOut();
    else this.view.showSaveState(gettext("Offline: kept here, will be sent"), "warn");
    this.#schedule(RETRY_MS[Math.min(this.#numFailures, RETRY_MS.length) - 1]);
  }
}

export function draftKey(account, assignment) { return `gradus:${account}:draft:${assignment}`; }
