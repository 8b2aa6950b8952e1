"""What a hostile model wrote, in a real browser: on no page does it run, load, cover or imitate anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.urls import reverse
from playwright.sync_api import Dialog, Page
from pytest_django.live_server_helper import LiveServer

from annotation.actions import merges
from annotation.merging.data import MergePolicy
from annotation.models import Account, Assignment, Project, Role, Trace
from tests.annotation.rendering.test_hostile_text import CORPUS
from tests.factories import (
    NOW,
    make_assignment,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)
from tests.journeys.cockpit import wait_until
from tests.journeys.conftest import OpenPage

pytestmark = pytest.mark.django_db(transaction=True)

ZALGO = "Z" + "\u0335\u0322\u0353\u033b\u0321\u0301\u0302" * 60
MORE = {
    "bidi override": "The answer is \u202e7 si rewsna eht\u202c and \u2066isolated",
    "zero width": "1\u200b2\u2060 3\ufeff apples\u00ad",
    "letters in a heap": f"{ZALGO} {ZALGO}\n\n{ZALGO}",
    "one long word": "x" * 20_000,
    "one long formula": "$" + "+".join("a_{1}" for _ in range(300)) + "$",
    "formula that goes back": r"$\!\hspace{-20em}\hspace{-20em}\text{Submit and go on}$",
    "formula of thin spaces": "$" + r"\!" * 300 + r"\text{Sign out}$",
    "formula that is wide": r"$x\hspace{19em}\hspace{19em}\hspace{19em}\hspace{19em}\hspace{19em}y$",
    "formula that is high": r"$" + r"\frac{1}{" * 18 + "1" + "}" * 18 + "$",
    "table without end": "|" + "a|" * 200 + "\n|" + "-|" * 200 + "\n|" + "b|" * 200,
    "list deep": "\n".join("  " * depth + "- x" for depth in range(40)),
    "controls in HTML": '<button name="action" value="submit" data-rate="1" hx-get="/sign-out/">Submit</button>'
    '<label data-choice="good"><input type="radio" name="label-0" value="1" checked>Good</label>',
    "controls in Markdown": "[Submit and go on](/sign-out/){.button .button-primary}\n\n- [x] Good",
    "csv formula": '=HYPERLINK("http://evil.example";"x")\n+1+cmd|\' /C calc\'!A0\n@SUM(1)',
    "end of the page": '"></pre></div></li></ol></form></main></body></html><h1>Signed out</h1>',
    "script in JSON": "</script><script>alert(1)</script>",
    "refresh": '<meta http-equiv="refresh" content="0;url=http://evil.example">',
    "fixed": '<div style="position:fixed;inset:0;z-index:99" class="sheet thumbs verdicts" popover id="keys">x</div>',
}
STEPS = tuple(f"{text.replace(chr(0), '')}\n\n" for text in (CORPUS | MORE).values() if "\ud800" not in text)
LONG_LINE = "<b onclick=alert(1)>\u202e7 " * 450_000  # 10 MB in UTF-8

_COUNT_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""
# What the page itself offers, and what of it a step's text would cover at the control's middle.
_COVERED = """() => {
  const covered = [];
  for (const control of document.querySelectorAll("button, a[href], input, summary, textarea, select")) {
    if (!control.checkVisibility()) continue;
    control.scrollIntoView({ block: "center" });
    const box = control.getBoundingClientRect();
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    if (top?.closest(".rendered, pre")) covered.push(control.outerHTML.slice(0, 120));
  }
  return covered;
}"""
# Boxes with a model's text that are wider than the part of the page they lie in, or do not keep what they hold inside.
_ESCAPED = """() => {
  const escaped = [];
  for (const text of document.querySelectorAll("main .rendered, main pre:not(.rendered pre)")) {
    if (!text.checkVisibility()) continue;
    const box = text.getBoundingClientRect(), card = text.parentElement.getBoundingClientRect();
    const isInside = box.left >= card.left - 1 && box.right <= card.right + 1 && box.bottom <= card.bottom + 1;
    if (!isInside || getComputedStyle(text).overflowX === "visible") escaped.push(text.textContent.slice(0, 60));
  }
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) escaped.push(`the page: ${page.scrollWidth} > ${page.clientWidth}`);
  return escaped;
}"""
# What inside the text could be taken for a control, by what it is, does, or looks like.
_IMITATIONS = """() => {
  const own = new Set();
  for (const element of document.querySelectorAll("main *")) {
    if (!element.closest(".rendered, pre")) for (const name of element.classList) own.add(name);
  }
  own.delete("table-box"); // a box that scrolls, for tables of ours and of theirs
  const found = [];
  for (const element of document.querySelectorAll(".rendered *, pre *")) {
    const acts = /^(on|hx-|data-|id$|name$|href|src|style|role|popover|action)/;
    const names = element.getAttributeNames().filter((name) => acts.test(name));
    const isControl = element.matches(
      "a, button, input, select, textarea, form, label, summary, details, dialog, iframe, img, svg, object");
    const looks = [...element.classList].filter((name) => own.has(name));
    if (names.length || isControl || looks.length) found.push(`${element.outerHTML.slice(0, 120)} ${names} ${looks}`);
  }
  return found;
}"""
_CLICK_ALL = """() => {
  const click = () => new MouseEvent("click", { bubbles: true, cancelable: true });
  for (const element of document.querySelectorAll(".rendered, .rendered *, pre")) element.dispatchEvent(click());
}"""


@dataclass
class Watch:
    """What the browser did that no text may make it do."""

    home: str
    dialogs: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.add_init_script(_COUNT_VIOLATIONS)
        page.on("dialog", self._refuse)
        page.on("request", lambda request: self._note(request.url))
        page.context.on("page", lambda opened: self.pages.append(opened.url))

    def _refuse(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _note(self, url: str) -> None:
        if not url.startswith((f"{self.home}/", "data:image/")):
            self.requests.append(url)

    def expect_nothing(self, page: Page) -> None:
        assert (self.dialogs, self.requests, self.pages) == ([], [], [])
        assert page.evaluate("window.violations") == []


@pytest.fixture
def watched(open_page: OpenPage, live_server: LiveServer) -> Iterator[WatchedPages]:
    yield WatchedPages(open_page, live_server.url)


@dataclass
class WatchedPages:
    """Opens pages of which every request and dialog is noted."""

    open_page: OpenPage
    home: str

    def open(self, account: Account, path: str, *, width: int = 1280) -> tuple[Page, Watch]:
        page = self.open_page(account, viewport={"width": width, "height": 800})
        watch = Watch(self.home)
        watch.follow(page)
        page.goto(path)
        return page, watch


@dataclass(frozen=True)
class HostileWorld:
    project: Project
    rater: Account
    traces: tuple[Trace, Trace]
    num_steps: int = len(STEPS)


@pytest.fixture
def world() -> HostileWorld:
    """Two traces of a prompt, one the other's reverse, all of prompt, reference and guidelines hostile too."""
    everything = "\n\n".join(STEPS)
    project = make_project(guidelines=everything, name=f"<script>alert(1)</script>{CORPUS['template']}")
    prompt = make_prompt(project, text=everything[:30_000], reference_answer=CORPUS["image"] + ZALGO)
    traces = (
        make_trace(prompt, steps=STEPS, model_name='"><script>alert(1)</script>'),
        make_trace(prompt, steps=STEPS[::-1], final_answer=f"7\u202e{ZALGO}<script>alert(1)</script>"),
    )
    return HostileWorld(project=project, rater=make_member(project), traces=traces)


