// When a key belongs to what is being written, to the browser or to an input method, and not to the page.
const WRITABLE = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=button], [type=submit])";

export function isTyping(event) {
  return (
    isComposing(event) ||
    event.ctrlKey || event.metaKey || event.altKey ||
    event.defaultPrevented ||
    event.target.matches?.(WRITABLE) === true ||
    event.target.closest?.("[data-own-keys]") != null ||
    isAsking(event.target)
  );
}

/** Whether the keyboard is in a text, as it may be before the script has come. */
export function isWriting() { return document.activeElement?.matches(WRITABLE) === true; }

/** Whether a question is open: the keyboard is in it, or nowhere. (Asking the whole page at every key would be slow.) */
function isAsking(target) {
  return target.closest?.("dialog") != null || (target === document.body && document.querySelector("dialog[open]") !== null);
}

/** Whether an input method is at work; some say so only by this number. */
export function isComposing(event) { return event.isComposing || event.keyCode === 229; }
