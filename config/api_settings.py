"""Settings of the API. Part of config/settings.py, which was too long."""

from __future__ import annotations

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "annotation.api.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "annotation.api.scopes.TokenReaches",
    ],
    "DEFAULT_PAGINATION_CLASS": "annotation.api.pages.PagesById",
    "DEFAULT_SCHEMA_CLASS": "annotation.api.schema.ApiSchema",
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "annotation.api.errors.render_problem",
    "PAGE_SIZE": 100,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Gradus",
    "DESCRIPTION": "Prompts, traces, ratings and exports. Authorize with `Authorization: Bearer <token>`.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {  # fields of two names with the same choices
        "MergePolicyEnum": ["chain", "human_only", "majority"],
        "RecoveryEnum": ["off", "learned"],
    },
}
