// Passkeys: a button of a form asks the browser to make or to use one, and the form sends what the browser says.
import { gettext } from "./frame.js";

const PARTS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

const toBytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
const toText = (buffer) =>
  btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The server's JSON as the browser wants it: bytes where it has text. */
function readOptions({ publicKey }) {
  const withBytes = (named) => ({ ...named, id: toBytes(named.id) });
  const options = { ...publicKey, challenge: toBytes(publicKey.challenge) };
  if (options.user) options.user = withBytes(options.user);
  for (const list of ["allowCredentials", "excludeCredentials"]) if (options[list]) options[list] = options[list].map(withBytes);
  return { publicKey: options };
}

function writeCredential({ id, rawId, type, response }) {
  const said = PARTS.filter((name) => response[name]).map((name) => [name, toText(response[name])]);
  return JSON.stringify({ id, rawId: toText(rawId), type, response: Object.fromEntries(said) });
}

/** From the page, or from the address that the form names: a page that many open asks for nothing until it is wanted. */
async function findOptions(form) {
  const written = document.querySelector("#passkey-options");
  if (written) return JSON.parse(written.textContent);
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (answer.status === 429) throw new DOMException("", "QuotaExceededError");
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

function explain(error) {
  switch (error.name) {
    case "NotAllowedError": return gettext("No passkey was used: it was cancelled, took too long, or there is none for this server here. Try again.");
    case "InvalidStateError": return gettext("This device has a passkey for your account already.");
    case "SecurityError": return gettext("Passkeys need the server’s name in the address, over HTTPS or as localhost.");
    case "QuotaExceededError": return gettext("Too many attempts from here. Wait a minute, then try again.");
    case "TypeError": return gettext("The server can’t be reached. Check the connection and try again.");
    default: return gettext("The browser could not use a passkey here.");
  }
}

async function ask(form, button) {
  const error = form.querySelector("[data-passkey-error]");
  error.hidden = true;
  button.disabled = true;
  try {
    const options = readOptions(await findOptions(form));
    const made = form.dataset.passkey === "create" ? await navigator.credentials.create(options) : await navigator.credentials.get(options);
    form.elements.credential.value = writeCredential(made);
    form.submit();
  } catch (failure) {
    error.textContent = explain(failure);
    error.hidden = false;
    button.disabled = false;
  }
}

for (const form of document.querySelectorAll("[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  const button = form.querySelector("[data-passkey-button]");
  form.hidden = button.hidden = false;
  form.querySelector("[data-passkey-needs]")?.remove();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!button.disabled) ask(form, button);
  });
}
