import io
import threading
from collections.abc import Callable

from agentctl.cli.aside import Lines


def elsewhere(act: Callable[[], None]) -> None:
    """Do it in another thread."""
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()


def test_a_line_that_one_began_is_ended_before_anothers() -> None:
    file = io.StringIO()
    lines = Lines(file)
    lines.write("half")
    elsewhere(lambda: lines.write("ours\n"))
    lines.write(" and the rest")
    lines.close()

    assert file.getvalue() == "half\nours\n and the rest\n"


def test_a_line_that_was_ended_for_somebody_is_not_ended_twice() -> None:
    """`print` writes the text and its end one after the other."""
    file = io.StringIO()
    lines = Lines(file)
    lines.write("printed")
    elsewhere(lambda: print("ours", file=lines))  # type: ignore[call-overload]
    lines.write("\n")
    lines.write("more\n")
    lines.close()

    assert file.getvalue() == "printed\nours\nmore\n"


def test_one_thread_may_write_a_line_in_pieces() -> None:
    file = io.StringIO()
    lines = Lines(file)
    for piece in ("a", "", "b", "\n", "\n"):
        lines.write(piece)
    lines.close()

    assert file.getvalue() == "ab\n\n"
