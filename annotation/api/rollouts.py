"""/rollouts/: what a training returns to people. For a project's admins and engineers."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.actions import rollouts
from annotation.api.access import MAKERS, account_of, get_project
from annotation.api.strict import StrictSerializer

_MOST_ROLLOUTS = 1_000
_LARGEST_ID = 2**63 - 1


class RolloutSerializer(StrictSerializer[dict[str, Any]]):
    prompt_id = serializers.IntegerField(
        min_value=1, max_value=_LARGEST_ID, help_text="As in the export's config `prompts`."
    )
    completion = serializers.CharField(trim_whitespace=False)
    doubt = serializers.FloatField(
        min_value=0.0,
        max_value=1.0,
        help_text="How little the rewards were sure of it; it decides who sees it soon.",
    )
    is_correct = serializers.BooleanField(
        allow_null=True, default=None, help_text="The verifier's word on the final answer; null for none."
    )


class NewRolloutsSerializer(StrictSerializer[dict[str, Any]]):
    project = serializers.SlugField(help_text="The project's address.")
    run = serializers.CharField(max_length=100, help_text="The name of the training's run folder.")
    rollouts = serializers.ListField(child=RolloutSerializer(), max_length=_MOST_ROLLOUTS)


class ReturnedRolloutsSerializer(serializers.Serializer[rollouts.ReturnedRollouts]):
    num_made = serializers.IntegerField(help_text="How many became traces.")
    num_known = serializers.IntegerField(help_text="How many the project had already, or came twice.")


class RolloutList(APIView):
    scope = "traces"

    @extend_schema(
        operation_id="return_rollouts",
        request=NewRolloutsSerializer,
        responses={201: ReturnedRolloutsSerializer},
    )
    def post(self, request: Request) -> Response:
        """Stores up to 1,000 roll-outs as traces for people to rate, all or none; sent again, none twice."""
        body = NewRolloutsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        project = get_project(request, body.validated_data["project"], MAKERS)
        try:
            done = rollouts.return_rollouts(
                project=project,
                run=body.validated_data["run"],
                rollouts=[rollouts.NewRollout(**fields) for fields in body.validated_data["rollouts"]],
                actor=account_of(request),
                now=timezone.now(),
            )
        except rollouts.BadRollout as error:
            raise ValidationError({"rollouts": {str(error.index): [error.reason]}}) from error
        return Response(ReturnedRolloutsSerializer(done).data, status=status.HTTP_201_CREATED)
