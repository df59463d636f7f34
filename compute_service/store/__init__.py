"""The databases, in SQLAlchemy Core: noun-first functions over a transaction."""
