"""Progress of a transfer as the messages that `docker pull` and `docker push` show. Pure."""

from typing import Any, Final

from slipway.clients.containerd.transfer import Progress

_WORDS: Final = {
    "downloading": "Downloading",
    "extracting": "Extracting",
    "complete": "Download complete",
    "extracted": "Pull complete",
}
_OF_NO_LAYER: Final = ("manifest", "index", "config", "attestation")


class PullMessages:
    """One transfer's. A layer has a line once it is known to be missing; of layers that are here already the client
    hears only beside others, as with the original: a pull of what is up to date has no layer lines.
    """

    def __init__(self) -> None:
        self._here: list[str] = []
        self._shown: set[str] = set()

    def of(self, step: Progress) -> list[dict[str, Any]]:
        """What to send for a step of the transfer; nothing for steps that Docker's client has no line for."""
        kind, _, digits = step.name.rpartition("sha256:")
        layer = digits[:12]
        if not layer or kind.startswith(_OF_NO_LAYER):
            return []
        if step.event == "already exists":
            self._here.append(layer)
            return self._told_here() if self._shown else []
        status = _WORDS.get(step.event)
        if status is None:
            return []
        return [*self._first_of(layer), _message(layer, status, _detail(step))]

    def _first_of(self, layer: str) -> list[dict[str, Any]]:
        if layer in self._shown:
            return []
        self._shown.add(layer)
        return [*self._told_here(), _message(layer, "Pulling fs layer", {})]

    def _told_here(self) -> list[dict[str, Any]]:
        told = [_message(layer, "Already exists", {}) for layer in self._here]
        self._here.clear()
        return told


class PushMessages:
    """One push's: a line for everything but documents; each line is told anew only when it changes."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def of(self, step: Progress) -> list[dict[str, Any]]:
        kind, is_blob, digits = step.name.rpartition("sha256:")
        blob = digits[:12]
        if not is_blob or kind.startswith(("manifest", "index", "config")):
            return []
        if step.event == "uploading":
            self._shown[blob] = "Pushing"
            return [_message(blob, "Pushing", {"current": step.progress, "total": step.total})]
        status = _push_status(step, is_layer=kind.startswith("layer"))
        if not status or self._shown.get(blob) == status:
            return []
        self._shown[blob] = status
        return [_message(blob, status, {})]

    def unavailable(self) -> list[dict[str, Any]]:
        """What was only waited for will not be pushed: another manifest is."""
        waiting = [blob for blob, status in self._shown.items() if status == "Waiting"]
        self._shown |= dict.fromkeys(waiting, "Unavailable")
        return [_message(blob, "Unavailable", {}) for blob in waiting]


def _push_status(step: Progress, *, is_layer: bool) -> str:
    if step.mounted_from:
        return f"Mounted from {step.mounted_from}"
    exists = "Layer already exists" if is_layer else "Already exists"
    return {"waiting": "Waiting", "already exists": exists, "complete": "Pushed"}.get(step.event, "")


def _detail(step: Progress) -> dict[str, Any]:
    """What a terminal draws a bar from; elsewhere a line with numbers is not shown at all."""
    if step.event == "downloading":
        return {"current": step.progress, "total": step.total}
    if step.event == "extracting":
        return {"current": 1, "units": "s"}
    return {"hidecounts": True}


def _message(layer: str, status: str, detail: dict[str, Any]) -> dict[str, Any]:
    return {"status": status, "progressDetail": detail, "id": layer}
