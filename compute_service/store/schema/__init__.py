"""How the schema of each database came to be, as Alembic revisions."""
