"""What the two sides hear of each other, whatever the moment at which one of them goes."""

from slipway.runc.process.handshake import END, FAILED, GO, READY, channel_pair


def test_messages_keep_their_bounds_and_order() -> None:
    ours, theirs = channel_pair()
    theirs.send(READY)
    theirs.send(FAILED, "schlecht gelaufen: ü".encode())
    assert ours.receive() == (READY, b"")
    assert ours.receive() == (FAILED, "schlecht gelaufen: ü".encode())
    theirs.close()
    assert ours.receive() == (END, b"")
    ours.close()


def test_the_last_word_of_one_who_went_without_listening_is_heard() -> None:
    ours, theirs = channel_pair()
    theirs.send(FAILED, b"why")
    ours.send(GO)
    theirs.close()
    assert ours.receive() == (FAILED, b"why")
    assert ours.receive() == (END, b"")
    ours.close()


def test_speaking_to_one_who_is_gone_is_no_error() -> None:
    ours, theirs = channel_pair()
    theirs.close()
    ours.send(GO)
    assert ours.receive() == (END, b"")
    ours.close()
