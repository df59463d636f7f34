#!/usr/bin/python
"""One release of the compute service in a virtual environment of its own."""

from __future__ import annotations

DOCUMENTATION = """
module: service_venv
short_description: Install a release of the compute service
description:
  - Makes a virtual environment for a wheel, and points a link at it when it is whole.
  - The same wheel is not installed twice. An environment that a killed run left half made is made anew.
author: The Stratus authors
options:
  wheel:
    description: The wheel, on the host.
    type: path
    required: true
  digest:
    description: What tells this wheel from others of the same version, such as a digest of its sources.
    type: str
    required: true
  root:
    description: The directory of all releases.
    type: path
    default: /opt/stratus
  extras:
    description: Extras of the wheel to install with it.
    type: list
    elements: str
    default: []
  index:
    description: The package index; the host's own choice when not given.
    type: str
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Install the service
  stratus.compute.service_venv:
    wheel: /var/cache/stratus/stratus-0.1.0-py3-none-any.whl
    digest: "{{ wheel.stat.checksum }}"
"""

RETURN = """
path:
  description: The environment.
  type: str
  returned: always
"""

import os  # noqa: E402
import shutil  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.stratus.compute.plugins.module_utils.alone import Occupied, alone  # noqa: E402


def _whole(path: str, digest: str) -> bool:
    try:
        with open(os.path.join(path, ".installed"), encoding="utf-8") as file:
            return file.read().strip() == digest
    except FileNotFoundError:
        return False


def _run(module: AnsibleModule, *words: str) -> None:
    code, out, err = module.run_command(list(words), cwd="/")
    if code != 0:
        module.fail_json(
            msg=f"{' '.join(words[:3])} ended with {code}", stdout=out[-4000:], stderr=err[-4000:]
        )


def _install(module: AnsibleModule, path: str, digest: str) -> None:
    shutil.rmtree(path, ignore_errors=True)
    _run(module, "/usr/bin/python3", "-m", "venv", "--system-site-packages", path)
    wheel, extras = module.params["wheel"], module.params["extras"]
    wanted = f"{wheel}[{','.join(extras)}]" if extras else wheel
    index = ["--index-url", module.params["index"]] if module.params["index"] else []
    pip = [
        os.path.join(path, "bin", "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    _run(module, *pip, "--no-input", *index, wanted)
    with open(os.path.join(path, ".installed"), "w", encoding="utf-8") as file:
        file.write(digest + "\n")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "wheel": {"type": "path", "required": True},
            "digest": {"type": "str", "required": True},
            "root": {"type": "path", "default": "/opt/stratus"},
            "extras": {"type": "list", "elements": "str", "default": []},
            "index": {"type": "str"},
        },
        supports_check_mode=True,
    )
    try:
        with alone("release"):
            _converge(module)
    except Occupied as error:
        module.fail_json(msg=str(error))


def _converge(module: AnsibleModule) -> None:
    root, digest = module.params["root"], module.params["digest"]
    version = os.path.basename(module.params["wheel"]).split("-")[1]
    path = os.path.join(root, f"{version}-{digest[:8]}")
    link = os.path.join(root, "current")
    missing = not _whole(path, digest)
    moved = not os.path.islink(link) or os.readlink(link) != path
    if not module.check_mode:
        if missing:
            os.makedirs(root, mode=0o755, exist_ok=True)
            _install(module, path, digest)
        if moved:
            temporary = f"{link}.new"
            if os.path.lexists(temporary):
                os.unlink(temporary)
            os.symlink(path, temporary)
            os.replace(temporary, link)
    module.exit_json(changed=missing or moved, path=path)


if __name__ == "__main__":
    main()
