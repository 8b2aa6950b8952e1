"""The pages of exports. A URL is named as its view."""

from django.urls import path

from exports import comparison_views, lineage_views, views, webhook_views

app_name = "exports"

urlpatterns = [
    path("p/<slug:slug>/exports/", views.list_exports, name="list_exports"),
    path("p/<slug:slug>/exports/new/", views.create_export, name="create_export"),
    path("p/<slug:slug>/exports/lineage/", lineage_views.show_lineage, name="show_lineage"),
    path("p/<slug:slug>/exports/webhooks/", webhook_views.list_webhooks, name="list_webhooks"),
    path("p/<slug:slug>/exports/webhooks/new/", webhook_views.create_webhook, name="create_webhook"),
    path(
        "p/<slug:slug>/exports/webhooks/<int:webhook_id>/remove/",
        webhook_views.remove_webhook,
        name="remove_webhook",
    ),
    path(
        "p/<slug:slug>/exports/webhooks/deliveries/<int:delivery_id>/retry/",
        webhook_views.retry_delivery,
        name="retry_delivery",
    ),
    path("p/<slug:slug>/exports/<int:export_id>/", views.show_export, name="show_export"),
    path("p/<slug:slug>/exports/<int:export_id>/push/", views.push_export, name="push_export"),
    path("p/<slug:slug>/exports/<int:export_id>/cancel/", views.cancel_export, name="cancel_export"),
    path(
        "p/<slug:slug>/exports/<int:export_id>/compare/",
        comparison_views.compare_exports,
        name="compare_exports",
    ),
    path(
        "p/<slug:slug>/exports/<int:export_id>/archive.zip", views.download_archive, name="download_archive"
    ),
    path(
        "p/<slug:slug>/exports/<int:export_id>/files/<path:name>", views.download_file, name="download_file"
    ),
]
