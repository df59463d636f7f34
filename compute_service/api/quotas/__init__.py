"""Quotas of projects and users, quota classes, and limits."""
