"""HTTP twins of the outside services, for development only: they guard nothing.

The fakes of `clients.fake` spoken to over HTTP, so that stock OpenStack clients work against a compute
service that stands alone.
"""
