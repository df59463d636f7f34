"""How the schema of each database came to be, as Alembic revisions: `api` and `cell` are two trees.

Expand, then contract. While a cloud is upgraded, daemons of two releases use one database, so a revision
either *expands* (new tables, new columns that are nullable or have a server default, new indexes; nothing
that the previous release reads or writes may vanish or change its meaning) or *contracts* (removes what no
supported release uses any more). A revision says which in `PHASE`; a contracting one comes at the earliest
one release after the code stopped using what it removes, and is never in one file with an expanding one.
Revisions are numbered `0001`, `0002` and so on, one line without branches. Data is moved by
`online_data_migrations`, in small batches while the service runs, never by a revision. There is no way
down: an upgrade that went wrong is mended by a further revision or by a restored backup.

A revision is frozen once released. The helpers for column types in `store.tables.columns` and the definitions
in `shared_r0001` are part of revisions and frozen with them.
"""
