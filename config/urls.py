"""Every URL, by app. The API lives under /api/v1/."""

from django.contrib import admin
from django.urls import include, path

from config.metrics import show_metrics

urlpatterns = [
    path("", include("annotation.urls")),
    path("", include("exports.urls")),
    path("", include("config.account_urls")),
    path("metrics", show_metrics, name="show_metrics"),
    path("api/v1/", include("annotation.api.urls")),
    path("api/v1/", include("exports.api_urls")),
    path("admin/", admin.site.urls),
]

handler400 = "annotation.views.errors.show_bad_request"
handler403 = "annotation.views.errors.show_forbidden"
handler404 = "annotation.views.errors.show_not_found"
handler429 = "annotation.views.errors.show_too_many"
handler500 = "annotation.views.errors.show_server_error"
