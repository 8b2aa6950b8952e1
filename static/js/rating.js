// The rating page: keys and clicks change the state, the view paints it, the queue saves it. The plain form works
// without any of this. After submitting, the server's answer is the next trace's form: one round trip.
import { DraftQueue, Outbox, SignedOut, showSignedOut } from "./rating_queue.js";
import { ActiveTime, BAD, GOOD, RatingState } from "./rating_state.js";
import { RatingView } from "./rating_view.js";
import { isTyping } from "./typing.js";

const REASONS = { bad_problem: "What is wrong with the problem?", give_up: "Why can’t you judge this trace?" };
const WORDS = new Map([[BAD, "bad"], [0, "neutral"], [GOOD, "good"]]);
let cockpit = null;

class Cockpit {
  constructor(root) {
    this.root = root;
    this.data = JSON.parse(root.querySelector("#cockpit-data").textContent);
    if (this.data.can_rate_rest_good) root.dataset.canRateRest = "yes";
    this.amends = "amends" in root.dataset;
    this.token = root.elements.csrfmiddlewaretoken.value;
    this.state = new RatingState({ labels: this.data.labels, stopsAtFirstError: this.data.stops_at_first_error });
    this.view = new RatingView(root, this.state);
    this.outbox = new Outbox(this.data.account);
    this.time = new ActiveTime(this.data.active_seconds);
    this.notes = new Map(); // by step index; kept here because asking 2,000 fields at every key is slow
    for (const area of root.querySelectorAll("textarea[name^='note-']")) this.noteChanged(area);
    this.isSubmitting = false;
    this.queue = this.amends ? null : new DraftQueue({
      data: this.data, view: this.view, token: this.token,
      writer: root.elements.idempotency_key.value, // drawn anew for every rendering of the page
      collect: () => this.collect(),
    });
    this.#listen();
    this.#takeUpKept();
    this.view.paint();
    this.view.focusCurrent({ scroll: this.state.current > 0 });
    this.#sendLeftOver();
  }

  collect() {
    return {
      labels: [...this.state.labels],
      notes: Object.fromEntries(this.notes),
      is_reference_wrong: this.root.elements.is_reference_wrong?.checked ?? false,
      active_seconds: Number(this.time.seconds.toFixed(3)),
    };
  }

  noteChanged(area) {
    const index = area.name.slice("note-".length);
    if (area.value.trim()) this.notes.set(index, area.value);
    else this.notes.delete(index);
  }

  changed(spoken) {
    this.view.paint();
    this.queue?.changed();
    if (spoken) this.view.speak(spoken);
  }

  rate(label) {
    const index = this.state.rateCurrent(label);
    if (index === null) return this.view.speak("Not judged: it follows the first error.");
    this.changed(`Step ${index + 1} ${WORDS.get(label)}`);
    this.view.focusCurrent();
  }

  rateRestGood() {
    if (!this.data.can_rate_rest_good) return;
    const num = this.state.rateRestGood();
    if (num) this.changed(`${num} steps good. Enter submits.`);
    this.view.focusCurrent();
  }

  undo() {
    if (!this.state.undo()) return this.view.speak("Nothing to undo");
    this.changed("Undone");
    this.view.focusCurrent();
  }

  move(by) {
    this.state.moveTo(this.state.current + by);
    this.view.paint();
    this.view.focusCurrent();
  }

  submit() {
    const missing = this.state.firstMissing();
    if (missing === null) return this.deliver("submit");
    this.state.moveTo(missing);
    this.view.paint();
    this.view.focusCurrent();
    this.view.showMessage("incomplete", `Step ${missing + 1} is not judged yet.`);
  }

  askReason(action) {
    const dialog = this.view.find("reason-dialog");
    this.view.find("reason-title").textContent = REASONS[action];
    this.view.find("reason-text").value = this.root.elements.reason.value;
    this.view.find("reason-error").textContent = "";
    dialog.dataset.action = action;
    dialog.showModal();
  }

  sendReason() {
    const reason = this.view.find("reason-text").value;
    if (!reason.trim()) {
      this.view.find("reason-error").textContent = "Say in a few words why.";
      return;
    }
    const dialog = this.view.find("reason-dialog");
    this.root.elements.reason.value = reason;
    dialog.close();
    this.deliver(dialog.dataset.action);
  }

