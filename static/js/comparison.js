// The comparison page's keys: each presses the button or link that names it in data-key. Sending is htmx's work.
import { isTyping } from "./typing.js";

document.addEventListener("keydown", (event) => {
  if (isTyping(event)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const form = document.querySelector("[data-comparison]");
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const target = form?.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!target || event.repeat) return; // while an answer is awaited htmx drops further choices
  event.preventDefault();
  target.click();
});

document.body.addEventListener("htmx:afterSwap", (event) => {
  const heading = event.target.querySelector?.("h1") ?? document.querySelector("#comparison h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
});
