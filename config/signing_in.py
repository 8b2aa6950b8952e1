"""Settings of signing in: django-allauth's, from the environment. Part of config/settings.py, which was too long."""

from __future__ import annotations

import os

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
ACCOUNT_RATE_LIMITS = {"login_failed": "30/m/ip,5/5m/key", "reauthenticate": "10/m/user"}
# How many proxies stand in front: from so far at the end of X-Forwarded-For an address is believed.
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("GRADUS_PROXIES", "0"))
MFA_ADAPTER = "annotation.views.sign_in_rules.SecondFactorRules"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Gradus"
MFA_TOTP_TOLERANCE = 1  # half a minute early or late
USERSESSIONS_TRACK_ACTIVITY = False  # it would write at every request
