"""odb_server: certificates, and what else knocks at its port."""

import socket
import ssl

import pytest

from server_process import is_closed, wait_for

PLACE = ("--inmem", "127.0.0.1", "0")


def tls_options(cert, key):
    return ("--tls-cert", str(cert), "--tls-key", str(key))


# ---- certificates ----


def test_a_given_certificate_is_the_one_shown(start, certificate):
    cert, key = certificate("given")
    server = start(*tls_options(cert, key))
    with server.tls() as connection:
        shown = ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True))
    with open(cert) as file:
        assert shown == file.read()


def test_the_log_tells_the_fingerprint(start):
    import hashlib

    server = start()
    with server.tls() as connection:
        digest = hashlib.sha256(connection.getpeercert(binary_form=True)).hexdigest()
    assert digest in server.log()


def test_a_certificate_without_its_key_is_refused(run, certificate):
    cert, key = certificate("half")
    for option in (("--tls-cert", cert), ("--tls-key", key)):
        result = run(*PLACE, *option)
        assert result.returncode == 2
        assert "--tls-cert and --tls-key must be given together" in result.stderr


@pytest.mark.parametrize("which", ["cert", "key"])
@pytest.mark.parametrize("content", [None, b"", b"garbage", b"\0" * 100])
def test_an_unusable_file_is_refused_by_name(run, certificate, tmp_path, which, content):
    cert, key = certificate("good")
    bad = tmp_path / "bad.pem"
    if content is not None:
        bad.write_bytes(content)
    result = run(*PLACE, *(tls_options(bad, key) if which == "cert" else tls_options(cert, bad)))
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert str(bad) in result.stderr


def test_a_key_of_another_certificate_is_refused(run, certificate):
    cert, _ = certificate("one")
    _, key = certificate("two")
    result = run(*PLACE, *tls_options(cert, key))
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert key in result.stderr and "does not belong to" in result.stderr


# ---- strangers ----


def speak_plain(server):
    with server.tcp() as connection:
        connection.sendall(b"hello?\r\n" * 10)
        return is_closed(connection)


def speak_http(server):
    with server.tcp() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return is_closed(connection)


def speak_tls12(server):
    try:
        server.tls(maximum_version=ssl.TLSVersion.TLSv1_2).close()
    except (ssl.SSLError, ConnectionError):
        return True
    return False


def speak_garbage_after_tls(server):
    with server.tls() as connection:
        connection.sendall(bytes(range(256)) * 64)
        return is_closed(connection)


def hang_up_at_once(server):
    server.tcp().close()
    return True


STRANGERS = [speak_plain, speak_http, speak_tls12, speak_garbage_after_tls, hang_up_at_once]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_stranger_is_refused_and_others_are_undisturbed(start, stranger):
    server = start()
    with server.tls() as friend:
        assert stranger(server)
        assert server.serves()
        friend.settimeout(0.2)
        with pytest.raises(socket.timeout):  # still open, and nothing was sent to it
            friend.recv(1)
    assert server.stop() == 0


def test_tls13_without_authentication_is_closed_at_the_deadline(start):
    server = start("--authentication-deadline", "500ms")
    with server.tls() as connection:
        assert is_closed(connection)


def test_tcp_without_a_handshake_is_closed_at_the_deadline(start):
    server = start("--authentication-deadline", "500ms")
    with server.tcp() as silent, server.tcp() as half:
        half.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a ClientHello
        assert is_closed(silent)
        assert is_closed(half)
    assert server.serves()


def test_bad_connections_leave_nothing_behind(start):
    server = start("--authentication-deadline", "500ms", "--log-level", "warn")

    def bother(times):
        for i in range(times):
            assert STRANGERS[i % len(STRANGERS)](server)

    idle = server.descriptors()
    bother(100)  # what is made once, is made now
    assert wait_for(lambda: server.descriptors() <= idle)
    memory = server.resident_kib()
    bother(200)
    assert wait_for(lambda: server.descriptors() <= idle)
    assert server.resident_kib() - memory < 1024
