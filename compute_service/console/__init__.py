"""The proxies between browsers and guests' consoles: a WebSocket here, the hypervisor's port there."""
