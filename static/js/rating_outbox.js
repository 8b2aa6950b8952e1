// Finished forms on their way to the server: kept in this browser, sent in order until answered, each stored once by
// its idempotency key. They survive a reload, and two tabs do not send the same one at the same time.
import { keep, RETRY_MS, send, waitForNetwork } from "./rating_network.js";

export class Outbox {
  #isRunning = false;
  #awaited = new Map(); // by item id: {item, resolve} of those whose answer somebody waits for
  #unkept = []; // where the browser keeps nothing

  /** onAnswer(item, answer) hears of every answer that nobody waits for; report(error) of every failed try. */
  constructor({ account, token, report, onAnswer }) {
    Object.assign(this, { token, report, onAnswer });
    this.name = `gradus:${account}:outbox`;
  }

  get waiting() {
    const kept = keep.read(this.name);
    return Array.isArray(kept) ? [...kept, ...this.#unkept] : this.#unkept;
  }

  holds(assignment) { return this.waiting.some((item) => item.assignment === assignment); }

  /** Puts {url, body, assignment} in the queue; resolves to the server's answer if this page lives to see it. */
  add(item) {
    const queued = { ...item, id: `${Date.now()}-${Math.random()}` };
    const list = [...this.waiting, queued];
    keep.write(this.name, list);
    if (!this.waiting.some(({ id }) => id === queued.id)) this.#unkept.push(queued);
    const answered = new Promise((resolve) => this.#awaited.set(queued.id, { item: queued, resolve }));
    this.run();
    return answered;
  }

  /** Sends whatever waits; does nothing while it is at it. */
  async run() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const alone = navigator.locks ? (work) => navigator.locks.request(this.name, work) : (work) => work();
    await alone(() => this.#sendAll());
    this.#isRunning = false;
  }

  async #sendAll() {
    for (let item = this.waiting[0]; item; [item] = this.waiting) {
      const answer = await this.#sendOne(item);
      this.#remove(item.id);
      if (this.#awaited.has(item.id)) this.#settle(item.id, answer);
      else await this.onAnswer(item, answer);
    }
    // What another tab sent meanwhile is sent again for its answer; the server stores it once.
    for (const [id, { item }] of this.#awaited) this.#settle(id, await this.#sendOne(item));
  }

  #settle(id, answer) {
    this.#awaited.get(id).resolve(answer);
    this.#awaited.delete(id);
  }

  async #sendOne(item) {
    for (let tries = 0; ; tries += 1) {
      try {
        return await send(item.url, { body: item.body, token: this.token });
      } catch (error) {
        this.report(error);
        await waitForNetwork(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
      }
    }
  }

  #remove(id) {
    const rest = (keep.read(this.name) ?? []).filter((item) => item.id !== id);
    if (rest.length) keep.write(this.name, rest);
    else keep.drop(this.name);
    this.#unkept = this.#unkept.filter((item) => item.id !== id);
  }
}
