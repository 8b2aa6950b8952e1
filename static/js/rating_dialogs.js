// The two questions that stop the rater: why a trace is not rated, and the password where a session has ended.
import { gettext } from "./frame.js";
import { FORM, send, SignedOut } from "./rating_network.js";
import { isComposing } from "./typing.js";

const REASONS = {
  bad_problem: { title: gettext("What is wrong with the problem?"), isNeeded: true },
  give_up: { title: gettext("Why can’t you judge this trace?"), isNeeded: true },
  skip: { title: gettext("Skip this trace? You will not be handed it again."), isNeeded: false },
};

export function isReason(action) { return Object.hasOwn(REASONS, action); }

export class ReasonDialog {
  constructor(root, { onReason, onClose }) {
    this.root = root;
    this.dialog = root.querySelector("[data-reason-dialog]");
    this.text = root.querySelector("[data-reason-text]");
    this.error = root.querySelector("[data-reason-error]");
    this.onReason = onReason;
    this.dialog.addEventListener("close", onClose);
    root.querySelector("[data-reason-send]").addEventListener("click", () => this.#send());
    root.querySelector("[data-reason-cancel]").addEventListener("click", () => this.dialog.close());
    this.text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
      event.preventDefault();
      this.#send();
    });
  }

  ask(action) {
    const { title, isNeeded } = REASONS[action];
    this.action = action;
    this.root.querySelector("[data-reason-title]").textContent = title;
    this.root.querySelector("[data-reason-label]").textContent = isNeeded ? gettext("Why?") : gettext("Why? (if you like)");
    this.text.value = this.root.elements.reason.value;
    this.error.textContent = "";
    this.dialog.showModal();
    this.text.focus();
  }

  #send() {
    if (REASONS[this.action].isNeeded && !this.text.value.trim()) {
      this.error.textContent = gettext("Say in a few words why.");
      return;
    }
    this.root.elements.reason.value = this.text.value;
    this.dialog.close();
    this.onReason(this.action);
  }
}

/** Signs the same person in again without leaving the page. */
export class SignInDialog {
  constructor(root, { data, token, onClose }) {
    Object.assign(this, { data, token });
    this.dialog = root.querySelector("[data-sign-in-dialog]");
    this.password = root.querySelector("[data-sign-in-password]");
    this.error = root.querySelector("[data-sign-in-error]");
    this.dialog.addEventListener("close", onClose);
    root.querySelector("[data-sign-in-send]").addEventListener("click", () => this.#send());
    root.querySelector("[data-sign-in-cancel]").addEventListener("click", () => this.dialog.close());
    this.password.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || isComposing(event)) return;
      event.preventDefault();
      this.#send();
    });
  }

  open() {
    this.error.textContent = "";
    this.password.value = "";
    if (!this.dialog.open) this.dialog.showModal();
    this.password.focus();
  }

  async #send() {
    const body = new URLSearchParams({ username: this.data.username, password: this.password.value }).toString();
    try {
      const answer = await send(this.data.sign_in_url, { body, type: FORM, token: this.token });
      this.error.textContent = answer.status === 403
        ? gettext("This page is too old to sign in here: sign in in another tab, then come back.")
        : gettext("That is not the password. Try again.");
      this.password.select();
    } catch (error) {
      if (!(error instanceof SignedOut)) {
        this.error.textContent = gettext("The server can’t be reached. Try again in a moment.");
        return;
      }
      this.password.value = ""; // a redirect: we are in
      this.dialog.close();
      dispatchEvent(new Event("gradus:signed-in"));
    }
  }
}
