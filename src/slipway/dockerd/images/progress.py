"""Progress of a transfer as the messages that `docker pull` shows. Pure."""

from typing import Any

from slipway.clients.containerd.transfer import Progress

WORDS = {
    "waiting": "Waiting",
    "downloading": "Downloading",
    "extracting": "Extracting",
    "complete": "Download complete",
    "extracted": "Pull complete",
    "already exists": "Already exists",
}


def message_from_progress(step: Progress) -> dict[str, Any] | None:
    """The message of a layer's step; None for steps that Docker's client has no line for."""
    status = WORDS.get(step.event)
    kind, _, digits = step.name.rpartition("sha256:")
    if status is None or not digits or not kind.startswith(("layer", "")):
        return None
    if kind.startswith(("manifest", "index", "config", "attestation")):
        return None
    detail = {"current": step.progress, "total": step.total} if step.event == "downloading" else {}
    return {"status": status, "progressDetail": detail, "id": digits[:12]}
