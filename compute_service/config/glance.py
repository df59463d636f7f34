"""[glance]: the image service."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.keystoneauth import Client
from compute_service.config.option import opt


@dataclass(frozen=True, kw_only=True)
class Glance(Client):
    """Options of the section [glance]."""

    service_type: str | None = opt("image", "The type under which the catalog lists the service.")
    api_servers: tuple[str, ...] | None = opt(
        None, "Addresses of the service, used in turn; unset asks the catalog."
    )
    num_retries: int = opt(3, "How often a failed call is tried again.", min=0)
    verify_glance_signatures: bool = opt(False, "Whether only images with a valid signature are used.")
    enable_certificate_validation: bool = opt(
        False, "Whether the certificate of a signature must be one that the user trusts."
    )
    default_trusted_certificate_ids: tuple[str, ...] = opt(
        (), "Certificates trusted when the user names none."
    )
    debug: bool = opt(False, "Whether calls are logged in full.")
    enable_rbd_download: bool = opt(False, "Whether image data is read from Ceph directly.")
    rbd_user: str = opt("", "The Ceph user that reads images.")
    rbd_pool: str = opt("", "The Ceph pool of images.")
    rbd_ceph_conf: str = opt("", "The Ceph configuration file.")
    rbd_connect_timeout: int = opt(5, "Seconds to wait for Ceph.")
