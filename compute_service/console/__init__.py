"""Proxies between browsers and guests' consoles."""
