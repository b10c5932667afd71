"""aurum operations: what people do with operations on the command line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from aurum import cli

VIEWER = "query Viewer { viewer { name } }"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """`aurum operations ...`: how it exits, and what it prints."""
    monkeypatch.setenv("AURUM_DATABASE__URL", migrated_sqlite_url)
    monkeypatch.setenv("AURUM_HOME", str(tmp_path))

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["aurum", "operations", *arguments])
        with pytest.raises(SystemExit) as done:
            cli.main()
        printed = capsys.readouterr()
        return int(done.value.code or 0), printed.out, printed.err

    return command


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    file = tmp_path / "desk.graphql"
    file.write_text(VIEWER)
    return file


def test_operations_are_checked_registered_listed_and_retired(run: Run, desk: Path) -> None:
    assert run("check", str(desk)) == (0, "Valid operations: 1.\n", "")
    assert "desk" not in run("list")[1]
    assert run("register", str(desk)) == (0, "desk\n", "")
    assert run("register", str(desk)) == (0, "desk\n", "")
    code, listed, _ = run("list")
    assert (code, "desk" in listed, "command line" in listed) == (0, True, True)
    assert run("retire", "desk") == (0, "desk is retired.\n", "")
    desk.write_text(VIEWER + " ")
    code, _, error = run("register", str(desk))
    assert (code, "CONFLICT: the id 'desk' is that of another document" in error) == (1, True)


def test_what_is_wrong_is_told_with_its_line_and_nothing_is_registered(run: Run, desk: Path) -> None:
    desk.with_name("wrong.graphql").write_text("query A {\n  nonsense\n}")
    for command in ("check", "register"):
        code, out, error = run(command, str(desk), str(desk.with_name("wrong.graphql")))
        assert (code, out) == (1, "")
        assert "wrong.graphql:2: Cannot query field 'nonsense' on type 'Query'." in error
    assert "desk" not in run("list")[1]
    assert "there is no registered operation 'nobody'" in run("retire", "nobody")[2]
    (desk.parent / "empty").mkdir()
    assert "no operations found" in run("check", str(desk.parent / "empty"))[2]


def test_ids_are_listed_whole_with_what_became_of_them(run: Run, desk: Path) -> None:
    id_ = f"sha256:{hashlib.sha256(VIEWER.encode()).hexdigest()}"
    desk.with_name("m.json").write_text(f'{{"{id_}": "{VIEWER}"}}')
    run("register", str(desk.with_name("m.json")), str(desk))
    run("retire", "desk")
    first, second = run("list")[1].splitlines()
    assert first.startswith("desk  registered 20")
    assert "by command line, never used, retired 20" in first
    assert second.startswith(f"{id_}  registered 20")
    assert "retired" not in second


def test_a_setting_that_is_no_list_is_told(run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURUM_GRAPHQL__OPERATIONS", str(desk))
    code, _, error = run("list")
    assert (code, "A list is written as JSON" in error, '"graphql"' in error) == (1, True, True)
