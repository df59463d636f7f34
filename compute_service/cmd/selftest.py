"""`stratus test`: style, types, layers and spelling, then the tests, and one closing summary.

Everything runs even when something before it failed, so that one run tells all. The exit code is 0 only when
everything passed. With `--unsteady N` up to N tests of a suite that failed are run once more by themselves;
what passes then is no failure, and is named in the summary (docs/decisions/0009).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
SERVICES = ROOT / ".venv-services" / ".installed"
SITE = ROOT / ".venv-site" / "bin"
BUNDLE = ("roles", "playbooks", "inventories", "collections", "molecule")
PROSE = (
    "compute_service",
    "proving",
    "site_cli",
    "roles",
    "playbooks",
    "inventories",
    "collections",
    "tests",
    "docs",
    "README.md",
    "ARCHITECTURE.md",
)
SUITES = ("unit", "meta", "contract", "functional", "simulation", "integration")


@dataclass(frozen=True, slots=True)
class Check:
    """A program that exits 0 when all is well."""

    name: str
    command: tuple[str, ...]
    folder: Path = BIN
    missing: str = ""
    """What to say where the program is not installed, when that is no failure."""


CHECKS: tuple[Check, ...] = (
    Check(
        "ruff format",
        ("ruff", "format", "--check", "--quiet", "compute_service", "proving", "site_cli", "tests"),
    ),
    Check("ruff check", ("ruff", "check", "--quiet", ".")),
    Check("mypy", ("mypy",)),
    Check("mypy proving", ("mypy", "proving")),
    Check("mypy site_cli", ("mypy", "site_cli")),
    Check("lint-imports", ("lint-imports",)),
    Check("codespell", ("codespell", *PROSE)),
    Check(
        "ansible-lint",
        ("ansible-lint", "--offline", "-q", "--nocolor", *BUNDLE),
        SITE,
        "DID NOT RUN: proving/install-site was not run",
    ),
)


@dataclass(frozen=True, slots=True)
class Proof:
    """Tests run once more, on real parts: a program before pytest, what is set for it, and which tests."""

    name: str
    tests: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()


PROOFS: tuple[Proof, ...] = (
    Proof("on MariaDB", ("tests/functional",), {"STRATUS_SITE": "mariadb"}),
    Proof("on PostgreSQL", ("tests/functional",), {"STRATUS_SITE": "postgresql", "STRATUS_CELLS": "2"}),
    Proof("contracts", ("tests/contract/clients",), before=("-m", "proving.site", "--")),
)
"""With real Keystone, Placement and Glance; the second in two cells."""
_PROOF_TIMEOUT = 240
"""Seconds for a test; the first also starts the site."""
_TESTS_FAILED = 1
"""What pytest exits with when all went as it should but for tests that failed."""


@dataclass(frozen=True, slots=True)
class Suite:
    """What one pytest runs: its arguments, what is set for it, and a program before it."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    one_by_one: tuple[str, ...] = ()
    """More arguments, that have its tests run one after another."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one pytest told: its exit code, how many tests ran or were skipped, and which failed."""

    code: int
    ran: int = 0
    skipped: int = 0
    failed: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all went well. Exit code 5 says that nothing was collected, which is a failure too."""
        return self.code == 0 and self.ran > 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one check or of all tests."""

    name: str
    passed: bool
    seconds: float
    note: str = ""
    unsteady: tuple[str, ...] = ()
    """Tests that failed, and passed when they were run by themselves."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "--integration",
        action="store_true",
        help="also run the tests on real parts, which they start: MariaDB, PostgreSQL, RabbitMQ and, where "
        "proving/install was run, Keystone, Placement and Glance",
    )
    parser.add_argument("--no-checks", action="store_true", help="run the tests alone")
    parser.add_argument("--no-tests", action="store_true", help="run the checks alone")
    parser.add_argument(
        "--unsteady",
        type=int,
        default=0,
        metavar="N",
        help="run up to N failed tests of a suite once more, and name those that pass then (default: 0)",
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="test processes (default: one a processor)")
    parser.add_argument("tests", nargs="*", metavar="PATH", help="tests to run instead of all")


def run(options: argparse.Namespace) -> int:
    """Run what was asked for and print the summary; returns 0 or 1."""
    started = time.monotonic()
    outcomes: list[Outcome] = []
    if not options.no_checks:
        outcomes += [_check(check) for check in CHECKS]
    if not options.no_tests:
        proofs = PROOFS if options.integration and not options.tests else ()
        outcomes.append(_run_suite(_all_tests(options), options.unsteady))
        outcomes += [_proof(proof, options.unsteady) for proof in proofs]
    _summary(outcomes, time.monotonic() - started)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def _check(check: Check) -> Outcome:
    started = time.monotonic()
    program = check.folder / check.command[0]
    if not program.exists() and check.missing:
        print(f"--- {check.name}: {check.missing}", flush=True)
        return Outcome(check.name, True, 0.0, check.missing)
    if not program.exists():
        print(f"--- {check.name}: not installed; pip install -e '.[test]'", flush=True)
        return Outcome(check.name, False, 0.0, "not installed")
    done = subprocess.run(  # noqa: S603
        [str(program), *check.command[1:]],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    passed = done.returncode == 0
    if not passed:
        print(f"--- {check.name}\n{done.stdout.rstrip()}\n", flush=True)
    return Outcome(check.name, passed, time.monotonic() - started)


def _proof(proof: Proof, unsteady: int) -> Outcome:
    if not SERVICES.exists():
        return Outcome(proof.name, True, 0.0, "DID NOT RUN: proving/install was not run")
    print(f"\n--- {proof.name}", flush=True)
    arguments = ("-p", "no:xdist", f"--timeout={_PROOF_TIMEOUT}", "-W", "ignore", *proof.tests)
    return _run_suite(Suite(proof.name, arguments, proof.environment, proof.before), unsteady)


def _run_suite(suite: Suite, unsteady: int) -> Outcome:
    """Run a suite, and up to so many of its failed tests once more.

    What failed is remembered in a folder of its own: others may run tests at the same time.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        arguments = (*suite.arguments, "-o", f"cache_dir={scratch}/cache")
        result = _pytest(suite, arguments, Path(scratch) / "first.xml")
        passed, steady = result.passed, True
        if result.code == _TESTS_FAILED and 0 < len(result.failed) <= unsteady:
            print(f"\n--- {suite.name}: once more what failed", flush=True)
            failed_only = ("--last-failed", "--last-failed-no-failures=none", *suite.one_by_one)
            again = _pytest(suite, (*arguments, *failed_only), Path(scratch) / "again.xml")
            passed = again.passed and again.ran == len(result.failed)
            steady = not passed
    note = f"{result.ran} tests ran, {len(result.failed)} failed, {result.skipped} skipped"
    return Outcome(suite.name, passed, time.monotonic() - started, note, () if steady else result.failed)


