"""odb_server: how it ends."""

import signal

import pytest

from server_process import is_closed

STOPS = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_ends_an_idle_server_with_0(start, number):
    server = start()
    assert server.stop(number) == 0
    assert "stopped" in server.log()


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_ends_a_server_with_clients(start, number):
    server = start()
    with server.tls() as idle, server.tcp() as before_its_handshake:
        assert server.stop(number) == 0
        assert is_closed(idle)
        assert is_closed(before_its_handshake)


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_while_starting_ends_it_with_0(start, number):
    # The signal is there before the program is: blocked, hence pending.
    server = start(block_signals=True, wait=False)
    server.send_signal(number)
    assert server.wait() == 0


def test_after_a_signal_nobody_is_let_in(start):
    server = start()
    assert server.stop() == 0
    with pytest.raises(OSError):
        server.tcp()


def test_a_second_signal_ends_it_at_once(start):
    # A client that does not finish its handshake cannot hold the server back, so what the second
    # signal is for only shows when both come together: either way the end is quick and without noise.
    server = start("--linger", "1h")
    with server.tls():
        server.send_signal(signal.SIGTERM)
        server.send_signal(signal.SIGINT)
        assert server.wait() in (0, 128 + signal.SIGINT, 128 + signal.SIGTERM)
    assert "terminate" not in server.log()
