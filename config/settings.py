"""All settings, read from the environment. docs/deploy.md lists the variables; the defaults suit a laptop."""

import os
import sys
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from kombu import Queue

from config.api_settings import *  # noqa: F403
from config.cache import describe_cache
from config.hosts import list_public_names
from config.logs import describe_logging, report_errors
from config.paths import (
    BASE_DIR,
    data_dir,
    embedded_broker_url,
    embedded_database_settings,
    models_dir,
    secret_key,
)
from config.signing_in import *  # noqa: F403


def _flag(name: str, *, default: bool) -> bool:
    return os.environ.get(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def _words(name: str, *, default: str) -> list[str]:
    return os.environ.get(name, default).split()


# --- where things are -------------------------------------------------------------------------------
DATA_DIR: Path = data_dir()
MODELS_DIR = models_dir(DATA_DIR)
EXPORTS_DIR = DATA_DIR / "exports"
UPLOADS_DIR = DATA_DIR / "uploads"
# Folders on the server that data sets may be imported from, besides the hub.
DATASET_FOLDERS = [Path(folder) for folder in _words("GRADUS_DATASET_FOLDERS", default="")]
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_URL = "/static/"

# --- security ---------------------------------------------------------------------------------------
DEBUG = _flag("GRADUS_DEBUG", default=False)
SECRET_KEY = os.environ.get("GRADUS_SECRET_KEY") or secret_key(DATA_DIR)
# "localhost" always: under this name the supervisor asks the web server whether it is up.
ALLOWED_HOSTS = [*_words("GRADUS_HOSTS", default="127.0.0.1 [::1]"), "localhost"]
# Who answers to more than this machine's own names has a proxy that ends TLS, unless they say that they have none.
PUBLIC_HOSTS = list_public_names(ALLOWED_HOSTS)
IS_BEHIND_HTTPS = _flag("GRADUS_HTTPS", default=bool(PUBLIC_HOSTS))
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_BEHIND_HTTPS
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_HSTS_SECONDS = 31_536_000 if IS_BEHIND_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_BEHIND_HTTPS else None
SECURE_SSL_REDIRECT = IS_BEHIND_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # asked on this machine, without TLS
# Whether the other names of a domain speak HTTPS too is for its owner to say, at the proxy, and hard to take back.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = _words("GRADUS_ORIGINS", default="")
CSRF_FAILURE_VIEW = "annotation.views.errors.show_csrf_failure"
# Nothing inline, nothing from anywhere else: what a model wrote can not run, load or send.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF, *OIDC_ORIGINS],  # noqa: F405
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AUTH_USER_MODEL = "annotation.Account"
AUTHENTICATION_BACKENDS = ["annotation.queries.sign_ins.AccountBackend"]

# --- what people may send ---------------------------------------------------------------------------
UPLOAD_LIMIT_BYTES = int(os.environ.get("GRADUS_UPLOAD_LIMIT_MB", "20")) * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024  # forms without their files; drafts and notes are far smaller
DATA_UPLOAD_MAX_NUMBER_FILES = 1  # no form takes more
DATA_UPLOAD_MAX_NUMBER_FIELDS = 70_000  # a trace has two for each step, and up to 32,768 tokens, hence steps
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",  # requests of up to 2.5 MB
    "config.uploads.LimitedFileUploadHandler",
]

# --- apps -------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "config.apps.SessionsConfig",
    "config",
    "exports",
    "annotation",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "drf_spectacular",
    "csp",
]
MIDDLEWARE = [
    "config.logs.RequestIdMiddleware",
    "config.metrics.CountRequestsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.content_policy.ContentPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "annotation.views.languages.LanguageMiddleware",  # behind the account, whose choice comes first
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "annotation.views.sessions_ended.SessionEndedMiddleware",
    "allauth.account.middleware.AccountMiddleware",  # asks nothing of the database
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "annotation.views.navigation.add_navigation",
                "annotation.views.single_sign_on.add_single_sign_on",
            ],
        },
    }
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.static_files.HashedStaticFiles"},
}
SESSION_ENGINE = "annotation.queries.sign_ins"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True

# --- languages (docs/translating.md) ----------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ar", "العربيّة")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
USE_I18N = True
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = IS_BEHIND_HTTPS

