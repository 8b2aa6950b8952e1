"""A passkey in software: what a browser would hand over, for tests that start none."""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.test import Client
from django.urls import reverse
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

from annotation.models import Account

HOST = "testserver"
_FLAG = AuthenticatorData.FLAG


class SoftwarePasskey:
    """Made for one account at one host. Each answer can be bent: another origin, no unlocking, another key."""

    def __init__(self, host: str = HOST, origin: str = "") -> None:
        self.host, self.origin = host, origin or f"https://{host}"
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.number = os.urandom(16)
        self.owner = ""

    def make(self, options: dict[str, Any], *, flags: int = _FLAG.UP | _FLAG.UV) -> str:
        """What `navigator.credentials.create` answers, as JSON."""
        public = options["publicKey"]
        self.owner = public["user"]["id"]
        public_key = ES256.from_cryptography_key(self.key.public_key())
        made = AttestedCredentialData.create(bytes(16), self.number, public_key)
        data = AuthenticatorData.create(self._host_hash(), flags | _FLAG.AT, 0, made)
        statement = AttestationObject.create("none", data, {})
        said = self._sign_for("webauthn.create", public["challenge"])
        return self._write({"clientDataJSON": said, "attestationObject": statement})

    def use(self, options: dict[str, Any], *, flags: int = _FLAG.UP | _FLAG.UV, owner: str = "") -> str:
        """What `navigator.credentials.get` answers, as JSON."""
        said = self._sign_for("webauthn.get", options["publicKey"]["challenge"])
        data = AuthenticatorData.create(self._host_hash(), flags, 0)
        signature = self.key.sign(data + said.hash, ec.ECDSA(SHA256()))
        parts = {"clientDataJSON": said, "authenticatorData": data, "signature": signature}
        return self._write(parts, userHandle=owner or self.owner)

    def _host_hash(self) -> bytes:
        return hashlib.sha256(self.host.encode()).digest()

    def _sign_for(self, kind: str, challenge: str) -> CollectedClientData:
        return CollectedClientData.create(kind, challenge, self.origin)

    def _write(self, parts: dict[str, bytes], **texts: str) -> str:
        number = websafe_encode(self.number)
        response = {**{name: websafe_encode(part) for name, part in parts.items()}, **texts}
        return json.dumps({"id": number, "rawId": number, "type": "public-key", "response": response})


def read_options(page: str) -> dict[str, Any]:
    """What a page asks the browser for."""
    found = re.search(r'<script id="passkey-options" type="application/json">(.*?)</script>', page)
    assert found
    options: dict[str, Any] = json.loads(found[1])
    return options


def add_passkey(client: Client, passkey: SoftwarePasskey, name: str = "Phone") -> str:
    """By who said a moment ago that it is them. Returns where it leads; "" where it was refused."""
    options = read_options(client.get(reverse("add_passkey")).text)
    answer = client.post(reverse("add_passkey"), {"name": name, "credential": passkey.make(options)})
    return answer.headers.get("Location", "")


def give_passkey(account: Account) -> int:
    """A passkey that the account added, without the pages that it takes. Returns its number."""
    number = websafe_encode(os.urandom(16))
    passkey = SoftwarePasskey()
    options = {"publicKey": {"challenge": number, "user": {"id": ""}}}
    data = {"name": "Phone", "credential": json.loads(passkey.make(options))}
    return account.authenticator_set.create(type="webauthn", data=data).pk
