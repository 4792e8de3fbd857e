"""What pyproject.toml declares is what is imported, with bounds that were tried."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator

import pytest
from conftest import ROOT

PACKAGES = {
    "xps_stn_plugin": ROOT / "xps_stn_plugin",
    "xps_prefit_hooks": ROOT / "hooks" / "xps_prefit_hooks",
    "xps_stn_weights": ROOT / "weights" / "xps_stn_weights",
}
# Distributions whose modules have other names.
MODULES = {"PIL": "pillow", "himena_lmfit": "himena-lmfit", "PySide6": "pyside6-essentials"}


def declared() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def name_of(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def imports(*, needed_at_import: bool) -> Iterator[tuple[str, str]]:
    """Top-level modules that are imported, with file and line; all, or those without which the module cannot load."""
    for folder in PACKAGES.values():
        for path in sorted(folder.rglob("*.py")):
            tree = ast.parse(path.read_text())
            nodes = _at_import(tree.body) if needed_at_import else ast.walk(tree)
            for node in nodes:
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                else:
                    continue
                for name in names:
                    module = name.partition(".")[0]
                    if module not in sys.stdlib_module_names and module not in PACKAGES:
                        yield module, f"{path.relative_to(ROOT)}:{node.lineno}"


def _at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If):
            # What stands under TYPE_CHECKING is for the type checker alone.
            if not re.search(r"\bTYPE_CHECKING\b", ast.unparse(node.test)):
                yield from _at_import(node.body)
            yield from _at_import(node.orelse)
        elif isinstance(node, ast.Try):
            yield from _at_import([*node.orelse, *node.finalbody])
        else:
            yield node


def distribution(module: str) -> str:
    return MODULES.get(module, module).lower().replace("_", "-")


def test_imports_all_are_declared():
    names = {name_of(requirement) for requirements in declared().values() for requirement in requirements}
    undeclared = sorted({f"{m} ({p})" for m, p in imports(needed_at_import=False) if distribution(m) not in names})
    assert not undeclared


def test_imports_without_which_a_module_cannot_load_are_declared_for_everybody():
    core = {name_of(requirement) for requirement in declared()[""]}
    # Modules of hosts are loaded by the hosts themselves.
    undeclared = sorted(
        {
            f"{module} ({place})"
            for module, place in imports(needed_at_import=True)
            if distribution(module) not in core and "/hosts/" not in place
        }
    )
    assert not undeclared


def test_dependencies_all_are_imported():
    modules = {distribution(module) for module, _ in imports(needed_at_import=False)}
    assert {name_of(requirement) for requirement in declared()[""]} <= modules


def test_lowest_constraints_are_the_declared_bounds():
    bounds = {name_of(text): re.search(r">=([\w.]+)", text)[1] for text in declared()[""]}
    lines = [line.partition("#")[0].strip() for line in (ROOT / "constraints-lowest.txt").read_text().splitlines()]
    pinned = dict(line.split("==") for line in lines if line)
    assert {name: padded(pinned[name]) for name in bounds} == {name: padded(bound) for name, bound in bounds.items()}


def padded(version: str) -> str:
    return ".".join([*version.split("."), "0", "0"][:3])


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_versions_of_python_are_stated(version):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]


def test_files_that_ci_names_are_there():
    text = (ROOT / ".ci" / "run").read_text()
    names = [
        f"{start}{name}{end}"
        for start, names, end in re.findall(r"(tests/test_\w*)\{([\w,]+)\}(\.py)", text)
        for name in names.split(",")
    ]
    names += re.findall(r"tests/test_\w+\.py", text)
    assert len(names) > 10
    assert not [name for name in names if not (ROOT / name).is_file()]
