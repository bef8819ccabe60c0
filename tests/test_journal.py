"""A journal goes on where it ended, and belongs to one program, data set and settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurodeploy import journal
from neurodeploy.errors import FormatError, NeurodeployError, OptionError
from neurodeploy.journal import Head, opened

HEAD = Head("noise", "a" * 64, "b" * 64, {"sigmas": [0.1], "seed": 3})
KIND = np.dtype("<i4")


def written(path: Path, count: int, *, payload: bool = False) -> Path:
    with opened(path, HEAD, resume=False, payload=KIND if payload else None) as book:
        for k in range(count):
            book.append([{"sample": k}], np.array([k], KIND) if payload else None)
    return path


def resumed(path: Path, *, payload: bool = False) -> journal.Journal:
    return opened(path, HEAD, resume=True, payload=KIND if payload else None)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "verify" / "noise.jsonl", 3)
    head, lines = journal.read(path)
    assert head == {"format": 1, **vars(HEAD)}
    assert lines == [{"sample": 0}, {"sample": 1}, {"sample": 2}]


def test_a_journal_goes_on_behind_its_last_whole_line(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.jsonl", 4).read_bytes()
    path = written(tmp_path / "cut.jsonl", 3)
    path.write_bytes(path.read_bytes()[:-3])
    with resumed(path) as book:
        assert book.dropped and book.lines == [{"sample": 0}, {"sample": 1}]
        book.append([{"sample": 2}, {"sample": 3}])
    assert path.read_bytes() == whole


def test_without_resume_it_begins_anew(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", 5)
    assert len(journal.read(written(path, 1))[1]) == 1


@pytest.mark.parametrize(("lines", "records"), [(2, 3), (3, 2), (0, 1)])
def test_lines_and_records_are_kept_as_far_as_both_go(
    tmp_path: Path, lines: int, records: int
) -> None:
    path = written(tmp_path / "x.jsonl", 3, payload=True)
    content = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(content[: lines + 1]))
    part = path.with_suffix(".part")
    part.write_bytes(part.read_bytes()[: 4 * records + 1])
    kept = min(lines, records)
    with resumed(path, payload=True) as book:
        assert len(book.lines) == kept
        book.append([{"sample": 9}], np.array([9], KIND))
    assert journal.payload(path, KIND).tolist() == [*range(kept), 9]
    assert len(journal.read(path)[1]) == kept + 1


def test_lines_can_be_forgotten(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", 5, payload=True)
    with resumed(path, payload=True) as book:
        book.keep(2, KIND.itemsize)
        book.append([{"sample": 2}], np.array([2], KIND))
    assert [line["sample"] for line in journal.read(path)[1]] == [0, 1, 2]
    assert journal.payload(path, KIND).tolist() == [0, 1, 2]


BAD: dict[str, tuple[bytes, type[NeurodeployError], str]] = {
    "damaged": (b"{]\n{}\n", FormatError, "line 1 is damaged"),
    "a list": (b"[1]\n", FormatError, "line 1 is damaged: expected a JSON object"),
    "another format": (b'{"format": 2}\n', FormatError, "format is 2, this release reads 1"),
    "empty": (b"", OptionError, "holds no results to go on with; leave out --resume"),
    "too long": (b'{"a": "' + b"x" * 2**20 + b'"}\n', FormatError, "line 1 has 1048586 bytes"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_journal_is_one_line(tmp_path: Path, name: str) -> None:
    content, error, message = BAD[name]
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(error, match=message) as caught:
        resumed(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
    assert path.read_bytes() == content


OTHERS = {
    "program": (replace(HEAD, program="c" * 64), "results of program aaaaaaaaaaaa, this run has"),
    "data": (replace(HEAD, data="c" * 64), "results of data bbbbbbbbbbbb, this run has"),
    "settings": (replace(HEAD, settings={"seed": 4}), "results of settings {'sigmas': "),
    "kind": (replace(HEAD, kind="attack"), "results of kind noise, this run has kind attack"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_results_of_something_else_are_not_gone_on_with(tmp_path: Path, name: str) -> None:
    head, message = OTHERS[name]
    path = written(tmp_path / "x.jsonl", 2)
    before = path.read_bytes()
    with pytest.raises(OptionError) as caught:
        opened(path, head, resume=True, payload=None)
    assert message in str(caught.value)
    assert path.read_bytes() == before
