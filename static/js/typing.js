// When a key belongs to what is being written, to the browser or to an input method, and not to the page.
const WRITABLE = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=button], [type=submit])";

export function isTyping(event) {
  return (
    event.isComposing ||
    event.keyCode === 229 || // some input methods say only this while composing
    event.ctrlKey || event.metaKey || event.altKey ||
    event.defaultPrevented ||
    event.target.matches?.(WRITABLE) === true ||
    document.querySelector("dialog[open]") !== null
  );
}
