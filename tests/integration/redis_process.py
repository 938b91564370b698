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
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "",
             "--dir", str(self.folder), "--logfile", str(self.folder / "redis.log"), *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + WAIT_SECONDS
        while not self.ask("PING").startswith(("PONG", "NOAUTH")):
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.02)

    def ask(self, *command):
        return subprocess.run(["redis-cli", "-s", self.socket, *command], capture_output=True,
                              text=True, timeout=WAIT_SECONDS).stdout.strip()

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()

    def restart(self):
        self.kill()
        self.start()
