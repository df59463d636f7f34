"""The password that a server's guest made for itself. Source: Compute API reference, "Servers password"."""

from __future__ import annotations

from compute_service.api.request import Request
from compute_service.api.shape import View
from compute_service.control.guest_password import clear_guest_password, guest_password
from compute_service.control.services import Services
from compute_service.domain.context import Context


class PasswordView(View):
    """GET /servers/{server_id}/os-server-password: encrypted by the guest, empty when it posted none."""

    password: str


def show(ctx: Context, svc: Services, req: Request) -> PasswordView:
    """Show the password that the guest posted to the metadata service."""
    return PasswordView(password=guest_password(req.server.instance))


def clear(ctx: Context, svc: Services, req: Request) -> None:
    """Forget the password; the guest keeps it."""
    clear_guest_password(ctx, svc, req.server)
