#!/usr/bin/python
"""The wheel of the compute service, built again only when its sources changed."""

from __future__ import annotations

DOCUMENTATION = """
module: release_wheel
short_description: Build the compute service's wheel when its sources changed
description:
  - Builds from a copy of the sources, so that what an earlier build left beside them never gets into a wheel.
  - A wheel is kept under the digest of what it was built from. The same sources are not built twice.
author: The Stratus authors
options:
  source:
    description: The checkout.
    type: path
    required: true
  package:
    description: The package's folder in the checkout.
    type: str
    default: compute_service
  files:
    description: What else of the checkout goes into the wheel.
    type: list
    elements: str
    default: [pyproject.toml, README.md, LICENSE]
  destination:
    description: Where wheels are kept.
    type: path
    required: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Build the wheel
  stratus.compute.release_wheel:
    source: "{{ playbook_dir }}/.."
    destination: ~/.cache/stratus/wheels
  delegate_to: localhost
"""

RETURN = """
path:
  description: The wheel. In check mode there may be none at that place.
  type: str
  returned: success
digest:
  description: What tells these sources from others.
  type: str
  returned: success
"""

import glob  # noqa: E402
import hashlib  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

_LEFT_OUT = ("__pycache__",)


def sources(root: str, package: str, files: list[str]) -> list[str]:
    """Return the paths, relative to the checkout, of all that goes into the wheel, in order."""
    found = [name for name in files if os.path.exists(os.path.join(root, name))]
    for folder, inside, names in os.walk(os.path.join(root, package)):
        inside[:] = sorted(name for name in inside if name not in _LEFT_OUT)
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)


def digest(root: str, paths: list[str]) -> str:
    """Return a digest of the names and contents of files."""
    total = hashlib.sha256()
    for path in paths:
        with open(os.path.join(root, path), "rb") as file:
            total.update(f"{path}\0{hashlib.sha256(file.read()).hexdigest()}\n".encode())
    return total.hexdigest()[:16]


def _build(module: AnsibleModule, paths: list[str], folder: str) -> None:
    """Build into a folder of its own that takes its place when the wheel is whole."""
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(folder)) as scratch:
        copy, made = os.path.join(scratch, "source"), os.path.join(scratch, "made")
        for path in paths:
            target = os.path.join(copy, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(os.path.join(module.params["source"], path), target)
        words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-input"]
        code, out, err = module.run_command(
            [*words, "--no-deps", "--wheel-dir", made, copy],
            environ_update={"SOURCE_DATE_EPOCH": "1700000000"},
        )
        if code != 0:
            module.fail_json(
                msg=f"pip could not build the wheel ({code})", stdout=out[-4000:], stderr=err[-4000:]
            )
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(made, folder)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "path", "required": True},
            "package": {"type": "str", "default": "compute_service"},
            "files": {
                "type": "list",
                "elements": "str",
                "default": ["pyproject.toml", "README.md", "LICENSE"],
            },
            "destination": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    root = module.params["source"]
    paths = sources(root, module.params["package"], module.params["files"])
    known = digest(root, paths)
    folder = os.path.join(module.params["destination"], known)
    found = glob.glob(os.path.join(folder, "*.whl"))
    if not found and not module.check_mode:
        _build(module, paths, folder)
    wheels = glob.glob(os.path.join(folder, "*.whl")) or [os.path.join(folder, "stratus-0-py3-none-any.whl")]
    module.exit_json(changed=not found, path=wheels[0], digest=known)


if __name__ == "__main__":
    main()
