// One request, and what the browser keeps until the server has it.
export class Offline extends Error {}
export class SignedOut extends Error {}

export const RETRY_MS = [1000, 2000, 4000, 8000, 15000];
export const FORM = "application/x-www-form-urlencoded";

/** Raises Offline where the server can't be reached or is broken, SignedOut where it asks who we are. */
export async function send(url, { body, type = FORM, token, keepalive = false }) {
  let answer;
  try {
    answer = await fetch(url, {
      method: "POST",
      body,
      redirect: "manual",
      keepalive,
      headers: { "Content-Type": type, "X-CSRFToken": cookie("csrftoken") ?? token, "HX-Request": "true" },
    });
  } catch {
    throw new Offline();
  }
  if (answer.type === "opaqueredirect") throw new SignedOut();
  if (answer.status >= 500) throw new Offline();
  return answer;
}

export function waitForNetwork(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    addEventListener("online", resolve, { once: true });
    addEventListener("gradus:signed-in", resolve, { once: true });
  });
}

function cookie(name) {
  return document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

// The browser may refuse to keep anything (private window, full disk): then only the network is left.
export const keep = {
  read(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  },
  write(key, value) {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch { /* see above */ }
  },
  drop(key) {
    try {
      localStorage.removeItem(key);
    } catch { /* see above */ }
  },
};
