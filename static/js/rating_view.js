// Paints a rating onto the page: colour, shape and text of each step, the rail, the count, the current step.
import { gettext } from "./frame.js";
import { whenShown } from "./idle.js";

const LOOKS = new Map([
  [-1, { key: "bad", word: gettext("bad") }],
  [0, { key: "neutral", word: gettext("neutral") }],
  [1, { key: "good", word: gettext("good") }],
  [null, { key: "none", word: gettext("not judged") }],
]);
const NEAR = 8; // steps round the current one that are painted at once, about a screen each way; the others follow at rest
const AT_A_TIME = 40;

export class RatingView {
  #later = new Set();
  #parts = new Map();
  #isResting = false;
  #toldTimer = null;

  constructor(root, state) {
    this.root = root;
    this.state = state;
    this.steps = [...root.querySelectorAll("[data-step]")];
    this.painted = this.steps.map(() => "");
    this.currentStep = null;
    for (const part of root.querySelectorAll("[data-rail], [data-thumbs], [data-needs-script], [data-progress-box], [data-progress-bar]")) part.hidden = false;
    for (const part of root.querySelectorAll("[data-no-script]")) part.hidden = true;
    root.querySelector("[data-rest-good]").hidden = !root.dataset.canRateRest;
    if (matchMedia("(max-width: 60rem)").matches) this.find("prompt").open = false;
    this.rail = this.#buildRail();
    root.classList.add("has-script");
  }

  /** A part of the page by its data-name. Looked up once: below thousands of cards a search takes milliseconds. */
  find(name) {
    if (!this.#parts.has(name)) this.#parts.set(name, this.root.querySelector(`[data-${name}]`));
    return this.#parts.get(name);
  }

  cardOf(index) { return this.steps[index].querySelector("[data-card]"); }

  /** Brings the page in line with the state; only steps that changed are touched, and far ones a little later. */
  paint() {
    const { state } = this;
    const needed = state.numNeeded;
    for (let index = 0; index < this.steps.length; index += 1) {
      const mark = index < needed ? `${state.labels[index]}${state.categories.get(index) ?? ""}` : "after";
      if (this.painted[index] === mark) continue;
      this.painted[index] = mark;
      if (Math.abs(index - state.current) < NEAR) this.#paintStep(index);
      else this.#later.add(index);
    }
    this.#paintProgress();
    this.#paintCurrent();
    this.#paintWhenResting();
  }

  #paintWhenResting() {
    if (this.#isResting || !this.#later.size) return;
    this.#isResting = true;
    whenShown(() => {
      this.#isResting = false;
      let num = 0;
      for (const index of this.#later) {
        this.#later.delete(index);
        this.#paintStep(index);
        if ((num += 1) >= AT_A_TIME) break;
      }
      this.#paintWhenResting();
    }, { timeout: 300 });
  }

  #paintStep(index) {
    this.#later.delete(index);
    const { state } = this;
    const step = this.steps[index];
    const isAfterError = state.isAfterError(index);
    const look = LOOKS.get(state.labelOf(index));
    step.dataset.label = look.key;
    if (isAfterError) step.dataset.afterError = gettext("Not judged: it follows the first error");
    else delete step.dataset.afterError;
    const category = state.categoryOf(index);
    const values = { number: index + 1, total: this.steps.length, label: look.word, category };
    this.cardOf(index).setAttribute("aria-label", isAfterError
      ? gettext("Step {number} of {total}, not judged: it follows the first error", values)
      : category ? gettext("Step {number} of {total}, {label}: {category}", values) : gettext("Step {number} of {total}, {label}", values));
    step.querySelector("[data-choices]").disabled = isAfterError;
    step.querySelector(`input[name="label-${index}"][value="${state.labels[index] ?? ""}"]`).checked = true;
    this.#paintCategory(step, index, category);
    const link = this.rail[index];
    link.dataset.label = look.key;
    link.toggleAttribute("data-after-error", isAfterError);
    link.setAttribute("aria-label", gettext("Step {number}: {label}", values));
  }

