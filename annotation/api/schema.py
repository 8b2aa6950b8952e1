"""The OpenAPI schema: what every operation may answer besides its own success."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

from annotation.api.errors import CONTENT_TYPE, ProblemSerializer
from annotation.api.strict import StrictSerializer

_PROBLEMS = {
    400: "A field or a parameter is wrong.",
    401: "No token, or one that does not work.",
    403: "The token lacks the scope, or its person the role.",
    404: "There is no such thing, or it is in a project you are not a member of.",
}
_PROBLEMS_OF_WRITES = {
    409: "It can't be done as things stand now.",
    413: "The body is too large.",
    415: "The body is not JSON.",
}


class ApiSchema(AutoSchema):
    """Adds the problem details to every operation, so that no view has to."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        problems = _PROBLEMS if self.method == "GET" else {**_PROBLEMS, **_PROBLEMS_OF_WRITES}
        for status, description in problems.items():
            answer = OpenApiResponse(ProblemSerializer, description=description)
            if str(status) not in bodies:
                bodies[str(status)] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    answer, str(status), [CONTENT_TYPE], direction
                )
        return bodies


class StrictScheme(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """The schema, too, says that what is sent holds no other names."""

    target_class = StrictSerializer
    match_subclasses = True

    def map_serializer(
        self, auto_schema: AutoSchema, direction: Literal["request", "response"]
    ) -> dict[str, Any]:
        described: dict[str, Any] = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        return {**described, "additionalProperties": False}


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema describes our tokens."""

    target_class = "annotation.api.authentication.ApiTokenAuthentication"
    name = "apiToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token from the page “API tokens”."}
