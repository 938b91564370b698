// object_database._odb_server: a server inside the process. What users see stands in the Python
// files beside it.
#include <pybind11/stl.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "odb/server/server.h"
#include "python.h"

namespace odb::python {
namespace {

// Needs the GIL, which starting and stopping lend to others: clients of this process may want it.
class EmbeddedServer {
 public:
  // Without a host it does not listen.
  EmbeddedServer(const std::optional<std::string>& host, int port, const std::string& token)
      : owner_(getpid()) {
    if (port < 0 || port > 65535) throw py::value_error("a port is a number from 0 to 65535");
    server::ServerOptions options;
    options.host = host.value_or("");
    options.port = static_cast<std::uint16_t>(port);
    if (!host) options.listening = server::Listening::kNot;
    if (!token.empty()) options.tokens = {{"service", token}};
    auto started = [&] {
      const py::gil_scoped_release release;
      return server::Server::start(std::move(options));
    }();
    if (!started) raise_server_error(started.error());
    server_ = *std::move(started);
  }

  ~EmbeddedServer() {
    if (is_forked()) {
      // Its thread lives in the parent.
      static_cast<void>(server_.release());
      return;
    }
    const py::gil_scoped_release release;
    server_.reset();
  }
  EmbeddedServer(const EmbeddedServer&) = delete;
  EmbeddedServer& operator=(const EmbeddedServer&) = delete;

  bool is_forked() const { return owner_ != getpid(); }
  int port() const { return server_->port(); }
  const std::string& token() const { return server_->token(); }

  // A descriptor that the caller owns.
  int open_link() {
    auto link = server_->open_link();
    if (!link) raise_server_error(link.error());
    return link->release();
  }

  // (kind, schema, type, name, count)
  py::list conflict_counts() const {
    const std::vector<ConflictCount> counts = [&] {
      const py::gil_scoped_release release;
      return server_->conflict_counts();
    }();
    py::list out;
    for (const ConflictCount& each : counts) {
      out.append(py::make_tuple(std::string(to_string(each.kind)), each.type.schema, each.type.type,
                                each.name, each.count));
    }
    return out;
  }

  void stop() {
    if (is_forked()) return;
    const py::gil_scoped_release release;
    server_->stop();
  }

 private:
  [[noreturn]] static void raise_server_error(const Error& error) {
    const py::object type = py::module_::import("object_database.exceptions").attr("ServerError");
    const py::object exception = type(error.message);
    exception.attr("code") = static_cast<int>(error.code);
    PyErr_SetObject(type.ptr(), exception.ptr());
    throw py::error_already_set();
  }

  const pid_t owner_;
  std::unique_ptr<server::Server> server_;
};

}  // namespace
}  // namespace odb::python

PYBIND11_MODULE(_odb_server, module) {
  using odb::python::EmbeddedServer;
  namespace py = pybind11;
  odb::server::log_trouble_to_stderr();
  py::class_<EmbeddedServer>(module, "Server")
      .def(py::init<const std::optional<std::string>&, int, const std::string&>())
      .def("is_forked", &EmbeddedServer::is_forked)
      .def("port", &EmbeddedServer::port)
      .def("token", &EmbeddedServer::token)
      .def("open_link", &EmbeddedServer::open_link)
      .def("conflict_counts", &EmbeddedServer::conflict_counts)
      .def("stop", &EmbeddedServer::stop);
}
