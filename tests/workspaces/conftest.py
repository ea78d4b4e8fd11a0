"""The workspaces' own Python, imported from its folder as the runtime does: as a private package."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from agentctl.workspace import load_workspace
from agentctl.workspace.code import Code

ROOT = Path(__file__).resolve().parents[2]
Package = SimpleNamespace


def load_package(folder: Path, name: str) -> Package:
    """Every module of `folder` under the package `name`, by its own name."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    # The wheel takes workspaces/ as it lies there: no byte code may be left in it.
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.modules[name] = package
    spec.loader.exec_module(package)
    stems = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    modules = Package(**{stem: importlib.import_module(f"{name}.{stem}") for stem in stems})
    sys.dont_write_bytecode = writes
    return modules


@pytest.fixture(scope="session")
def planner() -> Iterator[Package]:
    workspace = load_workspace(ROOT, "trip-planner")
    code = Code("_tested_trip_planner", workspace.folder, workspace.files)
    stems = [path.stem for path in (workspace.folder / "planner").glob("*.py") if path.stem != "__init__"]
    modules = {stem: sys.modules[str(code.load(f"planner.{stem}:__name__"))] for stem in stems}
    yield Package(**modules, search_trips=code.load("tools.trips:search_trips"))
    code.close()


@pytest.fixture(scope="session")
def review() -> Iterator[Package]:
    yield load_package(ROOT / "workspaces/code-review/review", "_tested_review")


@pytest.fixture
def called_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the command seems to have been called."""
    monkeypatch.setenv("AGENTCTL_CWD", str(tmp_path))
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


WEIGHTS = {"novelty": 1, "confidence": 1, "quality": 2, "risk": -1.5}


class Debate:
    """Walks trip-planner's stages by hand: python agents on plain dicts, and the jury's rule."""

    def __init__(self, planner: Package) -> None:
        self.planner = planner
        self.turns: Sequence[Mapping[str, str]] = ()

    def talk(self, *messages: str) -> dict[str, Any]:
        """The state at the end of the last message, after a conversation of all before."""
        turns: list[Mapping[str, str]] = []
        for message in messages:
            self.turns = tuple(turns)
            state = self.run(message)
            turns.append({"user": message, "answer": state["output"], "run_id": f"run_{len(turns)}"})
        return state

    def run(self, task: str) -> dict[str, Any]:
        """The state at the end, with `output` and `proposals`."""
        state: dict[str, Any] = {
            **{"task": task, "options": [], "rewards": {}, "history": [], "visits": {"proposal": 0}},
            **{"winner": None, "decision": {}},
        }
        while True:
            state["visits"]["proposal"] += 1
            for role, module in (
                ("optimistic", "optimistic.propose"),
                ("critic", "critic.measure"),
                ("devil", "devil.attack"),
            ):
                self._merge(state, role, self._call(module, state, role))
            self._count(state)
            said = self._call("synthesizer.decide", state, "synthesizer")
            state["decision"] = said["decision"]
            if state["decision"]["verdict"] == "revise" and state["visits"]["proposal"] < 3:
                continue
            planned = state["decision"]["verdict"] in ("book", "plan")
            state["output"] = self._call("plan.write_plan", state, "planner") if planned else said["text"]
            return state

    def _call(self, entry: str, state: dict[str, Any], role: str) -> Any:
        module, name = entry.split(".")
        loaded: ModuleType = getattr(self.planner, module)
        names = {"workspace": "trip-planner", "session_id": "s1", "agent": role, "turns": self.turns}
        return getattr(loaded, name)(state, SimpleNamespace(**names, call_tool_sync=self._search))

    def _search(self, name: str, **arguments: Any) -> Any:
        assert name == "search_trips"
        return self.planner.search_trips(**arguments)

    def _merge(self, state: dict[str, Any], role: str, fields: dict[str, Any]) -> None:
        state["options"] += fields.get("options", [])
        for option, scores in fields.get("scores", {}).items():
            state["rewards"].setdefault(option, {})[role] = scores

    def _count(self, state: dict[str, Any]) -> None:
        tables = state["rewards"].items()
        totals = {o: sum(WEIGHTS[m] * n for by in t.values() for m, n in by.items()) for o, t in tables}
        vetoed = [option for option, table in tables if any(by["risk"] > 0.95 for by in table.values())]
        winner = max((o for o in totals if o not in vetoed), key=totals.__getitem__, default=None)
        state["winner"] = winner
        state["decision"] = {"option": winner, "totals": totals, "dissent": [], "vetoed": vetoed}


@pytest.fixture
def debate(planner: Package) -> Debate:
    return Debate(planner)
