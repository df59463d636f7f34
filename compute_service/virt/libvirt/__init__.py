"""Guests on libvirt: what a guest should be, turned into the documents that libvirt takes."""
