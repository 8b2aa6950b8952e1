// The page of one's own keys: press a key instead of writing its name, and hear of a clash before saving.
import { gettext } from "./frame.js";

const SIGNS = new Map([["ArrowUp", "↑"], ["ArrowDown", "↓"], ["ArrowLeft", "←"], ["ArrowRight", "→"], [" ", "Space"]]);
const NEVER = new Set(["Tab", "Escape", "Shift", "Control", "Alt", "Meta", "CapsLock", "Dead", "Process", "Unidentified", "AltGraph"]);
const form = document.querySelector("[data-keys-form]");
const rows = [...form.querySelectorAll("[data-key-row]")];
let catching = null;

const fieldOf = (row) => row.querySelector("input");
const wordsOf = (row) => fieldOf(row).value.split(/\s+/).filter(Boolean).map((word) => word.toLowerCase());

function startCatching(row) {
  stopCatching();
  catching = row;
  row.toggleAttribute("data-is-catching", true);
  row.querySelector("[data-key-catch]").textContent = gettext("Press it now");
}

function stopCatching() {
  if (!catching) return;
  catching.removeAttribute("data-is-catching");
  catching.querySelector("[data-key-catch]").textContent = gettext("Press a key");
  catching = null;
}

function catchKey(event) {
  if (!catching || event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" || event.key === "Tab") return stopCatching();
  if (NEVER.has(event.key)) return;
  event.preventDefault();
  event.stopPropagation();
  const key = SIGNS.get(event.key) ?? (event.key.length === 1 ? event.key.toLowerCase() : event.key);
  const row = catching;
  stopCatching();
  if (!wordsOf(row).includes(key.toLowerCase())) fieldOf(row).value = `${fieldOf(row).value} ${key}`.trim();
  showClashes();
}

/** One key, one command: a clash shows beside both. The server refuses it all the same. */
function showClashes() {
  const owners = new Map();
  for (const row of rows) for (const word of new Set(wordsOf(row))) owners.set(word, [...(owners.get(word) ?? []), row]);
  for (const row of rows) {
    const clash = wordsOf(row).find((word) => owners.get(word).length > 1);
    const other = clash && owners.get(clash).find((owner) => owner !== row);
    const title = other?.querySelector("label").textContent;
    row.querySelector("[data-key-error]").textContent = clash ? gettext("“{key}” is also for: {title}.", { key: clash, title }) : "";
    fieldOf(row).setAttribute("aria-invalid", String(Boolean(clash)));
  }
}

for (const row of rows) {
  const button = row.querySelector("[data-key-catch]");
  button.hidden = false;
  button.addEventListener("click", () => startCatching(row));
  fieldOf(row).addEventListener("input", showClashes);
}
document.addEventListener("keydown", catchKey, true);
addEventListener("pointerdown", (event) => { if (!event.target.closest?.("[data-key-catch]")) stopCatching(); });
