"""libvirt's documents as typed values: written from fields, and read back into the same fields.

What a document has beyond the declared fields is passed over when it is read.
Source: libvirt documentation, "XML Format".
"""
