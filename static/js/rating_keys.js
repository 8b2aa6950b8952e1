// Which command a key means: the rater's own bindings, on whatever keyboard they have.
import { isTyping } from "./typing.js";

const REPEATABLE = new Set(["next_step", "previous_step", "undo"]);
const PRESSES = new Set(["Enter", "Space"]); // these press a button or a link that has the keyboard

/** bindings: {command: [keys]}. Returns which command an event means: {command}, {unknown: key}, or null. */
export function readKeys(bindings) {
  const commands = new Map();
  for (const [command, keys] of Object.entries(bindings)) for (const key of keys) commands.set(key, command);
  return (event) => {
    if (isTyping(event)) return null;
    const key = keyOf(event);
    const command = commands.get(key) ?? commands.get(placeOf(event));
    if (PRESSES.has(key) && event.target.closest?.("button, a, summary, [role=dialog]")) return null;
    if (key.startsWith("Arrow") && event.target.closest?.("input[type=radio], [role=dialog], [data-prompt]")) return null;
    if (command) return event.repeat && !REPEATABLE.has(command) ? null : { command };
    return key.length === 1 && !event.repeat ? { unknown: key } : null;
  };
}

function keyOf(event) {
  if (event.key === " ") return "Space";
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

/** The Latin letter or digit at the key's place, where the keyboard writes another script or its digits need Shift. */
function placeOf(event) {
  if (event.shiftKey || event.key.length !== 1) return null;
  if (/^Digit\d$/.test(event.code)) return event.code.at(-1);
  return /^Key[A-Z]$/.test(event.code) && event.key > "\x7f" ? event.code.at(-1).toLowerCase() : null;
}
