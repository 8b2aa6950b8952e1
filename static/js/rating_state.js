// What a rater has said of one trace so far, and how to take it back. Knows nothing of the page or the network.
export const BAD = -1;
export const GOOD = 1;

export class RatingState {
  /** labels: one a step, null = not judged; those after the first error are remembered but do not count. */
  constructor({ labels, stopsAtFirstError }) {
    this.labels = [...labels];
    this.stopsAtFirstError = stopsAtFirstError;
    this.current = Math.max(0, this.firstMissing() ?? 0);
    this.past = [];
  }

  get numSteps() { return this.labels.length; }

  /** How many steps need a label: all, or those up to and including the first error. */
  get numNeeded() {
    const error = this.stopsAtFirstError ? this.labels.indexOf(BAD) : -1;
    return error < 0 ? this.labels.length : error + 1;
  }

  get numJudged() { return this.labels.slice(0, this.numNeeded).filter((label) => label !== null).length; }
  get isComplete() { return this.firstMissing() === null; }

  isAfterError(index) { return index >= this.numNeeded; }

  /** The label that counts: null after the first error. */
  labelOf(index) { return this.isAfterError(index) ? null : this.labels[index]; }

  firstMissing() {
    const index = this.labels.slice(0, this.numNeeded).indexOf(null);
    return index < 0 ? null : index;
  }

  /** Rates the current step and moves on; returns the index it rated. */
  rateCurrent(label) {
    const index = this.current;
    if (this.isAfterError(index)) return null;
    this.rate(index, label);
    if (index + 1 < this.numNeeded) this.current = index + 1;
    return index;
  }

  rate(index, label) { this.#change([[index, label]]); }

  /** Rates every step that still needs a label good; returns how many those were. */
  rateRestGood() {
    const changes = [];
    for (let index = 0; index < this.numNeeded; index += 1) {
      if (this.labels[index] === null) changes.push([index, GOOD]);
    }
    if (changes.length) {
      this.#change(changes);
      this.current = this.numNeeded - 1;
    }
    return changes.length;
  }

  /** Takes the last change back; false where there is none. */
  undo() {
    const last = this.past.pop();
    if (!last) return false;
    for (const [index, label] of last.before) this.labels[index] = label;
    this.current = last.current;
    return true;
  }

  moveTo(index) {
    this.current = Math.min(Math.max(0, index), this.numSteps - 1);
  }

  #change(changes) {
    this.past.push({ before: changes.map(([index]) => [index, this.labels[index]]), current: this.current });
    for (const [index, label] of changes) this.labels[index] = label;
  }
}

const IDLE_AFTER_MS = 60_000;

/** Time at work in seconds: gaps of more than a minute, and time in which the page is hidden, are left out. */
export class ActiveTime {
  #last = Date.now();

  constructor(seconds) { this.seconds = seconds; }

  note() {
    const now = Date.now();
    if (now - this.#last < IDLE_AFTER_MS && !document.hidden) this.seconds += (now - this.#last) / 1000;
    this.#last = now;
  }
}
