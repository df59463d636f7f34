#!/usr/bin/python
"""Generates the secrets of a site once and keeps them in a file."""

from __future__ import annotations

DOCUMENTATION = """
module: secret_store
short_description: Generate the secrets of a site once
description:
  - Adds the secrets that a file lacks, each of its kind, and leaves those it has as they are.
  - The file is YAML, one mapping under O(key), readable by its owner only.
  - A file that ansible-vault encrypted is never written. The module fails when O(known) lacks what it wants.
author: The Stratus authors
options:
  path:
    description: The file.
    type: path
    required: true
  key:
    description: The variable that the file sets.
    type: str
    default: stratus_secrets
  secrets:
    description:
      - What there must be, by name; the value is its kind (password, uuid, fernet, ssh, hmac or authority).
      - A key is a mapping of C(private) and C(public), an authority one of C(private) and C(certificate).
    type: dict
    required: true
  known:
    description: The names, without values, of the secrets that an encrypted file has.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Generate what is missing
  stratus.compute.secret_store:
    path: inventories/aio/group_vars/all/secrets.yml
    secrets:
      keystone_admin_password: password
      metadata_proxy_secret: hmac
    known: "{{ stratus_secrets | default({}) | list }}"
"""

RETURN = """
added:
  description: The names of the secrets that were generated.
  type: list
  elements: str
  returned: always
"""

import base64  # noqa: E402
import os  # noqa: E402
import secrets  # noqa: E402
import tempfile  # noqa: E402
import uuid  # noqa: E402

import yaml  # noqa: E402
from ansible.module_utils.basic import AnsibleModule  # noqa: E402

AUTHORITY_DAYS = 3650


def _ssh() -> dict[str, str]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return {"private": private.decode(), "public": public.decode()}


def _authority() -> dict[str, str]:
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Stratus site {secrets.token_hex(4)}")])
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    usage = {"key_cert_sign": True, "crl_sign": True, "digital_signature": True}
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    usage |= dict.fromkeys((*others, "decipher_only"), False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    return {"private": private.decode(), "certificate": public.decode()}


KINDS = {
    "password": lambda: secrets.token_urlsafe(24),
    "uuid": lambda: str(uuid.uuid4()),
    "fernet": lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(),
    "ssh": _ssh,
    "hmac": lambda: secrets.token_hex(32),
    "authority": _authority,
}


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _parse(text: str, path: str, key: str) -> dict[str, object]:
    document = yaml.safe_load(text) or {}
    found = (document.get(key) or {}) if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise ValueError(f"{key} in {path} is not a mapping")
    return found


def _write(path: str, key: str, known: dict[str, object]) -> None:
    """Replace the file in one step, so that a run that is killed here loses no secret."""
    folder = os.path.dirname(path) or "."
    os.makedirs(folder, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".secrets")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("---\n# Generated once. Keep it safe: ansible-vault encrypt this file.\n")
        yaml.safe_dump({key: known}, file, default_flow_style=False)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "key": {"type": "str", "default": "stratus_secrets", "no_log": False},
            "secrets": {"type": "dict", "required": True, "no_log": False},
            "known": {"type": "list", "elements": "str", "default": [], "no_log": False},
        },
        supports_check_mode=True,
    )
    path, key = module.params["path"], module.params["key"]
    wanted: dict[str, str] = module.params["secrets"]
    unknown = sorted({kind for kind in wanted.values() if kind not in KINDS})
    if unknown:
        module.fail_json(
            msg=f"There are no kinds of secrets {', '.join(unknown)}; there are {', '.join(KINDS)}."
        )
    text = _text(path)
    encrypted = text.startswith("$ANSIBLE_VAULT")
    try:
        known = dict.fromkeys(module.params["known"]) if encrypted else _parse(text, path, key)
    except ValueError as error:
        module.fail_json(msg=str(error))
    except yaml.YAMLError:
        module.fail_json(msg=f"{path} is not YAML.")
    missing = [name for name in wanted if name not in known]
    if encrypted and missing:
        module.fail_json(
            msg=f"{path} is encrypted and lacks {', '.join(missing)}: add them with ansible-vault edit, "
            "or decrypt the file, deploy, and encrypt it again."
        )
    open_to_others = os.path.exists(path) and os.stat(path).st_mode & 0o077 != 0
    if not module.check_mode:
        if missing:
            known.update({name: KINDS[wanted[name]]() for name in missing})
            _write(path, key, known)
        elif open_to_others:
            os.chmod(path, 0o600)
    module.exit_json(changed=bool(missing) or open_to_others, added=missing)


if __name__ == "__main__":
    main()
