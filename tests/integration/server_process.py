"""ServerProcess: one running odb_server."""

import os
import pathlib
import re
import select
import signal
import socket
import ssl
import subprocess
import tempfile
import time

WAIT_SECONDS = 60  # nothing here takes so long, even on a busy machine
TOKEN = "a-token-of-more-than-twenty-two-characters"


class ServerProcess:
    """Listens on 127.0.0.1 and a free port when the constructor returns."""

    def __init__(self, program, *options, env=None, token=TOKEN, block_signals=False, wait=True,
                 store=("--inmem",), port=0):
        self.log_file = tempfile.TemporaryFile("w+")
        arguments = [program, *store, "127.0.0.1", str(port), *options]
        if token is not None:
            arguments += ["--service-token", token]
        self.process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log_file,
            env={**os.environ, **(env or {})},
            preexec_fn=_block_signals if block_signals else None,
        )
        self.stdout = b""
        self.port = None
        if wait:
            self.wait_until_listening()

    def wait_until_listening(self):
        self.stdout += self._read_line()
        match = re.search(r"127\.0\.0\.1:(\d+)\n$", self.stdout.decode())
        assert match, f"no listening line: {self.stdout!r}, log: {self.log()}"
        self.port = int(match.group(1))

    def _read_line(self):
        ready, _, _ = select.select([self.process.stdout], [], [], WAIT_SECONDS)
        assert ready, f"no line on stdout, log: {self.log()}"
        return self.process.stdout.readline()

    def log(self):
        self.log_file.seek(0)
        return self.log_file.read()

    def send_signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        status = self.process.wait(WAIT_SECONDS)
        self.stdout += self.process.stdout.read()
        return status

    def stop(self, number=signal.SIGTERM):
        self.send_signal(number)
        return self.wait()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log_file.close()

    # ---- talking to it ----

    def tcp(self):
        connection = socket.create_connection(("127.0.0.1", self.port), WAIT_SECONDS)
        connection.settimeout(WAIT_SECONDS)
        return connection

    def tls(self, **versions):
        return tls_context(**versions).wrap_socket(self.tcp())

    def serves(self):
        """Whether a TLS 1.3 client gets through its handshake."""
        with self.tls() as connection:
            return connection.version() == "TLSv1.3"

    # ---- looking at it ----

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))


def tls_context(**versions):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in versions.items():
        setattr(context, name, value)
    return context


def is_closed(connection, within=WAIT_SECONDS):
    """Reads until the peer ends the connection; False when it does not in time."""
    connection.settimeout(within)
    try:
        while connection.recv(65536):
            pass
    except socket.timeout:
        return False
    except OSError:
        pass
    return True


def wait_for(condition, within=WAIT_SECONDS):
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def failed_start(server, status=1):
    """The one line that a server gives as its reason."""
    assert server.wait() == status
    lines = [line for line in server.log().splitlines() if line.startswith("odb_server: ")]
    assert len(lines) == 1, server.log()
    return lines[0]


def _block_signals():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
