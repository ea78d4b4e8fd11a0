"""The codes of problems, in one table; `docs/errors.md` is compared with it by a test.

E1 keys and values, E2 references, E3 flow, E4 channel policy, E5 expressions and
prompts, E6 Python, E7 files and YAML. A number is never given to another fault.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of fault: what it means, and what to do."""

    id: str
    name: str
    meaning: str
    fix: str

    @property
    def hint(self) -> str:
        """`fix` as a hint reads: lower case, no full stop."""
        return self.fix[0].lower() + self.fix[1:].rstrip(".")

    def __str__(self) -> str:
        return f"{self.id} {self.name}"


TABLE = (
    Code("E101", "unknown-key", "A key that nothing reads.", "Correct its spelling, or remove it."),
    Code("E102", "missing-key", "A key that must be there is not.", "Add it."),
    Code("E103", "wrong-type", "A value of another type than its key takes.", "Write the type that the message names."),
    Code("E104", "out-of-range", "A value that is too small, too large, empty or not finite.", "Keep to the range."),
    Code("E105", "unknown-value", "A value that is none of those its key takes.", "Take one that the message lists."),
    Code("E106", "not-exactly-one-key", "A mapping that must have exactly one key.", "Keep the one you mean."),
    Code("E107", "key-does-not-fit-kind", "A key that agents of this `kind` do not use.", "Remove it."),
    Code("E108", "bad-name", "A name that is not of the form `[a-z][a-z0-9_-]*`.", "Rename it."),
    Code("E109", "reserved-name", "A name that agentctl uses itself.", "Choose another name."),
    Code("E111", "bad-model-name", "A model that is not `provider:name` or a built-in.", "Name its provider."),
    Code("E201", "unknown-agent", "A role that no file and no inline agent declares.", "Declare it or correct it."),
    Code("E202", "unknown-stage", "A stage that is not under `stages:`.", "Declare it, or correct the name."),
    Code("E203", "unknown-channel", "A channel neither built in nor under `channels:`.", "Declare it, or correct it."),
    Code(
        "E204",
        "unknown-tool",
        "A tool, or glob, that matches no tool of the workspace (in the rules under its `tools:` a warning).",
        "Write it into `tools/`.",
    ),
    Code("E205", "unknown-metric", "A metric that no agent gives in `scores:`.", "Add it to an agent's `scores`."),
    Code("E206", "unknown-schema", "A schema neither built in nor `schemas/*.json`.", "Take one of those."),
    Code("E207", "missing-file", "A file that is named is not there, or is no artifact.", "Create it or correct it."),
    Code("E208", "duplicate-agent", "One role is declared twice.", "Keep the file or the inline agent."),
    Code("E209", "repeated-agent", "A stage lists one role twice.", "List it once; rounds repeat a stage's agents."),
    Code("E210", "fallback-cycle", "Fallbacks that lead back to where they began.", "End the chain elsewhere."),
    Code("E211", "unused-agent", "An agent in no stage, and nobody's fallback (warning).", "Use or delete it."),
    Code("E212", "duplicate-tool", "Two tools have one name.", "Rename one of the two functions."),
    Code("E213", "bad-arguments", "A call's `args` that its tool does not take.", "Write the function's parameters."),
    Code("E301", "unreachable-stage", "No route leads to this stage.", "Add a route to it, or delete the stage."),
    Code("E302", "no-way-to-final", "From this stage no route leads to `final`.", "Add a route that leaves the loop."),
    Code("E303", "unbounded-loop", "A loop that nothing bounds.", "Use `visits` in its condition, or set `limits`."),
    Code("E304", "quorum-too-large", "A quorum of more agents than there are.", "Lower it, or add agents."),
    Code("E305", "last-route-has-condition", "The last route has a `when`, so that none may fit.", "Add `{to: …}`."),
    Code("E306", "unreachable-route", "A route behind one that is always taken.", "Put it first, or delete it."),
    Code("E401", "two-writers", "Two agents of a parallel stage may write one last-value channel.", "Run one of them."),
    Code("E402", "writer-without-capability", "An agent may not write what it declares.", "Change its `capability`."),
    Code("E403", "unwritten-channel", "A rule reads a channel that nobody writes.", "Add a writer, or drop the rule."),
    Code("E501", "bad-expression", "An expression that does not parse or is refused.", "See docs/expressions.md."),
    Code("E502", "unknown-name", "An expression names what does not exist.", "Correct the name."),
    Code("E503", "bad-template", "A prompt, or argument of a call, that Jinja cannot parse.", "Correct the template."),
    Code("E504", "unknown-prompt-name", "A template names what does not exist.", "Correct it, or use `variables`."),
    Code("E505", "unread-channel", "A channel is used that the agent's `reads:` leaves out.", "Add it to `reads`."),
    Code(
        "E506", "path-as-text", "A prompt that looks like a path, but is text (warning).", "End it in .md, .txt or .j2."
    ),
    Code("E601", "bad-entry", "An entry that is not of the form `module:name`.", "Write it in that form."),
    Code("E602", "missing-module", "The Python file of an entry does not exist.", "Create it, or correct the name."),
    Code("E603", "missing-name", "The Python file does not define the name.", "Define it at the file's top level."),
    Code("E604", "bad-python", "A Python file that does not parse.", "Correct the syntax."),
    Code("E605", "bad-signature", "A function of other parameters than it is given.", "Write `def run(state, ctx)`."),
    Code("E701", "bad-yaml", "A file that is not YAML.", "Correct the place that the message names."),
    Code("E702", "duplicate-key", "One mapping has a key twice.", "Remove one of the two."),
    Code("E703", "not-utf8", "A text file in another encoding than UTF-8.", "Save it as UTF-8."),
    Code("E704", "too-large", "A YAML, prompt, schema or Python file over 1 MiB.", "Split it."),
    Code("E705", "too-much-expansion", "Anchors and aliases that expand without end.", "Write the values out."),
    Code("E706", "too-deep", "Values nested over 64 deep.", "Flatten them."),
    Code("E707", "outside-workspace", "A path, or a link, that leaves the folder.", "Copy the file."),
    Code("E708", "unreadable", "A file or link that cannot be read.", "Correct its permissions or its target."),
    Code("E709", "control-character", "A character that YAML does not allow, such as NUL.", "Remove or escape it."),
    Code("E710", "bad-json", "A JSON file that does not parse, or is no object.", "Correct the place that is named."),
    Code("E711", "bad-ignore-line", "A line of `.agentctlignore` that is no pattern.", "Write it as in .gitignore."),
    Code(
        "E712",
        "unread-file",
        "What may be meant as an agent or workspace, but is not read (warning).",
        "Rename it to `.yaml`.",
    ),
    Code("E713", "not-an-artifact", "A file over 1 MiB, or a linked folder (warning).", "Keep it elsewhere."),
    Code(
        "E714",
        "bad-schema",
        "A schema with a type that JSON does not have, or a `$ref` to another file or address.",
        "Use JSON's types, and references that begin with `#`.",
    ),
    Code(
        "E715",
        "bad-server",
        "An entry of `mcp.json` that no server can be started from or reached by.",
        "Write `command` and `args`, or `url`.",
    ),
)

CODES = {code.id: code for code in TABLE}
