"""/gold/: bringing traces whose first error is known. For a project's admins and adjudicators."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.actions.import_gold import FIELDS, BadGold, ImportedGold, import_gold
from annotation.api.access import account_of, get_project
from annotation.api.strict import StrictSerializer
from annotation.models import Role

_MOST_ROWS = 1_000
_ROLES = (Role.ADMIN, Role.ADJUDICATOR)


class NewGoldSerializer(StrictSerializer[dict[str, Any]]):
    project = serializers.SlugField(help_text="The project's address.")
    gold = serializers.ListField(
        child=serializers.DictField(),
        min_length=1,
        max_length=_MOST_ROWS,
        help_text=f"Objects with {', '.join(FIELDS)}: a trace of the project, or a prompt and its steps, and the index "
        "of the first error, null where every step stands.",
    )


class ImportedGoldSerializer(serializers.Serializer[ImportedGold]):
    num_made = serializers.IntegerField()
    num_known = serializers.IntegerField(
        help_text="How many were gold already; what was known of them is replaced."
    )


class GoldList(APIView):
    scope = "prompts"  # gold brings prompts with their traces

    @extend_schema(
        operation_id="add_gold", request=NewGoldSerializer, responses={201: ImportedGoldSerializer}
    )
    def post(self, request: Request) -> Response:
        """Makes up to 1,000 traces gold, all or none."""
        body = NewGoldSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        project = get_project(request, body.validated_data["project"], _ROLES)
        try:
            done = import_gold(
                project=project,
                rows=body.validated_data["gold"],
                actor=account_of(request),
                now=timezone.now(),
            )
        except BadGold as error:
            raise ValidationError({"gold": {str(error.number - 1): [error.reason]}}) from error
        return Response(ImportedGoldSerializer(done).data, status=status.HTTP_201_CREATED)
