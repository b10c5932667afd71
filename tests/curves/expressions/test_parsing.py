"""What expressions say, and what is refused with the place where it stands."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurum.curves.expressions import parse, printed
from aurum.curves.expressions.parsing import DEEPEST, LONGEST, MOST_NODES
from aurum.curves.expressions.tree import (
    At,
    Call,
    Convert,
    Negated,
    Node,
    Number,
    OffPeak,
    QuotedIn,
    Ref,
    Shift,
    product_of,
    sum_of,
)
from aurum.curves.expressions.units import PLAIN, CompoundUnit
from aurum.errors import InvalidExpression
from aurum.market.identity import CurveIdentity


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2.0*[EUGP:EU/Dutch_TTF/Gas]", "2 * [eugp:eu/dutch_ttf/gas]"),
        ("[a]-([b]-[c])", "[a] - ([b] - [c])"),
        ("([a]-[b])-[c]", "[a] - [b] - [c]"),
        ("[a]/([b]*[c])", "[a] / ([b] * [c])"),
        ("(([a]))", "[a]"),
        ("-[a]*-2", "-[a] * -2"),
        ("-([a]+[b])", "-([a] + [b])"),
        ("1e3 * [a] + .5 EUR/MWh", "1000 * [a] + 0.5 EUR/MWh"),
        ("7.0MMBtu / MWh*[a]", "7 MMBtu/MWh * [a]"),
        ("1MWh / MWh*[a]", "1 MWh/MWh * [a]"),
        ("shift( [a] ,-1,month )", "shift([a], -1, month)"),
        ("at([a],2025-02-12)", "at([a], 2025-02-12)"),
        ("convert([a], USD/MWh, 1.08 USD/EUR)", "convert([a], USD/MWh, 1.08 USD/EUR)"),
        ("convert([a]/[b],1)", "convert([a] / [b], 1)"),
        ("quoted_in([fx:eur usd/spot/x],USD/EUR)", "quoted_in([fx:eur+usd/spot/x], USD/EUR)"),
        ("off_peak( [a],[b] )", "off_peak([a], [b])"),
        ("spark([a],[b],2)", "spark([a], [b], 2)"),
        ("[rp:eu/x/marine+fuel+0.5%25+(cif)&co]", "[rp:eu/x/marine+fuel+0.5%25+(cif)&co]"),
    ],
)  # fmt: skip
def test_an_expression_has_one_way_to_be_written(text: str, canonical: str) -> None:
    assert printed(parse(text)) == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("", 1, "it ends"),
        ("[a] +", 6, "it ends"),
        ("[a] [b]", 5, "operator"),
        ("2 3", 3, "operator"),
        ("[a", 1, "no meaning"),
        ("[a]]", 4, "no meaning"),
        ("[[a]]", 1, "no meaning"),
        ("[]", 1, "printable"),
        ("[a\x00b]", 1, "printable"),
        ("[a] − [b]", 5, "MINUS SIGN"),
        ("[a] × 2", 5, "MULTIPLICATION SIGN"),
        ("２ * [a]", 1, "FULLWIDTH DIGIT TWO"),
        ("٣ * [a]", 1, "ARABIC-INDIC DIGIT THREE"),
        ("ѕpark([a], [b], 2)", 1, "CYRILLIC SMALL LETTER DZE"),
        ("[a]\u00a0+ [b]", 4, "NO-BREAK SPACE"),
        ("[a] ** 2", 6, "there is '*'"),
        ("[a] // 2", 6, "there is '/'"),
        ("[a]; drop table curves", 4, "no meaning"),
        ("__import__('os')", 1, "no meaning"),
        ("import(1)", 1, "not a function"),
        ("eval([a])", 1, "not a function"),
        ("[a].x", 4, "no meaning"),
        ("lambda: 1", 7, "no meaning"),
        ("a", 1, "not a function"),
        ("Spark([a],[b],2)", 1, "not a function"),
        ("nan * [a]", 1, "not a function"),
        ("1e31 * [a]", 1, "1e+30"),
        ("1e400 * [a]", 1, "1e+30"),
        ("1e-31 * [a]", 1, "1e-30"),
        ("1e99999999999 * [a]", 1, "1e+30"),
        ("1e-99999999999 * [a]", 1, "1e-30"),  # not 0
        ("." + "0" * 400 + "1 * [a]", 1, "1e-30"),
        ("1" * 3000 + " * [a]", 1, "1e+30"),
        ("inf * [a]", 1, "not a function"),
        ("0x10 * [a]", 2, "there is 'x10'"),
        ("1_000 * [a]", 2, "no meaning"),
        ("[a]\u202e", 4, "RIGHT-TO-LEFT OVERRIDE"),
        ("\ufeff[a]", 1, "ZERO WIDTH NO-BREAK SPACE"),
        ("[a\u200b]", 1, "printable"),
        ("at([a], 0000-01-01)", 9, "2025-02-12"),
        ("+".join(["[a]"] * 10_000), None, "4,000"),
        ("5 EUR/mwh", 7, "not a function"),
        ("2025-02-12", 1, "date"),
        ("at([a], 2025-02-30)", 9, "2025-02-12"),
        ("at([a], 5)", 9, "2025-02-12"),
        ("shift([a], 1.5, month)", 12, "whole number"),
        ("shift([a], 99999, month)", 12, "whole number"),
        ("shift([a], 1, fortnight)", 15, "month"),
        ("spark([a], [b])", 1, "(power, gas, heat_rate)"),
        ("basket(1, [a], 2)", 1, "pairs"),
        ("max([a])", 1, "not 1"),
        ("convert([a], furlong)", 14, "not the code"),
        ("quoted_in(2 * [a], USD/bbl)", 11, "[curve]"),
        ("off_peak([a], 2 * [b])", 15, "[curve]"),
        ("off_peak([a])", 13, "','"),
        ("[" + "k" * 301 + "]", 1, "300"),
        ("(" * 10_000, None, "4,000"),
    ],
)  # fmt: skip
def test_what_is_wrong_says_where(text: str, position: int | None, says: str) -> None:
    with pytest.raises(InvalidExpression) as refused:
        parse(text)
    assert says in refused.value.message
    assert refused.value.details.get("position") == position


@pytest.mark.parametrize("nest", ["(", "-", "shift(", "max(1,", "spark("])
def test_depth_is_bounded_before_it_is_recursed_into(nest: str) -> None:
    with pytest.raises(InvalidExpression, match=f"{DEEPEST} deep"):
        parse(nest * (LONGEST // len(nest) - 1))


def test_size_is_bounded_and_long_sums_are_not_deep() -> None:
    most = MOST_NODES // 2
    assert parse("+".join(["[a]"] * most))
    with pytest.raises(InvalidExpression, match="more than 500"):
        parse("+".join(["[a]"] * (most + 1)))


segments = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Co", "Cn"]), min_size=1, max_size=12
)


@given(segments, segments, segments)
def test_every_key_can_be_quoted(market: str, location: str, product: str) -> None:
    key = CurveIdentity("V", market, location, product).key
    if key.isprintable():
        assert parse(f"[{key}]") == Ref(key)


units = st.sampled_from(["EUR", "GBX", "USD", "MWh", "therm", "tCO2", "bbl"])
compound = st.one_of(
    st.just(PLAIN),
    units.map(lambda code: CompoundUnit.of({code: 1})),
    st.tuples(units, units)
    .filter(lambda two: two[0] != two[1])
    .map(lambda two: CompoundUnit.of({two[0]: 1, two[1]: -1})),
)
numbers = st.builds(Number, st.floats(1e-30, 1e30) | st.just(0.0) | st.integers(1, 9).map(float), compound)
refs = st.text(string.ascii_lowercase + ":/_%~+", min_size=1, max_size=9).map(Ref)
signs = st.sampled_from([1, -1])


def larger(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    rest = st.lists(st.tuples(signs, nodes), min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Negated, nodes), st.builds(sum_of, nodes, rest), st.builds(product_of, nodes, rest),
        st.builds(Shift, nodes, st.integers(-1200, 1200), st.sampled_from(["month", "quarter", "year"])),
        st.builds(At, nodes, st.dates()), st.builds(Convert, nodes, compound, st.none() | nodes),
        st.builds(QuotedIn, refs, compound), st.builds(OffPeak, refs, refs),
        st.builds(Call, st.sampled_from(["min", "max"]), st.lists(nodes, min_size=2, max_size=3).map(tuple)),
        st.builds(Call, st.just("spark"), st.tuples(nodes, nodes, nodes)),
    )  # fmt: skip


nodes: st.SearchStrategy[Node] = st.recursive(st.one_of(numbers, refs), larger, max_leaves=12)


@settings(max_examples=300)
@given(nodes)
def test_what_is_printed_reads_back_as_the_same(node: Node) -> None:
    assert parse(printed(node)) == node


@settings(max_examples=300)
@given(
    st.text(string.printable + "−×２", max_size=40)
    | st.lists(st.sampled_from(["[a]", "2", "(", ")", "+", "-", "*", "/", ",", "max(", "1e9", "MWh"])).map(" ".join)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    position = refusal(text)
    if position is None:
        assert parse(printed(parse(text))) == parse(text)
    else:
        assert 1 <= position <= len(text) + 1


def refusal(text: str) -> int | None:
    """At which character it is refused; None: it is read."""
    try:
        parse(text)
    except InvalidExpression as error:
        return int(error.details["position"])
    return None
