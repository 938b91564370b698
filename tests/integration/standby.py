"""A pair of servers over one Redis, and a program that notes what it was told."""

import re
import socket
import subprocess
import threading
import time

from server_process import TOKEN, WAIT_SECONDS, ServerProcess, wait_for


class StandbyServer(ServerProcess):
    """Returns when it waits; is_owner() tells what it has said last."""

    def __init__(self, program, redis_address, *options, port=0, env=None):
        super().__init__(program, "--standby", *options, store=("--redis", redis_address), port=port,
                         env=env)
        self.said = self.stdout.decode()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        try:
            for line in self.process.stdout:
                self.said += line.decode()
        except ValueError:  # closed
            pass

    def is_owner(self):
        return self.said.splitlines()[-1].startswith("odb_server listens on ")

    def is_standby(self):
        return self.said.splitlines()[-1].startswith("odb_server waits as standby for ")

    def refuses(self):
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) != 0

    def wait(self):
        status = self.process.wait(WAIT_SECONDS)
        self.reader.join(WAIT_SECONDS)
        return status

    def times_as_owner(self):
        return len(re.findall("odb_server listens on", self.said))


class Writer:
    """A program with the addresses of all servers: counts, appends to a list, and watches itself.

    Each number is written in a transaction of its own, after the one before it was acknowledged or
    failed; so the list tells what was lost, repeated or reordered.
    """

    def __init__(self, odb, servers, name):
        schema = odb.Schema("standby")

        @schema.define
        class Ledger:
            owner = odb.Indexed(str)
            numbers = odb.TupleOf(int)
            count = int

        self.Ledger = Ledger
        self.name = name
        self.db = odb.connect([("127.0.0.1", server.port) for server in servers], None, TOKEN,
                              retry=True)
        self.db.subscribeToSchema(schema)
        with self.db.transaction():
            self.ledger = Ledger(owner=name)
        self.acknowledged = []
        self.refused = []
        self.unknown = []
        self.errors = []
        self.pauses = []  # between two acknowledgements, in seconds
        self.versions = []  # told to a handler
        self.db.registerOnTransactionHandler(
            lambda writes, added, removed, version: self.versions.append(version))
        self.odb = odb
        self.is_stopping = False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def _run(self):
        number = 0
        last = time.monotonic()
        while not self.is_stopping:
            number += 1
            try:
                with self.db.transaction():
                    self.ledger.numbers = self.ledger.numbers + (number,)
                    self.ledger.count += 1
                self.acknowledged.append(number)
                now = time.monotonic()
                self.pauses.append(now - last)
                last = now
            except Exception as error:
                self.errors.append(str(error))
                if "unknown" in str(error):
                    self.unknown.append(number)
                else:
                    self.refused.append(number)
                time.sleep(0.02)

    def goes_on(self, more=5):
        """Whether further commits are acknowledged."""
        before = len(self.acknowledged)
        return wait_for(lambda: len(self.acknowledged) >= before + more)

    def stop(self):
        self.is_stopping = True
        self.thread.join(WAIT_SECONDS)
        assert not self.thread.is_alive()

    def check(self, odb, servers):
        """Nothing lost, nothing twice, nothing out of order; every reader sees the same."""
        self.db.flush()
        fresh = odb.connect([("127.0.0.1", server.port) for server in servers], None, TOKEN,
                            retry=True)
        fresh.subscribeToSchema(self.Ledger.__schema__)
        seen = []
        for db in (self.db, fresh):
            with db.view():
                ledger = self.Ledger.lookupOne(owner=self.name)
                seen.append((list(ledger.numbers), ledger.count))
        fresh.disconnect()
        assert seen[0] == seen[1]
        numbers, count = seen[0]
        assert numbers == sorted(set(numbers)), "repeated or reordered"
        assert count == len(numbers)
        assert set(numbers) >= set(self.acknowledged), "lost"
        assert set(numbers) <= set(self.acknowledged) | set(self.unknown), "refused, yet there"
        assert self.versions == sorted(set(self.versions)), "told twice, or backwards"


class Fleet:
    """Standbys of one Redis, of which one is the owner."""

    def __init__(self, program, redis):
        self.program = program
        self.redis = redis
        self.servers = []

    def start(self, *options, address=None, port=0):
        server = StandbyServer(self.program, address or self.redis.address, *options, port=port)
        self.servers.append(server)
        return server

    def start_again(self, server):
        """Another process in the place of one that has ended, at the same port."""
        self.servers.remove(server)
        server.kill()
        return self.start(port=server.port)

    def wait_for_owner(self, within=WAIT_SECONDS):
        found = []
        assert wait_for(lambda: any(found.append(server) or True for server in self.servers
                                    if server.process.poll() is None and server.is_owner()), within)
        return found[-1]

    def close(self):
        for server in self.servers:
            if server.process.poll() is None:
                subprocess.run(["kill", "-CONT", str(server.process.pid)], check=False)
            server.kill()
