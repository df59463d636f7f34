"""Secrets are generated once, for their owner only, and an encrypted file stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from tests.unit.bundle.conftest import Load

ENCRYPTED = "$ANSIBLE_VAULT;1.1;AES256\n6162\n"
WANTED = {"admin_password": "password", "proxy_secret": "hmac"}
Run = Callable[..., dict[str, Any]]


class Ended(Exception):
    """How the module ended: what it told."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(str(told))
        self.told = told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "group_vars" / "secrets.yml"


@pytest.fixture
def run(load: Load, monkeypatch: pytest.MonkeyPatch, path: Path) -> Run:
    """Return what runs the module's main with parameters."""
    module = load("secret_store")

    def running(wanted: dict[str, str], known: tuple[str, ...] = (), check: bool = False) -> dict[str, Any]:
        class Module:
            params = {"path": str(path), "key": "stratus_secrets", "secrets": wanted, "known": list(known)}
            check_mode = check

            def __init__(self, **_options: Any) -> None: ...

            def exit_json(self, **told: Any) -> NoReturn:
                raise Ended(told)

            def fail_json(self, **told: Any) -> NoReturn:
                raise Ended({"failed": True, **told})

        monkeypatch.setattr(module, "AnsibleModule", Module)
        with pytest.raises(Ended) as ended:
            module.main()
        return ended.value.told

    return running


def test_what_is_missing_is_generated_once_and_for_its_owner_only(run: Run, path: Path) -> None:
    assert run(WANTED) == {"changed": True, "added": list(WANTED)}
    first = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert run(WANTED) == {"changed": False, "added": []}
    assert path.read_text() == first
    assert run({**WANTED, "id": "uuid"})["added"] == ["id"]
    before, after = (yaml.safe_load(text)["stratus_secrets"] for text in (first, path.read_text()))
    assert {name: after[name] for name in before} == before


def test_a_trial_run_tells_and_writes_nothing(run: Run, path: Path) -> None:
    assert run(WANTED, check=True) == {"changed": True, "added": list(WANTED)}
    assert not path.exists()


def test_a_file_that_others_can_read_is_closed(run: Run, path: Path) -> None:
    run(WANTED)
    path.chmod(0o644)
    assert run(WANTED) == {"changed": True, "added": []}
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_encrypted_file_that_has_all_is_left_as_it_is(run: Run, path: Path) -> None:
    path.parent.mkdir()
    path.write_text(ENCRYPTED)
    path.chmod(0o600)
    assert run(WANTED, known=tuple(WANTED)) == {"changed": False, "added": []}
    assert path.read_text() == ENCRYPTED


def test_what_an_encrypted_file_lacks_is_named_and_not_written(run: Run, path: Path) -> None:
    path.parent.mkdir()
    path.write_text(ENCRYPTED)
    told = run(WANTED, known=("admin_password",))
    assert told["failed"]
    assert "lacks proxy_secret:" in told["msg"]
    assert path.read_text() == ENCRYPTED


def test_known_names_count_for_nothing_when_the_file_is_plain(run: Run, path: Path) -> None:
    assert run(WANTED, known=tuple(WANTED))["added"] == list(WANTED)


@pytest.mark.parametrize("text", ["stratus_secrets: [hidden-word]\n", "- hidden-word\n", "a: 'hidden-word\n"])
def test_a_file_that_cannot_be_understood_is_kept_and_its_content_not_told(
    run: Run, path: Path, text: str
) -> None:
    path.parent.mkdir()
    path.write_text(text)
    told = run(WANTED)
    assert told["failed"]
    assert "hidden-word" not in told["msg"]
    assert path.read_text() == text


def test_an_authority_signs_certificates_and_nothing_below_it_does(run: Run, path: Path) -> None:
    x509 = pytest.importorskip("cryptography.x509")
    run({"site_authority": "authority"})
    made = yaml.safe_load(path.read_text())["stratus_secrets"]["site_authority"]
    assert set(made) == {"private", "certificate"}
    certificate = x509.load_pem_x509_certificate(made["certificate"].encode())
    certificate.verify_directly_issued_by(certificate)
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)
    assert certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
