"""[api]: the compute and metadata APIs."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt

_FIRST_METADATA_VERSIONS = "1.0 2007-01-19 2007-03-01 2007-08-29 2007-10-10 2007-12-15 2008-02-01 2008-09-01"


@dataclass(frozen=True, kw_only=True)
class Api(Section):
    """Options of the section [api]."""

    auth_strategy: str = opt(
        "keystone",
        "How requests are authenticated. `noauth2` believes every request and is for trying things out.",
        choices=("keystone", "noauth2"),
    )
    max_limit: int = opt(1000, "The most entries one page of a list has.", min=1)
    compute_link_prefix: str | None = opt(
        None, "What links in replies begin with instead of the address of the request."
    )
    glance_link_prefix: str | None = opt(
        None, "What links to images begin with instead of the address of the image service."
    )
    enable_instance_password: bool = opt(
        True, "Whether replies to create, rebuild, rescue and evacuate show the administrator password."
    )
    use_neutron_default_nets: bool = opt(
        False, "Whether os-tenant-networks shows the default project's networks too."
    )
    neutron_default_project_id: str = opt("default", "The project whose networks are meant by that.")
    instance_list_per_project_cells: bool = opt(
        False, "Whether a project's list asks only the cells in which the project has servers."
    )
    instance_list_cells_batch_strategy: str = opt(
        "distributed",
        "How a page is divided over cells.",
        choices=("distributed", "fixed"),
    )
    instance_list_cells_batch_fixed_size: int = opt(
        100, "How many servers each cell is asked for at a time with the strategy `fixed`.", min=100
    )
    list_records_by_skipping_down_cells: bool = opt(
        True, "Whether lists leave out cells that do not answer; otherwise the list fails."
    )
    response_validation: str = opt(
        "warn",
        "Accepted and unused: replies are made of the types that describe them, and cannot differ.",
        choices=("error", "warn", "ignore"),
    )
    dhcp_domain: str = opt("novalocal", "The domain appended to host names in metadata.")
    metadata_cache_expiration: int = opt(15, "Seconds for which a server's metadata is kept.", min=0)
    local_metadata_per_cell: bool = opt(
        False,
        "Whether each cell has its own metadata API: this one then knows the servers of the database in "
        "[database] and needs no API database.",
    )
    use_forwarded_for: bool = opt(
        False,
        "Whether the metadata API takes a guest's address from X-Forwarded-For. Only behind a proxy that "
        "removes the header when guests send it.",
    )
    config_drive_skip_versions: str = opt(
        _FIRST_METADATA_VERSIONS, "EC2 metadata versions that config drives leave out."
    )
    vendordata_providers: tuple[str, ...] = opt(
        ("StaticJSON",), "Sources of vendor data: StaticJSON, DynamicJSON."
    )
    vendordata_jsonfile_path: str | None = opt(None, "The JSON file that every server gets as vendor data.")
    vendordata_dynamic_targets: tuple[str, ...] = opt((), "Sources of dynamic vendor data, as name@URL.")
    vendordata_dynamic_ssl_certfile: str = opt("", "The certificate authority of those sources.")
    vendordata_dynamic_connect_timeout: int = opt(5, "Seconds to wait for a connection to them.", min=3)
    vendordata_dynamic_read_timeout: int = opt(5, "Seconds to wait for their answer.", min=0)
    vendordata_dynamic_failure_fatal: bool = opt(
        False, "Whether a source that fails keeps the server from starting."
    )
