"""What several test files need: servers, and scripts that run in an interpreter of their own."""

import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

TOKEN = "a token that only the tests know"
WAIT_S = 30  # for what must happen; a test that meets this limit has failed


class ServerProcess:
    def __init__(self, build_dir):
        self.program = build_dir / "bin" / "odb_server"
        self.token = TOKEN
        self.port = None
        self._process = None

    def __enter__(self):
        self._process = subprocess.Popen(
            [str(self.program), "--inmem", "localhost", "0", "--service-token", self.token],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = self._process.stdout.readline()
        assert line, f"{self.program} ended before it listened"
        self.port = int(line.strip().rpartition(":")[2])
        return self

    def __exit__(self, *unused):
        self._process.send_signal(signal.SIGCONT)
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def pause(self):
        """It answers nothing from when this returns until resume()."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def kill(self):
        self._process.kill()
        self._process.wait()


class Script:
    """A Python program of its own. It prints lines; the last words tell how it ended."""

    PREAMBLE = """
        import os, sys, threading
        import object_database
        from object_database import *

        schema = Schema("script")

        @schema.define
        class Thing:
            name = Indexed(str)

        def connected():
            db = connect("localhost", int(sys.argv[1]), sys.argv[2])
            db.subscribeToSchema(schema)
            return db
    """

    def __init__(self, build_dir, server, body):
        environment = dict(os.environ, PYTHONPATH=str(build_dir / "python"))
        program = textwrap.dedent(self.PREAMBLE) + textwrap.dedent(body)
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", program, str(server.port), server.token],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def read_line(self):
        return self.process.stdout.readline().strip()

    def go_on(self):
        """Answers the script's input()."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def interrupt_wait(self):
        """Ctrl-C, once the main thread sleeps in whatever it does after its last line."""
        while self._main_thread_state() != "S":
            time.sleep(0)
        self.process.send_signal(signal.SIGINT)

    def _main_thread_state(self):
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0]

    def end(self):
        """(exit code, what it printed since, errors)"""
        try:
            out, errors = self.process.communicate(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return self.process.returncode, out.strip(), errors.strip()
