// What a rater has said of one trace so far, and how to take it back. Knows nothing of the page or the network.
export const BAD = -1;
export const GOOD = 1;

export class RatingState {
  /** labels: one a step, null = not judged; those after the first error are remembered but do not count.
      categories: by step index, what kind of error a bad step makes. */
  constructor({ labels, categories = {}, stopsAtFirstError }) {
    this.labels = [...labels];
    this.categories = new Map(Object.entries(categories).map(([index, category]) => [Number(index), category]));
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

  get numJudged() {
    const needed = this.numNeeded;
    let num = 0;
    for (let index = 0; index < needed; index += 1) if (this.labels[index] !== null) num += 1;
    return num;
  }

  get isComplete() { return this.firstMissing() === null; }

  isAfterError(index) { return index >= this.numNeeded; }

  /** The label that counts: null after the first error. */
  labelOf(index) { return this.isAfterError(index) ? null : this.labels[index]; }

  /** The error category that counts: of a step rated bad. */
  categoryOf(index) { return this.labelOf(index) === BAD ? this.categories.get(index) ?? "" : ""; }

  firstMissing() {
    const index = this.labels.indexOf(null);
    return index < 0 || index >= this.numNeeded ? null : index;
  }

  /** Rates the current step and moves on; returns the index it rated. */
  rateCurrent(label) {
    const index = this.current;
    if (this.isAfterError(index)) return null;
    this.rate(index, label);
    if (index + 1 < this.numNeeded) this.current = index + 1;
    return index;
  }

  rate(index, label) { this.#change([{ index, label }]); }

  /** Says what kind of error a step makes, which is thereby bad; returns whether that is new. "" takes the kind back. */
  categorise(index, category) {
    const wasBad = this.labels[index] === BAD;
    this.#change([category && !wasBad ? { index, category, label: BAD } : { index, category }]);
    if (category && !wasBad && index + 1 < this.numNeeded) this.current = index + 1;
    return Boolean(category) && !wasBad;
  }

  /** Rates every step that still needs a label good; returns how many those were. */
  rateRestGood() {
    const changes = [];
    const needed = this.numNeeded;
    for (let index = 0; index < needed; index += 1) {
      if (this.labels[index] === null) changes.push({ index, label: GOOD });
    }
    if (changes.length) {
      this.#change(changes);
      this.current = needed - 1;
    }
    return changes.length;
  }

  /** Takes the last change back; false where there is none. */
  undo() {
    const last = this.past.pop();
    if (!last) return false;
    for (const change of last.before) this.#set(change);
    this.current = last.current;
    return true;
  }

  moveTo(index) {
    this.current = Math.min(Math.max(0, index), this.numSteps - 1);
  }

  #change(changes) {
    const before = changes.map(({ index, ...said }) => ({
      index,
      ...("label" in said && { label: this.labels[index] }),
      ...("category" in said && { category: this.categories.get(index) ?? "" }),
    }));
    this.past.push({ before, current: this.current });
    for (const change of changes) this.#set(change);
  }

  #set({ index, label, category }) {
    if (label !== undefined) this.labels[index] = label;
    if (category) this.categories.set(index, category);
    else if (category === "") this.categories.delete(index);
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
