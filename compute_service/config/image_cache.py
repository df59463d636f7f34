"""[image_cache]: images kept on compute hosts."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class ImageCache(Section):
    """Options of the section [image_cache]."""

    manager_interval: int = opt(
        2400, "Seconds between two rounds of tidying up; 0 means 60, below 0 never.", min=-1
    )
    subdirectory_name: str = opt("_base", "The directory of the cache within instances_path.")
    remove_unused_base_images: bool = opt(True, "Whether images that no guest uses are removed.")
    remove_unused_original_minimum_age_seconds: int = opt(86400, "How long such an image is kept.", min=0)
    remove_unused_resized_minimum_age_seconds: int = opt(
        3600, "How long a resized copy of one is kept.", min=0
    )
    precache_concurrency: int = opt(1, "Hosts that fetch an image ahead of use at a time.", min=1)
