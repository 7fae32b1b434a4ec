"""Whether the machine stopped since, and what a new daemon lets go of."""

from slipway.containerd.leases.model import Lease, LeaseResource
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.metadata.boots import has_stopped_since, record_boot
from slipway.containerd.metadata.model import Scope
from slipway.database.sqlite import SqliteDatabase


def test_another_boot_is_noticed_until_it_is_recorded(database: SqliteDatabase) -> None:
    assert not has_stopped_since(database, "one"), "a new folder has nothing to lose"
    record_boot(database, "one")
    assert not has_stopped_since(database, "one")
    assert has_stopped_since(database, "two")
    record_boot(database, "two")
    assert (has_stopped_since(database, "one"), has_stopped_since(database, "two")) == (True, False)


def test_leases_of_transfers_end_with_their_daemon_and_others_stay(leases: LeaseStore) -> None:
    for namespace in ("a", "b"):
        for name, labels in (("transfer", {"mine": "yes"}), ("client", {"x": "mine"})):
            leases.create(Scope(namespace), Lease(id=name, labels=labels))
            leases.add_resource(Scope(namespace), name, LeaseResource("ingests", f"ref of {name}"))
            leases.add_resource(Scope(namespace), name, LeaseResource("images", "x"))
    leases.end_labelled("mine")
    assert [[lease.id for lease in leases.list(Scope(namespace))] for namespace in ("a", "b")] == [["client"]] * 2
    assert len(leases.resources(Scope("a"), "client")) == 2
