"""Python of a workspace, compiled from the hashed bytes into a private package.

Each generation has a package of its own, so that two generations (or two workspaces with a
`data.py` each) never share a module. Nothing is put on `sys.path` and no byte code is
written. `__file__` lies in the stored generation: data files beside a module belong to it.
"""

import builtins
import re
import sys
from collections.abc import Mapping
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from threading import RLock
from traceback import extract_tb
from types import ModuleType

from agentctl.errors import WorkspaceError, did_you_mean

KEPT = re.compile(r"/\.agentctl/generations/[^/]+/[^/]+/(.+)$")
"""A file of a stored generation, by the name that the user knows it by."""


def said(error: BaseException) -> str:
    """An exception of a workspace's code as one line, with the last line of that code that it passed."""
    try:
        message = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - an error of a user's own may fail to say what it is
        message = ""
    what = f"{type(error).__name__}: {message}" if message else type(error).__name__
    if isinstance(error, SyntaxError):  # its text names the file already, as the compiler was told it
        found = KEPT.search(error.filename or "")
        return f"SyntaxError: {error.msg} ({found[1]}:{error.lineno})" if found else what
    for frame in reversed(extract_tb(error.__traceback__)):
        if found := KEPT.search(frame.filename):
            return f"{what} ({found[1]}:{frame.lineno} in {frame.name})"
    return what


class Code:
    """The modules of one generation; `close` forgets them.

    Args:
        package: name of the private package, unique per workspace and generation.
        folder: where the artifacts lie on disk, for `__file__` and data files.
        files: the artifacts, by path relative to `folder`.
    """

    def __init__(self, package: str, folder: Path, files: Mapping[str, bytes]) -> None:
        self.package, self.folder, self._files = package, folder, files
        # Its own modules: `sys.modules` may hold those of another project with the same files.
        self._modules: dict[str, ModuleType] = {}
        self._importing = RLock()

    def load(self, entry: str) -> object:
        """The object that `module:name` names; runs the module on first use.

        Raises:
            WorkspaceError: the module or the name does not exist, or the module raised.
        """
        module_name, _, attribute = entry.partition(":")
        try:
            module = self._module(f"{self.package}.{module_name}" if module_name else self.package)
        except (Exception, SystemExit) as error:  # a user's module may raise anything at import
            raise WorkspaceError(
                f"entry {entry!r} cannot be imported: {said(error)}",
                hint="mend the line that is named; AGENTCTL_DEBUG=1 shows the traceback",
                code="entry-failed",
            ) from error
        try:
            return getattr(module, attribute)
        except AttributeError:
            known = [name for name in vars(module) if not name.startswith("_")]
            raise WorkspaceError(
                f"entry {entry!r}: {module_name} has no {attribute!r}{did_you_mean(attribute, known)}",
                code="entry-failed",
            ) from None

    def close(self) -> None:
        """Forget the modules; objects of them that are still referenced go on working."""
        for name, module in self._modules.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]

    def _module(self, name: str) -> ModuleType:
        """Import `name` of this package, its parents first; threads that import at once wait for each other."""
        with self._importing:
            return self._modules[name] if name in self._modules else self._found(name)

    def _found(self, name: str) -> ModuleType:
        parent, _, stem = name.rpartition(".")
        above = self._module(parent) if name != self.package else None
        relative = name.removeprefix(self.package).lstrip(".").replace(".", "/")
        path = f"{relative}.py"
        is_package = path not in self._files
        if is_package:
            path = f"{relative}/__init__.py".lstrip("/")
            if relative and not self._is_folder(relative):
                raise ModuleNotFoundError(f"No module named {relative.replace('/', '.')!r}", name=name)
        module = self._execute(name, path, is_package)
        if above is not None:
            setattr(above, stem, module)
        return module

    def _execute(self, name: str, path: str, is_package: bool) -> ModuleType:
        spec = ModuleSpec(name, None, origin=str(self.folder / path), is_package=is_package)
        module = module_from_spec(spec)
        module.__file__ = str(self.folder / path)
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._import}
        self._modules[name] = sys.modules[name] = module
        try:
            code = compile(self._files.get(path, b""), module.__file__, "exec", dont_inherit=True)
            exec(code, module.__dict__)  # noqa: S102 - running a workspace runs its code
        except BaseException:
            self._modules.pop(name, None)
            sys.modules.pop(name, None)
            raise
        return module

    def _import(
        self,
        name: str,
        scope: Mapping[str, object] | None = None,
        local: Mapping[str, object] | None = None,
        names: tuple[str, ...] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """`import` as a module of this package sees it: siblings first, except over the standard library."""
        if level:
            package = str((scope or {}).get("__package__"))
            for _ in range(level - 1):
                package = package.rpartition(".")[0]
            target = f"{package}.{name}" if name else package
        elif name.partition(".")[0] in sys.stdlib_module_names or not self._has(name.partition(".")[0]):
            return builtins.__import__(name, scope, local, names or (), level)
        else:
            target = f"{self.package}.{name}"
        if not (target == self.package or target.startswith(self.package + ".")):
            raise ImportError(f"{name!r} leaves the workspace")
        module = self._module(target)
        for child in names or ():
            if not hasattr(module, child) and self._has(f"{target}.{child}".removeprefix(f"{self.package}.")):
                self._module(f"{target}.{child}")
        return module if names or level else self._module(f"{self.package}.{name.partition('.')[0]}")

    def _has(self, module: str) -> bool:
        path = module.replace(".", "/")
        return f"{path}.py" in self._files or self._is_folder(path)

    def _is_folder(self, path: str) -> bool:
        """Whether a folder is a package: `agents/` with nothing but YAML is none, and `agents` may be installed."""
        return any(file.startswith(path + "/") and file.endswith(".py") for file in self._files)
