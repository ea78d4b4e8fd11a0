import json

import jsonschema
import yaml

from tests.cli.conftest import Command
from tests.cli.test_show import FULL


def test_the_schema_takes_a_valid_file_and_refuses_a_typo(agentctl: Command) -> None:
    schema = json.loads(agentctl("schema").out)
    checker = jsonschema.Draft202012Validator(schema)
    document = yaml.safe_load(FULL)

    assert list(checker.iter_errors(document)) == []
    assert [error.validator for error in checker.iter_errors({**document, "stagse": {}})] == ["additionalProperties"]


def test_agents_files_have_their_own_schema(agentctl: Command) -> None:
    schema = json.loads(agentctl("schema", "--agent").out)

    assert "capability" in schema["properties"]
    assert schema["properties"]["entry"]["description"].startswith("`module:name`")
