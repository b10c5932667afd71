"""Documents and rows that are kept, and how little of them."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import build_schema, specified_rules

from aurum.backends.kept import Kept
from aurum.graphql import documents
from aurum.graphql.documents import Documents

SCHEMA = build_schema("type Query { a(x: Int): Int b: Query }")


def test_a_text_is_parsed_and_validated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = Documents(SCHEMA, specified_rules)
    first = [loaded.load(text) for text in ("{ a }", "{ a ", "{ c }")]

    def again(*_: Any, **__: Any) -> None:
        raise AssertionError("parsed again")

    monkeypatch.setattr(documents, "parse", again)
    assert [loaded.load(text) for text in ("{ a }", "{ a ", "{ c }")] == first
    assert [(each.tree is None, [error.message for error in each.errors]) for each in first] == [
        (False, []),
        (True, ["Syntax Error: Expected Name, found <EOF>."]),
        (False, ["Cannot query field 'c' on type 'Query'. Did you mean 'a' or 'b'?"]),
    ]


@pytest.mark.parametrize("text", ["{ b " * 5000 + "}" * 5000, "{ a(x: " + "[" * 5000 + "]" * 5000 + ") }"])
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    (error,) = Documents(SCHEMA, specified_rules).load(text).errors
    assert "nested too deeply" in error.message


def test_more_tokens_than_allowed_are_refused() -> None:
    (error,) = Documents(SCHEMA, specified_rules, 5).load("{ a a a a a }").errors
    assert "5 tokens" in error.message


def test_plans_are_kept_by_the_variables_that_decide_what_is_selected() -> None:
    text = "query ($x: Int, $s: Boolean!, $i: Boolean!) { a(x: $x) @skip(if: $s) ...F @include(if: $i) } "
    document = Documents(SCHEMA, specified_rules).load(text + "fragment F on Query { b { a @include(if: true) } }")
    assert document.conditions == ("i", "s")
    plans = document.plans({"x": 1, "s": True, "i": False})
    assert plans is document.plans({"x": 2, "s": True, "i": False})
    assert plans is not document.plans({"x": 1, "s": False, "i": False})


def test_plans_of_a_document_are_bounded() -> None:
    names = [f"v{n}" for n in range(6)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: a @skip(if: ${name})" for name in names)
    document = Documents(SCHEMA, specified_rules).load(f"query ({declared}) {{ {fields} }}")
    for combination in range(64):
        document.plans({name: bool(combination >> n & 1) for n, name in enumerate(names)})
        assert len(document._plans) <= 8


def test_what_was_used_last_is_kept_up_to_its_size() -> None:
    kept = Kept[str, bytes](4000)
    for name in "abc":
        kept.put(name, b"", 500)
    assert kept.get("a") == b""
    kept.put("d", b"", 1000)
    assert [kept.get(name) for name in "abcd"] == [b"", None, b"", b""]
    kept.put("e", b"", 3600)  # alone too large: nothing makes way for it
    assert (kept.get("e"), len(kept)) == (None, 3)
    kept.put("a", b"other", 500)
    assert (kept.get("a"), kept.size) == (b"other", 3500)
    assert kept.size <= kept.most_bytes


def test_documents_are_kept_up_to_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_MOST_BYTES", 1_000_000)
    loaded = Documents(SCHEMA, specified_rules)
    for n in range(100, 200):
        loaded.load(f"{{ {'x' * 90}{n}: a }}")  # 100 characters
    assert len(loaded._kept) == 39
