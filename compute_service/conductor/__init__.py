"""Runs flows and reconciles what no request stands behind."""
