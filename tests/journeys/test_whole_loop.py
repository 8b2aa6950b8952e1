"""From an empty folder to a trained reward model, as a newcomer does it: in a browser, with the real small model.

The tests of this file go on where the one before stopped, on one running product.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from config import paths
from config.paths import BASE_DIR
from tests.journeys.product import Product, running_product

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.model, pytest.mark.timeout(600)]

MODEL_WORK_MS = 240_000  # a loaded machine writes ten short completions slowly
LOAD_EVERY_CONFIG = """
import json, sys
from datasets import load_dataset
folder = sys.argv[1]
configs = sorted({entry["config"] for entry in json.load(open(f"{folder}/manifest.json"))["files"].values()})
rows = {config: sum(split.num_rows for split in load_dataset(folder, config).values()) for config in configs}
print(json.dumps(rows))
"""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    data = tmp_path_factory.mktemp("product") / "data"
    with running_product(data, settings.MODELS_DIR) as product:
        yield product
    shutil.rmtree(paths.socket_dir(data), ignore_errors=True)


@pytest.fixture(scope="module")
def page(chromium: Browser, product: Product) -> Iterator[Page]:
    """The owner, who has just opened the one address that the start printed."""
    context = chromium.new_context(accept_downloads=True)
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(product.start())
    page.get_by_label("User name").fill("ada")
    page.locator("[name=display_name]").fill("Ada")
    for field in page.locator("input[type=password]").all():
        field.fill("a long pass phrase 7")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("link", name="Demo: word problems")).to_be_visible()
    yield page
    context.close()


def open_page(page: Page, product: Product, path: str) -> None:
    page.goto(f"{product.url}/p/demo/{path}")


def test_three_traces_are_rated_with_the_keyboard(page: Page, product: Product) -> None:
    open_page(page, product, "rate/")
    for keys in (["a", "Enter"], ["1", "Enter"], ["a", "Enter"]):
        expect(page.locator("form.has-script")).to_be_visible()
        address = page.url
        for key in keys:
            page.keyboard.press(key)
        expect(page).not_to_have_url(address)

    labels = [row[0] for row in product.query(RATINGS_OF_ADA)]
    assert len(labels) == 3
    assert set(labels[0]) == {1}
    assert labels[1][0] == -1
    assert set(labels[1][1:]) <= {None}


RATINGS_OF_ADA = """
SELECT labels FROM annotation_rating JOIN annotation_account ON annotation_account.id = rater_id
WHERE username = 'ada' ORDER BY annotation_rating.id
"""


def launch_batch(page: Page, product: Product, *, num_prompts: int, max_new_tokens: int) -> int:
    """Two candidates for each of the first prompts; returns the batch's id."""
    open_page(page, product, "batches/new/")
    page.get_by_label("Of these", exact=True).select_option(label="The first …")
    page.get_by_label("How many prompts").fill(str(num_prompts))
    page.get_by_label("Candidates for each prompt").fill("2")
    page.get_by_label("Most tokens").fill(str(max_new_tokens))
    page.get_by_role("button", name="Launch the batch").click()
    expect(page).to_have_url(re.compile(r"/batches/\d+/$"))
    return int(page.url.rstrip("/").rpartition("/")[2])


def test_a_batch_fills_before_ones_eyes(page: Page, product: Product) -> None:
    batch_id = launch_batch(page, product, num_prompts=5, max_new_tokens=24)

    expect(page.get_by_text("✓ Finished")).to_be_visible(timeout=MODEL_WORK_MS)
    expect(page.locator("strong", has_text="10 of 10")).to_be_visible()
    assert count_samples(product, batch_id) == {1: 10}


def count_samples(product: Product, batch_id: int) -> dict[int, int]:
    """How many (prompt, sample) pairs have so many traces."""
    return dict(
        product.query(
            "SELECT copies, count(*) FROM (SELECT count(*) AS copies FROM annotation_trace WHERE batch_id = %s "
            "GROUP BY prompt_id, sample_index) AS pairs GROUP BY copies",
            batch_id,
        )
    )


@pytest.mark.parametrize("judge", ["arithmetic", "likelihood"])
def test_a_judge_scores_the_new_traces(page: Page, product: Product, judge: str) -> None:
    open_page(page, product, "judges/")
    select = page.locator("#id_judge")
    option = select.locator("option", has_text=judge).first.inner_text()
    select.select_option(label=option)
    page.get_by_role("button", name="Judge them").click()

    expect(page.get_by_text("✓ Finished")).to_be_visible(timeout=MODEL_WORK_MS)
    unjudged = product.query(
        "SELECT count(*) FROM annotation_trace WHERE id NOT IN (SELECT trace_id FROM annotation_judgescore "
        "JOIN annotation_judge ON annotation_judge.id = judge_id WHERE kind = %s)",
        judge,
    )
    assert unjudged == [(0,)]


@pytest.fixture(scope="module")
def export_folder(page: Page, product: Product, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One click from ratings to datasets, downloaded and unpacked."""
    open_page(page, product, "exports/new/")
    page.get_by_role("button", name="Start the export").click()
    with page.expect_download(timeout=300_000) as download:
        page.get_by_role("link", name="Download all as .zip").click(timeout=240_000)
    folder = tmp_path_factory.mktemp("export")
    archive = folder / "export.zip"
    download.value.save_as(archive)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    return next(folder.rglob("manifest.json")).parent


def run_python(product: Product, *arguments: str, cache: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env={**product.environment, "HF_HOME": str(cache)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_export_opens_in_datasets(product: Product, export_folder: Path, tmp_path: Path) -> None:
    rows = json.loads(
        run_python(product, "-c", LOAD_EVERY_CONFIG, str(export_folder), cache=tmp_path).splitlines()[-1]
    )

    assert {"stepwise", "unpaired_preference", "prompts"} <= rows.keys()
    assert all(rows.values())


@pytest.mark.slow
def test_a_reward_model_trains_on_it(product: Product, export_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "prm"

    run_python(
        product, "-m", "rl_bridge", "train", "prm", "--export", str(export_folder), "--max-steps", "5",
        "--output", str(output), cache=tmp_path,
    )  # fmt: skip

    metrics = json.loads((output / "metrics.json").read_text())
    assert list(output.rglob("*.safetensors"))
    assert metrics


@pytest.mark.slow
def test_a_crash_in_a_batch_loses_and_doubles_nothing(page: Page, product: Product) -> None:
    ratings = product.query("SELECT id, labels, submitted_at FROM annotation_rating ORDER BY id")
    batch_id = launch_batch(page, product, num_prompts=10, max_new_tokens=48)
    product.wait_for(
        "SELECT count(*) > 0 FROM annotation_generationchunk WHERE batch_id = %s AND state = 'running'",
        batch_id,
        seconds=60,
    )

    product.kill()
    product.start()

    product.wait_for(
        "SELECT state = 'finished' FROM annotation_generationbatch WHERE id = %s",
        batch_id,
        seconds=MODEL_WORK_MS / 1000,
    )
    assert count_samples(product, batch_id) == {1: 20}
    assert product.query("SELECT id, labels, submitted_at FROM annotation_rating ORDER BY id") == ratings
