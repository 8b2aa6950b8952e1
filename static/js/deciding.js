// Deciding a trace with the keyboard: the same keys and the same state as on the rating page. The form works without it.
import { RatingState } from "./rating_state.js";
import { isTyping } from "./typing.js";

const NAMES = new Map([[-1, "bad"], [0, "neutral"], [1, "good"], [null, "none"]]);
const LABEL_KEYS = new Map([["1", -1], ["b", -1], ["2", 0], ["n", 0], ["3", 1], ["g", 1]]);

class Deciding {
  constructor(form) {
    this.form = form;
    const data = JSON.parse(document.getElementById("review-data").textContent);
    this.state = new RatingState({ labels: data.labels, stopsAtFirstError: data.stops_at_first_error });
    this.steps = [...form.querySelectorAll("[data-step]")];
    this.spoken = form.querySelector("[data-spoken]");
    this.isSent = false;
    this.isChanged = false;
    form.classList.add("has-script");
    for (const hidden of document.querySelectorAll("[data-keyhint], [data-rest-good], [data-keys], [data-take-row]")) hidden.hidden = false;
    this.#listen();
    this.paint();
  }

  #listen() {
    document.addEventListener("keydown", (event) => this.#hear(event));
    this.form.addEventListener("change", (event) => {
      const step = event.target.closest("[data-step]");
      if (event.target.type === "radio" && step) this.#change(() => {
        this.state.moveTo(Number(step.dataset.step));
        this.state.rate(this.state.current, event.target.value === "" ? null : Number(event.target.value));
      }, { follow: false });
    });
    this.form.addEventListener("input", () => { this.isChanged = true; });
    this.form.addEventListener("submit", () => { this.isSent = true; });
    this.form.querySelector("[data-rest-good]").addEventListener("click", () => this.#change(() => this.state.rateRestGood()));
    for (const button of this.form.querySelectorAll("[data-take]")) button.addEventListener("click", () => this.#take(button));
    window.addEventListener("beforeunload", (event) => { if (this.isChanged && !this.isSent) event.preventDefault(); });
  }

  #hear(event) {
    if (event.key === "Escape" && event.target.matches?.("textarea")) { event.target.blur(); return; }
    if (isTyping(event)) return;
    const label = LABEL_KEYS.get(event.key);
    if (label !== undefined) {
      if (!event.repeat) this.#change(() => this.state.rateCurrent(label));
    } else if (!this.#act(event)) return;
    event.preventDefault();
  }

  /** What a key other than a label's does; false where it means nothing here. */
  #act(event) {
    const moves = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
    if (event.key in moves) this.#move(this.state.current + moves[event.key]);
    else if (event.key === "d") this.#moveToDisputed();
    else if (event.key === "a" && !event.repeat) this.#change(() => this.state.rateRestGood());
    else if (event.key === "z") this.#change(() => this.state.undo());
    else if (event.key === "c") this.#openNote();
    else if (event.key === "w") this.form.elements.note.focus();
    else if (event.key === "s" && !event.repeat) document.querySelector("[data-pass]").click();
    else if (event.key === "?") document.getElementById("keys").togglePopover();
    else if (event.key === "Enter" && !event.repeat && !event.target.closest("a, button, summary, input[type=checkbox]")) this.#submit();
    else return false;
    return true;
  }

  #change(act, { follow = true } = {}) {
    this.isChanged = true;
    act();
    this.paint();
    if (follow) this.#show();
  }

  #move(index) {
    this.state.moveTo(index);
    this.paint();
    this.#show();
  }

  #moveToDisputed() {
    const disputed = this.steps.filter((step) => step.querySelector(".step-disputed")).map((step) => Number(step.dataset.step));
    const next = disputed.find((index) => index > this.state.current) ?? disputed[0];
    if (next !== undefined) this.#move(next);
  }

  #take(button) {
    const labels = button.dataset.take.split(",").map((text) => (text === "None" ? null : Number(text)));
    this.#change(() => labels.forEach((label, index) => { if (this.state.labels[index] !== label) this.state.rate(index, label); }));
  }

  #openNote() {
    const note = this.steps[this.state.current].querySelector("[data-note]");
    note.open = true;
    note.querySelector("textarea").focus();
  }

  #submit() {
    const missing = this.state.firstMissing();
    if (missing === null) { this.form.requestSubmit(this.form.querySelector("[data-submit]")); return; }
    this.#move(missing);
    this.spoken.textContent = `Step ${missing + 1} is not judged yet.`;
  }

  #show() {
    const card = this.steps[this.state.current].querySelector("[data-card]");
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  }

  paint() {
    for (const [index, step] of this.steps.entries()) {
      step.dataset.label = NAMES.get(this.state.labelOf(index));
      if (this.state.isAfterError(index)) step.dataset.afterError = "Not judged: it follows the first error";
      else delete step.dataset.afterError;
      if (index === this.state.current) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
      for (const radio of step.querySelectorAll("input[type=radio]")) {
        radio.checked = radio.value === (this.state.labels[index] === null ? "" : String(this.state.labels[index]));
      }
    }
    this.form.querySelector("[data-submit]").toggleAttribute("data-complete", this.state.isComplete);
    this.form.querySelector("[data-finish-hint]").textContent = `${this.state.numJudged} of ${this.state.numNeeded} steps judged`;
  }
}

const form = document.querySelector("[data-review]");
if (form) new Deciding(form);
