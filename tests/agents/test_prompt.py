"""Prompts: what they may do, and what stops them."""

import asyncio
import time

import pytest

from agentctl.agents.prompt import PromptFailed, names_read, render
from agentctl.channels.view import view
from tests.conftest import WriteWorkspace
from tests.runs import run, workspace

NAMES = {
    "task": "x" * 1000,
    "history": view([{"text": "hi", "agent": "a"}]),
    "state": view({"task": "t"}),
    "decision": view({"verdict": "book"}),
    "ranking": view([{"option": "x", "total": 1.5}]),
}


def grow(start: str, step: str, tail: str = "{{ ns.x|length }}") -> str:
    """A template that doubles something sixty times."""
    return (
        f"{{% set ns = namespace(x={start}) %}}{{% for i in range(60) %}}{{% set ns.x = {step} %}}{{% endfor %}}{tail}"
    )


FINE = {
    "{{ task|length }}": "1000",
    "{{ decision.verdict }} {{ decision['verdict'] }}": "book book",
    "{% for e in history %}{{ e.agent }}: {{ e.text }}{% endfor %}": "a: hi",
    "{{ ranking[0].option ~ ': ' ~ ranking[0].total }}": "x: 1.5",
    "{{ history|map(attribute='text')|join(', ') }}": "hi",
    "{{ history|join(', ', attribute='agent') }}": "a",
    "{{ history|tojson }}": '[{"text": "hi", "agent": "a"}]',
    "{{ decision|tojson(indent=2) }}": '{\n  "verdict": "book"\n}',
    "{{ 'a-b'|replace('-', '+') }} {{ 'aaa'|replace('a', 'b', 1) }}": "a+b baa",
    "{{ (2 * 3) ** 2 + 1.5 % 1 }}": "36.5",
    "{% set a, b = (1, [2, 3]) %}{{ a + b[0] }}{{ {'k': 1}.k }}": "31",
    "{% if 'hi' in history|map(attribute='text') %}yes{% endif %}": "yes",
    "{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(1) ~ m(2) }}": "<1><2>",
    "{{ (history + history)|length }} {{ [1] + [2] }}": "2 [1, 2]",
    "{{ max(1, 2) }} {{ len(history) }} {{ round(1.26, 1) }}": "2 1 1.3",
    "{{ '{' }}% {{ '%' }}": "{% %",
}
HOSTILE = [
    "{{ ''.__class__.__mro__ }}", "{{ ''|attr('__class__') }}", "{{ ().__class__.__base__.__subclasses__() }}",
    "{{ state._under }}", "{{ state['_under'] }}", "{{ cycler.__init__.__globals__ }}", "{{ self.__init__ }}",
    "{{ '{0.__class__}'.format(1) }}", "{{ '{x.__class__}'.format_map({'x': 1}) }}", "{{ '%s' % state }}",
    "{{ '{:>1000000000}'.format(1)|length }}", "{{ '%999999999d' % 1 }}", "{{ 'a' * 10**9 }}", "{{ [1] * 10**9 }}",
    "{{ 9**9**9 }}", "{{ 10**15 * 10**15 * 10**15 }}", "{{ range(10**9)|list }}", "{{ 'a'.center(10**9) }}",
    "{{ 'a'|center(10**9) }}", "{{ [1]|batch(10**9, 'x')|list }}", "{{ [1]|tojson(indent=10**9) }}",
    "{{ (10).to_bytes(10**9, 'big') }}", "{{ '\t'.expandtabs(10**9) }}", "{{ ['a']|map('center', 10**9)|list }}",
    "{% for a in range(99999) %}{{ task }}{% endfor %}", "{{ range(99999)|join(task)|length }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% import 'x' as y %}", "{% include '/etc/passwd' %}", "{{ state.pop('task') }}", "{{ history.append(1) }}",
    "{% set x = {} %}{{ x.update(a=1) }}", "{{ nope }}", "{{ decision.nope.deep }}", "{{ task", "{{ task|nope }}",
    "{% set a = task %}" + "{% set a = a + a %}" * 40 + "{{ a|length }}",
    grow("task", "ns.x + ns.x"), grow("task", "ns.x ~ ns.x"), grow("task", "ns.x|replace('x', ns.x)"),
    grow("task", "ns.x|replace('', ns.x)"), grow("[1]", "ns.x + ns.x"), grow("10", "ns.x * ns.x", "{{ ns.x > 1 }}"),
    grow("[1]", "[ns.x, ns.x]", "{{ ns.x }}"), grow("[1]", "(ns.x, ns.x)", "{{ ns.x == ns.x }}"),
    grow("[1]", "dict(a=ns.x, b=ns.x)", "{{ ns.x }}"), grow("task", "range(9)|join(ns.x)"),
    "{% set ns = namespace(x=task) %}{% for i in range(60) %}{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}"
    "{% set ns.x = y %}{% endfor %}",
]  # fmt: skip


@pytest.mark.parametrize("template", FINE)
async def test_a_prompt_shows_what_it_names(template: str) -> None:
    assert await render(template, NAMES) == FINE[template]


@pytest.mark.parametrize("template", HOSTILE)
async def test_a_hostile_prompt_is_stopped(template: str) -> None:
    started = time.monotonic()
    with pytest.raises(PromptFailed):
        await render(template, NAMES)

    assert time.monotonic() - started < 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ range(99999)|map('string')|select('equalto', 'x')|list|length }}",
    ],
)
async def test_a_slow_prompt_ends_after_a_second_and_holds_up_nobody(template: str) -> None:
    rendering = asyncio.create_task(render(template * 60, NAMES))
    turns = 0
    started = time.monotonic()
    while not rendering.done():
        await asyncio.sleep(0.02)
        turns += 1

    assert time.monotonic() - started < 2
    assert turns > 10
    with pytest.raises(PromptFailed, match="over 1 s"):
        await rendering


async def test_a_prompt_of_up_to_a_mebibyte_works() -> None:
    assert len(await render("{{ task }}", {"task": "😀" * 1_000_000})) == 1_000_000
    with pytest.raises(PromptFailed, match="1 MiB"):
        await render("{{ task }}{{ task }}", {"task": "x" * 600_000})


def test_the_names_of_a_prompt_are_read_from_its_text() -> None:
    template = "{{ task }} {% for e in history %}{{ e }}{{ loop.index }}{% endfor %}{% set mine = 1 %}{{ mine }}"
    assert names_read(template) == {"task", "history"}


async def test_weights_are_not_asked_for_before_anybody_has_scored(write_workspace: WriteWorkspace) -> None:
    stages = {"talk": {"agents": ["a"], "weights": {"fit": "history[0].round + 1"}}}
    agents = {"a": {"prompt": "{{ ranking }}{{ task }}", "scores": ["fit"]}}
    result = await run(write_workspace("demo", workspace(stages, agents, model="offline")))

    assert result.status == "done"


async def test_a_prompt_that_cannot_be_rendered_fails_its_agent(write_workspace: WriteWorkspace) -> None:
    agents = {"a": {"prompt": "{{ decision.verdict.length.width }}"}}
    result = await run(write_workspace("demo", workspace({"talk": ["a"]}, agents, model="offline")))

    assert result.error and result.error["code"] == "prompt-failed"
