"""The pages of exports. A URL is named as its view."""

from django.urls import URLPattern

app_name = "exports"

urlpatterns: list[URLPattern] = []
