"""InMemServer: a server inside this process that keeps nothing and is reached from this process."""

from typing import Optional

from object_database.database_connection import DatabaseConnection
from object_database.embedded_server import EmbeddedServer

__all__ = ["InMemServer"]


class InMemServer(EmbeddedServer):
    """A server inside this process, for tests and small programs of one process.

        with InMemServer() as server:
            db = server.connect()

    It listens nowhere: there is no port, and no other process can reach it. Each connection is a
    pair of sockets without a name inside this process, made by connect(), and speaks what TCP
    connections speak, TLS and the token included.
    """

    def __init__(self, auth_token: str = "") -> None:
        super().__init__(None, 0, auth_token)

    def connect(
        self, auth_token: Optional[str] = None, timeout: float = 10.0
    ) -> DatabaseConnection:
        """A new connection, with this token or the server's own. Raises AuthenticationException
        for another token, and UsageException while the server does not run.
        """
        server = self._running_server()
        token = self._token_for(auth_token)
        return DatabaseConnection._over(server.open_link(), token, timeout)

    def _place(self) -> str:
        return "in this process"
