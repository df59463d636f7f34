"""Values that break programs: the edges of numbers, texts, times, addresses and JSON itself."""

from __future__ import annotations

from typing import Any

NUMBERS: tuple[Any, ...] = (
    *(0, -1, 1, 2, 255, 256, 65535, 65536),
    *(2**31 - 1, 2**31, -(2**31) - 1, 2**32, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30),
    *(0.0, -0.0, 0.5, 1.0, 1.5, 1e15, 1e16, 1e308, -1e308, 5e-324),
)
NUMERALS: tuple[str, ...] = (
    *("0", "00", "01", "-0", "+1", "-1", " 1", "1 ", "1\n", "1e5", "0x10", "1.0", "1_000", "٣", "１", "½"),
    *("nan", "inf", "-inf", "2147483647", "2147483648", "9223372036854775807", "9223372036854775808"),
    *("1" * 19, "1" * 20, "1" * 21, "9" * 5000),
)
TEXTS: tuple[str, ...] = (
    *("", " ", "  ", "\t", "\n", "a\n", " a", "a ", "\x00", "a\x00b", "\x7f", "\x85", "\u00a0", "\u2028"),
    *("é", "e\u0301", "ß", "İ", "ﬀ", "日本", "\U0001f600", "\u202eabc", "\ufeff", "\ufffd", "\uffff"),
    *("null", "None", "true", "True", "undefined", "[]", "{}", "*", ".", "..", "../../etc/passwd", "/", "\\"),
    *("'", '"', "' OR 1=1 --", "%", "_", "%00", "%s%n", "${x}", "{0}", "<x>", "a,b", "a/b", "a:b", "a=b;c"),
    *("(", "[", "*a", "a{99999999}", "(a+)+$", "(?i)x", "(?P<a>x)(?P=a)", "\\", "\\d", "[[:alpha:]]", "a|"),
    *("a" * 60, "a" * 61, "a" * 255, "a" * 256, "é" * 255, "\U0001f600" * 255, "a" * 70000),
)
TIMES: tuple[str, ...] = (
    *("2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01", "2026-01-01 00:00:00", "2026-02-30"),
    *(
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "0000-00-00T00:00:00",
        "1969-12-31T23:59:59Z",
    ),
    *("2026-01-01T00:00:00.123456789Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z", "now", "20260101"),
    *("2026-01-01T00:00:00+99:99", "2026-W01-1", "١٩٩٩-01-01", "-2026-01-01T00:00:00Z", "0"),
)
ADDRESSES: tuple[str, ...] = (
    *("0.0.0.0", "255.255.255.255", "1.2.3", "1.2.3.4.5", "010.1.1.1", "1.2.3.4/8", "256.1.1.1", "16909060"),  # noqa: S104
    *("::", "::1", "fe80::1%eth0", "::ffff:1.2.3.4", "1::2::3", "2001:db8::/32", "[::1]", "g::1"),
)
UUIDS: tuple[str, ...] = (
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "C1110500-0000-4000-8000-000000000001",
    "c1110500000040008000000000000001",
    "{c1110500-0000-4000-8000-000000000001}",
    "urn:uuid:c1110500-0000-4000-8000-000000000001",
    "c1110500-0000-4000-8000-00000000000",
    "c1110500-0000-4000-8000-0000000000011",
)
TREES: tuple[Any, ...] = (
    *(None, True, False, [], {}, [[]], [{}], {"": ""}, {"a": {"b": {"c": None}}}, [None], [None, None]),
    *([1, "1", True], ["a"] * 300, {"a" * 300: "a"}, {str(n): "x" for n in range(300)}, {"\x00": "\x00"}),
)
ANY: tuple[Any, ...] = (*NUMBERS, *NUMERALS, *TEXTS, *TIMES, *ADDRESSES, *UUIDS, *TREES)

BODIES: tuple[bytes, ...] = (
    *(b"", b" ", b"\n", b"{", b"}", b"[]", b"{}", b"null", b"true", b"0", b'""', b"NaN", b"Infinity", b"-"),
    *(
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"a":\xff}',
        b'{"server": {"name": "\xc3\x28"}}',
        b"{'a': 1}",
    ),
    *(b'{"server": {}, "server": {}}', b'{"a": 1,}', b'{"a": 01}', b'{"a": 1e999}', b'{"a": "\\ud800"}'),
    *(b'{"\\ud800": "\\udc00"}', b"[" * 5000, b'{"a":' * 5000, b"[" * 5000 + b"]" * 5000, b"1" * 10000),
    *(
        b"<xml/>",
        b"a=b&c=d",
        b"\x1f\x8b\x08\x00",
        b'{"server": null}',
        b'{"os-start": null, "os-stop": null}',
    ),
)
MEDIA: tuple[str, ...] = (
    *("application/xml", "text/plain", "application/json; charset=latin-1", "APPLICATION/JSON", "", "json"),
    *("multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "application/json;" * 50, "é"),
    "application/vnd.openstack.compute+json;version=2.1",
)
VERSIONS: tuple[str, ...] = (
    *("compute 2.0", "compute 2.999", "compute 3.1", "compute 2", "compute 2.", "compute .1", "compute -2.1"),
    *(
        "compute 2.01",
        "compute 2.1.1",
        "compute latest",
        "compute LATEST",
        "compute",
        "",
        " ",
        "2.5",
        "latest",
    ),
    *("nova 2.5", "compute 2.5, identity 3", "identity 3", "compute 2.1, compute 2.104", "compute\t2.1"),
    *(
        "compute 2.é",
        "compute 2.٣",
        "compute 2.１",
        "compute  2.5  ",
        "Compute 2.5",
        "compute 2." + "9" * 400,
    ),
    *("compute 2.1e1", "compute 0x2.1", "compute None", "a" * 5000),
)
TOKENS: tuple[str, ...] = ("garbage", ":", "::", ":::", "é:x:admin", "a:b:" + "r," * 500, " ", "a" * 5000)
METHODS: tuple[str, ...] = (
    *("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT"),
    *("get", "FOO", "PROPFIND", "X" * 300),
)
