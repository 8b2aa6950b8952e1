"""The pages of annotation. A URL is named as its view."""

from django.urls import path

from annotation.views import accounts, health, merges, projects

app_name = "annotation"

urlpatterns = [
    path("healthz", health.check_health, name="check_health"),
    # --- projects ---
    path("", projects.list_projects, name="list_projects"),
    path("p/<slug:slug>/", projects.show_project, name="show_project"),
    # --- accounts, people, tokens ---
    path("sign-in/", accounts.sign_in, name="sign_in"),
    path("sign-out/", accounts.sign_out, name="sign_out"),
    path("start/<str:uid>/<str:token>/", accounts.claim_account, name="claim_account"),
    # --- prompts, batches, judges ---
    # --- rating and comparing ---
    # --- traces and merge ---
    path("p/<slug:slug>/merges/", merges.list_merges, name="list_merges"),
    path("p/<slug:slug>/merges/<int:run_id>/", merges.show_merge, name="show_merge"),
    path("p/<slug:slug>/merges/<int:run_id>/cancel/", merges.cancel_merge, name="cancel_merge"),
]
