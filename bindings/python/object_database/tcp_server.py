"""TcpServer: a server inside this process, over TLS."""

import atexit
import weakref
from typing import Any, Optional

from typing_extensions import Self

from object_database import _odb_server
from object_database.database_connection import DatabaseConnection, connect
from object_database.exceptions import UsageException

__all__ = ["TcpServer"]


class TcpServer:
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
        self._host = host
        self._port = port
        self._given_token = auth_token
        self._server: Optional[_odb_server.Server] = None

    def start(self) -> None:
        """Listens when this returns. Raises ServerError, for one when the port is taken."""
        if self._server is not None:
            raise UsageException("the server runs already")
        self._server = _odb_server.Server(self._host, self._port, self._given_token)
        _running.add(self)

    def stop(self) -> None:
        """Ends every session: what clients wait for raises DisconnectedException. All objects are
        gone. Returns within some seconds; does nothing when the server does not run.
        """
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    @property
    def port(self) -> int:
        """The port it listens on. Raises UsageException while it does not run."""
        return self._running_server().port()

    @property
    def auth_token(self) -> str:
        """The token that clients show. Raises UsageException while it does not run."""
        return self._running_server().token()

    def connect(
        self, auth_token: Optional[str] = None, timeout: float = 10.0
    ) -> DatabaseConnection:
        """A new connection, with this token or the server's own; "" is that of a server which made
        its own. Raises as `connect` of the package does, and UsageException while it does not run.
        """
        if auth_token is None or (auth_token == "" and not self._given_token):
            auth_token = self.auth_token
        return connect(self._host, self.port, auth_token, timeout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, type: Any, value: Any, traceback: Any) -> None:
        self.stop()

    def __repr__(self) -> str:
        where = "stopped" if self._server is None else f"on {self._host}:{self._server.port()}"
        return f"<{self.__class__.__name__} {where}>"

    def _running_server(self) -> _odb_server.Server:
        server = self._server
        if server is None:
            raise UsageException("the server does not run: start() it first")
        if server.is_forked():
            raise UsageException("the server runs in the process that was forked")
        return server


_running: "weakref.WeakSet[TcpServer]" = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    for server in list(_running):
        server.stop()
