"""/projects/: the projects one is a member of, with the roles held in each."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import EVERYONE, ProjectScopedView, account_of
from annotation.models import Project, Role
from annotation.queries.access import get_roles


class ProjectSerializer(serializers.ModelSerializer[Project]):
    roles = serializers.SerializerMethodField(help_text="The roles that the caller holds in it.")

    class Meta:
        model = Project
        fields = [
            "slug",
            "name",
            "description",
            "roles",
            "overlap",
            "stop_at_first_error",
            "can_rate_rest_good",
            "shows_reference",
            "shows_scores_after",
            "assisted_share",
            "lease_minutes",
            "amend_minutes",
            "created_at",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(choices=Role.choices)))
    def get_roles(self, project: Project) -> list[str]:
        account = account_of(self.context["request"])
        return sorted(get_roles(account, project))


class _Projects(ProjectScopedView[Project]):
    scope = "projects"
    roles = EVERYONE
    serializer_class = ProjectSerializer
    lookup_field = "slug"

    def list_rows(self, projects: QuerySet[Project]) -> QuerySet[Project]:
        return projects


class ProjectList(_Projects, ListModelMixin):
    @extend_schema(operation_id="list_projects")
    def get(self, request: Request) -> Response:
        """The projects you are a member of."""
        return self.list(request)


class ProjectDetail(_Projects, RetrieveModelMixin):
    @extend_schema(operation_id="get_project")
    def get(self, request: Request, slug: str) -> Response:
        """One project and its settings."""
        return self.retrieve(request, slug=slug)
