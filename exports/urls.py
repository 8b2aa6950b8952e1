"""The pages of exports. A URL is named as its view."""

from django.urls import path

from exports import views

app_name = "exports"

urlpatterns = [
    path("p/<slug:slug>/exports/", views.list_exports, name="list_exports"),
    path("p/<slug:slug>/exports/new/", views.create_export, name="create_export"),
    path("p/<slug:slug>/exports/<int:export_id>/", views.show_export, name="show_export"),
    path("p/<slug:slug>/exports/<int:export_id>/cancel/", views.cancel_export, name="cancel_export"),
    path(
        "p/<slug:slug>/exports/<int:export_id>/archive.zip", views.download_archive, name="download_archive"
    ),
    path(
        "p/<slug:slug>/exports/<int:export_id>/files/<path:name>", views.download_file, name="download_file"
    ),
]
