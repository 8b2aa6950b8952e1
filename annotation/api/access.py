"""What a caller may see, decided in the query: the base of the API's views."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import generics, serializers
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request

from annotation.api.pages import PagesById
from annotation.api.strict import StrictSerializer
from annotation.models import Account, ApiToken, Project, Role
from annotation.queries.access import get_roles, list_projects_of, list_projects_with_role

AnyModel = TypeVar("AnyModel", bound=Model)

MAKERS = (Role.ADMIN, Role.ENGINEER)
STAFF = (Role.ADMIN, Role.ENGINEER, Role.ADJUDICATOR)
EVERYONE = tuple(Role)


def within_reach(request: Request, projects: QuerySet[Project]) -> QuerySet[Project]:
    """Of these projects, those that the caller's token reaches."""
    token = request.auth
    if isinstance(token, ApiToken) and token.project_id is not None:
        return projects.filter(pk=token.project_id)
    return projects


def account_of(request: Request) -> Account:
    """The caller; the permission classes have made sure that there is one."""
    if not isinstance(request.user, Account):
        raise PermissionDenied("Sign in first.")
    return request.user


def get_project(request: Request, slug: str, roles: Collection[Role]) -> Project:
    """The project with this slug, if the caller holds one of `roles` in it.

    Raises NotFound for outsiders, as for a project that does not exist, and PermissionDenied for members without
    the role.
    """
    account = account_of(request)
    project = within_reach(request, list_projects_of(account)).filter(slug=slug).first()
    if project is None:
        raise NotFound("There is no such project, or you are not a member of it.")
    if not get_roles(account, project) & set(roles):
        raise PermissionDenied(f"This is for {' or '.join(role.label.lower() + 's' for role in roles)}.")
    return project


class ProjectFilter(StrictSerializer[dict[str, Any]]):
    """Query parameters that every list of rows in projects takes; subclasses add theirs."""

    also_known = ("cursor", "page_size", "format")

    project = serializers.SlugField(required=False, help_text="Only rows of the project with this address.")


class ProjectScopedView(generics.GenericAPIView[AnyModel]):
    """A view of rows that belong to projects: a subclass says who sees them (`roles`), which (`list_rows`), and what
    noun a token's scope must name (`scope`)."""

    scope: ClassVar[str]
    roles: ClassVar[tuple[Role, ...]]
    filter_class: ClassVar[type[ProjectFilter]] = ProjectFilter
    pagination_class = PagesById

    def list_rows(self, projects: QuerySet[Project]) -> QuerySet[AnyModel]:
        """The rows in `projects`, narrowed by `self.parameters`."""
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[AnyModel]:
        return self.list_rows(self.list_projects())

    def list_projects(self) -> QuerySet[Project]:
        """Projects in which the caller holds one of the roles; only that which `?project=` names, if it does."""
        if getattr(self, "swagger_fake_view", False):  # the schema has no caller, and asks for the model only
            return Project.objects.none()
        if slug := self.parameters.get("project"):
            return Project.objects.filter(pk=get_project(self.request, slug, self.roles).pk)
        return within_reach(self.request, list_projects_with_role(account_of(self.request), self.roles))

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The query parameters, checked; a wrong one is answered with 400."""
        if getattr(self, "swagger_fake_view", False):
            return {}
        parameters = self.filter_class(data=self.request.query_params)
        parameters.is_valid(raise_exception=True)
        return dict(parameters.validated_data)
