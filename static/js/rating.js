// The rating page: keys and clicks change the state, the view paints it, the queue saves it. The plain form works
// without any of this. Enter shows the next trace at once (rating_ahead.js); the rating is sent behind it
// (rating_sending.js).
import { gettext, ngettext, whenLoaded } from "./frame.js";
import { Ahead } from "./rating_ahead.js";
import { Alternatives } from "./rating_alternatives.js";
import { isReason, ReasonDialog, SignInDialog } from "./rating_dialogs.js";
import { Early } from "./rating_early.js";
import { StepFields } from "./rating_fields.js";
import { readKeys } from "./rating_keys.js";
import { SignedOut } from "./rating_network.js";
import { Outbox } from "./rating_outbox.js";
import { DraftQueue } from "./rating_queue.js";
import { Sending } from "./rating_sending.js";
import { ActiveTime, BAD, GOOD, RatingState } from "./rating_state.js";
import { RatingView } from "./rating_view.js";
import { isWriting } from "./typing.js";

const RATED = new Map([[BAD, gettext("Step {number} bad")], [0, gettext("Step {number} neutral")], [GOOD, gettext("Step {number} good")]]);
let cockpit = null;
let outbox = null;

class Cockpit {
  constructor(root) {
    this.root = root;
    this.data = JSON.parse(root.querySelector("#cockpit-data").textContent);
    if (this.data.can_rate_rest_good) root.dataset.canRateRest = "yes";
    this.amends = "amends" in root.dataset;
    this.token = root.elements.csrfmiddlewaretoken.value;
    this.state = new RatingState({ labels: this.data.labels, categories: this.data.categories, stopsAtFirstError: this.data.stops_at_first_error });
    this.view = new RatingView(root, this.state);
    this.time = new ActiveTime(this.data.active_seconds);
    this.commandOf = readKeys(this.data.keys);
    const focus = () => this.view.focusCurrent({ scroll: false });
    this.fields = new StepFields(root, {
      view: this.view, onLeave: focus,
      onChange: () => this.queue?.changed(),
      onCategory: (index, category) => this.categorise(index, category),
    });
    this.alternatives = new Alternatives(root, {
      state: this.state, view: this.view, fields: this.fields, onPick: (spoken) => this.changed(spoken),
    });
    this.reasons = new ReasonDialog(root, { onReason: (action) => this.sending.deliver(action), onClose: focus });
    this.signIn = new SignInDialog(root, { data: this.data, token: this.token, onClose: focus });
    this.ahead = new Ahead(root, { data: this.data, token: this.token });
    this.queue = this.amends ? null : new DraftQueue({
      data: this.data, view: this.view, token: this.token,
      writer: root.elements.idempotency_key.value, // drawn anew for every rendering of the page
      collect: () => this.collect(),
      onSaved: () => this.ahead.renewed(),
      onSignedOut: () => this.showSignedOut(),
    });
    this.sending = new Sending(this, { outbox, show, current: () => cockpit });
    this.#listen();
    this.#takeUpKept();
    this.view.paint();
    this.alternatives.paint();
    if (!isWriting()) this.view.focusCurrent({ scroll: this.state.current > 0 });
    if (outbox?.holds(this.data.assignment)) this.sending.waitForLeftOver();
    else if (!this.amends) this.ahead.fetchSoon();
  }

  collect() {
    return {
      labels: [...this.state.labels],
      notes: this.fields.collect("note"),
      rewrites: this.fields.collect("rewrite"),
      error_categories: Object.fromEntries(this.state.categories),
      is_reference_wrong: this.root.elements.is_reference_wrong?.checked ?? false,
      active_seconds: Number(this.time.seconds.toFixed(3)),
    };
  }

  changed(spoken) {
    this.view.paint();
    this.alternatives.paint();
    this.view.clearMessage("incomplete");
    this.queue?.changed();
    if (spoken) this.view.speak(spoken);
  }

  rate(label) {
    const index = this.state.rateCurrent(label);
    if (index === null) return this.view.tell(gettext("Not judged: it follows the first error."));
    this.changed(RATED.get(label).replace("{number}", index + 1));
    this.view.focusCurrent();
  }

  rateRestGood() {
    if (!this.data.can_rate_rest_good) return this.view.tell(gettext("This project asks for every step by itself."));
    const num = this.state.rateRestGood();
    if (num) this.changed(ngettext("{n} step good. Enter submits.", "{n} steps good. Enter submits.", num));
    this.view.focusCurrent();
  }

