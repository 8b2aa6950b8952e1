"""Settings of signing in: django-allauth's, from the environment. Part of config/settings.py, which was too long."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

LOGIN_URL = "annotation:sign_in"
LOGIN_REDIRECT_URL = "annotation:list_projects"
LOGOUT_REDIRECT_URL = "annotation:sign_in"
ACCOUNT_ADAPTER = "annotation.views.sign_in_rules.AccountRules"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PRESERVE_USERNAME_CASING = True
ACCOUNT_USER_DISPLAY = str
ACCOUNT_SESSION_REMEMBER = True  # for SESSION_COOKIE_AGE; who shares a machine signs out
ACCOUNT_REAUTHENTICATION_METHODS = ("password", "mfa")
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900  # seconds for which one may change second factors after "is it you?"
# Failures only; a sign-in that succeeds takes its own away again. For one account, then for one address.
ACCOUNT_RATE_LIMITS = {
    "login_failed": "30/m/ip,5/5m/key",
    "reauthenticate": "10/m/user",
    "passkey_failed": "30/m/ip",
    "passkey_asked": "120/m/ip",
    # E-mails, successes too: to one address, and by whoever asks for them.
    "reset_password": "20/10m/ip,3/15m/key",
    "manage_email": "5/15m/user",
}
# How many proxies stand in front: from so far at the end of X-Forwarded-For an address is believed.
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("GRADUS_PROXIES", "0"))
MFA_ADAPTER = "annotation.views.sign_in_rules.SecondFactorRules"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
# Each passkey is unlocked by its owner, so one is worth a password and a second factor. It is bound to the host name of
# the page; fido2 takes HTTPS and, as browsers do, http://localhost: no origin has to be let through by a setting.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_FORMS = {
    "authenticate_webauthn": "annotation.forms.passkeys.SecondFactorForm",
    "reauthenticate_webauthn": "annotation.forms.passkeys.ConfirmPasskeyForm",
}
MFA_TOTP_ISSUER = "Gradus"
MFA_TOTP_TOLERANCE = 1  # half a minute early or late
USERSESSIONS_TRACK_ACTIVITY = False  # it would write at every request

# --- OpenID Connect: people sign in with their organisation's account, where GRADUS_OIDC_SERVER names its server -----
OIDC_SERVER = os.environ.get("GRADUS_OIDC_SERVER", "").rstrip("/")
_server = urlsplit(OIDC_SERVER)
if OIDC_SERVER and _server.scheme != "https" and _server.hostname not in ("localhost", "127.0.0.1", "::1"):
    raise ImproperlyConfigured(
        "GRADUS_OIDC_SERVER has to begin with https://: who signs in is read from its answers."
    )
OIDC_NAME = os.environ.get("GRADUS_OIDC_NAME") or _server.hostname or ""
# Else only those who connected their account, or bring an invitation.
OIDC_OPENS_ACCOUNTS = os.environ.get("GRADUS_OIDC_OPENS_ACCOUNTS", "0") == "1"
# Where the form behind its button leads, which the content policy has to allow.
OIDC_ORIGINS = os.environ.get("GRADUS_OIDC_ORIGINS", "").split() or (
    [f"{_server.scheme}://{_server.netloc}"] if OIDC_SERVER else []
)
SOCIALACCOUNT_ADAPTER = "annotation.views.single_sign_on.SingleSignOnRules"
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "SCOPE": ["openid", "profile"],
        "APPS": [
            {
                "provider_id": "sso",
                "name": OIDC_NAME,
                "client_id": os.environ.get("GRADUS_OIDC_CLIENT", ""),
                "secret": os.environ.get("GRADUS_OIDC_SECRET", ""),
                "settings": {"server_url": OIDC_SERVER},
            }
        ]
        if OIDC_SERVER
        else [],
    }
}
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10  # seconds: a person waits for it
