"""The pages of annotation. A URL is named as its view."""

from django.urls import path

from annotation.views import accounts, health, projects

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
]
