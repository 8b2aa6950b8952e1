"""/ratings/: what raters said, and submitting a rating for a trace one holds.

Admins, engineers and adjudicators see all ratings of their projects; a rater sees their own.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.actions import ratings
from annotation.api.access import EVERYONE, STAFF, ProjectFilter, ProjectScopedView, account_of, within_reach
from annotation.api.refusals import Conflict
from annotation.api.strict import StrictSerializer
from annotation.models import Account, Assignment, Outcome, Project, Rating, Role
from annotation.queries.access import list_assigned_to, list_projects_with_role
from annotation.rules.draft import MAX_NOTE_CHARACTERS, MAX_REWRITE_CHARACTERS, by_index
from annotation.rules.error_categories import MAX_CATEGORY_CHARACTERS
from annotation.rules.rating import InvalidLabels

_LARGEST_ID = 2**63 - 1


class RatingSerializer(serializers.ModelSerializer[Rating]):
    project = serializers.SlugRelatedField[Project](source="trace.project", slug_field="slug", read_only=True)
    rater = serializers.SlugRelatedField[Account](slug_field="username", read_only=True)
    labels = serializers.ListField(
        child=serializers.ChoiceField(choices=[-1, 0, 1], allow_null=True),
        read_only=True,
        help_text="-1 bad, 0 neutral, 1 good, null not judged; one a step.",
    )

    class Meta:
        model = Rating
        fields = [
            "id",
            "project",
            "trace",
            "rater",
            "revision",
            "is_current",
            "outcome",
            "labels",
            "reason",
            "notes",
            "error_categories",
            "rewrites",
            "is_reference_wrong",
            "is_assisted",
            "active_seconds",
            "submitted_at",
        ]
        read_only_fields = fields


class NewRatingSerializer(StrictSerializer[dict[str, Any]]):
    trace = serializers.IntegerField(min_value=1, max_value=_LARGEST_ID, help_text="A trace that you hold.")
    labels = serializers.ListField(
        child=serializers.ChoiceField(choices=[-1, 0, 1], allow_null=True),
        default=list,
        help_text="One a step; empty with an outcome other than `rated`.",
    )
    outcome = serializers.ChoiceField(choices=Outcome.choices, default=Outcome.RATED)
    reason = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=ratings.MAX_REASON_CHARACTERS,
        help_text="Why it is a bad problem, or why you gave up.",
    )
    notes = serializers.DictField(
        child=serializers.CharField(max_length=MAX_NOTE_CHARACTERS),
        default=dict,
        help_text='Notes by step index: `{"2": "3 + 4 is 7"}`.',
    )
    error_categories = serializers.DictField(
        child=serializers.CharField(max_length=MAX_CATEGORY_CHARACTERS),
        default=dict,
        help_text='Error categories of bad steps, from the project\'s list: `{"2": "Calculation"}`.',
    )
    rewrites = serializers.DictField(
        child=serializers.CharField(max_length=MAX_REWRITE_CHARACTERS, trim_whitespace=False),
        default=dict,
        help_text="How you would have written a step, by step index.",
    )
    is_reference_wrong = serializers.BooleanField(default=False)
    active_seconds = serializers.FloatField(default=0.0, min_value=0.0, max_value=86_400.0)
    idempotency_key = serializers.UUIDField(
        help_text="Made by you, once for each rating: sent twice, stored once."
    )

    def validate_notes(self, notes: dict[str, str]) -> dict[int, str]:
        return _by_index(notes)

    def validate_error_categories(self, categories: dict[str, str]) -> dict[int, str]:
        return _by_index(categories)

    def validate_rewrites(self, rewrites: dict[str, str]) -> dict[int, str]:
        return _by_index(rewrites)


def _by_index(texts: dict[str, str]) -> dict[int, str]:
    if not all(key.isascii() and key.isdigit() and len(key) < 7 for key in texts):
        raise ValidationError("Each key must be a step's index, counted from 0.")
    return by_index(texts)


class RatingFilter(ProjectFilter):
    trace = serializers.IntegerField(required=False, min_value=1, max_value=_LARGEST_ID)
    rater = serializers.CharField(required=False, max_length=150, help_text="A user name.")
    superseded = serializers.BooleanField(default=False, help_text="Also revisions that were amended later.")


class _Ratings(ProjectScopedView[Rating]):
    scope = "ratings"
    roles = EVERYONE
    filter_class = RatingFilter
    serializer_class = RatingSerializer

    def list_rows(self, projects: QuerySet[Project]) -> QuerySet[Rating]:
        """All ratings where the caller is staff, their own in the other projects."""
        rows = Rating.objects.select_related("trace__project", "rater").filter(trace__project__in=projects)
        if getattr(self, "swagger_fake_view", False):
            return rows
        account = account_of(self.request)
        staffed = list_projects_with_role(account, STAFF)
        return rows.filter(Q(trace__project__in=staffed) | Q(rater=account))


class RatingList(_Ratings, ListModelMixin):
    def list_rows(self, projects: QuerySet[Project]) -> QuerySet[Rating]:
        columns = {"trace": "trace_id", "rater": "rater__username"}
        wanted = {columns[name]: value for name, value in self.parameters.items() if name in columns}
        if not self.parameters.get("superseded"):
            wanted["is_current"] = True
        return super().list_rows(projects).filter(**wanted)

    @extend_schema(operation_id="list_ratings", parameters=[RatingFilter])
    def get(self, request: Request) -> Response:
        """All ratings of the projects in which you are admin, engineer or adjudicator, and your own."""
        return self.list(request)

    @extend_schema(
        operation_id="submit_rating", request=NewRatingSerializer, responses={201: RatingSerializer}
    )
    def post(self, request: Request) -> Response:
        """Submits your rating of a trace that you hold."""
        body = NewRatingSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        rater = account_of(request)
        reached = within_reach(request, list_projects_with_role(rater, [Role.RATER]))
        held = list_assigned_to(rater).filter(trace__project__in=reached)
        stored = _submit(rater, held, dict(body.validated_data))
        return Response(RatingSerializer(stored).data, status=status.HTTP_201_CREATED)


class RatingDetail(_Ratings, RetrieveModelMixin):
    @extend_schema(operation_id="get_rating")
    def get(self, request: Request, pk: int) -> Response:
        """One rating."""
        return self.retrieve(request, pk=pk)


def _submit(rater: Account, held: QuerySet[Assignment], body: dict[str, Any]) -> Rating:
    """Calls the action; its named errors become 400 or 409."""
    assignment = held.filter(trace_id=body.pop("trace")).first()
    if assignment is None:
        raise NotFound("You hold no such trace. Take one on the rating page first.")
    for name in ("notes", "error_categories", "rewrites"):
        if any(index >= assignment.trace.num_steps for index in body[name]):
            raise ValidationError(
                {name: [f"The trace has {assignment.trace.num_steps} steps, counted from 0."]}
            )
    key = body.pop("idempotency_key")
    rating = ratings.NewRating(
        **{**body, "labels": tuple(body["labels"]), "outcome": Outcome(body["outcome"])}
    )
    try:
        return ratings.submit_rating(
            assignment=assignment, rater=rater, rating=rating, idempotency_key=key, now=timezone.now()
        )
    except InvalidLabels as error:
        raise ValidationError({"labels": [str(error)]}) from error
    except ratings.UnknownCategory as error:
        raise ValidationError({"error_categories": [str(error)]}) from error
    except ratings.ReasonMissing as error:
        raise ValidationError({"reason": [str(error)]}) from error
    except (ratings.AlreadySubmitted, ratings.LeaseExpired, ratings.NotYours) as error:
        raise Conflict(str(error)) from error