def _pytest(suite: Suite, arguments: tuple[str, ...], report: Path) -> Result:
    python = [sys.executable, *suite.before, *((sys.executable,) if suite.before else ())]
    command = [*python, "-m", "pytest", f"--junitxml={report}", "-rsfE", "--tb=short", *arguments]
    environment = os.environ | dict(suite.environment)
    code = subprocess.run(command, cwd=ROOT, check=False, env=environment).returncode  # noqa: S603
    return result_of(report, code)


def _all_tests(options: argparse.Namespace) -> Suite:
    return Suite("tests", tuple(_pytest_arguments(options)), one_by_one=("-n", "0"))


def _pytest_arguments(options: argparse.Namespace) -> Iterator[str]:
    jobs = options.jobs or os.cpu_count() or 1
    yield from ("-n", str(jobs), "--dist", "loadfile")
    if not options.integration:
        yield from ("-m", "not integration")
    if options.tests:
        yield from options.tests
    else:
        yield from (f"tests/{suite}" for suite in SUITES if (ROOT / "tests" / suite).is_dir())


def result_of(report: Path, code: int) -> Result:
    """Return what pytest's JUnit report says; nothing ran when there is none."""
    if not report.exists():
        return Result(code)
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))  # noqa: S314 - our own file
    failed = {
        f"{case.get('classname')}::{case.get('name')}": None
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    }
    skipped = sum(case.find("skipped") is not None for case in cases)
    return Result(code, len(cases) - skipped, skipped, tuple(failed))


def _summary(outcomes: list[Outcome], seconds: float) -> None:
    print("\n" + "=" * 60)
    for outcome in outcomes:
        word = "ok    " if outcome.passed else "FAILED"
        print(f"{word} {outcome.name:<14} {outcome.seconds:7.1f} s  {outcome.note}".rstrip())
    failed = sum(not outcome.passed for outcome in outcomes)
    verdict = "everything passed" if not failed else f"{failed} of {len(outcomes)} failed"
    for outcome in outcomes:
        for test in outcome.unsteady:
            print(f"UNSTEADY {outcome.name}: {test} failed, and passed when it was run by itself")
    print(f"{verdict} in {seconds:.0f} s", flush=True)
