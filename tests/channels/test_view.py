"""Agents see the state and cannot change it."""

import copy
import json
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agentctl.channels.view import MappingView, SequenceView, plain, view

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
    max_leaves=12,
)
containers = st.one_of(st.lists(values, max_size=4), st.dictionaries(st.text(max_size=4), values, max_size=4))

STATE = {"history": [{"agent": "critic", "data": {"risk": 1}}], "decision": {"verdict": "book"}, "tags": ["a", "b"]}


@given(values, values)
def test_a_view_equals_what_is_under_it(value: object, other: object) -> None:
    assert view(value) == value
    assert value == view(value)
    assert view(value) == view(copy.deepcopy(value))
    assert (view(value) == other) is (value == other)
    assert [view(value)] == [value]
    assert repr(view(value)) == repr(value)


@given(values)
def test_plain_gives_an_independent_copy(value: object) -> None:
    for copied in (plain(view(value)), plain([view(value)])[0]):
        assert copied == value
        assert type(copied) is type(value)
        assert json.dumps(copied) == json.dumps(value)
    if isinstance(value, list):
        plain(view(value)).append(1)
    assert view(value) == value


@given(containers)
@settings(max_examples=50)
def test_whatever_is_read_from_a_view_is_a_view_too(value: list[object] | dict[str, object]) -> None:
    pending = [view(value)]
    while pending:
        seen = pending.pop()
        assert not isinstance(seen, (list, dict))
        if isinstance(seen, MappingView):
            pending += [*seen.values(), *(item for _, item in seen.items()), *(seen.get(key) for key in seen)]
        if isinstance(seen, SequenceView):
            pending += [*seen, *reversed(seen), *(seen[n] for n in range(len(seen))), *seen[:2], *(seen + seen)]


@pytest.mark.parametrize(
    "code",
    [
        "state['x'] = 1",
        "del state['tags']",
        "state.x = 1",
        "state.update({'x': 1})",
        "state.pop('tags')",
        "state.setdefault('x', 1)",
        "state.clear()",
        "state['tags'].append(1)",
        "state['tags'][0] = 1",
        "state['tags'].sort()",
        "del state['tags'][0]",
        "state['history'][0]['data']['risk'] = 0",
        "state['history'][:][0]['agent'] = 0",
        "(state['history'] + [])[0]['agent'] = 0",
        "list(state['history'])[0]['agent'] = 0",
        "dict(state)['decision']['verdict'] = 0",
        "hash(state)",
        "hash(state['tags'])",
    ],
)
def test_no_way_leads_to_a_change(code: str) -> None:
    before = copy.deepcopy(STATE)

    with pytest.raises((TypeError, AttributeError)):
        exec(code, {"state": view(STATE)})  # the very lines that an author would try

    assert before == STATE


def test_a_view_reads_like_the_real_thing() -> None:
    state = view(STATE)

    assert isinstance(state, Mapping)
    assert isinstance(state["tags"], Sequence)
    assert state.get("nope", 1) == 1
    assert "tags" in state and "a" in state["tags"] and {"verdict": "book"} in [state["decision"]]
    assert state["history"].index({"agent": "critic", "data": {"risk": 1}}) == 0
    assert state["history"].count(view({"agent": "critic", "data": {"risk": 1}})) == 1
    assert [*state["tags"] + ["c"], *(["z"] + state["tags"])] == ["a", "b", "c", "z", "a", "b"]
    assert {**state}["tags"][::-1] == ["b", "a"]
    assert copy.deepcopy(state) == STATE
    match state:
        case {"history": [{"agent": agent}], **rest}:
            assert (agent, sorted(rest)) == ("critic", ["decision", "tags"])


def test_adding_something_else_than_a_list_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="can only add a list to a list, not str"):
        view([1]) + "ab"


def test_a_view_is_lazy() -> None:
    under = {"history": [1]}
    seen = view(under)
    under["history"].append(2)

    assert seen["history"] == [1, 2]
    assert view(seen) is seen


def test_a_tuple_stays_one() -> None:
    assert view((1, [2])) == (1, [2])
    assert plain(view((1, [2]))) == (1, [2])


def test_a_view_works_in_a_sandboxed_template() -> None:
    template = (
        "{{ decision.verdict }} {{ history[0].data.risk }} {% for k in state %}{{ k }} {% endfor %}{{ tags|join(',') }}"
    )

    text = ImmutableSandboxedEnvironment().from_string(template).render(state=view(STATE), **view(STATE))

    assert text == "book 1 history decision tags a,b"
