// Alternatives to the first wrong step: a link in its card asks the model, the offer fills in below it (htmx fetches it
// again while the model works), and a button puts one into the step's rewrite, from where it is saved like all else.
import { gettext } from "./frame.js";

export class Alternatives {
  #index = null;
  #parts = null;

  constructor(root, { state, view, fields, onPick }) {
    Object.assign(this, { root, state, view, fields, onPick });
    this.template = view.find("alternatives-link");
    root.addEventListener("click", (event) => {
      const link = event.target.closest("[data-alternatives-open]");
      if (link && !event.metaKey && !event.ctrlKey) {
        event.preventDefault();
        this.open();
      }
      const button = event.target.closest("[data-pick]");
      if (!button) return;
      event.preventDefault();
      this.#pick(button);
    });
  }

  /** Keeps the link and the offer with the step that is the first error by now. */
  paint() {
    if (!this.template) return;
    const first = this.state.labels.indexOf(-1);
    const index = first < 0 ? null : first;
    if (index === this.#index) return;
    this.#parts?.forEach((part) => part.remove());
    this.root.querySelectorAll("[data-alternatives]").forEach((part) => part.remove());
    this.#index = index;
    this.#parts = index === null ? null : this.#place(index);
  }

  open() {
    if (!this.template) return this.view.tell(gettext("There is no model to ask for this trace."));
    if (this.#index === null) return this.view.tell(gettext("Rate a step bad first."));
    const [link, box] = this.#parts;
    if (!box.isConnected) return; // it was asked for, and the offer is there
    link.setAttribute("aria-expanded", "true");
    htmx.ajax("POST", link.href, { target: box, swap: "outerHTML", values: { label: "-1", unless_asked: "1" } });
  }

  #place(index) {
    const card = this.view.cardOf(index);
    card.querySelectorAll("[data-alternatives-open]").forEach((link) => link.remove()); // the server's own
    const link = this.template.content.firstElementChild.cloneNode(true);
    link.href = link.getAttribute("href").replace("/steps/0/", `/steps/${index}/`);
    const box = document.createElement("div");
    card.querySelector("[data-source]").before(link);
    card.querySelector(".step-foot").after(box);
    return [link, box];
  }

  #pick(button) {
    const index = Number(button.closest("[data-step]").dataset.step);
    this.fields.adopt("rewrite", { [index]: button.dataset.pick });
    for (const other of this.root.querySelectorAll("[data-pick]")) other.setAttribute("aria-pressed", String(other === button));
    this.onPick(gettext("Step {number} rewritten", { number: index + 1 }));
  }
}