# --- database ---------------------------------------------------------------------------------------
# Persistent connections with health checks and gthread served twice the requests of the alternatives
# tried (docs/adr/one-engine.md).
_DATABASE_URL = os.environ.get("DATABASE_URL")
DATABASES: dict[str, Any] = {
    "default": {
        **(dj_database_url.parse(_DATABASE_URL) if _DATABASE_URL else embedded_database_settings(DATA_DIR)),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}

# On the path of every rating, plans are kept (annotation/queries/statements.py). Off behind a pool that gives a
# connection to somebody else after each transaction.
PREPARES_STATEMENTS = _flag("GRADUS_PREPARE", default=True)

# --- jobs -------------------------------------------------------------------------------------------
# Rows in PostgreSQL are the truth about jobs; the broker only carries ids. A job whose worker died is
# queued again by the reaper (annotation.reap_jobs) long before the broker's own time-out.
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or embedded_broker_url(DATA_DIR)
CACHES = {"default": describe_cache(CELERY_BROKER_URL)}
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 6 * 3600,  # above the longest task's hard limit, or it would run twice at once
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A page does not wait for a broker that is away: the row says "queued", and the reaper sends it later.
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 4 * 3600
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_QUEUES = [Queue("default"), Queue("models"), Queue("servers")]
CELERY_TASK_ROUTES = {
    # People wait for alternatives and trials, nobody for a chunk: the lower number is taken first, across the queue.
    "annotation.sample_alternatives": {"queue": "models", "priority": 0},
    "annotation.generate_chunk": {"queue": "models", "priority": 6},
    "annotation.judge_chunk": {"queue": "models", "priority": 6},
    "annotation.try_model": {"queue": "models", "priority": 0},
    "annotation.answer_dry_run": {"queue": "models", "priority": 0},
    "annotation.sample_alternatives_on_server": {"queue": "servers", "priority": 0},
    "annotation.generate_chunk_on_server": {"queue": "servers", "priority": 6},
    "annotation.judge_chunk_on_server": {"queue": "servers", "priority": 6},
    "annotation.try_model_on_server": {"queue": "servers", "priority": 0},
    "annotation.answer_dry_run_on_server": {"queue": "servers", "priority": 0},
    "annotation.*": {"queue": "default"},
    "exports.*": {"queue": "default"},
}
CELERY_BEAT_SCHEDULE = {
    "deliver-webhooks": {
        "task": "exports.deliver_due_webhooks",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "reap-jobs": {"task": "annotation.reap_jobs", "schedule": 10.0, "options": {"expires": 10}},
    "remove-what-is-old": {"task": "annotation.remove_what_is_old", "schedule": 3600.0},
    "expire-leases": {"task": "annotation.expire_leases", "schedule": 30.0, "options": {"expires": 30}},
}
# A running job beats every two seconds; silent this long, it is queued again.
JOB_STALL_SECONDS = int(os.environ.get("GRADUS_JOB_STALL_SECONDS", "30"))
JOB_MAX_ATTEMPTS = 5
# What verifies an export before it is released, in a process of its own; it loads torch, the worker does not.
EXPORT_CHECK_COMMAND = [sys.executable, "-m", "rl_bridge", "check"]
EXPORT_CHECK_SECONDS = 1800
HUB_HAS_TOKEN = bool(os.environ.get("HF_TOKEN"))  # whether; what it is, only the uploading process reads
WEBHOOK_NETWORKS = _words("GRADUS_WEBHOOK_NETWORKS", default="")

# --- servers of language models ---------------------------------------------------------------------
# Which networks besides the public internet a server may be in. Link-local and metadata addresses never; loopback
# only where everything is on one machine anyway.
SERVER_NETWORKS = _words(
    "GRADUS_SERVER_NETWORKS", default="" if os.environ.get("DATABASE_URL") else "127.0.0.0/8 ::1/128"
)
# Where it names any, no other server is asked: networks, host names, and ".example.org" for all hosts below it.
SERVERS_ALLOWED = _words("GRADUS_SERVERS_ALLOWED", default="")

# --- e-mail -----------------------------------------------------------------------------------------
# Invitations go by e-mail where a server is named; else their links are shown to whoever made them, and logged nowhere.
EMAIL_HOST = os.environ.get("GRADUS_EMAIL_HOST", "")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'dummy'}.EmailBackend"
EMAIL_PORT = int(os.environ.get("GRADUS_EMAIL_PORT", "587"))
EMAIL_HOST_USER = os.environ.get("GRADUS_EMAIL_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("GRADUS_EMAIL_PASSWORD", "")
EMAIL_USE_TLS = EMAIL_PORT != 465 and _flag("GRADUS_EMAIL_TLS", default=True)
EMAIL_USE_SSL = EMAIL_PORT == 465
EMAIL_TIMEOUT = 10  # seconds: a person waits for it
DEFAULT_FROM_EMAIL = os.environ.get("GRADUS_EMAIL_FROM", "gradus@localhost")

# --- logs -------------------------------------------------------------------------------------------
LOGGING = describe_logging(
    os.environ.get("GRADUS_LOG_LEVEL", "INFO"), os.environ.get("GRADUS_LOG_FORMAT", "line")
)
METRICS_TOKEN = os.environ.get("GRADUS_METRICS_TOKEN", "")  # without one there are no figures for Prometheus
report_errors(os.environ.get("GRADUS_SENTRY_DSN", ""))