  /** Sends the form with this button's action, and goes on to whatever the server answers with. */
  async deliver(action) {
    if (this.isSubmitting) return;
    this.isSubmitting = true;
    this.time.note();
    this.root.elements.active_seconds.value = this.time.seconds.toFixed(3);
    const form = new FormData(this.root);
    form.set("action", action);
    const body = new URLSearchParams(form).toString();
    this.root.setAttribute("aria-busy", "true");
    this.view.showSaveState("Sending…");
    const report = (error) => {
      if (error instanceof SignedOut) return showSignedOut(this.view);
      this.view.showSaveState("Offline: kept here, will be sent", "warn");
    };
    const item = { url: this.root.getAttribute("action"), body, assignment: this.data.assignment };
    const answer = await this.outbox.deliver(item, { token: this.token, report });
    await this.#goOn(answer);
  }

  async #goOn(answer) {
    const redirect = answer.headers.get("HX-Redirect");
    const html = redirect ? "" : await answer.text();
    const next = new DOMParser().parseFromString(html, "text/html").querySelector("#cockpit");
    this.queue?.close({ isStored: answer.ok });
    if (redirect || !next) {
      if (answer.ok) location.assign(redirect ?? location.href);
      else this.#refused(answer.status);
      return;
    }
    const url = answer.headers.get("HX-Push-Url");
    if (url) history.pushState({}, "", url);
    this.root.replaceWith(next);
    if (answer.ok) scrollTo(0, 0);
    start();
  }

  #refused(status) {
    this.isSubmitting = false;
    this.root.removeAttribute("aria-busy");
    this.view.showSaveState("Not sent", "bad");
    const text = status === 403 ? "This page went stale. Your ratings are kept as a draft." : "The server did not take this.";
    this.view.showMessage("refused", text, [["Reload the page", location.href]], "error");
  }

  #listen() {
    this.root.addEventListener("change", (event) => {
      const step = event.target.closest("[data-step]");
      if (event.target.type === "radio" && step) {
        const index = Number(step.dataset.step);
        this.state.moveTo(index);
        this.state.rate(index, event.target.value === "" ? null : Number(event.target.value));
        this.changed();
      } else if (event.target.name === "is_reference_wrong") this.changed();
    });
    this.root.addEventListener("input", (event) => {
      if (!event.target.name?.startsWith("note-")) return;
      this.noteChanged(event.target);
      this.queue?.changed();
    });
    this.root.addEventListener("click", (event) => this.#click(event));
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      const action = event.submitter?.value ?? "submit";
      if (action === "submit") this.submit();
      else if (action in REASONS && !this.root.elements.reason.value.trim()) this.askReason(action);
      else this.deliver(action);
    });
    this.root.addEventListener("focusin", (event) => {
      const step = event.target.closest("[data-step]");
      if (step && Number(step.dataset.step) !== this.state.current) {
        this.state.moveTo(Number(step.dataset.step));
        this.view.paint();
      }
    });
    this.view.find("reason-dialog").addEventListener("close", () => this.view.focusCurrent());
  }

  #click(event) {
    const target = event.target.closest("[data-rate], [data-rest-good], [data-source], [data-rail-step], [data-reason-send], [data-reason-cancel]");
    if (!target) {
      // A mouse that has chosen leaves the keyboard on the step, so that arrows move and do not choose.
      if (event.detail > 0 && event.target.closest("[data-choice]")) requestAnimationFrame(() => this.view.focusCurrent());
      return;
    }
    if (target.matches("[data-rate]")) this.rate(Number(target.dataset.rate));
    else if (target.matches("[data-rest-good]")) this.rateRestGood();
    else if (target.matches("[data-reason-send]")) this.sendReason();
    else if (target.matches("[data-reason-cancel]")) this.view.find("reason-dialog").close();
    else if (target.matches("[data-rail-step]")) {
      event.preventDefault();
      this.move(Number(target.dataset.railStep) - this.state.current);
    } else if (!event.metaKey && !event.ctrlKey) {
      event.preventDefault();
      this.view.toggleSource(Number(target.closest("[data-step]").dataset.step));
    }
  }

  #takeUpKept() {
    const kept = this.queue?.findKept();
    if (!kept) return;
    if (!kept.isConflict) return this.#adopt(kept.draft);
    this.view.showMessage("kept", "This browser holds ratings of this trace that never reached the server.", [
      ["Use them", () => { this.view.clearMessage("kept"); this.#adopt(kept.draft); this.view.paint(); }],
      ["Drop them", () => { this.view.clearMessage("kept"); this.queue.dropKept(); }],
    ]);
  }

  #adopt(draft) {
    if (draft.labels?.length !== this.state.numSteps) return this.queue.dropKept();
    this.state.labels = [...draft.labels];
    this.state.moveTo(this.state.firstMissing() ?? 0);
    for (const [index, note] of Object.entries(draft.notes ?? {})) {
      const details = this.view.noteOf(Number(index));
      details.querySelector("textarea").value = note;
      details.open = true;
      this.notes.set(index, note);
    }
    if (this.root.elements.is_reference_wrong) this.root.elements.is_reference_wrong.checked = draft.is_reference_wrong;
    this.time.seconds = Math.max(this.time.seconds, draft.active_seconds ?? 0);
    this.queue.changed();
  }

  /** A rating that was waiting for the network when the page was closed or reloaded. */
  async #sendLeftOver() {
    const item = this.outbox.waiting;
    if (!item) return;
    const report = (error) => error instanceof SignedOut ? showSignedOut(this.view) : this.view.showSaveState("Offline: kept here, will be sent", "warn");
    if (item.assignment === this.data.assignment) this.isSubmitting = true;
    const answer = await this.outbox.deliver(item, { token: this.token, report });
    if (item.assignment === this.data.assignment) return this.#goOn(answer);
    this.view.showSaveState(answer.ok ? "Sent" : "", answer.ok ? "good" : "");
    if (!answer.ok) this.view.showMessage("left-over", "A rating you gave earlier was not taken.", [["Look at it", item.url]], "error");
  }
}

