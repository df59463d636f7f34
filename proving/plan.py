"""What a site should be like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAIN = ""
"""The database server of everything that has none of its own."""
DATABASES = ("mariadb", "postgresql")


@dataclass(frozen=True)
class Plan:
    """What to build. Raises ValueError for what cannot be."""

    cells: int = 1
    database: str = "mariadb"
    """What compute keeps its own databases in; the services around it use MariaDB always."""
    hosts: int = 1
    """Fake hosts per cell, all in one nova-compute process per cell; 0 starts none."""
    api_workers: int = 2
    conductors: int = 1
    """Conductor processes per cell. All are equal: each serves the API level and every cell."""
    options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """More options of nova.conf, by section."""

    def __post_init__(self) -> None:
        if self.database not in DATABASES:
            raise ValueError(f"database is {self.database!r}; it can be {' or '.join(DATABASES)}")
        if min(self.cells, self.api_workers, self.conductors) < 1 or self.hosts < 0:
            raise ValueError("cells, api_workers and conductors are at least 1, and hosts at least 0")

    @property
    def cell_names(self) -> tuple[str, ...]:
        """The names of the cells: cell1, cell2, ..."""
        return tuple(f"cell{number}" for number in range(1, self.cells + 1))

    @property
    def servers(self) -> tuple[str, ...]:
        """The database servers: the main one, and one for each cell but the first, which may fail alone."""
        return (MAIN, *self.cell_names[1:])

    @property
    def schemas(self) -> dict[str, str]:
        """Cell (or `api`, `cell0`) → the name of its database."""
        others = {name: "nova" if name == "cell1" else f"nova_{name}" for name in self.cell_names}
        return {"api": "nova_api", "cell0": "nova_cell0", **others}
