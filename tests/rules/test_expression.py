"""Expressions: what they mean, and what they are told to be wrong about."""

import pytest

from agentctl.channels.view import view
from agentctl.errors import ExpressionFailed
from agentctl.rules import Expression, ExpressionInvalid

HISTORY = [
    {"agent": "critic", "stage": "proposal", "round": 1, "text": "Too dear", "data": {"risk": 0.8}},
    {"agent": "devil", "stage": "proposal", "round": 1, "text": "Rain", "data": {"risk": 1.0}},
    {"agent": "critic", "stage": "proposal", "round": 2, "text": "Better", "data": {}},
]
CHANNELS: dict[str, object] = {
    "task": "Five days of food",
    "stage": "synthesis",
    "history": HISTORY,
    "decision": {"verdict": "revise", "count": 3, "none": None},
    "visits": {"proposal": 2, "synthesis": 1},
    "executed_agents_per_stage": {"proposal": ["critic", "devil", "critic"], "evaluation": ["judge"]},
    "votes": 7,
    "empty": [],
}
NAMES = {**CHANNELS, "state": CHANNELS, "rounds": 2, "ranking": [{"option": "a", "total": 1.5}]}
VIEWS = {name: view(value) for name, value in NAMES.items()}

MEANINGS = [
    ("len(state['executed_agents_per_stage'].get('evaluation', [])) >= 1", True),
    ("len(state['executed_agents_per_stage'].get('booking', [])) >= 1", False),
    ("decision.verdict == 'revise' and visits.proposal < 3", True),
    ("decision.nothing", None),
    ("decision.nothing.deeper.still", None),
    ("decision.count", 3),
    ("history.agent", None),
    ("decision.none < 3", False),
    ("decision.none >= 3", False),
    ("not decision.none < 3", True),
    ("ranking[0].option", "a"),
    ("ranking[0]['total'] * 2 - 1", 2.0),
    ("history[-1].text", "Better"),
    ("[e.round for e in history[:2]]", [1, 1]),
    ("task[0:4].lower()", "five"),
    ("'food' in task", True),
    ("'critic' in executed_agents_per_stage.proposal", True),
    ("'booking' not in visits", True),
    ("{'verdict': 'revise'}.verdict in {'revise', 'book'}", True),
    ("stage in ('synthesis', 'proposal')", True),
    ("executed_agents_per_stage.proposal.count('critic')", 2),
    ("executed_agents_per_stage.proposal.index('devil')", 1),
    ("task.split()[-1].upper()", "FOOD"),
    ("' x '.strip() == 'x' and task.startswith('Five') and task.endswith('d')", True),
    ("'yes' if rounds > 1 else 'no'", "yes"),
    ("-1.5 if visits.proposal < 2 else -0.5", -0.5),
    ("1 < rounds <= 2", True),
    ("'a' < task and not task <= 'F'", False),
    ("'a' > 'B' >= 'A'", True),
    ("sum(e.data.risk for e in history if e.data.risk)", 1.8),
    ("sum(visits.values())", 3),
    ("max(visits.values()) + min(1, 2)", 3),
    ("max([], default=4)", 4),
    ("any(e.agent == 'devil' for e in history) and not all(e.round == 1 for e in history)", True),
    ("round(2.345, 1) + abs(-1) + round(1.6)", 5.3),
    ("sorted_names if False else [stage for stage, n in visits.items() if n > 1]", ["proposal"]),
    ("{s: n * 2 for s, n in visits.items()}", {"proposal": 4, "synthesis": 2}),
    ("{e.agent for e in history} == {'devil', 'critic'}", True),
    ("[s for s in visits]", ["proposal", "synthesis"]),
    (
        "[[e.agent, s] for e in history for s in visits if e.round == 2]",
        [["critic", "proposal"], ["critic", "synthesis"]],
    ),
    ("len([x for x in [e.data for e in history] if x])", 2),
    ("decision.keys()[0]", "verdict"),
    ("empty or 'nothing'", "nothing"),
    ("history == state.history and state['votes'] == votes", True),
    ("[1] + [2] == [1, 2] and 'a' + 'b' == 'ab'", True),
    ("decision.none is None and decision.verdict is not None", True),
    ("2 ** 10 % 1000 // 2 / 4", 3.0),
    ("+votes == 7 and -votes == -7", True),
    ("\n  votes > 1\n  and rounds > 1\n", True),
    ("(votes >  # a comment\n 1)", True),
]


@pytest.mark.parametrize(("text", "value"), MEANINGS)
def test_an_expression_means_what_it_says(text: str, value: object) -> None:
    expression = Expression.parse(text)

    assert expression.evaluate(NAMES) == value
    assert expression.evaluate(VIEWS) == value


UNDEFINED = [
    ("decision.none + 1", "None + 1 is not possible", 0),
    ("1 < decision.none * 2", "None * 2 is not possible", 4),
    ("votes > 'a'", "7 > 'a' is not possible", 0),
    ("decision['nope']", "has no key 'nope'", 0),
    ("decision.none['x']", "None has no items", 0),
    ("decision.none.get('x')", "None has no method `get`", 0),
    ("history.get('x')", "a list of 3 has no method `get`", 0),
    ("history[9]", "out of range", 0),
    ("history['a']", "has no item 'a'", 0),
    ("votes / (rounds - 2)", "division by zero", 0),
    ("len(votes)", "7 has no length", 0),
    ("'x' in decision.none", "'x' in None is not possible", 0),
    ("1 in task", "1 in 'Five days of food' is not possible", 0),
    ("[x for x in votes]", "7 has no items", 0),
    ("[a for a, b in history]", "cannot be unpacked into 2 names", 0),
    ("max(empty)", "max of nothing", 0),
    ("max(1, task)", "max cannot compare 'Five days of food'", 0),
    ("sum(visits)", "sum of 'proposal' is not possible", 0),
    ("votes == -task", "- of 'Five days of food' is not possible", 9),
    ("round(1.5, votes * 10)", "round takes -15 to 15 digits", 0),
    ("task.index('nope')", "substring not found", 0),
    ("empty.index('nope')", "'nope' is not in a list of 0", 0),
    ("task.startswith(votes)", "startswith first arg must be str", 0),
    ("{history: 1}", "unhashable type", 0),
    ("nobody", "'nobody' has no value here", 0),
    ("(0 - votes) ** 0.5", "no finite number", 0),
]


