from __future__ import annotations

from proving.bench.statements import boundaries, counts_of, statements

LOG = """\
/usr/sbin/mariadbd, Version: 10.11.19-MariaDB-0+deb12u1-log (Debian 12). started with:
Time\t\t    Id Command\tArgument
261123  0:45:01\t     7 Query\tSTART TRANSACTION
\t\t     7 Query\tSELECT instances.id
FROM instances
WHERE instances.uuid = 'select'
\t\t     9 Connect\tstratus@localhost on placement using TCP/IP
\t\t     9 Query\tSELECT 1
261123  0:45:02\t    10 Connect\tstratus@localhost on nova_api using TCP/IP
\t\t    10 Query\tINSERT INTO flows VALUES (1)
\t\t     7 Query\tCOMMIT
\t\t    10 Quit\t
\t\t    11 Connect\tstratus@localhost on  using TCP/IP
\t\t    11 Query\tSELECT 2
\t\t    11 Init DB\tnova
\t\t    11 Query\tUPDATE services SET report_count = 2
"""


def _counts() -> dict[str, int]:
    return dict(counts_of(LOG.splitlines(keepends=True), {7: "nova"}, ("nova", "nova_api")))


def test_statements_of_our_schemas_are_counted_by_their_first_word() -> None:
    assert _counts() == {"start": 1, "select": 1, "insert": 1, "commit": 1, "update": 1}


def test_what_reads_or_writes_is_told_from_what_begins_and_ends() -> None:
    counts = counts_of(LOG.splitlines(), {7: "nova"}, ("nova", "nova_api"))
    assert statements(counts) == 3
    assert boundaries(counts) == 2


def test_a_connection_of_before_whose_schema_nobody_knows_is_left_out() -> None:
    assert not counts_of(["\t\t     5 Query\tSELECT 1\n"], {}, ("nova",))
