"""The source distribution: everything that builds, tests and explains, nothing that cannot work."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP = {
    "CHANGELOG.md",
    "LICENSE",
    "PKG-INFO",
    "README.md",
    "benchmarks",
    "converters",
    "docs",
    "examples",
    "hw_profiles",
    "neurodeploy",
    "pyproject.toml",
    "sim",
    "tests",
}
SOURCES = ("neurodeploy", "converters", "sim", "hw_profiles", "tests")
LINKS = ("neurodeploy/sim/", "neurodeploy/converters/", "neurodeploy/hw_profiles/")
"""Links of the repository to folders that are in it anyway."""
SUFFIXES = {".py", ".pyi", ".cpp", ".h", ".hpp", ".toml", ".css", ".js", ".j2", ".typed", ".txt"}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Paths in the source distribution, its own folder left out."""
    build = pytest.importorskip("scikit_build_core.build", reason="scikit-build-core is not here")
    if not (ROOT / ".ci").exists():
        pytest.skip("this is a source distribution itself")
    folder = tmp_path_factory.mktemp("sdist")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        name = build.build_sdist(str(folder))
    with tarfile.open(folder / name) as archive:
        members = archive.getmembers()
    assert all(member.isfile() or member.isdir() for member in members)
    return {member.name.partition("/")[2] for member in members if member.isfile()}


def test_top_level_is_what_works_without_the_repository(names: set[str]) -> None:
    """The Makefile needs .ci/, which is not in it."""
    assert {name.split("/")[0] for name in names} == TOP


@pytest.mark.parametrize("folder", SOURCES)
def test_every_source_is_in_it_once(names: set[str], folder: str) -> None:
    paths = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*"))
    sources = {str(path) for path in paths if path.suffix in SUFFIXES}
    found = {name for name in sources if not name.startswith(LINKS) and "__pycache__" not in name}
    assert found
    assert found <= names
    assert not any(name.startswith(LINKS) for name in names)


def test_nothing_built_or_hidden_is_in_it(names: set[str]) -> None:
    for name in names:
        parts = name.split("/")
        assert not any(part.startswith(".") or part == "__pycache__" for part in parts), name
        assert not name.endswith((".so", ".pyc", ".stamp")), name
