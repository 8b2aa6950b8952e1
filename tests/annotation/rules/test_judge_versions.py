"""A judge's version: the same where everything is the same, another where anything differs."""

from __future__ import annotations

from annotation.rules.judge_versions import make_judge_version


def test_a_rule_without_model_or_rubric_is_known_by_its_code() -> None:
    assert make_judge_version(code="3") == "3"


def test_whatever_differs_makes_another_version() -> None:
    versions = {
        make_judge_version(code="1", model="a", revision="1", rubric="x"),
        make_judge_version(code="2", model="a", revision="1", rubric="x"),
        make_judge_version(code="1", model="b", revision="1", rubric="x"),
        make_judge_version(code="1", model="a", revision="2", rubric="x"),
        make_judge_version(code="1", model="a", revision="1", rubric="y"),
        make_judge_version(code="1", model="a", revision="1", rubric="x", sees_reference=True),
    }

    assert len(versions) == 6
    assert all(len(version) <= 80 for version in versions)


def test_the_same_parts_make_the_same_version() -> None:
    assert make_judge_version(code="1", rubric="x") == make_judge_version(code="1", rubric="x")