const KEYS = {
  1: () => cockpit.rate(BAD), 2: () => cockpit.rate(0), 3: () => cockpit.rate(GOOD),
  b: () => cockpit.rate(BAD), n: () => cockpit.rate(0), g: () => cockpit.rate(GOOD),
  a: () => cockpit.rateRestGood(),
  z: () => cockpit.undo(),
  j: () => cockpit.move(1), ArrowDown: () => cockpit.move(1), ArrowRight: () => cockpit.move(1),
  k: () => cockpit.move(-1), ArrowUp: () => cockpit.move(-1), ArrowLeft: () => cockpit.move(-1),
  c: () => cockpit.view.openNote(cockpit.state.current),
  o: () => cockpit.view.toggleSource(cockpit.state.current),
  x: () => cockpit.askReason("bad_problem"),
  u: () => cockpit.askReason("give_up"),
  s: () => cockpit.amends || cockpit.deliver("skip"),
  i: () => document.querySelector("#guidelines")?.togglePopover(),
  "?": () => document.querySelector("#keys").togglePopover(),
  Enter: () => cockpit.submit(),
};
const REPEATABLE = new Set(["j", "k", "ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "z"]);

function pressKey(event) {
  if (!cockpit || cockpit.isSubmitting) return;
  if (isTyping(event)) {
    if (event.key === "Escape" && event.target.matches?.("textarea[name^='note-']")) cockpit.view.focusCurrent();
    return;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const act = Object.hasOwn(KEYS, key) ? KEYS[key] : null;
  if (!act || (event.repeat && !REPEATABLE.has(key))) return;
  const onControl = event.target.closest?.("button, a, summary, [role=dialog]");
  if (key === "Enter" && onControl) return; // Enter presses what has the focus
  if (key.startsWith("Arrow") && event.target.closest?.("input[type=radio], [role=dialog], [data-prompt]")) return;
  event.preventDefault();
  act();
}

function start() {
  const root = document.querySelector("form[data-cockpit]");
  cockpit = root ? new Cockpit(root) : null;
}

document.addEventListener("keydown", pressKey);
for (const type of ["keydown", "pointerdown", "pointermove", "scroll"]) {
  addEventListener(type, () => cockpit?.time.note(), { passive: true });
}
addEventListener("beforeunload", (event) => {
  if (cockpit?.queue?.hasUnsent || (cockpit?.isSubmitting && cockpit.outbox.waiting)) event.preventDefault();
});
addEventListener("pagehide", () => cockpit?.queue?.flush());
document.addEventListener("visibilitychange", () => document.hidden && cockpit?.queue?.flush());
addEventListener("popstate", () => location.reload());
start();
