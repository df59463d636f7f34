"""Migrations of servers between hosts."""
