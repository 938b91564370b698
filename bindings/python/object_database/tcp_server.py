"""TcpServer: a server inside this process, over TLS."""

from typing import Any, Optional

from object_database.database_connection import DatabaseConnection, connect
from object_database.embedded_server import EmbeddedServer

__all__ = ["TcpServer"]


class TcpServer(EmbeddedServer):
    """A server inside this process, for tests and small programs. Any client may connect to it.

        with TcpServer("localhost", 0, auth_token="TOKEN") as server:
            db = server.connect("TOKEN")

    It listens from start() to stop(), or while it is entered as a context manager. Port 0 takes a
    free one, see `port`. `store` is where it keeps objects: None is memory, gone when it stops, and
    the only one there is. Without a token it makes a strong one, see `auth_token`. It has a thread
    of its own; its methods may be called from any thread.
    """

    def __init__(
        self, host: str, port: int, store: Optional[Any] = None, auth_token: str = ""
    ) -> None:
        if store is not None:
            raise TypeError(f"the only store is memory: expected None, given {store!r}")
        super().__init__(host, port, auth_token)
        self._name = host

    @property
    def port(self) -> int:
        """The port it listens on. Raises UsageException while it does not run."""
        return self._running_server().port()

    def connect(
        self, auth_token: Optional[str] = None, timeout: float = 10.0
    ) -> DatabaseConnection:
        """A new connection, with this token or the server's own; "" is that of a server which made
        its own. Raises as `connect` of the package does, and UsageException while it does not run.
        """
        token = self._token_for(auth_token)
        return connect(self._name, self.port, token, timeout)

    def _place(self) -> str:
        return f"on {self._name}:{self.port}"