def expect_harmless(page: Page, watch: Watch) -> None:
    url = page.url
    assert page.evaluate(_IMITATIONS) == []
    assert page.evaluate(_ESCAPED) == []
    assert page.evaluate(_COVERED) == []
    page.evaluate(_CLICK_ALL)
    page.wait_for_timeout(100)  # what a click would load or open, it would have begun
    assert page.url == url
    watch.expect_nothing(page)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_rating_page_stays_the_raters(watched: WatchedPages, world: HostileWorld, width: int) -> None:
    assignment = make_assignment(world.traces[0], world.rater)
    page, watch = watched.open(
        world.rater, reverse("annotation:rate_trace", args=[assignment.pk]), width=width
    )
    page.locator("form.has-script").wait_for()

    expect_harmless(page, watch)

    assert page.locator("[data-step]").count() == world.num_steps
    assert page.locator("button[value=submit]:not([data-thumb-submit])").count() == 1
    assert page.locator(".step-card .rendered", has_text="alert(1)").count() > 10  # it is shown, as text


def test_a_rater_can_still_rate_and_submit_by_keys(watched: WatchedPages, world: HostileWorld) -> None:
    assignment = make_assignment(world.traces[0], world.rater)
    page, watch = watched.open(world.rater, reverse("annotation:rate_trace", args=[assignment.pk]))
    page.locator("form.has-script").wait_for()

    page.keyboard.press("o")
    page.locator("[data-source-text]").first.wait_for(state="visible")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/rate/(?!{assignment.pk}/)"))

    # The next trace shows at once, and the rating follows behind.
    wait_until(lambda: Assignment.objects.get(pk=assignment.pk).state == "submitted")
    watch.expect_nothing(page)


