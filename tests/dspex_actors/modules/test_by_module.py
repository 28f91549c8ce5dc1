"""What is kept for each instance is found by instance and by module, and nothing else is."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dspex_actors.modules._by_module import ByModule

KEYS = st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"))
STEPS = st.one_of(
    st.tuples(st.just("put"), KEYS, st.integers(0, 3)),
    st.tuples(st.just("pop"), KEYS, st.none()),
    st.tuples(st.just("drop"), KEYS, st.none()),
)


@settings(max_examples=50)
@given(st.lists(STEPS, max_size=20))
def test_it_holds_what_a_plain_dictionary_of_instances_would(steps):
    table, plain = ByModule(), {}
    for verb, key, value in steps:
        if verb == "put":
            table.put(key, value)
            plain[key] = value
        elif verb == "pop":
            assert table.pop(key) == plain.pop(key, None)
        else:
            table.drop(key[0])
            plain = {each: kept for each, kept in plain.items() if each[0] != key[0]}

    assert table.keys() == sorted(plain)
    for module_id in "abc":
        own = {key: plain[key] for key in sorted(plain) if key[0] == module_id}
        assert list(table.of(module_id).items()) == list(own.items())
        assert table.count(module_id) == len(own)
        for name in "xyz":
            key = module_id, name
            assert (key in table, table.get(key)) == (key in plain, plain.get(key))


def test_a_module_without_instances_leaves_nothing_behind():
    table = ByModule()
    table.put(("a", "x"), 1)
    table.pop(("a", "x"))
    table.pop(("b", "x"))

    assert table._of == {}
