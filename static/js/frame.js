// The frame: the menu starts closed on a phone, an error answer to an htmx request is shown, not dropped, and the
// texts that scripts say are in the page's language. Those stand here since every page loads this file anyhow.
const words = JSON.parse(document.querySelector("#script-words")?.textContent ?? "{}");
const plurals = new Intl.PluralRules(document.documentElement.lang);

/** The text in the page's language, with {name} replaced by values.name. Written in English with plain "quotes". */
export function gettext(text, values = {}) { return fill(words[text] ?? text, values); }

/** The same for a number of things: the text for one, the text for many, and the number, which replaces {n}. */
export function ngettext(text, plural, n, values = {}) {
  const own = n === 1 ? text : plural;
  return fill(words[text]?.[plurals.select(n)] ?? own, { n, ...values });
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? values[name] : whole));
}

/** Runs once the whole page is there, which of a long trace takes seconds. */
export function whenLoaded(work) {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", work, { once: true });
  else work();
}

whenLoaded(() => {
  const menu = document.querySelector("[data-menu]");
  if (menu && matchMedia("(max-width: 52rem)").matches) menu.open = false;
});

document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.status >= 400) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status >= 400) {
    event.detail.shouldSwap = true;
    event.detail.target = document.querySelector("#notices") ?? event.detail.target;
    event.detail.swapOverride = "innerHTML";
  }
});

document.addEventListener("htmx:sendError", () => {
  const notices = document.querySelector("#notices");
  if (!notices) return;
  notices.innerHTML = '<div class="notice notice-error" role="alert"><p></p></div>';
  notices.querySelector("p").textContent = gettext("The server can’t be reached. Check the connection and try again.");
});
