// What a rater presses, ticks and writes before a long page is whole, which may take seconds: kept until it is.
import { isTyping } from "./typing.js";

export class Early {
  #events = [];

  /** The page says that it keeps them, by an attribute, for as long as it does. */
  constructor() {
    if (document.readyState !== "loading") return;
    for (const type of ["keydown", "change", "input"]) document.addEventListener(type, this.#note);
    document.documentElement.dataset.keepsKeys = "";
  }

  /** All of them, in order; from here on the page takes them itself. */
  take() {
    for (const type of ["keydown", "change", "input"]) document.removeEventListener(type, this.#note);
    delete document.documentElement.dataset.keepsKeys;
    return this.#events;
  }

  #note = (event) => {
    if (event.type !== "keydown" || !isTyping(event)) this.#events.push(event);
  };
}
