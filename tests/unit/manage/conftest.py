from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from compute_service.domain.host import CELL0
from compute_service.store.mappings import cell_mapping_update
from tests.unit.manage.shell import Shell


@pytest.fixture
def fresh(tmp_path: Path) -> Shell:
    """A node on which nothing was done yet."""
    return Shell(tmp_path)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The databases of a node that was installed once."""
    directory = tmp_path_factory.mktemp("installed")
    made = Shell(directory)
    made.install()
    made.store.close()
    return directory


@pytest.fixture
def shell(fresh: Shell, installed: Path) -> Shell:
    """A node with schemas, cell0 and cell1."""
    shutil.copytree(installed, fresh.directory, dirs_exist_ok=True)
    with fresh.store.api.write() as tx:
        for uuid, name in ((CELL0, "nova_cell0"), (fresh.cell(), "nova")):
            cell_mapping_update(tx, uuid, database_connection=fresh.url(name))
    fresh.store.refresh()
    return fresh