  /** A bad step asks what kind of error it makes, where the project has kinds. */
  #paintCategory(step, index, category) {
    const template = this.find("category-button");
    let button = step.querySelector("[data-category-open]");
    if (this.state.labelOf(index) !== -1 || !template) return button?.remove();
    if (!button) {
      step.querySelector("[data-choices]").after(template.content.cloneNode(true));
      button = step.querySelector("[data-category-open]");
    }
    button.toggleAttribute("data-chosen", Boolean(category));
    button.querySelector("span").textContent = category || gettext("What kind of error?");
  }

  #paintProgress() {
    const { state } = this;
    const { numJudged, numNeeded } = state;
    const isComplete = numJudged === numNeeded;
    this.find("progress").textContent = `${numJudged} / ${numNeeded}`;
    const bar = this.find("progress-bar");
    bar.max = numNeeded;
    bar.value = numJudged;
    for (const part of [bar, this.find("submit")]) part.toggleAttribute("data-complete", isComplete); // not the root: its change costs 10 ms
    this.find("thumb-submit").hidden = !isComplete;
    this.find("rest-good").disabled = isComplete;
    const values = { number: numNeeded, left: numNeeded - numJudged };
    this.find("finish-hint").textContent = !isComplete
      ? gettext("{left} of {number} steps to go.", values)
      : numNeeded < state.numSteps
        ? gettext("Step {number} is the first error; what follows stays not judged.", values)
        : gettext("Every step is judged.");
  }

  #paintCurrent() {
    const index = this.state.current;
    const step = this.steps[index];
    if (step === this.currentStep) return;
    this.currentStep?.removeAttribute("aria-current");
    this.rail[this.currentStep?.dataset.step]?.removeAttribute("aria-current");
    step.setAttribute("aria-current", "step");
    this.rail[index].setAttribute("aria-current", "step");
    this.#scrollRail(index);
    this.currentStep = step;
    if (this.#later.has(index)) for (let near = index - NEAR; near < index + NEAR; near += 1) if (this.#later.has(near)) this.#paintStep(near);
  }

  /** One link a step. In groups, of which the browser lays out those in sight. */
  #buildRail() {
    const links = this.steps.map((step, index) => {
      const link = document.createElement("a");
      link.href = `#${step.id}`;
      link.dataset.railStep = index;
      link.dataset.label = step.dataset.label;
      link.textContent = index + 1;
      return link;
    });
    const groups = [];
    for (let start = 0; start < links.length; start += 48) {
      const group = document.createElement("div");
      group.className = "rail-group";
      group.append(...links.slice(start, start + 48));
      groups.push(group);
    }
    this.find("rail").replaceChildren(...groups);
    return links;
  }

  #scrollRail(index) {
    if (this.steps.length < 48) return;
    whenShown(() => {
      if (index !== this.state.current) return;
      const rail = this.find("rail");
      const link = this.rail[index];
      rail.scrollTop += link.getBoundingClientRect().top - rail.getBoundingClientRect().top - rail.clientHeight / 2;
    }, { timeout: 200 });
  }

  /** Puts the keyboard on the current step and brings it into sight. */
  focusCurrent({ scroll = true } = {}) {
    const step = this.steps[this.state.current];
    this.cardOf(this.state.current).focus({ preventScroll: true });
    if (scroll) step.scrollIntoView({ block: "nearest" });
  }

  /** For those who can't see the colours change. */
  speak(text) { this.find("spoken").textContent = text; }

  /** What a key can't do here: said for a moment, beside the count or on a phone above the buttons. */
  tell(text) {
    const line = this.find("told");
    line.textContent = text;
    clearTimeout(this.#toldTimer);
    this.#toldTimer = setTimeout(() => { line.textContent = ""; }, 4000);
  }

  showSaveState(text, kind = "") {
    const state = this.find("save-state");
    if (state.textContent !== text) state.textContent = text;
    if (state.dataset.kind !== kind) state.dataset.kind = kind;
  }

  /** A message where the rater looks, with buttons: [[text, what it does], …]; one of each name at a time. */
  showMessage(name, text, actions = [], kind = "warn") {
    this.clearMessage(name);
    const notice = document.createElement("div");
    notice.className = `notice notice-${kind}`;
    notice.dataset.name = name;
    notice.setAttribute("role", "alert");
    const line = document.createElement("p");
    line.textContent = `${text} `;
    for (const [word, act] of actions) line.append(makeAction(word, act), " ");
    notice.append(line);
    this.find("messages").append(notice);
  }

  clearMessage(name) {
    this.find("messages").querySelector(`[data-name="${name}"]`)?.remove();
  }

  /** What became of the trace before, with the ways back to it. */
  showLast(text, { amend, scores } = {}) {
    const line = this.find("last");
    line.hidden = false;
    line.querySelector("[data-last-state]").textContent = text;
    for (const [name, url] of [["last-amend", amend], ["last-scores", scores]]) {
      const link = line.querySelector(`[data-${name}]`);
      link.hidden = !url;
      if (url) link.href = url;
    }
  }
}

function makeAction(word, act) {
  const element = document.createElement(typeof act === "string" ? "a" : "button");
  element.textContent = word;
  if (typeof act === "string") element.href = act;
  else {
    element.type = "button";
    element.className = "button-link";
    element.addEventListener("click", act);
  }
  return element;
}
