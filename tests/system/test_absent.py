"""What the engine does not have, as Docker's clients ask for it: sentences, and commands that go on."""

import pytest

from tests.support.docker import Docker

NO_MANAGER = "This node is not a swarm manager."
THEIRS = ("their-client", pytest.param("original", marks=pytest.mark.matrix))


@pytest.mark.parametrize("any_engine", THEIRS, indirect=True)
@pytest.mark.parametrize(
    "command", ["service ls", "node ls", "secret ls", "config ls", "service inspect web", "swarm join-token worker"]
)
def test_what_needs_a_manager_says_so(any_engine: Docker, command: str) -> None:
    result = any_engine.run(*command.split())
    assert result.status == 1
    assert NO_MANAGER in result.err


@pytest.mark.parametrize("any_engine", THEIRS, indirect=True)
def test_there_is_no_swarm_to_leave_and_no_plugin_to_list(any_engine: Docker) -> None:
    assert "This node is not part of a swarm" in any_engine.run("swarm", "leave").err
    assert any_engine("plugin", "ls", "-q") == ""
    assert 'plugin "nosuch:latest" not found' in any_engine.run("plugin", "rm", "nosuch:latest").err


def test_a_container_is_in_one_predefined_network(any_engine: Docker) -> None:
    any_engine("run", "-d", "--name", "box", "busybox", "sleep", "600")
    assert (
        "endpoint with name box already exists in network bridge"
        in any_engine.run("network", "connect", "bridge", "box").err
    )
    assert "cannot connect container to host network" in any_engine.run("network", "connect", "host", "box").err
    assert "one of the networks in private (none) mode" in any_engine.run("network", "connect", "none", "box").err
    assert "network nosuch not found" in any_engine.run("network", "connect", "nosuch", "box").err
    assert "No such container: nobody" in any_engine.run("network", "connect", "bridge", "nobody").err
