"""Downloads: whole, in parts, and all in one archive."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client
from django.urls import reverse

from exports import actions
from exports.downloads import _zip, list_files, measure_archive
from exports.models import Export
from tests.exports.worlds import World, make_world, start_export, write_export

pytestmark = pytest.mark.django_db


def make_finished() -> tuple[World, Export, Client]:
    world = make_world(3)
    export = write_export(start_export(world))
    client = Client()
    client.force_login(world.engineer)
    return world, export, client


def path_of(export: Export, name: str) -> str:
    return reverse("exports:download_file", args=[export.project.slug, export.pk, name])


def body_of(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def first_file(export: Export) -> tuple[str, bytes]:
    name = sorted(export.manifest["files"])[0]
    return name, (actions.folder_of(export) / name).read_bytes()


def test_a_file_comes_whole_with_its_length_and_tag() -> None:
    _, export, client = make_finished()
    name, content = first_file(export)

    response = client.get(path_of(export, name))

    assert (response.status_code, body_of(response)) == (200, content)
    assert response["Content-Length"] == str(len(content))
    assert response["Accept-Ranges"] == "bytes"
    assert response["Content-Disposition"] == f'attachment; filename="{name.replace("/", "-")}"'


@pytest.mark.parametrize("name", ["README.md", "manifest.json"])
def test_card_and_manifest_can_be_taken_too(name: str) -> None:
    _, export, client = make_finished()

    response = client.get(path_of(export, name))

    assert body_of(response) == (actions.folder_of(export) / name).read_bytes()


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-9", 0, 9),
        ("bytes=100-", 100, None),
        ("bytes=-20", -20, None),
        ("bytes=5-999999999", 5, None),
    ],
)
def test_a_part_can_be_asked_for(asked: str, first: int, last: int | None) -> None:
    _, export, client = make_finished()
    name, content = first_file(export)

    response = client.get(path_of(export, name), headers={"range": asked})

    expected = content[first:] if last is None else content[first : last + 1]
    assert (response.status_code, body_of(response)) == (206, expected)
    start = first % len(content)
    assert response["Content-Range"] == f"bytes {start}-{start + len(expected) - 1}/{len(content)}"


def test_a_download_resumes_where_it_broke_off() -> None:
    _, export, client = make_finished()
    name, content = first_file(export)
    whole = client.get(path_of(export, name))
    got = body_of(whole)[:777]

    rest = client.get(
        path_of(export, name), headers={"range": f"bytes={len(got)}-", "if-range": whole["ETag"]}
    )

    assert got + body_of(rest) == content


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=9-5", "bytes=-0"])
def test_a_part_that_is_not_there_is_refused(asked: str) -> None:
    _, export, client = make_finished()
    name, content = first_file(export)

    response = client.get(path_of(export, name), headers={"range": asked})

    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(content)}"


@pytest.mark.parametrize("place", ["files/{name}", "archive.zip"])
def test_the_api_says_so_as_it_says_all_refusals(place: str) -> None:
    _, export, client = make_finished()
    name, _ = first_file(export)

    path = f"/api/v1/exports/{export.pk}/{place.format(name=name)}"
    response = client.get(path, headers={"range": "bytes=999999999-"})

    assert (response.status_code, response["Content-Type"]) == (416, "application/problem+json")
    assert response["Content-Range"].startswith("bytes */")
    assert response.json()["detail"] == "The file does not reach as far as this range."
    schema = client.get("/api/v1/schema/?format=json").json()
    for address in ("files/{name}", "archive.zip"):
        answers = schema["paths"][f"/api/v1/exports/{{id}}/{address}"]["get"]["responses"]
        assert {"200", "206", "416"} <= set(answers)


@pytest.mark.parametrize(
    "headers", [{"range": "bytes=0-1,4-5"}, {"range": "lines=1-2"}, {"range": "bytes=-"}]
)
def test_what_is_no_single_byte_range_means_the_whole(headers: dict[str, str]) -> None:
    _, export, client = make_finished()
    name, content = first_file(export)

    assert body_of(client.get(path_of(export, name), headers=headers)) == content


def test_a_part_of_another_version_means_the_whole() -> None:
    _, export, client = make_finished()
    name, content = first_file(export)

    response = client.get(path_of(export, name), headers={"range": "bytes=5-", "if-range": '"older"'})

    assert body_of(response) == content


@pytest.mark.parametrize(
    "name",
    ["../../secret_key", "..%2f..%2fsecret_key", "stepwise/other.parquet", "stepwise", "/etc/passwd", "."],
)
def test_no_name_leads_out_of_the_export(name: str) -> None:
    world, export, client = make_finished()

    response = client.get(f"/p/{world.project.slug}/exports/{export.pk}/files/{name}")

    assert response.status_code == 404


def test_files_that_are_gone_from_the_disk_are_said_to_be() -> None:
    _, export, client = make_finished()
    name, _ = first_file(export)
    (actions.folder_of(export) / name).unlink()

    response = client.get(path_of(export, name))

    assert response.status_code == 404
    assert b"no longer on the disk" in response.content


def test_the_archive_holds_every_file_and_is_the_same_each_time() -> None:
    world, export, client = make_finished()
    path = reverse("exports:download_archive", args=[world.project.slug, export.pk])

    first, second = body_of(client.get(path)), body_of(client.get(path))

    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.testzip() is None
        folder = f"{world.project.slug}-{export.content_hash[:12]}"
        names = {"README.md", "manifest.json", *export.manifest["files"]}
        assert set(archive.namelist()) == {f"{folder}/{name}" for name in names}
        for name in names:
            assert archive.read(f"{folder}/{name}") == (actions.folder_of(export) / name).read_bytes()


def test_an_export_that_is_not_finished_has_nothing_to_download() -> None:
    world = make_world(1)
    export = start_export(world)
    client = Client()
    client.force_login(world.engineer)

    assert client.get(path_of(export, "README.md")).status_code == 404
    archive = reverse("exports:download_archive", args=[world.project.slug, export.pk])
    assert client.get(archive).status_code == 404


@pytest.mark.parametrize(
    "given", ["bytes=" + "9" * 5000 + "-", "bytes=-" + "9" * 5000, "bytes=١-٢", "bytes=0-1,3-4"]
)
def test_a_range_that_is_none_means_the_whole_file(given: str) -> None:
    _, export, client = make_finished()
    name, content = first_file(export)

    response = client.get(path_of(export, name), headers={"Range": given})

    assert response.status_code == 200
    assert body_of(response) == content


@pytest.mark.parametrize(
    "name",
    [
        "../secret_key",
        "..%2f..%2fsecret_key",
        "/etc/passwd",
        "stepwise/../../secret_key",
        "README.md/",
        "README.md\x00",
    ],
)
def test_no_name_leads_out_of_the_exports_folder(name: str) -> None:
    _, export, client = make_finished()
    folder = path_of(export, "README.md").removesuffix("README.md")

    assert client.get(folder + name).status_code == 404


def test_names_in_headers_and_archive_hold_nothing_but_plain_letters() -> None:
    _, export, client = make_finished()
    archive = client.get(reverse("exports:download_archive", args=[export.project.slug, export.pk]))
    headers = [client.get(path_of(export, name))["Content-Disposition"] for name in list_files(export)]
    names = zipfile.ZipFile(io.BytesIO(body_of(archive))).namelist()

    assert all(
        re.fullmatch(r'attachment; filename="[\w.-]+"', header, re.ASCII)
        for header in [archive["Content-Disposition"], *headers]
    )
    assert all(re.fullmatch(r"[\w-]+(/[\w.-]+)+", name, re.ASCII) and ".." not in name for name in names)


def test_the_archive_says_its_length_before_it_is_made() -> None:
    world, export, client = make_finished()

    answer = client.get(reverse("exports:download_archive", args=[world.project.slug, export.pk]))

    assert answer["Content-Length"] == str(len(body_of(answer)))
    assert answer["Accept-Ranges"] == "bytes"


def test_an_archive_resumes_wherever_it_broke_off() -> None:
    world, export, client = make_finished()
    path = reverse("exports:download_archive", args=[world.project.slug, export.pk])
    whole = client.get(path)
    content, tag = body_of(whole), whole["ETag"]

    for there in (1, 29, 100, len(content) // 2, len(content) - 1):
        rest = client.get(path, headers={"range": f"bytes={there}-", "if-range": tag})
        assert (rest.status_code, content[:there] + body_of(rest)) == (206, content)
    part = client.get(path, headers={"range": "bytes=10-19"})
    assert (body_of(part), part["Content-Range"]) == (content[10:20], f"bytes 10-19/{len(content)}")
    assert client.get(path, headers={"range": f"bytes={len(content)}-"}).status_code == 416


@pytest.mark.parametrize("limit", [150, 700, 2_000, 5_000, 12_000, 40_000])
def test_an_archive_with_long_numbers_resumes_too(limit: int) -> None:
    """zip64 begins at 2 GB; here it begins at some bytes, for one file, some or all, and for their places."""
    world, export, client = make_finished()
    path = reverse("exports:download_archive", args=[world.project.slug, export.pk])

    with patch.object(zipfile, "ZIP64_LIMIT", limit):
        whole = client.get(path)
        content = body_of(whole)
        there = len(content) * 2 // 3
        rest = client.get(path, headers={"range": f"bytes={there}-", "if-range": whole["ETag"]})
        assert (rest.status_code, content[:there] + body_of(rest)) == (206, content)

    assert whole["Content-Length"] == str(len(content))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == len(list_files(export))


@pytest.mark.slow
def test_the_length_of_a_real_archive_of_over_two_gigabytes_is_known(tmp_path: Path) -> None:
    paths = {}
    for name, size in (("large.bin", 2**31 + 5), ("behind.bin", 10)):
        paths[name] = tmp_path / name
        with paths[name].open("wb") as handle:
            handle.truncate(size)  # a hole: it takes no room

    length = sum(len(chunk) for chunk in _zip("title", paths))

    assert length == measure_archive("title", {"large.bin": 2**31 + 5, "behind.bin": 10})
