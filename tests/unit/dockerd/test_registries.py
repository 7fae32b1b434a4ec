"""Mirrors, insecure registries and certificates: what the daemon takes, and what it tells containerd of a registry."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from slipway.base.errors import InvalidArgument
from slipway.clients.registry.hosts import hosts_of_domain
from slipway.clients.registry.model import Host
from slipway.dockerd.command_line import settings_from_arguments
from slipway.dockerd.registries.folders import RegistryFolders
from slipway.dockerd.registries.model import RegistrySettings, settings_from_texts

HUB = "https://registry-1.docker.io/v2"


def hosts_for(
    tmp_path: Path, domain: str, *, mirrors: Sequence[str] = (), insecure: Sequence[str] = ()
) -> list[Host] | None:
    """What our containerd makes of the folder that it is given; None where it is given none."""
    settings = settings_from_texts(mirrors, insecure)
    folders = RegistryFolders(settings, certificates=str(tmp_path / "certs.d"), place=str(tmp_path / "own"))
    folder = asyncio.run(folders.folder_for(domain))
    return hosts_of_domain(domain, roots=[folder]) if folder else None


def certify(tmp_path: Path, domain: str, *names: str) -> Path:
    folder = tmp_path / "certs.d" / domain
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_nothing_said_is_no_folder(tmp_path: Path) -> None:
    for domain in ("docker.io", "r.example", "localhost:5000"):
        assert hosts_for(tmp_path, domain) is None
    assert not (tmp_path / "own").exists()


def test_mirrors_are_those_of_docker_hub(tmp_path: Path) -> None:
    mirrors = ["https://m.example", "http://plain.example:5000/hub/"]
    assert hosts_for(tmp_path, "docker.io", mirrors=mirrors) == [
        Host(base="https://m.example/v2", pushes=False, stands_for="docker.io"),
        Host(base="http://plain.example:5000/hub/v2", pushes=False, stands_for="docker.io"),
        Host(base=HUB),
    ]
    assert hosts_for(tmp_path, "192.0.2.1:5000", mirrors=mirrors) is None


@pytest.mark.parametrize("insecure", ["192.0.2.1:5000", "192.0.2.0/24", "192.0.2.77/24", "http://192.0.2.1:5000"])
def test_an_insecure_registry_is_asked_without_verification_and_then_in_clear(tmp_path: Path, insecure: str) -> None:
    expected = Host(base="https://192.0.2.1:5000/v2", verify=False, may_be_plain=True)
    assert hosts_for(tmp_path, "192.0.2.1:5000", insecure=[insecure]) == [expected]
    assert hosts_for(tmp_path, "192.0.3.1:5000", insecure=[insecure]) is None
    assert hosts_for(tmp_path, "docker.io", insecure=[insecure]) is None


def test_a_name_with_an_address_in_an_insecure_network_is_insecure(tmp_path: Path) -> None:
    """127.0.0.0/8 always is one; loopback itself is containerd's own business."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("socket.getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("::ffff:192.0.2.9", 0))])
        (host,) = hosts_for(tmp_path, "r.example", insecure=["192.0.2.0/24"]) or []
    assert (host.verify, host.may_be_plain) == (False, True)
    assert hosts_for(tmp_path, "127.0.0.1:5000", insecure=["192.0.2.0/24"]) is None


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["192.0.2.9", "203.0.113.9"], ["::1"], []])
@pytest.mark.parametrize("insecure", [["192.0.2.0/24"], []])
def test_who_answers_for_dns_takes_nobody_s_tls(tmp_path: Path, addresses: list[str], insecure: list[str]) -> None:
    """The name is looked up again when it is connected to: one address in an insecure network says nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("socket.getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (address, 0)) for address in addresses])
        assert hosts_for(tmp_path, "ghcr.io", mirrors=["https://m.example"], insecure=insecure) is None


def test_an_insecure_mirror_is_asked_like_an_insecure_registry(tmp_path: Path) -> None:
    (mirror, hub) = hosts_for(tmp_path, "docker.io", mirrors=["https://m.example:1"], insecure=["m.example:1"]) or []
    assert (mirror.base, mirror.verify, mirror.may_be_plain) == ("https://m.example:1/v2", False, True)
    assert hub.verify


def test_certificates_alone_are_used_where_they_lie(tmp_path: Path) -> None:
    folder = certify(tmp_path, "r.example:5000", "ca.crt", "me.cert", "me.key")
    (host,) = hosts_for(tmp_path, "r.example:5000") or []
    assert host.authorities == (f"{folder}/ca.crt",)
    assert host.identities == ((f"{folder}/me.cert", f"{folder}/me.key"),)
    assert host.verify


def test_certificates_go_with_the_other_settings(tmp_path: Path) -> None:
    hub, mirror = certify(tmp_path, "docker.io", "hub.crt"), certify(tmp_path, "m.example", "m.crt", "me.cert")
    found = hosts_for(tmp_path, "docker.io", mirrors=["https://m.example"]) or []
    assert found[0].authorities == (f"{hub}/hub.crt", f"{mirror}/m.crt")
    assert found[0].identities == ((f"{mirror}/me.cert", ""),)
    assert found[1] == Host(base=HUB, authorities=(f"{hub}/hub.crt",))


def test_a_hosts_file_of_the_machine_s_owner_counts_instead(tmp_path: Path) -> None:
    (certify(tmp_path, "docker.io") / "hosts.toml").write_text('server = "https://own.example"')
    (host,) = hosts_for(tmp_path, "docker.io", mirrors=["https://m.example"]) or []
    assert host.base == "https://own.example/v2"


@pytest.mark.parametrize(
    ("mirror", "words"),
    [
        ("m.example", 'invalid mirror: no scheme specified for "m.example": must use either '),
        ("m.example:5000", "invalid mirror: no scheme specified"),
        ("://m", "invalid mirror: no scheme specified"),
        ("ftp://m.example", 'invalid mirror: unsupported scheme "ftp" in "ftp://m.example"'),
        ("https://m example", "invalid mirror: .* is not a valid URI"),
        ("https://m:x", "invalid mirror: .* is not a valid URI"),
        ("https://", "invalid mirror: .* is not a valid URI"),
        ("https://m/?a=b", "invalid mirror: query or fragment at end of the URI"),
        ("https://m/#a", "invalid mirror: query or fragment at end of the URI"),
        ("https://me:secret@m", 'invalid mirror: username/password not allowed in URI "https://me:xxxxx@m"'),
    ],
)
def test_a_mirror_that_is_none_is_refused_in_the_original_s_words(mirror: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words) as refused:
        settings_from_texts([mirror], [])
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    ("registry", "words"),
    [
        ("-r.example", r"invalid index name \(-r.example\). Cannot begin or end with a hyphen"),
        ("ftp://r.example", "insecure registry ftp://r.example should not contain '://'"),
        ("r_example", 'insecure registry r_example is not valid: invalid host "r_example"'),
        ("r.example:99999", 'insecure registry r.example:99999 is not valid: invalid port "99999"'),
        ("10.0.0.0/99", "insecure registry 10.0.0.0/99 is not valid"),
        ("10.0.0.0/255.0.0.0", "is not valid"),
        ("r.example/path", "is not valid"),
        ("", "is not valid"),
    ],
)
def test_an_insecure_registry_that_is_none_is_refused(registry: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        settings_from_texts([], [registry])


def test_the_settings_come_from_flags_or_the_file(tmp_path: Path) -> None:
    flags = ["--registry-mirror", "https://m.example", "--insecure-registry", "r.example", "--config-file", "FILE"]
    file = tmp_path / "daemon.json"
    file.write_text("{}")
    from_flags = settings_from_arguments([*flags[:-1], str(file)]).registries
    file.write_text(json.dumps({"registry-mirrors": ["https://m.example/"], "insecure-registries": ["r.example"]}))
    assert settings_from_arguments(["--config-file", str(file)]).registries == from_flags
    assert (from_flags.mirrors, from_flags.insecure) == (("https://m.example/",), ("r.example",))
    with pytest.raises(InvalidArgument, match="specified both as a flag and in the configuration file"):
        settings_from_arguments([*flags[:-1], str(file)])


@pytest.mark.parametrize(
    "document", [{"registry-mirrors": "https://m"}, {"registry-mirrors": ["m"]}, {"insecure-registries": ["a b"]}]
)
def test_what_is_wrong_in_the_file_is_said_with_its_name(tmp_path: Path, document: object) -> None:
    file = tmp_path / "daemon.json"
    file.write_text(json.dumps(document))
    with pytest.raises(InvalidArgument, match=f"unable to configure the Docker daemon with file {file}: "):
        settings_from_arguments(["--validate", "--config-file", str(file)])


def test_info_shows_them_as_the_original() -> None:
    settings = settings_from_texts(["https://m", "https://m/"], ["r:5000", "10.1.2.3/8"])
    assert settings.document() == {
        "IndexConfigs": {
            "docker.io": {"Mirrors": ["https://m/"], "Name": "docker.io", "Official": True, "Secure": True},
            "r:5000": {"Mirrors": [], "Name": "r:5000", "Official": False, "Secure": False},
        },
        "InsecureRegistryCIDRs": ["10.0.0.0/8", "::1/128", "127.0.0.0/8"],
        "Mirrors": ["https://m/"],
    }
    assert RegistrySettings().document()["Mirrors"] is None
