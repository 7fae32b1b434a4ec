"""What other nouns need of events: to tell them."""

from typing import Protocol

from google.protobuf.message import Message


class EventPublisher(Protocol):
    def publish(self, namespace: str, topic: str, event: Message) -> None:
        """Tell all subscribers. Returns at once, from any thread; nobody who listens can delay or refuse it."""
        ...
