"""Tools that every workspace has, for agents that list them by name: they only read."""

from datetime import UTC, datetime

from agentctl.settings import Settings
from agentctl.tools.functions import Function
from agentctl.tools.info import Hints
from agentctl.tools.project_files import ProjectFiles
from agentctl.tools.web import MAX_IMAGE_BYTES, MAX_IMAGES, SEARCH_VARIABLE, Web

PLACE = "agentctl itself"
RESULT_BYTES = {"fetch_images": MAX_IMAGES * MAX_IMAGE_BYTES}
"""Where it is not what every tool has."""


def built_in_functions(settings: Settings) -> list[Function]:
    """The functions; `workspace/checks/tool.py` has their names, for `validate`."""
    files = ProjectFiles(settings.root)
    web = Web(settings.allow_private_urls, settings.env.get(SEARCH_VARIABLE, "").strip())
    inside, outside = Hints(read_only=True, open_world=False), Hints(read_only=True)
    return [
        *(Function(call.__name__, call, PLACE, inside) for call in (files.read_file, files.list_files, now)),
        *(Function(call.__name__, call, PLACE, outside) for call in (web.http_get, web.fetch_images, web.web_search)),
    ]


def now() -> dict[str, str]:
    """Tell the date and the time."""
    utc = datetime.now(UTC)
    here = utc.astimezone()
    return {
        "utc": utc.isoformat(timespec="seconds"),
        "local": here.isoformat(timespec="seconds"),
        "weekday": f"{here:%A}",
        "zone": here.tzname() or "",
    }
