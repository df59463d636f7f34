"""The plan of the code, kept by tests where a linter cannot see it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "compute_service"
SOURCES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES_A_FILE = 600
MOST_LINES_A_FUNCTION = 60
BANNED_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_file_is_over_600_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES_A_FILE


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_function_is_over_60_lines(path: Path) -> None:
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1})"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MOST_LINES_A_FUNCTION
    ]
    assert not long


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_every_public_name_is_documented(path: Path) -> None:
    tree = ast.parse(path.read_text())
    bare = [] if ast.get_docstring(tree) else ["the module"]
    bare += [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not bare


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [_name(p) for p in SOURCES if p.stem in BANNED_NAMES or p.parent.name in BANNED_NAMES]


def test_the_global_configuration_is_named_only_in_cmd_and_config() -> None:
    users = {p.relative_to(PACKAGE).parts[0] for p in SOURCES if re.search(r"\bcfg\.CONF\b", p.read_text())}
    assert users <= {"cmd", "config"}


def test_no_code_blocks_on_eventlet() -> None:
    assert not [_name(p) for p in SOURCES if re.search(r"^\s*(import|from) eventlet", p.read_text(), re.M)]