  undo() {
    if (!this.state.undo()) return this.view.tell(gettext("Nothing to undo"));
    this.changed(gettext("Undone"));
    this.view.focusCurrent();
  }

  moveTo(index) {
    this.state.moveTo(index);
    this.view.paint();
    this.view.focusCurrent();
  }

  openCategories(index = this.state.current) {
    if (this.state.isAfterError(index)) return this.view.tell(gettext("Not judged: it follows the first error."));
    if (!this.fields.openCategories(index, this.state.categoryOf(index))) this.view.tell(gettext("This project has no kinds of error."));
  }

  categorise(index, category) {
    this.state.moveTo(index);
    this.state.categorise(index, category);
    this.changed(category);
    this.view.focusCurrent();
  }

  submit() {
    const missing = this.state.firstMissing();
    if (missing === null) return this.sending.deliver("submit");
    this.moveTo(missing);
    this.view.showMessage("incomplete", gettext("Step {number} is not judged yet.", { number: missing + 1 }));
  }

  showSignedOut() {
    this.view.showSaveState(gettext("Signed out: kept here"), "warn");
    if (this.view.find("messages").querySelector('[data-name="signed-out"]')) return;
    const text = gettext("You are signed out. What you rated is kept in this browser.");
    this.view.showMessage("signed-out", text, [[gettext("Sign in here and go on"), () => this.signIn.open()]]);
  }

  reportFailure(error) {
    if (error instanceof SignedOut) this.showSignedOut();
    else this.view.showSaveState(gettext("Offline: kept here, will be sent"), "warn");
  }

  #listen() {
    this.root.addEventListener("change", (event) => {
      this.#take(event.target);
    });
    this.root.addEventListener("click", (event) => this.#click(event));
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      const action = event.submitter?.value ?? "submit";
      if (action === "submit") this.submit();
      else if (isReason(action) && !this.root.elements.reason.value.trim()) this.reasons.ask(action);
      else this.sending.deliver(action);
    });
    this.root.addEventListener("focusin", (event) => {
      const step = event.target.closest("[data-step]");
      if (step && Number(step.dataset.step) !== this.state.current) {
        this.state.moveTo(Number(step.dataset.step));
        this.view.paint();
      }
    });
  }

  /** What somebody ticked: a step's rating, or that the reference is wrong. */
  #take(field) {
    const step = field.closest("[data-step]");
    if (field.type === "radio" && step) {
      const index = Number(step.dataset.step);
      this.state.moveTo(index);
      this.state.rate(index, field.value === "" ? null : Number(field.value));
      this.changed();
    } else if (field.name === "is_reference_wrong") this.changed();
  }

  /** What was pressed, ticked and written before the page was whole, as if it were done now. */
  catchUp(events) {
    for (const event of events) {
      if (event.type === "keydown") pressKey(event);
      else if (event.type === "change") this.#take(event.target);
      else this.queue?.changed(); // the fields were read with their text
    }
    if (events.length && !isWriting()) this.view.focusCurrent();
  }

  #click(event) {
    const target = event.target.closest("[data-rate], [data-do], [data-source], [data-rail-step], [data-category-open]");
    if (!target) {
      // A mouse that has chosen leaves the keyboard on the step, so that arrows move and do not choose.
      if (event.detail > 0 && event.target.closest("[data-choice]")) requestAnimationFrame(() => this.view.focusCurrent());
      return;
    }
    if (target.matches("[data-rate]")) this.rate(Number(target.dataset.rate));
    else if (target.matches("[data-do]")) COMMANDS[target.dataset.do]();
    else if (target.matches("[data-category-open]")) this.openCategories(Number(target.closest("[data-step]").dataset.step));
    else if (target.matches("[data-rail-step]")) {
      event.preventDefault();
      this.moveTo(Number(target.dataset.railStep));
    } else if (!event.metaKey && !event.ctrlKey) {
      event.preventDefault();
      this.fields.toggleSource(Number(target.closest("[data-step]").dataset.step));
    }
  }

  #takeUpKept() {
    const kept = this.queue?.findKept();
    if (!kept) return;
    if (!kept.isConflict) return this.#adopt(kept.draft);
    this.view.showMessage("kept", gettext("This browser holds ratings of this trace that never reached the server."), [
      [gettext("Use them"), () => { this.view.clearMessage("kept"); this.#adopt(kept.draft); this.changed(); }],
      [gettext("Drop them"), () => { this.view.clearMessage("kept"); this.queue.dropKept(); }],
    ]);
  }

  #adopt(draft) {
    if (draft.labels?.length !== this.state.numSteps) return this.queue.dropKept();
    this.state.labels = [...draft.labels];
    this.state.categories = new Map(Object.entries(draft.error_categories ?? {}).map(([index, name]) => [Number(index), name]));
    this.state.moveTo(this.state.firstMissing() ?? 0);
    this.fields.adopt("note", draft.notes);
    this.fields.adopt("rewrite", draft.rewrites);
    if (this.root.elements.is_reference_wrong) this.root.elements.is_reference_wrong.checked = draft.is_reference_wrong;
    this.time.seconds = Math.max(this.time.seconds, draft.active_seconds ?? 0);
    this.queue.changed();
  }
}

