"""Arguments against the JSON Schema of their tool, told so that a model can mend them."""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentctl.errors import did_you_mean

if TYPE_CHECKING:
    from jsonschema import ValidationError

FAULTS_TOLD = 5
FAULT_CHARS = 200


class Arguments:
    """Checks the arguments of one tool; `schema` is one, and an object's."""

    def __init__(self, tool: str, schema: Mapping[str, Any]) -> None:
        from jsonschema import Draft202012Validator
        from referencing import Registry

        self._tool, self._schema = tool, schema
        # An empty registry: a `$ref` to some address is not fetched.
        self._validator = Draft202012Validator(dict(schema), registry=Registry())

    def fault(self, arguments: object) -> str | None:
        """What is wrong with `arguments`, as one sentence; None if nothing is. "10" is no integer."""
        from referencing.exceptions import Unresolvable

        if not isinstance(arguments, Mapping):
            return f"the arguments of {self._tool} must be an object, not {type(arguments).__name__}"
        try:
            json.dumps(arguments, allow_nan=False)
            faults = list(self._validator.iter_errors(dict(arguments)))
        except (TypeError, ValueError):  # what is approved would not be what is called
            return f"the arguments of {self._tool} are no JSON: they hold infinity, NaN or another kind of value"
        except (Unresolvable, RecursionError, re.error) as error:
            return f"the arguments of {self._tool} cannot be checked: its schema fails with {type(error).__name__}"
        if not faults:
            return None
        told = [self._told(fault) for fault in faults[:FAULTS_TOLD]]
        more = f"; and {len(faults) - FAULTS_TOLD} more" if len(faults) > FAULTS_TOLD else ""
        return f"the arguments of {self._tool} are wrong: {'; '.join(told)}{more}"

    def _told(self, fault: "ValidationError") -> str:
        where = fault.json_path.removeprefix("$").removeprefix(".")
        said = fault.message if len(fault.message) <= FAULT_CHARS else f"{fault.message[:FAULT_CHARS]}…"
        if where:
            return f"{where}: {said}"
        known = list(self._schema.get("properties", {}))
        given: Any = fault.instance if fault.validator == "additionalProperties" else ()
        return said + next(filter(None, (did_you_mean(key, known) for key in given if key not in known)), "")