@pytest.mark.parametrize(("text", "reason", "offset"), UNDEFINED)
def test_what_has_no_value_fails_with_reason_and_place(text: str, reason: str, offset: int) -> None:
    for names in (NAMES, VIEWS):
        with pytest.raises(ExpressionFailed) as failure:
            Expression.parse(text).evaluate(names)

        assert reason in str(failure.value)
        assert f"`{text}` failed at character {offset + 1}" in str(failure.value)


def test_a_failure_names_the_values_it_read() -> None:
    with pytest.raises(ExpressionFailed) as failure:
        Expression.parse("votes > 1 and visits.proposal + decision.score > 2").evaluate(NAMES)

    assert failure.value.values == {"visits.proposal": 2, "decision.score": None}
    assert "(with visits.proposal = 2, decision.score = None)" in str(failure.value)
    assert failure.value.offset == len("votes > 1 and ")


INVALID = [
    ("[votes for x in _nope]", "'_nope' begins with an underscore", 16),
    ("length(history)", "unknown function 'length', did you mean 'len'?", 0),
    ("history.append(1)", "unknown method 'append'", 0),
    ("history(1)", "unknown function 'history'", 0),
    ("history[0](1)", "only functions and methods can be called", 0),
    ("len(history, 1)", "`len` takes 1 argument, not 2", 0),
    ("decision.get()", "`get` takes 1 to 2 arguments, not 0", 0),
    ("max(history, key=1)", "`max` takes no argument `key`", 0),
    ("len(**decision)", "`len` takes no argument `**`", 0),
    ("max(*history)", "`*` before a value", 4),
    ("{**decision}", "`**` before a value", 0),
    ("votes = 1", "does not parse", 0),
    ("votes >", "does not parse", 7),
    ("", "cannot be empty", 0),
    ("votes & 1", "`&` is not allowed", 0),
    ("decision is votes", "`is` compares with None, True or False only", 12),
    ("'é' == 'é' and _nope", "'_nope' begins with an underscore", 15),
    ("\n   votes and\n   _nope", "'_nope' begins with an underscore", 17),
    ("(votes and # why\n  _nope)", "'_nope' begins with an underscore", 19),
]


@pytest.mark.parametrize(("text", "sentence", "offset"), INVALID)
def test_a_wrong_expression_is_told_apart_with_its_place(text: str, sentence: str, offset: int) -> None:
    with pytest.raises(ExpressionInvalid) as refusal:
        Expression.parse(text)

    assert sentence in refusal.value.sentence
    assert sentence == "does not parse" or refusal.value.offset == offset


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("votes = 1", "compare with `==`"),
        ("votes && rounds", "write `and`, `or`, `not`"),
        ("votes | 1", "write `or`"),
        ("votes >", "an expression is written as in Python; see docs/expressions.md"),
    ],
)
def test_a_slip_is_told_what_to_write_instead(text: str, hint: str) -> None:
    with pytest.raises(ExpressionInvalid) as refusal:
        Expression.parse(text)

    assert refusal.value.hint == hint


def test_names_and_channels_that_are_read_are_known() -> None:
    text = "state['votes'] > rounds and [h for h in history if h.x] and state.winner and state.get('task') and ranking"
    expression = Expression.parse(text)

    assert expression.names == {"state", "rounds", "history", "ranking"}
    assert expression.reads_channels == {"votes", "history", "winner", "task"}


def test_a_name_bound_by_a_comprehension_is_not_read() -> None:
    expression = Expression.parse("[state['x'] for state in history]")

    assert expression.names == expression.reads_channels == {"history"}
    assert Expression.parse("[x for x in x]").names == {"x"}


def test_explain_gives_what_was_read() -> None:
    text = "decision.verdict == 'book' or len(history) > 2 and any(e.round > rounds for e in history[1:])"

    read = Expression.parse(text).explain(VIEWS)

    assert list(read) == ["decision.verdict", "len(history)", "rounds", "history"]
    assert (read["decision.verdict"], read["len(history)"], read["rounds"]) == ("revise", 3, 2)


def test_explain_keeps_long_values_short() -> None:
    long = {"task": "x" * 1000, "history": list(range(1000)), "decision": {str(n): {"a": [{"b": 1}]} for n in range(9)}}

    read = Expression.parse("task and history and decision").explain(long)

    assert read["task"] == "x" * 120 + "… (1,000 characters)"
    assert read["history"] == [0, 1, 2, 3, 4, 5, "… 994 more"]
    assert read["decision"]["…"] == "3 more"
    assert read["decision"]["0"] == {"a": ["a mapping of 1"]}


def test_explain_skips_what_has_no_value() -> None:
    assert Expression.parse("decision['nope'] or votes").explain(NAMES) == {"votes": 7}


def test_looking_up_a_name_may_evaluate_another_expression() -> None:
    class Lazy(dict[str, object]):
        def __missing__(self, name: str) -> object:
            return Expression.parse("[v * 2 for v in [votes]][0]").evaluate(NAMES)

    assert Expression.parse("[double + x for x in [1]]").evaluate(Lazy()) == [15]
