"""The pages of annotation. A URL is named as its view."""

from django.urls import path

from annotation.views import health, projects

app_name = "annotation"

urlpatterns = [
    path("healthz", health.check_health, name="check_health"),
    # --- projects ---
    path("", projects.list_projects, name="list_projects"),
    path("p/<slug:slug>/", projects.show_project, name="show_project"),
    # --- accounts, people, tokens ---
    # --- prompts, batches, judges ---
    # --- rating and comparing ---
    # --- traces and merge ---
]
