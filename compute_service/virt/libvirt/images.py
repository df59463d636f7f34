"""Which cached images guests still need."""

from __future__ import annotations

from compute_service.virt.libvirt.definition import owner_of
from compute_service.virt.libvirt.parts import Parts


def image_cache_prune(parts: Parts, in_use: frozenset[str]) -> list[str]:
    """Remove images that no guest was made of and no disk lies on, once they are old enough.

    Returns their identifiers; where the configuration keeps all images, none.
    """
    if not parts.settings.image_cache.remove_unused_base_images:
        return []
    used = set(in_use)
    for state in parts.connection.domains():
        server = owner_of(parts, state.uuid)
        if server is not None and server.image_id is not None:
            used.add(server.image_id)
    used |= {name.rpartition(".")[0] for name in parts.disks.bases()}
    return parts.cache.prune(frozenset(used))
