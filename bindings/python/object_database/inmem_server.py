"""InMemServer: a server inside this process that keeps nothing and is reached from this process."""

from object_database.tcp_server import TcpServer

__all__ = ["InMemServer"]


class InMemServer(TcpServer):
    """A server inside this process, for tests and small programs of one process.

        with InMemServer() as server:
            db = server.connect()

    Start, stop and connect are those of TcpServer. Its connections are made by connect(); they run
    over TLS on the loopback interface, on a free port, which other processes do not know of and
    cannot use without the token.
    """

    def __init__(self, auth_token: str = "") -> None:
        super().__init__("localhost", 0, None, auth_token)
