"""Images kept on the host: which are in use, which may go, and fetching them ahead of use."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from compute_service.config.image_cache import ImageCache
from compute_service.domain.errors import ComputeError
from compute_service.domain.guest import GuestSpec
from compute_service.ports.hypervisor import CachesImages, Hypervisor

LOG = logging.getLogger(__name__)


class ImageKeeper:
    """The image cache of one host. The driver knows the images of its guests; this knows those of builds."""

    def __init__(self, driver: Hypervisor, options: ImageCache) -> None:
        self._driver = driver
        self._options = options
        self._wanted: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def using(self, spec: GuestSpec) -> Iterator[None]:
        """Keep the images that a build reads from being pruned meanwhile."""
        wanted = [i for i in (spec.image and spec.image.id, spec.kernel_id, spec.ramdisk_id) if i]
        with self._lock:
            self._wanted.update(wanted)
        try:
            yield
        finally:
            with self._lock:
                self._wanted.subtract(wanted)
                self._wanted += Counter()

    def prune(self) -> None:
        """Remove images that nobody used for long, where the configuration wants that."""
        if not self._options.remove_unused_base_images:
            return
        with self._lock:
            wanted = frozenset(self._wanted)
        for image_id in self._driver.image_cache_prune(wanted):
            LOG.info("Removed unused image %s from the cache", image_id)

    def fetch(self, image_id: str) -> None:
        """Fetch an image ahead of use. A failure is logged: the build that needs the image will fetch it."""
        if not isinstance(self._driver, CachesImages):
            LOG.info("Image %s is not fetched ahead of use: this hypervisor keeps no images", image_id)
            return
        try:
            fetched = self._driver.cache_image(image_id)
        except ComputeError as error:
            LOG.warning("Image %s was not fetched ahead of use: %s", image_id, error.message)
        else:
            LOG.info("Image %s is in the cache%s", image_id, "" if fetched else " already")
