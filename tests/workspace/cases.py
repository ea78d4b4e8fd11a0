"""One broken workspace for every code: the table that the tests and `docs/errors.md` are made from.

A `⟦` in a file marks where the problem must be reported; it is removed before the file is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

HEAD = "version: 1\n"
TALK = "stages:\n  talk:\n    agents: [a]\n"
BASE = HEAD + TALK
SKILL = 'agents:\n  a: {prompt: "hi"}\n'
MIB = 1024 * 1024


@dataclass(frozen=True)
class Case:
    """`says` is part of the message; `at` is the place where no mark can stand."""

    code: str
    says: str
    files: Mapping[str, str | bytes]
    at: tuple[str, int, int] | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    name: str = "demo"


def yaml(code: str, says: str, text: str, **more: str | bytes) -> Case:
    """A case whose problem stands in workspace.yaml, or in a file of `more` (`__` for `/`)."""
    files = {key.replace("__", "/"): value for key, value in more.items()}
    return Case(code, says, {"workspace.yaml": text, **files})


def agent(code: str, says: str, text: str, files: Mapping[str, str | bytes] | None = None) -> Case:
    """A case whose problem stands in agents/a.yaml."""
    return Case(code, says, {"workspace.yaml": BASE, "agents/a.yaml": text, **(files or {})})


def stages(code: str, says: str, text: str, tail: str = "") -> Case:
    """A case with stages and three agents `a`, `b` and `c`."""
    agents = "".join(f"  {role}: {{prompt: hi, scores: [risk]}}\n" for role in "abc")
    return yaml(code, says, f"{HEAD}stages:\n{text}agents:\n{agents}{tail}")


CASES = [
    yaml(
        "E101", "descripton is not a known key, did you mean 'description'?", HEAD + "⟦descripton: x\n" + TALK + SKILL
    ),
    agent("E101", "prmpt is not a known key, did you mean 'prompt'?", "⟦prmpt: hi\n"),
    agent("E101", "model.api_key is not a known key", "prompt: hi\nmodel: {name: openai:x, ⟦api_key: secret}\n"),
    yaml("E101", "stages.talk.next[0].whn is not", BASE + "    next:\n      - {⟦whn: x, to: final}\n" + SKILL),
    yaml("E102", "version is missing", "⟦" + TALK + SKILL),
    yaml("E102", "stages.talk.agents is missing", HEAD + "stages:\n  ⟦talk: {description: x}\n" + SKILL),
    agent("E102", "entry is missing", "⟦kind: python\n"),
    agent("E102", "calls is missing", "⟦kind: tool\n"),
    agent("E103", "timeout_s must be a number, got 'soon'", "prompt: hi\ntimeout_s: ⟦soon\n"),
    agent("E103", "tools must be a list, got nothing", "prompt: hi\n⟦tools:\n"),
    agent("E103", "prompt must be text, got 5", "prompt: ⟦5\n"),
    yaml("E103", "the file must be a mapping, got a list", "⟦- a\n"),
    yaml("E103", "the file must be a mapping, got nothing", "⟦"),
    agent("E103", "model must be text or a mapping, got a list", "prompt: hi\nmodel: ⟦[x]\n"),
    stages(
        "E103", "weights.risk must be a number or text, got a list", "  t: {agents: [a, b, c], weights: {risk: ⟦[1]}}\n"
    ),
    agent("E104", "timeout_s must be over 0, got -1", "prompt: hi\ntimeout_s: ⟦-1\n"),
    agent("E104", "calls must not be empty", "kind: tool\ncalls: ⟦[]\n"),
    agent("E104", "must be at most 2, got 3.5", "prompt: hi\nmodel: {name: openai:x, temperature: ⟦3.5}\n"),
    agent("E104", "must be a finite number", "prompt: hi\ntimeout_s: ⟦.inf\n"),
    yaml("E104", "stages.talk.agents must not be empty", HEAD + "stages:\n  talk: {agents: ⟦[]}\n"),
    agent(
        "E105",
        "kind must be 'skill', 'python', 'tool' or 'decision', got 'skil', did you mean 'skill'?",
        "kind: ⟦skil\n",
    ),
    yaml("E105", "version must be 1, got 'True'", "version: ⟦true\n" + TALK + SKILL),
    yaml("E105", "version must be 1, got 2", "version: ⟦2\n" + TALK + SKILL),
    agent("E105", "exit must be 'once_per_stage' or 'once', got 'twice'", "prompt: hi\nexit: ⟦twice\n"),
    agent("E105", "'strng' is none of string", "prompt: hi\noutput: {mood: {type: ⟦strng}}\n"),
    agent(
        "E106",
        "exit must have exactly one of rule, max_runs or until",
        'prompt: hi\nexit: ⟦{max_runs: 2, until: "done"}\n',
    ),
    stages("E106", "stages.t.exit must have exactly one of", "  t: {agents: [a, b, c], exit: ⟦{}}\n"),
    agent("E107", "entry has no use in an agent of kind 'skill'", "prompt: hi\n⟦entry: x:y\n"),
    agent(
        "E107",
        "prompt has no use in an agent of kind 'python'",
        "kind: python\nentry: m:f\n⟦prompt: hi\n",
        {"m.py": "f = 1"},
    ),
    agent("E107", "tools has no use in an agent of kind 'tool'", "kind: tool\ncalls: [{tool: now}]\n⟦tools: [now]\n"),
    yaml("E108", "stage 'Talk' must be named", HEAD + "stages:\n  ⟦Talk: {agents: [a]}\n" + SKILL),
    Case("E108", "role 'My Agent'", {"agents/My Agent.yaml": "prompt: hi\n"}, at=("agents/My Agent.yaml", 1, 1)),
    Case("E108", "workspace 'Demo' must be named", {}, at=("workspace.yaml", 1, 1), name="Demo"),
    yaml("E108", "variable 'my-var' cannot be named", BASE + SKILL + "variables: {⟦my-var: 1}\n"),
    yaml("E109", "a stage may not be named 'final'", HEAD + "stages:\n  ⟦final: {agents: [a]}\n" + SKILL),
    yaml(
        "E109",
        "a channel may not be named 'history'",
        BASE + SKILL + "channels:\n  ⟦history: {type: last, writers: [a]}\n",
    ),
    yaml("E109", "variable 'task' hides", BASE + SKILL + "variables: {⟦task: x}\n"),
    Case("E109", "a workspace may not be named 'user'", {}, at=("workspace.yaml", 1, 1), name="user"),
    agent(
        "E109",
        "the field 'scores' holds",
        "prompt: hi\nscores: [risk]\noutput: {⟦scores: {type: object}}\n",
    ),
    agent("E111", "model: 'gpt-5' names no provider", "prompt: hi\nmodel: ⟦gpt-5\n"),
    agent("E111", "model: 'ofline' names no provider, did you mean 'offline'?", "prompt: hi\nmodel: {name: ⟦ofline}\n"),
    agent("E111", "model: 'opnai' is no provider that agentctl knows, did you mean 'openai'?", "model: ⟦opnai:x\n"),
    yaml(
        "E201",
        "unknown agent 'critc', did you mean 'critic'?",
        HEAD + "stages:\n  talk:\n    agents: [critic, ⟦critc]\nagents: {critic: {prompt: hi}}\n",
    ),
    agent("E201", "on_error.fallback: unknown agent 'b'", "prompt: hi\non_error: {fallback: ⟦b}\n"),
    yaml(
        "E201",
        "channels.votes.writers[0]: unknown agent",
        BASE + SKILL + "channels: {votes: {type: sum, writers: [⟦z]}}\n",
    ),
    yaml("E202", "unknown stage 'tlak', did you mean 'talk'?", BASE + "    next: ⟦tlak\n" + SKILL),
    yaml("E202", "start: unknown stage 'final'", BASE + SKILL + "start: ⟦final\n"),
    stages(
        "E202", "unknown stage 'tt', did you mean 't'?", '  t: {agents: [a, b, c], exit: {when: "visits.⟦tt > 1"}}\n'
    ),
    agent(
        "E203", "reads[1]: unknown channel 'histroy', did you mean 'history'?", "prompt: hi\nreads: [task, ⟦histroy]\n"
    ),
    agent("E203", "output.mood.to: unknown channel", "prompt: hi\noutput: {mood: {type: string, to: ⟦moods}}\n"),
    agent(
        "E204",
        "no tool matches 'serach', did you mean 'search'?",
        "prompt: hi\ntools: [⟦serach]\n",
        {"tools/web.py": "def search(): ..."},
    ),
    yaml("E204", "no tool matches 'book_*'", BASE + SKILL + "tools: {approve: {⟦book_*: always}}\n"),
    agent("E204", "tools[1]: no tool matches 'book_*'", "prompt: hi\ntools: [now, ⟦'book_*']\n"),
    agent(
        "E204",
        "calls[1].tool: no tool matches 'bok', did you mean 'book'?",
        "kind: tool\ncalls:\n  - {tool: book}\n  - tool: ⟦bok\n",
        {"tools/trips.py": "def book(): ..."},
    ),
    agent(
        "E204", "no tool matches 'boo*'", "kind: tool\ncalls: [{tool: ⟦'boo*'}]\n", {"tools/b.py": "def book(): ..."}
    ),
    stages("E205", "unknown metric 'rsk', did you mean 'risk'?", "  t: {agents: [a, b, c], weights: {⟦rsk: 1}}\n"),
    stages(
        "E205",
        "veto.metric: unknown metric",
        "  t: {agents: [a, b, c, d]}\n",
        "  d: {kind: decision, veto: {metric: ⟦x, above: 0.5}}\n",
    ),
    yaml("E206", "'decison' is none of proposal, critique, decision", BASE + "    record: ⟦decison\n" + SKILL),
    agent("E206", "does not lie in schemas/", "prompt: hi\nmemory: {record: ⟦a.json}\n", {"a.json": "{}"}),
    agent("E207", "prompt 'prompts/a.md' does not exist", "prompt: ⟦prompts/a.md\n"),
    Case(
        "E207",
        "is no artifact: it is a link",
        {"workspace.yaml": BASE, "agents/a.yaml": "prompt: ⟦prompts/a.md\n"},
        links={"prompts/a.md": "/etc/hostname"},
    ),
    agent("E207", "schema 'schemas/x.json' does not exist", "prompt: hi\nmemory: {record: ⟦schemas/x.json}\n"),
    agent("E207", "script 'x.yaml' does not exist", "prompt: hi\nmodel: ⟦scripted:x.yaml\n"),
    agent("E207", "fallbacks[0]: script 'tests' does not", "model: {name: auto, fallbacks: [⟦scripted:tests]}\n"),
    Case(
        "E208", "role 'speaker' is declared already in workspace.yaml, line 6", {"agents/speaker.yaml": "⟦prompt: hi\n"}
    ),
    yaml("E209", "'a' is listed twice", HEAD + "stages:\n  talk: {agents: [a, ⟦a]}\n" + SKILL),
    yaml(
        "E210",
        "the fallbacks lead back to 'a': a → b → a",
        BASE + "agents:\n  a: {prompt: hi, on_error: {fallback: ⟦b}}\n  b: {prompt: hi, on_error: {fallback: a}}\n",
    ),
    yaml("E211", "agent 'b' is in no stage", BASE + SKILL + "  ⟦b: {prompt: hi}\n"),
    Case(
        "E212",
        "tool 'find' is defined already in tools/a.py, line 2",
        {
            "tools/a.py": "x = 1\nasync def find(): ...\n",
            "tools/b.py": "from agentctl import tool\n\n\n@tool\n⟦def find(): ...\n",
        },
    ),
    Case("E212", "tool 'now' has the name of a built-in one", {"tools/a.py": "⟦def now(): ...\n"}),
    agent(
        "E213",
        "calls[0].args.citty: book() has no parameter 'citty', did you mean 'city'?",
        "kind: tool\ncalls:\n  - tool: book\n    args: {⟦citty: Oslo}\n",
        {"tools/trips.py": "def book(city): ..."},
    ),
    agent(
        "E213",
        "calls[0].args: book() needs 'city' and 'days'",
        "kind: tool\ncalls:\n  - tool: book\n    ⟦args: {note: hi}\n",
        {"tools/trips.py": "def book(city: str, *, days: int, note: str = ''): ..."},
    ),
    agent(
        "E213",
        "calls[0].args.days: book() takes a whole number, got 'lots'",
        "kind: tool\ncalls:\n  - tool: book\n    args: {days: ⟦lots}\n",
        {"tools/trips.py": "def book(days: int): ..."},
    ),
    agent("E213", "needs 'q'", "kind: tool\ncalls:\n  - ⟦tool: find\n", {"tools/web.py": "def find(q): ..."}),
    stages(
        "E301",
        "stage 'v' is never reached",
        "  t: {agents: [a], next: u}\n  u: {agents: [b], next: final}\n  ⟦v: {agents: [c]}\n",
    ),
    stages(
        "E302",
        "from stage 'u' no route leads to 'final'",
        "  t: {agents: [a, c], next: [{when: done, to: u}, {to: final}]}\n  ⟦u: {agents: [b], next: u}\n",
        "limits: {max_steps: 5}\n",
    ),
    stages(
        "E303",
        "nothing bounds the loop t → u → t",
        "  ⟦t: {agents: [a]}\n  u:\n    agents: [b, c]\n    next: [{when: len(history) < 9, to: t}, {to: final}]\n",
    ),
    stages(
        "E303",
        "nothing bounds the loop t → t",
        "  t:\n    agents: [a, b, c]\n    ⟦next: [{when: done, to: final}, {to: t}]\n",
    ),
    stages("E304", "is 4, but there are 3 agents in the stage", "  t: {agents: [a, b, c], exit: {quorum: ⟦4}}\n"),
    stages(
        "E304",
        "is 4, but there are 3 agents with `scores`",
        "  t: {agents: [a, b, c, d]}\n",
        "  d: {kind: decision, quorum: ⟦4}\n",
    ),
    stages("E305", "the last route may have no `when`", "  t: {agents: [a, b, c], next: [{⟦when: done, to: final}]}\n"),
    stages("E306", "next[1] is never tested", "  t: {agents: [a, b, c], next: [{to: final}, ⟦{to: final}]}\n"),
    yaml(
        "E401",
        "'a' and 'b' may both write 'decision' and 'winner' at once",
        HEAD
        + "stages: {t: {agents: [a, ⟦b]}}\nagents:\n"
        + "".join(f"  {role}: {{prompt: hi, capability: synthesizer}}\n" for role in "ab"),
    ),
    stages(
        "E401",
        "'a' and 'c' may both write 'pick'",
        "  t: {agents: [a, b, ⟦c]}\n",
        "channels: {pick: {type: last, writers: [a, c]}}\n",
    ),
    agent(
        "E402", "'a' may not write channel 'decision'", "prompt: hi\noutput: {verdict: {type: string, to: ⟦decision}}\n"
    ),
    agent(
        "E402",
        "'a' is an actor, which may not write channel 'rewards'",
        "prompt: hi\ncapability: actor\n⟦scores: [risk]\n",
    ),
    stages("E403", "channel 'decision' is read", '  t: {agents: [a, b, c], exit: {when: "⟦decision.verdict == 1"}}\n'),
    yaml("E403", "agent 'a' decides by scores", BASE + "agents:\n  ⟦a: {kind: decision}\n"),
    stages("E501", "stages.t.exit.when: does not parse", '  t: {agents: [a, b, c], exit: {when: "len(history) ⟦="}}\n'),
    stages(
        "E501",
        "a lambda is not allowed",
        "  t:\n    agents: [a, b, c]\n    exit:\n      when: >-\n        done and\n        (⟦lambda: 1)\n",
    ),
    stages(
        "E501",
        "'__class__' begins with an underscore",
        "  t: {agents: [a, b, c], exit: {when: 'stage == ''x'' or ⟦task.__class__'}}\n",
    ),
    stages("E501", "a weight cannot read", "  t: {agents: [a, b, c], weights: {risk: '1 if ⟦ranking else 2'}}\n"),
    stages(
        "E502",
        "unknown name 'histry', did you mean 'history'?",
        '  t: {agents: [a, b, c], exit: {when: "len(⟦histry) > 1"}}\n',
    ),
    agent("E501", "calls[0].when: does not parse", 'kind: tool\ncalls: [{tool: now, when: "done ⟦="}]\n'),
    agent("E502", "unknown name 'resluts'", 'kind: tool\ncalls: [{tool: now, when: "len(⟦resluts) > 1"}]\n'),
    stages("E502", "unknown name 'votes'", "  t: {agents: [a, b, c], weights: {risk: \"state['⟦votes'] + 1\"}}\n"),
    agent("E503", "expected token", "prompt: prompts/a.md\n", {"prompts/a.md": "Hello\n⟦{{ task task }}\n"}),
    agent("E503", "prompts have no filter 'shout'", "prompt: |\n  hello\n  ⟦{{ task | shout }}\n"),
    agent("E503", "a prompt cannot load another file", "prompt: \"⟦{% include 'x' %}\"\n"),
    agent(
        "E504",
        "unknown name 'tsk', did you mean 'task'?",
        "prompt: prompts/a.md\n",
        {"prompts/a.md": "Hello\n  {{ ⟦tsk }}\n"},
    ),
    agent("E504", "unknown name 'nobody'", "prompt: |\n  hello\n    {{ ⟦nobody.name }}\n"),
    agent(
        "E503",
        "calls[0].args.who[1].name: unexpected",
        "kind: tool\ncalls:\n  - tool: m_book\n    args:\n      who: [me, {name: '⟦{{ ) }}'}]\n",
        {"mcp.json": '{"servers": {"m": {"command": "m"}}}'},
    ),
    agent(
        "E504",
        "calls[0].args.zone: unknown name 'nobody'",
        "kind: tool\ncalls: [{tool: m_now, args: {zone: 'x {{ ⟦nobody }}'}}]\n",
        {"mcp.json": '{"servers": {"m": {"command": "m"}}}'},
    ),
    agent("E505", "channel 'options' is not in the agent's `reads`", 'prompt: "{{ ⟦options }}"\nreads: [task]\n'),
    agent(
        "E505",
        "calls[0].when: channel 'decision' is not in the agent's `reads`",
        'kind: tool\nreads: [task]\ncalls: [{tool: now, when: "⟦decision.x and task"}]\n',
    ),
    agent(
        "E505",
        "calls[0].args.a: channel 'winner' is not",
        "kind: tool\nreads: [task]\ncalls: [{tool: m_x, args: {a: '{{ task }} {{ ⟦winner }}'}}]\n",
        {"mcp.json": '{"servers": {"m": {"command": "m"}}}'},
    ),
    agent(
        "E506",
        "'prompts/a.mdx' looks like a path, but is taken as the text, did you mean 'prompts/a.md'?",
        "prompt: ⟦prompts/a.mdx\n",
        {"prompts/a.md": "hi"},
    ),
    agent("E601", "'main' is not of the form module:name", "kind: python\nentry: ⟦main\n"),
    agent("E602", "there is no file 'impl/x.py'", "kind: python\nentry: ⟦impl.x:run\n"),
    agent(
        "E603",
        "impl.py does not define 'rum', did you mean 'run'?",
        "kind: python\nentry: impl:⟦rum\n",
        {"impl.py": "def run(state): ..."},
    ),
    agent("E604", "impl.py: invalid syntax", "kind: python\nentry: impl:run\n", {"impl.py": "x = 1\nx = ⟦= 2\n"}),
    agent(
        "E605",
        "run() takes 0 parameters",
        "kind: python\nentry: impl:run\n",
        {"impl.py": "import x\n\n⟦def run():\n    return x\n"},
    ),
    yaml("E701", "a `key: value` may not stand here", "version: 1⟦: 2\n"),
    yaml("E701", "a tab may not indent", "version: 1\nstages:\n⟦\ttalk: {}\n"),
    yaml("E701", "a key without `:` begins here", "version: 1\n⟦description\nstages: {}\n"),
    yaml(
        "E701",
        "the quote that is opened here is closed only in line 6",
        HEAD + 'description: ⟦"Pick a name\n' + TALK + 'agents: {a: {prompt: "hi"}}\n',
    ),
    yaml("E701", "is never closed", "version: 1\nstages: ⟦[a, b\n"),
    yaml("E701", "a second document begins here", BASE + SKILL + "⟦---\nversion: 1\n"),
    yaml("E701", "no anchor &x stands before this alias", "version: ⟦*x\n"),
    yaml("E701", "may not stand here", "version: ⟦!!python/object:os.system x\n"),
    yaml("E702", "key 'version' stands twice in one mapping, first in line 1", BASE + SKILL + "⟦version: 1\n"),
    Case(
        "E703",
        "byte 0xe9 is no UTF-8",
        {"workspace.yaml": b"version: 1\ndescription: caf\xe9\n"},
        at=("workspace.yaml", 2, 17),
    ),
    Case("E703", "byte 0xff is no UTF-8", {"notes.py": b"x = 1\n\xff\n"}, at=("notes.py", 2, 1)),
    Case("E704", "agents/a.yaml is over 1 MiB", {"agents/a.yaml": b"#" * (MIB + 1)}, at=("agents/a.yaml", 1, 1)),
    yaml(
        "E705",
        "expands to over 100,000 values",
        "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"{y}: &{y} [{','.join(['*' + x] * 10)}]\n" for x, y in zip("abcd", "bcde", strict=True)).replace(
            "e: &e [", "e: &e ⟦["
        ),
    ),
    yaml("E705", "alias *a contains itself", "variables: &a {x: ⟦*a}\n"),
    yaml("E706", "nested over 64 deep", "variables: " + "[" * 63 + "⟦" + "[" * 5000),
    agent("E707", "'../../x.md' leaves the workspace", "prompt: ⟦../../x.md\n"),
    Case("E707", "data.csv is a link to outside", {}, at=("data.csv", 1, 1), links={"data.csv": "/etc/hostname"}),
    Case("E708", "gone.txt cannot be read: No such file", {}, at=("gone.txt", 1, 1), links={"gone.txt": "nothing.txt"}),
    yaml("E709", "character U+0000 is not allowed in YAML", "version: 1\ndescription: a⟦\0b\n"),
    Case(
        "E710", "schemas/x.json: expecting value", {"schemas/x.json": '{\n  "type": ⟦\n}'}, at=("schemas/x.json", 3, 1)
    ),
    Case("E710", "schemas/x.json must hold an object", {"schemas/x.json": "⟦[]"}),
    Case("E711", "'!' is no pattern", {".agentctlignore": "*.log\n⟦!\n"}),
    Case("E712", "agents/b.yml is not read", {"agents/b.yml": "⟦prompt: hi\n"}),
    Case("E713", "big.bin is over 1 MiB, so it is no artifact", {"big.bin": b"\0" * (MIB + 1)}, at=("big.bin", 1, 1)),
    Case("E714", "`type` 5 is none of string", {"schemas/x.json": '⟦{"type": 5}'}),
    Case("E714", "`$ref` to 'http://h/x.json', which", {"schemas/x.json": '⟦{"items": {"$ref": "http://h/x.json"}}'}),
    Case(
        "E715",
        "mcpServers.maps.env.KEY: '${input:key}' names no environment variable",
        {"mcp.json": '{"mcpServers": {"maps": {"command": "npx", "env": {"KEY": ⟦"${input:key}"}}}}'},
    ),
    Case("E715", "'my maps' is no name for a server", {"mcp.json": '{"servers": {⟦"my maps": {"command": "x"}}}'}),
    Case(
        "E715",
        "servers.a.args is not used by a server with `url`",
        {"mcp.json": '{"servers": {"a": {"url": "http://h", ⟦"args": []}}}'},
    ),
    Case(
        "E715",
        "mcpServers.a.url must begin with http:// or https://",
        {"mcp.json": '{"mcpServers": {"a": {"url": ⟦"ftp://h"}}}'},
    ),
    Case("E713", "linked is a linked folder", {"real/x.txt": "x"}, at=("linked", 1, 1), links={"linked": "real"}),
]


def without_mark(content: str | bytes) -> str | bytes:
    """The file as it is written."""
    return content.replace("⟦", "") if isinstance(content, str) else content


def marked_place(case: Case) -> tuple[str, int, int]:
    """Where the problem must be reported: path, line and column."""
    if case.at is not None:
        return case.at
    for path, content in case.files.items():
        if isinstance(content, str) and "⟦" in content:
            before = content[: content.index("⟦")]
            return path, before.count("\n") + 1, len(before) - before.rfind("\n")
    raise AssertionError(case)
