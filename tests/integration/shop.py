"""What the tests of stores do with a server: a client with a type of its own, alone or under load."""

import threading

from server_process import TOKEN, WAIT_SECONDS, wait_for


class Shop:
    """One client."""

    def __init__(self, odb, port):
        schema = odb.Schema("shop")

        @schema.define
        class Item:
            name = odb.Indexed(str)
            note = str

        self.Item = Item
        self.db = odb.connect("127.0.0.1", port, TOKEN)
        self.db.subscribeToSchema(schema)

    def add(self, name, note=""):
        with self.db.transaction():
            return self.Item(name=name, note=note)

    def names(self):
        with self.db.view():
            return sorted(item.name for item in self.Item.lookupAll())

    def close(self):
        self.db.disconnect()


class Load:
    """Clients that commit as fast as they can, each until it fails."""

    def __init__(self, shops):
        self.acknowledged = [[] for _ in shops]
        self.workers = []
        for number, (one, names) in enumerate(zip(shops, self.acknowledged)):
            self.workers.append(threading.Thread(target=self._run, daemon=True,
                                                 args=(one, number, names)))
            self.workers[-1].start()
        assert wait_for(lambda: all(len(names) > 100 for names in self.acknowledged))

    @staticmethod
    def _run(one, number, acknowledged):
        try:
            for i in range(100_000):
                one.add(f"{number}/{i}")
                acknowledged.append(f"{number}/{i}")
        except Exception:  # the connection, or the store, is gone
            pass

    def wait(self):
        for worker in self.workers:
            worker.join(WAIT_SECONDS)
            assert not worker.is_alive()

    def check(self, found):
        """Everything acknowledged is there, nothing twice, and of others what was under way."""
        assert len(found) == len(set(found))
        assert set(found) >= set(sum(self.acknowledged, []))
        assert len(found) <= sum(len(names) + 1 for names in self.acknowledged)
