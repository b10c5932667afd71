"""What is kept, and what is not."""

from __future__ import annotations

from aurum.backends.kept import Kept, KeptAgain


def test_what_was_used_last_stays() -> None:
    kept = Kept[str, int](3 * 600)
    for n, name in enumerate("abc"):
        kept.put(name, n, 100)
    assert kept.get("a") == 0
    assert kept.all(["b", "x", "c"]) == [1, None, 2]
    kept.put("d", 3, 100)
    assert kept.all("abcd") == [None, 1, 2, 3]
    assert (len(kept), kept.size) == (3, 3 * 600)


def test_what_is_larger_than_all_room_is_not_kept() -> None:
    kept = Kept[str, int](1000)
    kept.put("small", 1, 100)
    kept.put("large", 2, 1000)
    assert kept.all(["small", "large"]) == [1, None]


def test_what_comes_once_drives_nothing_out() -> None:
    kept = KeptAgain[int, str](2 * 600)
    for _ in range(2):
        kept.put(1, "one", 100)
    assert kept.get(1) == "one"
    for n in range(10, 10_000):
        kept.put(n, "once", 100)
    assert (len(kept), kept.get(1), kept.get(10)) == (1, "one", None)
    kept.put(1, "another", 100)  # what is there is replaced at once
    assert kept.get(1) == "another"


def test_what_comes_again_too_late_counts_as_once() -> None:
    kept = KeptAgain[int, str](10_000)
    kept.put(1, "one", 100)
    for n in range(10, 5_000):
        kept.put(n, "once", 100)
    kept.put(1, "one", 100)
    assert kept.get(1) is None
    kept.put(1, "one", 100)
    assert kept.get(1) == "one"
