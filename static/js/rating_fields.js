// What a rater writes of a step: a note, a rewrite, the kind of its error; and the step's exact source to look at.
import { gettext } from "./frame.js";

const KINDS = ["note", "rewrite"];

export class StepFields {
  #sources = new Map(); // by step index

  /** onChange() hears of every change; onCategory(index, category) of a choice; onLeave() when writing is done. */
  constructor(root, { view, onChange, onCategory, onLeave }) {
    Object.assign(this, { root, view, onChange, onCategory, onLeave });
    this.texts = { note: new Map(), rewrite: new Map() }; // kept here: asking thousands of fields at every key is slow
    for (const area of root.querySelectorAll("[data-step] textarea")) if (area.value) this.#read(area);
    root.addEventListener("input", (event) => {
      if (this.#read(event.target)) this.onChange();
    });
    root.addEventListener("keydown", (event) => this.#keyInPanel(event));
    root.addEventListener("click", (event) => {
      const choice = event.target.closest("[data-category-choice]");
      if (choice) this.#choose(choice);
    });
    root.addEventListener("focusout", (event) => {
      if (event.target.name?.startsWith("rewrite-")) this.#dropUnchanged(event.target);
    });
  }

  /** {step index: text} of one kind, without empty ones. */
  collect(kind) { return Object.fromEntries(this.texts[kind]); }

  /** Puts texts from elsewhere into their fields. */
  adopt(kind, texts) {
    for (const [index, text] of Object.entries(texts ?? {})) {
      const area = this.#area(index, kind);
      area.value = text;
      area.closest("details").open = true;
      this.#read(area);
    }
  }

  /** Opens a step's note or rewrite; an empty rewrite starts from what the model wrote. */
  async open(index, kind) {
    const area = this.#area(index, kind);
    area.closest("details").open = true;
    area.focus();
    if (kind !== "rewrite" || area.value) return;
    const source = await this.#loadSource(index);
    if (source === null || area.value) return;
    area.value = source.replace(/\s+$/, "");
    area.dataset.start = area.value;
  }

  async toggleSource(index) {
    const box = this.#sourceBox(index);
    if (!box.hidden) {
      box.hidden = true;
      return;
    }
    const source = await this.#loadSource(index);
    if (source === null) return;
    box.textContent = source;
    box.hidden = false;
  }

  /** The kinds of error, below the step; digits, arrows and Enter choose, Esc leaves. */
  openCategories(index, chosen) {
    const template = this.view.find("categories");
    if (!template) return false;
    this.closeCategories();
    const panel = template.content.firstElementChild.cloneNode(true);
    panel.dataset.index = index;
    this.view.cardOf(index).append(panel);
    const buttons = [...panel.querySelectorAll("[data-category-choice]")];
    const button = (chosen && buttons.find((choice) => choice.value === chosen)) || buttons[0];
    if (chosen) button.setAttribute("aria-pressed", "true");
    button.focus({ preventScroll: true });
    panel.scrollIntoView({ block: "nearest" });
    return true;
  }

  closeCategories() { this.root.querySelector("[data-panel]")?.remove(); }

  #choose(choice) {
    const index = Number(choice.closest("[data-panel]").dataset.index);
    this.closeCategories();
    this.onCategory(index, choice.value);
  }

  #keyInPanel(event) {
    const panel = event.target.closest("[data-panel]");
    if (!panel || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const choices = [...panel.querySelectorAll("[data-category-choice]")];
    const at = choices.indexOf(document.activeElement);
    const moves = { ArrowDown: 1, ArrowRight: 1, j: 1, ArrowUp: -1, ArrowLeft: -1, k: -1 };
    if (event.key === "Escape") {
      this.closeCategories();
      this.onLeave();
    } else if (Object.hasOwn(moves, event.key)) choices.at((at + moves[event.key]) % choices.length).focus();
    else {
      const choice = choices.find((one) => one.dataset.digit === (event.code.match(/^(?:Digit|Numpad)(\d)$/)?.[1] ?? event.key));
      if (!choice) return;
      this.#choose(choice);
    }
    event.preventDefault();
  }

  #area(index, kind) { return this.view.steps[index].querySelector(`textarea[name="${kind}-${index}"]`); }

  #read(area) {
    const [kind, index] = (area.name ?? "").split("-");
    if (!KINDS.includes(kind)) return false;
    if (area.value.trim()) this.texts[kind].set(index, area.value);
    else this.texts[kind].delete(index);
    return true;
  }

  /** What was opened for rewriting and left as the model wrote it is no rewrite. */
  #dropUnchanged(area) {
    if (area.dataset.start === undefined || area.value !== area.dataset.start) return;
    area.value = "";
    delete area.dataset.start;
    if (this.#read(area)) this.onChange();
  }

  #sourceBox(index) {
    const card = this.view.cardOf(index);
    let box = card.querySelector("[data-source-text]");
    if (!box) {
      box = document.createElement("pre");
      box.className = "source-text";
      box.dir = "auto";
      box.dataset.sourceText = "";
      box.hidden = true;
      card.querySelector(".step-foot").before(box);
    }
    return box;
  }

  async #loadSource(index) {
    if (this.#sources.has(index)) return this.#sources.get(index);
    try {
      const answer = await fetch(this.view.steps[index].querySelector("[data-source]").href, { redirect: "error" });
      if (!answer.ok) throw new Error(answer.status);
      this.#sources.set(index, await answer.text());
      this.view.clearMessage("source");
      return this.#sources.get(index);
    } catch {
      this.view.showMessage("source", gettext("The step’s source can’t be loaded now. Try again when the network is back."));
      return null;
    }
  }
}
