"""Output that ends without a newline: a prompt. Nobody waits for the rest of the line."""

from tests.support.docker import Docker


def test_a_container_at_a_prompt_is_removed_at_once(any_engine: Docker) -> None:
    any_engine("run", "-d", "--name", "box", "busybox", "sh", "-c", "printf prompt; exec sleep 60")
    any_engine.run("rm", "-f", "box", timeout=8).ok()


def test_the_last_line_needs_no_newline(any_engine: Docker) -> None:
    assert any_engine("run", "--name", "box", "busybox", "printf", "first\\nlast") == "first\nlast"
    assert any_engine("logs", "box") == "first\nlast"
