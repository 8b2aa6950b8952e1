// Sends drafts and ratings so that nothing is lost: kept in this browser first, sent one after the other, again
// and again while the network is away, and stored once by the server (by sequence and idempotency key).
const SAVE_AFTER_MS = 250;
const RETRY_MS = [1000, 2000, 4000, 8000, 15000];

export class Offline extends Error {}
export class SignedOut extends Error {}

/** One request; raises Offline where the server can't be reached or is broken, SignedOut where it asks who we are. */
export async function send(url, { body, type, token, keepalive = false }) {
  let answer;
  try {
    answer = await fetch(url, {
      method: "POST",
      body,
      redirect: "manual",
      keepalive,
      headers: { "Content-Type": type, "X-CSRFToken": cookie("csrftoken") ?? token, "HX-Request": "true" },
    });
  } catch {
    throw new Offline();
  }
  if (answer.type === "opaqueredirect") throw new SignedOut();
  if (answer.status >= 500) throw new Offline();
  return answer;
}

/** Saves the draft of one trace after every change. */
export class DraftQueue {
  #timer = null;
  #isSending = false;
  #isClosed = false;
  #numFailures = 0;
  #savedSequence = 0;

  constructor({ data, writer, token, collect, view }) {
    Object.assign(this, { data, writer, token, collect, view });
    this.sequence = 0;
    this.revision = data.revision;
    this.key = `gradus:${data.account}:draft:${data.assignment}`;
    this.retry = () => this.#schedule(0);
    addEventListener("online", this.retry);
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
    keep.write(this.key, this.#draft());
    this.view.showSaveState("Saving…");
    this.#schedule(this.#numFailures ? RETRY_MS[0] : SAVE_AFTER_MS);
  }

  /** The trace is submitted, or the page is left: nothing more is saved. */
  close({ isStored }) {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    removeEventListener("online", this.retry);
    if (isStored) this.dropKept();
  }

  /** Sends what is unsent while the page goes away. */
  flush() {
    if (this.hasUnsent) this.#send({ keepalive: true });
  }

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
    if (answer.ok) {
      this.revision = said.revision;
      this.#savedSequence = sequence;
      this.view.clearMessage("draft");
      if (!said.has_place) this.view.showMessage("place", "Your lease on this trace ran out. Your work is kept, and is handed in if a place is still free when you submit.");
      if (this.hasUnsent) this.#schedule(0);
      else {
        keep.drop(this.key);
        this.view.showSaveState("Saved", "good");
      }
    } else if (answer.status === 409) {
      this.#offerChoice(said);
    } else if (answer.status === 410) {
      this.close({ isStored: true });
      this.view.showSaveState("Submitted elsewhere", "warn");
      this.view.showMessage("draft", said.message, [["See what you submitted", location.href]]);
    } else {
      this.#savedSequence = sequence; // sending the same again would be refused again
      this.view.showSaveState("Not saved", "bad");
      this.view.showMessage("draft", said.message ?? "The server refused to save this. Reload the page.", [], "error");
    }
  }

  #offerChoice({ message, revision, saved_at: savedAt }) {
    this.view.showSaveState("Changed elsewhere", "warn");
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
    this.view.showMessage("draft", `${message}${time}`, [["Load that version", takeTheirs], ["Keep what is here", keepMine]]);
  }

  #fail(error) {
    if (this.#isClosed) return;
    this.#numFailures += 1;
    if (error instanceof SignedOut) showSignedOut(this.view);
    else this.view.showSaveState("Offline: kept here, will be sent", "warn");
    this.#schedule(RETRY_MS[Math.min(this.#numFailures, RETRY_MS.length) - 1]);
  }
}

/** Sends a finished form until the server has answered; survives a reload. One at a time. */
export class Outbox {
  constructor(account) { this.key = `gradus:${account}:outbox`; }

  get waiting() { return keep.read(this.key); }

  /** Resolves to the server's answer; `report` hears of every failed try. */
  async deliver(item, { token, report }) {
    keep.write(this.key, item);
    for (let tries = 0; ; tries += 1) {
      try {
        const answer = await send(item.url, { body: item.body, type: "application/x-www-form-urlencoded", token });
        if (this.waiting?.body === item.body) keep.drop(this.key);
        return answer;
      } catch (error) {
        report(error);
        await waitForNetwork(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
      }
    }
  }
}

export function showSignedOut(view) {
  view.showSaveState("Signed out: kept here", "warn");
  view.showMessage("signed-out", "You are signed out. What you rated is kept in this browser.", [["Sign in again", location.href]]);
}

function waitForNetwork(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    addEventListener("online", resolve, { once: true });
  });
}

function cookie(name) {
  return document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

// The browser may refuse to keep anything (private window, full disk): then only the network is left.
const keep = {
  read(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  },
  write(key, value) {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch { /* see above */ }
  },
  drop(key) {
    try {
      localStorage.removeItem(key);
    } catch { /* see above */ }
  },
};
