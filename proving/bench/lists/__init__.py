"""What lists cost with very many servers: `python -m proving.bench.lists --servers 100000`.

Rows are written straight into the store's tables, on MariaDB or PostgreSQL; then the API, in this process, is
asked for pages of all kinds, and each statement that it runs is timed and explained.
"""
