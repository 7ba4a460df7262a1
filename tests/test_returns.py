"""What `bench/returns.py` makes out of Java's declarations and expressions."""

from __future__ import annotations

import pytest
from returns import Class, fits, read_class, type_of

SOURCE = """\
package a;
public class A<T> extends B {
  private final Map<String, List<T>> map = new HashMap<>();
  int count;
  @Override @SuppressWarnings("x")
  public static String[] names(final int a, List<String> b) throws E {
    String s = "a";
    for (Foo f : foos) { if (x) { return s; } }
    Supplier<Integer> r = () -> { int inner = 1; return inner; };
    return b.toArray();
  }
  A(int x) { return; }
  boolean empty() { return count == 0; }
}
"""


def test_methods_know_their_type_and_what_is_declared_by_then() -> None:
    declared = read_class(SOURCE)
    assert [method.type for method in declared.methods] == ["String[]", "boolean"]
    first, last = declared.methods[0].returns
    assert SOURCE[first[0] :].startswith("s; }")
    assert SOURCE[last[0] :].startswith("b.toArray()")
    assert first[1] == {"a": "int", "b": "List", "s": "String", "f": "Foo"}
    assert last[1] == first[1] | {"r": "Supplier"}
    assert declared.fields == {"map": "Map", "count": "int"}
    assert declared.results == {"names": "String[]", "empty": "boolean"}


def test_an_anonymous_class_has_methods_of_its_own() -> None:
    declared = read_class(
        "class A { void a() { f(new Transformer<Integer, String>() {"
        " public String transform(int x) { return x + s; } }); } int[] b = {1}; }"
    )
    assert [(one.type, len(one.returns)) for one in declared.methods] == [
        ("void", 0),
        ("String", 1),
    ]
    assert declared.fields == {"b": "int[]"}


@pytest.mark.parametrize(
    ("expression", "type_"),
    [
        ("s;", "String"),
        ("this.count;", "int"),
        ("names(1, b);", "String[]"),
        ("new Foo(1);", "Foo"),
        ("new Foo(1).x();", None),
        ("!x;", "boolean"),
        ("a > 1 && b;", "boolean"),
        ('"a" + unknown;', "String"),
        ("null;", "null"),
        ("3;", "number"),
        ("b.get(0);", None),
        ("s", None),
        (";", None),
    ],
)
def test_expressions_have_types_where_they_are_plain(expression: str, type_: str | None) -> None:
    declared = Class(fields={"count": "int"}, results={"names": "String[]"})
    assert type_of(expression, {"s": "String"}, declared) == type_


def test_null_fits_references_and_numbers_fit_numbers() -> None:
    assert fits("null", "String")
    assert not fits("null", "int")
    assert fits("number", "long")
    assert not fits("number", "boolean")
    assert not fits("String", "String[]")
