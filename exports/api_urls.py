"""The exports' part of the API, under /api/v1/."""

from django.urls import URLPattern

app_name = "exports_api"

urlpatterns: list[URLPattern] = []
