"""One client and HTTP pool for each distinct model of the process."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock

from agentctl.models.call import ModelClient, ModelConfig, Retry
from agentctl.models.client import Candidate, Client
from agentctl.models.offline import Offline
from agentctl.models.provider import Provider
from agentctl.models.providers import resolve_auto

LoadPython = Callable[[str], object]
"""Gives what an `entry`, `module:Name`, of the workspace names."""


class Models:
    """The models of a process, shared by agents, sessions and generations.

    Args:
        env: where keys and AGENTCTL_MODEL come from, `Settings.env`.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._building = Lock()
        self._providers: dict[tuple[ModelConfig, Path | None], Provider] = {}

    def get(
        self,
        config: ModelConfig,
        *,
        workspace: str,
        folder: Path,
        retry: Retry | None = None,
        load_python: LoadPython | None = None,
    ) -> ModelClient:
        """The client of a model, with its fallbacks.

        The first of a provider imports LangChain, which takes over half a second: call it
        in a thread where others wait for the loop.

        Args:
            config: the model; `auto` is resolved here, see `resolve_auto` for the reason.
            workspace: named in diagnostics.
            folder: what `scripted:FILE` is relative to.
            retry: the agent's own; default: the model's `max_retries`, and 0.5 s.
            load_python: needed for `python:module:Name`.

        Raises:
            WorkspaceInvalid: a file of scripted replies is wrong.
            UsageError: there is no such file, provider or model.
            ServiceUnavailable: the provider's package is not installed.
        """
        candidates = []
        for one in _chain(config):
            if one.name == "auto":
                one = replace(one, name=resolve_auto(self._env)[0])
            provider = self._provider(one, workspace, folder, load_python)
            attempts = retry or Retry(one.max_retries + 1)
            candidates.append(Candidate(provider, attempts, one.timeout_s, one.base_url))
        return Client(candidates)

    def forget(self, run_id: str) -> None:
        """Drop what scripted models keep of a run that has ended."""
        for provider in self._providers.values():
            provider.forget(run_id)

    async def release(self, folder: Path) -> None:
        """Close the models that belong to the files of one generation."""
        for key in [key for key in self._providers if key[1] == folder]:
            await self._providers.pop(key).close()

    async def close(self) -> None:
        """Close every client; no connection stays open."""
        while self._providers:
            await self._providers.popitem()[1].close()

    def _provider(self, config: ModelConfig, workspace: str, folder: Path, load_python: LoadPython | None) -> Provider:
        kind = config.name.partition(":")[0]
        key = (replace(config, fallbacks=(), max_retries=0), folder if kind in ("scripted", "python") else None)
        with self._building:
            if key not in self._providers:
                self._providers[key] = _build(config, workspace, folder, load_python, self._env)
            return self._providers[key]


def _chain(config: ModelConfig) -> list[ModelConfig]:
    """The model and its fallbacks, theirs included, in the order in which they are tried."""
    return [config, *(one for fallback in config.fallbacks for one in _chain(fallback))]


def _build(
    config: ModelConfig, workspace: str, folder: Path, load_python: LoadPython | None, env: Mapping[str, str]
) -> Provider:
    kind, _, rest = config.name.partition(":")
    if kind == "offline":
        return Offline()
    if kind == "scripted":
        from agentctl.models.scripted import load_scripted

        return load_scripted(config.name, folder / rest, workspace)
    # LangChain's chat models and their SDKs take over a second to import.
    from agentctl.models.chat import build_chat, build_python

    if kind == "python":
        assert load_python is not None
        return build_python(config, load_python(rest))
    return build_chat(config, env)
