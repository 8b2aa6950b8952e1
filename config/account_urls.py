"""Those of django-allauth's pages that we have, at our own addresses. Nobody signs up through them."""

from allauth.account.views import reauthenticate
from allauth.mfa.base import views as second_factor
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from django.urls import path

from annotation.views import passkeys, single_sign_on
from annotation.views.accounts import sign_in, sign_out
from annotation.views.sessions import end_session, list_sessions

urlpatterns = [
    # Under the names that allauth looks for them; our own names come first.
    path("sign-in/", sign_in, name="account_login"),
    path("sign-out/", sign_out, name="account_logout"),
    path("sign-in/code/", second_factor.authenticate, name="mfa_authenticate"),
    path("sign-in/passkey/", passkeys.sign_in_with_passkey, name="sign_in_with_passkey"),
    path("sign-in/with/<slug:provider_id>/", single_sign_on.start, name="openid_connect_login"),
    path("sign-in/with/<slug:provider_id>/back/", single_sign_on.come_back, name="openid_connect_callback"),
    path("sign-in/cancelled/", single_sign_on.show_cancelled, name="socialaccount_login_cancelled"),
    path("account/sign-in-with/remove/", single_sign_on.disconnect, name="disconnect_single_sign_on"),
    path("account/confirm/", reauthenticate, name="account_reauthenticate"),
    path("account/confirm/code/", second_factor.reauthenticate, name="mfa_reauthenticate"),
    path("account/confirm/passkey/", passkeys.confirm_with_passkey, name="mfa_reauthenticate_webauthn"),
    path("account/sessions/", list_sessions, name="usersessions_list"),
    path("account/sessions/<int:session_id>/end/", end_session, name="end_session"),
    path("account/second-factor/", second_factor.index, name="mfa_index"),
    path("account/second-factor/app/", totp.activate_totp, name="mfa_activate_totp"),
    path("account/second-factor/app/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("account/second-factor/passkeys/add/", passkeys.add_passkey, name="add_passkey"),
    path(
        "account/second-factor/passkeys/<int:passkey_id>/rename/",
        passkeys.rename_passkey,
        name="rename_passkey",
    ),
    path(
        "account/second-factor/passkeys/<int:passkey_id>/remove/",
        passkeys.remove_passkey,
        name="remove_passkey",
    ),
    path("account/second-factor/codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "account/second-factor/codes/new/",
        codes.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path(
        "account/second-factor/codes/download/",
        codes.download_recovery_codes,
        name="mfa_download_recovery_codes",
    ),
]
