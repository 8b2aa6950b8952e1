"""An admin's part: setting gold aside, the rules of the test, and letting somebody in without it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from annotation.actions import qualification
from annotation.models import Account, AuditEvent, Gold, GoldUse, Project, QualificationAttempt, Role
from annotation.queries.practice import is_qualified
from tests.annotation.practice_worlds import make_practice_project
from tests.factories import NOW, make_account, make_member

pytestmark = pytest.mark.django_db
RULES = qualification.QualificationRules(
    needs_qualification=True,
    qualification_traces=2,
    qualification_pass_mark=0.9,
    qualification_attempts=3,
)


def admin_of(project: Project) -> Account:
    return make_member(project, Role.ADMIN)


def count(use: GoldUse) -> int:
    return Gold.objects.filter(use=use).count()


def fill(what: str, project: Project) -> int:
    action = {"tutorial": qualification.fill_tutorial, "test": qualification.fill_test}[what]
    return action(project=project, actor=admin_of(project), now=NOW, source=random.Random(1))


def test_rules_are_stored_and_recorded() -> None:
    project, _ = make_practice_project(num_test=2)

    qualification.set_rules(project=project, rules=RULES, actor=admin_of(project), now=NOW)

    project.refresh_from_db()
    assert qualification.QualificationRules.of(project) == RULES
    assert AuditEvent.objects.get().verb == "changed the test"


def test_a_gate_with_nothing_behind_it_is_not_closed() -> None:
    project, _ = make_practice_project(num_test=1, needs_qualification=False)

    with pytest.raises(qualification.NotEnoughGold, match="1 are set aside"):
        qualification.set_rules(project=project, rules=RULES, actor=admin_of(project), now=NOW)

    project.refresh_from_db()
    assert not project.needs_qualification
    open_rules = replace(RULES, needs_qualification=False)
    qualification.set_rules(project=project, rules=open_rules, actor=admin_of(project), now=NOW)


def test_a_tutorial_is_filled_up_to_six_of_different_kinds() -> None:
    project, _ = make_practice_project(num_tutorial=1, num_work=12)

    assert fill("tutorial", project) == 5

    first_errors = {tuple(gold.stands) for gold in Gold.objects.filter(use=GoldUse.TUTORIAL)}
    assert count(GoldUse.TUTORIAL) == 6
    assert len(first_errors) == 4
    assert fill("tutorial", project) == 0


def test_a_test_gets_traces_for_a_second_attempt_where_there_are_some() -> None:
    project, _ = make_practice_project(num_work=9)

    fill("test", project)

    assert count(GoldUse.TEST) == 4


def test_a_test_takes_what_there_is_when_that_is_enough_for_one() -> None:
    project, _ = make_practice_project(num_work=3)

    fill("test", project)

    assert count(GoldUse.TEST) == 3


@pytest.mark.parametrize("what", ["tutorial", "test"])
def test_too_little_gold_is_said_and_none_is_taken(what: str) -> None:
    project, _ = make_practice_project(num_work=1)

    with pytest.raises(qualification.NotEnoughGold):
        fill(what, project)

    assert count(GoldUse.WORK) == 1


def test_gold_goes_back_into_work_and_other_projects_is_left_alone() -> None:
    project, _ = make_practice_project(num_tutorial=2)
    make_practice_project(num_tutorial=2)
    ids = list(Gold.objects.values_list("trace", flat=True))

    num = qualification.set_gold_use(
        project=project, trace_ids=ids, use=GoldUse.WORK, actor=admin_of(project), now=NOW
    )

    assert (num, count(GoldUse.WORK), count(GoldUse.TUTORIAL)) == (2, 2, 2)


def test_a_rater_is_let_in_once_however_often_it_is_said() -> None:
    project, rater = make_practice_project(needs_qualification=True)
    admin = admin_of(project)

    for _ in range(2):
        qualification.waive_test(project=project, rater=rater, actor=admin, now=NOW)

    assert is_qualified(rater, project)
    assert QualificationAttempt.objects.get().waived_by == admin
    assert AuditEvent.objects.count() == 1


def test_nobody_is_let_in_who_is_no_rater() -> None:
    project, _ = make_practice_project(needs_qualification=True)

    with pytest.raises(qualification.NotARater):
        qualification.waive_test(project=project, rater=make_account(), actor=admin_of(project), now=NOW)
