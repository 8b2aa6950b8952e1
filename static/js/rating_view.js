// Paints a rating onto the page: colour, shape and text of each step, the rail, the count, the current step.
const LOOKS = new Map([
  [-1, { key: "bad", shape: "✕", word: "bad" }],
  [0, { key: "neutral", shape: "–", word: "neutral" }],
  [1, { key: "good", shape: "✓", word: "good" }],
  [null, { key: "none", shape: "·", word: "not judged" }],
]);

export class RatingView {
  constructor(root, state) {
    this.root = root;
    this.state = state;
    this.steps = [...root.querySelectorAll("[data-step]")];
    this.rail = [...root.querySelectorAll("[data-rail-step]")];
    this.painted = this.steps.map(() => undefined);
    this.currentStep = null;
    for (const part of root.querySelectorAll("[data-rail], [data-thumbs], [data-needs-script], [data-progress-box], [data-progress-bar]")) part.hidden = false;
    for (const part of root.querySelectorAll("[data-no-script]")) part.hidden = true;
    root.querySelector("[data-rest-good]").hidden = !root.dataset.canRateRest;
    if (matchMedia("(max-width: 60rem)").matches) root.querySelector("[data-prompt]").open = false;
    root.classList.add("has-script");
  }

  find(name) { return this.root.querySelector(`[data-${name}]`); }

  /** Brings the page in line with the state; only steps that changed are touched. */
  paint() {
    const { state } = this;
    for (let index = 0; index < this.steps.length; index += 1) {
      const mark = `${state.labels[index]}${state.isAfterError(index)}`;
      if (this.painted[index] !== mark) {
        this.#paintStep(index);
        this.painted[index] = mark;
      }
    }
    this.#paintProgress();
    this.#paintCurrent();
  }

  #paintStep(index) {
    const step = this.steps[index];
    const isAfterError = this.state.isAfterError(index);
    const look = LOOKS.get(this.state.labelOf(index));
    step.dataset.label = look.key;
    step.toggleAttribute("data-after-error", isAfterError);
    step.querySelector("[data-shape]").textContent = look.shape;
    step.querySelector("[data-card]").setAttribute("aria-label", `Step ${index + 1} of ${this.steps.length}, ${look.word}`);
    step.querySelector("[data-choices]").disabled = isAfterError;
    const label = this.state.labels[index];
    step.querySelector(`input[name="label-${index}"][value="${label ?? ""}"]`).checked = true;
    const link = this.rail[index];
    link.dataset.label = look.key;
    link.toggleAttribute("data-after-error", isAfterError);
    link.querySelector(".rail-shape").textContent = look.shape;
    link.setAttribute("aria-label", `Step ${index + 1}: ${look.word}`);
  }

  #paintProgress() {
    const { state } = this;
    this.find("progress").textContent = `${state.numJudged} / ${state.numNeeded}`;
    const bar = this.find("progress-bar");
    bar.max = state.numNeeded;
    bar.value = state.numJudged;
    this.root.toggleAttribute("data-complete", state.isComplete);
    this.find("thumb-submit").hidden = !state.isComplete;
    this.find("rest-good").disabled = state.isComplete;
    const stopped = state.numNeeded < state.numSteps;
    this.find("finish-hint").textContent = !state.isComplete
      ? `${state.numNeeded - state.numJudged} of ${state.numNeeded} steps to go.`
      : stopped
        ? `Step ${state.numNeeded} is the first error; what follows stays not judged.`
        : "Every step is judged.";
  }

  #paintCurrent() {
    const step = this.steps[this.state.current];
    if (step === this.currentStep) return;
    this.currentStep?.removeAttribute("aria-current");
    this.rail[this.steps.indexOf(this.currentStep)]?.removeAttribute("aria-current");
    step.setAttribute("aria-current", "step");
    const link = this.rail[this.state.current];
    link.setAttribute("aria-current", "step");
    const rail = link.parentElement;
    if (rail.scrollHeight > rail.clientHeight) rail.scrollTop = link.offsetTop - rail.offsetTop - rail.clientHeight / 2;
    this.currentStep = step;
  }

  /** Puts the keyboard on the current step and brings it into sight. */
  focusCurrent({ scroll = true } = {}) {
    const step = this.steps[this.state.current];
    step.querySelector("[data-card]").focus({ preventScroll: true });
    if (scroll) step.scrollIntoView({ block: "nearest" });
  }

  /** For those who can't see the colours change. */
  speak(text) { this.find("spoken").textContent = text; }

  showSaveState(text, kind = "") {
    const state = this.find("save-state");
    if (state.textContent !== text) state.textContent = text;
    state.dataset.kind = kind;
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

  noteOf(index) { return this.steps[index].querySelector("[data-note]"); }

  openNote(index) {
    const note = this.noteOf(index);
    note.open = true;
    note.querySelector("textarea").focus();
  }

  async toggleSource(index) {
    const step = this.steps[index];
    const box = step.querySelector("[data-source-text]");
    if (!box.textContent) {
      try {
        const answer = await fetch(step.querySelector("[data-source]").href);
        box.textContent = answer.ok ? await answer.text() : "The source can’t be loaded now.";
      } catch {
        this.showMessage("source", "The source can’t be loaded without the network.");
        return;
      }
    }
    box.hidden = !box.hidden;
  }
}

function makeAction(word, act) {
  if (typeof act === "string") {
    const link = document.createElement("a");
    link.href = act;
    link.textContent = word;
    return link;
  }
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button-link";
  button.textContent = word;
  button.addEventListener("click", act);
  return button;
}