const COMMANDS = {
  bad: () => cockpit.rate(BAD), neutral: () => cockpit.rate(0), good: () => cockpit.rate(GOOD),
  rest_good: () => cockpit.rateRestGood(),
  submit: () => cockpit.submit(),
  next_step: () => cockpit.moveTo(cockpit.state.current + 1),
  previous_step: () => cockpit.moveTo(cockpit.state.current - 1),
  undo: () => cockpit.undo(),
  category: () => cockpit.openCategories(),
  note: () => cockpit.fields.open(cockpit.state.current, "note"),
  rewrite: () => cockpit.fields.open(cockpit.state.current, "rewrite"),
  alternatives: () => cockpit.alternatives.open(),
  source: () => cockpit.fields.toggleSource(cockpit.state.current),
  prompt: () => { const panel = cockpit.view.find("prompt"); panel.open = !panel.open; },
  bad_problem: () => cockpit.reasons.ask("bad_problem"),
  give_up: () => cockpit.reasons.ask("give_up"),
  skip: () => (cockpit.amends ? cockpit.view.tell(gettext("What is submitted can’t be skipped.")) : cockpit.reasons.ask("skip")),
  guidelines: () => {
    const sheet = document.querySelector("#guidelines");
    if (sheet) sheet.togglePopover();
    else cockpit.view.tell(gettext("This project has no guidelines."));
  },
  keys: () => document.querySelector("#keys").togglePopover(),
};

function pressKey(event) {
  if (!cockpit || cockpit.sending.isUnderway) return;
  if (event.key === "Escape" && event.target.matches?.("[data-step] textarea")) return cockpit.view.focusCurrent();
  const meant = cockpit.commandOf(event);
  if (!meant) return;
  if (meant.unknown) return cockpit.view.tell(gettext("“{key}” does nothing here; ? shows the keys.", { key: meant.unknown }));
  event.preventDefault();
  COMMANDS[meant.command]();
}

/** Puts another form in the place of the one shown; returns what then is the cockpit. */
function show(form, url, { isNew = true } = {}) {
  if (url) history.pushState({}, "", url);
  cockpit.root.replaceWith(form);
  if (isNew) scrollTo(0, 0);
  start();
  return cockpit;
}

function start() {
  const root = document.querySelector("form[data-cockpit]");
  if (root && !outbox) {
    const { account } = JSON.parse(root.querySelector("#cockpit-data").textContent);
    outbox = new Outbox({
      account,
      token: root.elements.csrfmiddlewaretoken.value,
      report: (error) => cockpit?.reportFailure(error),
      onAnswer: (item, answer) => cockpit?.sending.takeLeftOver(item, answer),
    });
  }
  cockpit = root ? new Cockpit(root) : null;
  outbox?.run();
}

document.addEventListener("keydown", pressKey);
for (const type of ["keydown", "pointerdown", "pointermove", "scroll"]) {
  addEventListener(type, () => cockpit?.time.note(), { passive: true });
}
addEventListener("beforeunload", (event) => {
  if (cockpit?.queue?.hasUnsent || outbox?.waiting.length) event.preventDefault();
});
addEventListener("pagehide", () => cockpit?.queue?.flush());
document.addEventListener("visibilitychange", () => document.hidden && cockpit?.queue?.flush());
addEventListener("popstate", () => location.reload());
const early = new Early();
whenLoaded(() => {
  start();
  cockpit?.catchUp(early.take());
});
