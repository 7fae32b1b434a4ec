"""A session keyring of the container's own, so that it finds none of its starter's keys (keyrings(7))."""

import errno

from slipway.linux import prctl
from slipway.runc.confine import labels

# Search permission for the user: without it the keyring cannot be found by a process of another user id.
_SEARCH = 0x80000


def join_keyring(own_proc: int, container: str, label: str, *, searchable: bool) -> None:
    """Leave the inherited session keyring for the container's, which the first to come makes.

    `label`: the SELinux label of a keyring made here; "" for none. `searchable`: let the container's user find it.
    A kernel without keyrings has none to inherit. Raises OSError.
    """
    if label:
        labels.label_new_keys(own_proc, label)
    try:
        keyring = prctl.join_session_keyring(f"_ses.{container}")
        if searchable:
            prctl.add_keyring_permissions(keyring, _SEARCH)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
    finally:
        if label:
            labels.label_new_keys(own_proc, "")