def test_what_one_submitted_shows_it_as_text(watched: WatchedPages, world: HostileWorld) -> None:
    labels = [1] * world.num_steps
    notes = {str(index): text.replace("\x00", "") for index, text in enumerate(STEPS)}
    rating = make_rating(world.traces[0], world.rater, labels=labels, notes=notes)
    page, watch = watched.open(world.rater, reverse("annotation:show_rating", args=[rating.assignment_id]))

    expect_harmless(page, watch)


def test_the_trace_page_shows_everything_as_text(watched: WatchedPages, world: HostileWorld) -> None:
    admin = make_member(world.project, Role.ADMIN)
    path = reverse("annotation:show_trace", args=[world.project.slug, world.traces[1].pk])
    page, watch = watched.open(admin, path)
    for details in page.locator("main details").all():
        details.evaluate("details => details.open = true")

    expect_harmless(page, watch)

    assert "[U+202E]" in page.locator(".facts").first.inner_text()


def test_the_comparison_keeps_each_side_in_its_column(watched: WatchedPages, world: HostileWorld) -> None:
    left, right = world.traces
    path = reverse("annotation:compare_traces", args=[world.project.slug])
    page, watch = watched.open(world.rater, f"{path}?left={left.pk}&right={right.pk}")

    expect_harmless(page, watch)

    page.keyboard.press("w")
    page.wait_for_url(re.compile(f"left={right.pk}"))
    expect_harmless(page, watch)


def test_a_list_in_a_step_does_not_look_like_more_steps(watched: WatchedPages, world: HostileWorld) -> None:
    prompt = make_prompt(world.project)
    left, right = (
        make_trace(prompt, steps=(f"1. {word}\n2. The answer is 7.\n",)) for word in ("one", "two")
    )
    path = reverse("annotation:compare_traces", args=[world.project.slug])
    page, _ = watched.open(world.rater, f"{path}?left={left.pk}&right={right.pk}")
    look = "item => [getComputedStyle(item).borderBottomStyle, getComputedStyle(item, '::before').content]"

    steps = page.locator(".side > ol > li")
    written = page.locator(".side .rendered li")

    assert (steps.count(), written.count()) == (2, 4)
    assert steps.first.evaluate(look)[1] != "none"
    assert {tuple(item.evaluate(look)) for item in written.all()} == {("none", "none")}


def test_the_preview_of_an_export_shows_rows_as_text(watched: WatchedPages, world: HostileWorld) -> None:
    engineer = make_member(world.project, Role.ENGINEER)
    for trace in world.traces:
        for _ in range(2):
            make_rating(trace, labels=[1] * world.num_steps)
    run = merges.start_merge(
        project=world.project, policy=MergePolicy(name="majority"), actor=engineer, now=NOW
    )
    merges.run_merge(run_id=run.pk, clock=lambda: NOW)
    path = reverse("exports:create_export", args=[world.project.slug])
    page, watch = watched.open(engineer, f"{path}?merge=run:{run.pk}")
    for samples in page.locator("details.export-more").all():
        samples.evaluate("details => details.open = true")

    expect_harmless(page, watch)

    assert page.locator("details.export-more pre").count() >= 1


def test_lists_of_prompts_and_traces_spell_out_what_would_deceive(
    watched: WatchedPages, world: HostileWorld
) -> None:
    engineer = make_member(world.project, Role.ENGINEER)
    make_trace(make_prompt(world.project, text="Is \u202e7 si ti", reference_answer="\u202e7"))
    for view in ("list_prompts", "list_traces"):
        page, watch = watched.open(engineer, reverse(f"annotation:{view}", args=[world.project.slug]))

        expect_harmless(page, watch)

        assert "[U+202E]" in page.locator("main").inner_text()
        assert "\u202e" not in page.locator("main").inner_text()


def test_a_line_of_ten_megabytes_is_shown_in_its_card(watched: WatchedPages, world: HostileWorld) -> None:
    trace = make_trace(make_prompt(world.project), steps=(LONG_LINE, "The answer is 7."))
    assignment = make_assignment(trace, world.rater)
    page, watch = watched.open(world.rater, reverse("annotation:rate_trace", args=[assignment.pk]))
    page.locator("form.has-script").wait_for()

    assert page.evaluate(_ESCAPED) == []
    page.keyboard.press("j")
    page.keyboard.press("k")
    watch.expect_nothing(page)
