"""RedisProcess: a redis-server of the test's own."""

import signal
import subprocess
import time

WAIT_SECONDS = 30


class RedisProcess:
    """On a unix socket in `folder`; restart() brings it back with what it had on disk."""

    def __init__(self, folder, *options, appendfsync="always"):
        self.folder = folder
        self.socket = str(folder / "redis.sock")
        self.options = ["--appendonly", "yes", "--appendfsync", appendfsync, *options]
        self.process = None
        self.start()

    @property
    def address(self):
        return f"unix:{self.socket}"

    def start(self):
        self._launch()
        deadline = time.monotonic() + WAIT_SECONDS
        while not self.ask("PING").startswith(("PONG", "NOAUTH")):
            assert time.monotonic() < deadline, "redis-server does not start"
            if self.process.poll() is not None:
                self._launch()  # it repaired its files, and takes them at its next start
            time.sleep(0.02)

    def _launch(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "",
             "--dir", str(self.folder), "--logfile", str(self.folder / "redis.log"), *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(self, *command):
        return subprocess.run(["redis-cli", "-s", self.socket, *command], capture_output=True,
                              text=True, timeout=WAIT_SECONDS).stdout.strip()

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()

    def tear(self, *commands):
        """As if it had been killed while it wrote a transaction of these, but for the last bytes."""
        words = [("SELECT", "0"), ("MULTI",), *commands, ("SET", "odb:torn", "torn")]
        written = b"".join(
            b"*%d\r\n" % len(command) +
            b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in command)
            for command in words)
        newest = max(self.folder.glob("appendonlydir/*.incr.aof"),
                     key=lambda file: int(file.name.split(".")[2]))
        with newest.open("ab") as file:
            file.write(written[:-3])

    def restart(self):
        self.kill()
        self.start()
