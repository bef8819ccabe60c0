"""Replacing a file: whole or not at all, and what else of the file stays."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from neurodeploy.atomic import replacing

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX modes and links")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def write(path: Path, content: bytes = b"new") -> None:
    with replacing(path) as file:
        file.write(content)


@pytest.fixture
def umask() -> None:
    """Run with a umask of 027."""
    before = os.umask(0o027)
    yield
    os.umask(before)


@pytest.mark.parametrize("old", [0o600, 0o640, 0o664, 0o755])
def test_an_existing_file_keeps_its_mode(tmp_path: Path, umask: None, old: int) -> None:
    """It used to get that of a new file: a private one became readable for all."""
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(old)
    write(path)
    assert (path.read_bytes(), mode(path)) == (b"new", old)


def test_a_new_file_has_what_the_umask_leaves(tmp_path: Path, umask: None) -> None:
    write(tmp_path / "x")
    assert mode(tmp_path / "x") == 0o640


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
def test_an_existing_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    os.chown(path, 12345, 23456)
    write(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_is_not_to_be_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(PermissionError) as error:
        write(path)
    assert error.value.filename == str(path)
    assert path.read_bytes() == b"old"


def test_a_link_stays_and_the_file_that_it_names_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "x", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o600)
    link.symlink_to(Path("folder") / "x")
    write(link)
    assert link.is_symlink()
    assert (target.read_bytes(), mode(target)) == (b"new", 0o600)
    assert sorted(p.name for p in (tmp_path / "folder").iterdir()) == ["x"]


def test_a_link_to_nothing_makes_the_file_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("x")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "x").read_bytes() == b"new"


def links_in_a_circle(folder: Path) -> Path:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    return folder / "a"


def a_folder(folder: Path) -> Path:
    (folder / "a").mkdir()
    return folder / "a"


def a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "a")
    return folder / "a"


def no_folder(folder: Path) -> Path:
    return folder / "none" / "a"


def below_a_file(folder: Path) -> Path:
    (folder / "f").touch()
    return folder / "f" / "a"


@pytest.mark.parametrize(
    "place",
    [links_in_a_circle, a_folder, a_pipe, no_folder, below_a_file],
    ids=lambda f: f.__name__,
)
def test_what_cannot_be_replaced_is_named_and_stays(tmp_path: Path, place: object) -> None:
    path = place(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError) as error:
        write(path)
    assert error.value.filename == str(path)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("failure", [ValueError("x"), KeyboardInterrupt(), SystemExit(1)])
def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path, failure: BaseException) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(type(failure)), replacing(path) as file:
        file.write(b"half")
        raise failure
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
