#include "connection.h"

#include <pybind11/stl.h>

#include "callback.h"
#include "changes.h"
#include "errors.h"
#include "lookup.h"
#include "object_handle.h"
#include "reactor.h"
#include "session.h"
#include "view.h"
#include "waiting.h"

namespace odb::python {
namespace {

// A subscription under way.
struct PendingSubscription {
  std::shared_ptr<Session> session;
  Subscription subscription;
};

// Calls it with a word for what became of the link, the reason, and whether the history is new.
std::function<void(const LinkEvent&)> link_handler(py::object handler) {
  auto callback = std::make_shared<Callback>(std::move(handler));
  return [callback](const LinkEvent& event) {
    callback->run([&](const py::object& call) {
      const char* const word = event.kind == LinkEvent::Kind::kConnected      ? "connected"
                               : event.kind == LinkEvent::Kind::kReconnecting ? "reconnecting"
                                                                              : "gone";
      call(word, event.reason.message, event.new_history);
    });
  };
}

class PyConnection {
 public:
  PyConnection(const std::vector<std::pair<std::string, int>>& servers, const std::string& token,
               double timeout, bool retry, std::string name, double reconnect_for,
               std::optional<double> offline_wait, py::object on_link) {
    std::vector<ServerAddress> addresses;
    for (const auto& [host, port] : servers) {
      if (port < 0 || port > 65535) throw py::value_error("a port is a number from 0 to 65535");
      addresses.push_back({host, static_cast<std::uint16_t>(port)});
    }
    ConnectOptions options;
    options.timeout = to_timeout(timeout).value();
    options.retry = retry;
    options.name = std::move(name);
    options.reconnect_for = to_timeout(reconnect_for).value();
    options.offline_wait = to_timeout(offline_wait);
    options.on_link = link_handler(std::move(on_link));
    session_ = Session::connect(std::move(addresses), token, std::move(options));
  }

  // Over a descriptor of a server inside this process.
  PyConnection(int descriptor, const std::string& token, double timeout, std::string name) {
    ConnectOptions options;
    options.timeout = to_timeout(timeout).value();
    options.name = std::move(name);
    session_ = Session::connect_over(descriptor, token, std::move(options));
  }

  const std::shared_ptr<Session>& session() const { return session_; }
  Database& database() { return session_->database(); }

  void define(const std::string& schema, const std::vector<const TypeDefinition*>& types,
              std::optional<double> timeout, const std::set<std::string>& without) {
    session_->define(schema, types, to_timeout(timeout), without);
  }

  PendingSubscription subscribe(Interest interest, bool lazy) {
    const Loading loading = lazy ? Loading::kLazy : Loading::kEager;
    return {session_, database().subscribe_async(std::move(interest), loading)};
  }
  PendingSubscription subscribe_schema(const std::string& schema, bool lazy) {
    return subscribe(SchemaInterest{schema}, lazy);
  }
  PendingSubscription subscribe_type(const TypeDefinition& definition, bool lazy) {
    return subscribe(TypeInterest{binding(definition).type->id}, lazy);
  }
  PendingSubscription subscribe_index(const TypeDefinition& definition, const py::dict& fields,
                                      bool lazy) {
    const Binding& bound = binding(definition);
    IndexQuery query = this->query(definition, fields);
    return subscribe(IndexInterest{bound.indexes[query.index], std::move(query.values)}, lazy);
  }
  PendingSubscription subscribe_objects(const TypeDefinition& definition,
                                        const std::vector<py::object>& objects) {
    ObjectsInterest interest{binding(definition).type->id, {}};
    for (const py::object& object : objects) {
      interest.objects.push_back(reference(definition, object).object);
    }
    return subscribe(std::move(interest), false);
  }
  // Which values of which index a query asks for, comparable: (number of the index, key).
  py::tuple index_key(const TypeDefinition& definition, const py::dict& fields) {
    const IndexQuery asked = query(definition, fields);
    const IndexId index = binding(definition).indexes[asked.index];
    const View view = database().view();
    return py::make_tuple(index.value, py::bytes(detail::TransactionState::key_of(
                                           view.catalog(), index, asked.values)));
  }

  PendingSubscription subscribe_range(const TypeDefinition& definition, const py::object& name,
                                      const py::dict& arguments, bool lazy) {
    const Binding& bound = binding(definition);
    return subscribe(IndexRangeInterest{range_query(definition, name, arguments).range(bound)},
                     lazy);
  }
  // As index_key: (number of the index, first key, end).
  py::tuple range_key(const TypeDefinition& definition, const py::object& name,
                      const py::dict& arguments) {
    const IndexRange range = range_query(definition, name, arguments).range(binding(definition));
    const KeySpan span = this->span(range);
    return py::make_tuple(range.index.value, py::bytes(span.from), py::bytes(span.to));
  }
  bool is_subscribed_range(const TypeDefinition& definition, const py::object& name,
                           const py::dict& arguments) {
    const View view = database().view();
    if (view.catalog().find(definition.name()) == nullptr) return false;
    const IndexRange range = range_query(definition, name, arguments).range(binding(definition));
    return view.snapshot().coverage().has_range(*view.catalog().find(range.index), span(range));
  }

  // In the current view when it is one of this connection, else for those to come.
  void request_lazy_objects(const std::vector<py::object>& objects) {
    const std::vector<ObjectRef> refs = references(objects);
    const View newest = database().view();
    const Current current;
    if (current.entry() != nullptr && current.entry()->is_active) {
      const PyView& view = current.view("requestLazyObjects()");
      if (&view.session() == session_.get()) return view.load(refs);
    }
    newest.load(refs);
  }
  void release_objects(const std::vector<py::object>& objects, std::optional<double> timeout) {
    const std::vector<ObjectRef> refs = references(objects);
    Database& db = database();
    const auto limit = to_timeout(timeout);
    without_gil([&] { db.release(refs, limit); });
  }

  bool is_subscribed_type(const TypeDefinition& definition) {
    const View view = database().view();
    const CatalogType* const type = view.catalog().find(definition.name());
    return type != nullptr && view.snapshot().coverage().has_type(type->id);
  }
  bool is_subscribed_index(const TypeDefinition& definition, const py::dict& fields) {
    const View view = database().view();
    if (view.catalog().find(definition.name()) == nullptr) return false;
    const IndexQuery asked = query(definition, fields);
    const IndexId index = binding(definition).indexes[asked.index];
    return view.snapshot().coverage().has_key(
        *view.catalog().find(index),
        detail::TransactionState::key_of(view.catalog(), index, asked.values));
  }

  std::uint64_t flush(std::optional<double> timeout) {
    release_dropped_callbacks();
    Database& db = database();
    const auto limit = to_timeout(timeout);
    return without_gil([&] { return db.flush(limit); }).value;
  }

  void wait_for_version(std::uint64_t version, std::optional<double> timeout) {
    Database& db = database();
    const auto limit = to_timeout(timeout);
    without_gil([&] { db.wait_for_version(Version{version}, limit); });
  }
  void wait_for_change(const PyView& since, std::optional<double> timeout) {
    if (since.shown() == nullptr) raise_usage("expected a view, given a transaction");
    const View view = *since.shown();
    Database& db = database();
    const auto limit = to_timeout(timeout);
    without_gil([&] { db.wait_for_change(view, limit); });
  }

  std::uint64_t on_commit(py::object handler) {
    if (PyCallable_Check(handler.ptr()) == 0) raise_type_error("a handler must be callable");
    auto callback = std::make_shared<Callback>(std::move(handler));
    // The database owns the handler, and the session the database: weak, or none of them ever ends.
    return database()
        .on_commit([callback, weak = std::weak_ptr(session_)](const Change& change) {
          callback->run([&](const py::object& call) {
            const std::shared_ptr<Session> session = weak.lock();
            if (session != nullptr) call(*change_arguments(*session, change));
          });
        })
        .value;
  }
  // (kind, schema, type, name, count)
  py::list conflict_counts() {
    py::list out;
    for (const ConflictCount& each : database().conflict_counts()) {
      out.append(py::make_tuple(std::string(to_string(each.kind)), each.type.schema, each.type.type,
                                each.name, each.count));
    }
    return out;
  }
  void remove_handler(std::uint64_t handler) {
    Database& db = database();
    without_gil([&] { db.remove_handler(HandlerId{handler}); });
    release_dropped_callbacks();
  }

 private:
  const Binding& binding(const TypeDefinition& definition) {
    const View view = database().view();
    return session_->bindings(view.snapshot().catalog())->of(definition);
  }
  ObjectRef reference(const TypeDefinition& definition, const py::object& object) {
    if (Py_TYPE(object.ptr()) != definition.python_class()) {
      raise_type_error("expected objects of " + to_string(definition.name()) + ", given " +
                       short_repr(object.ptr()));
    }
    return {binding(definition).type->id, identity_of(object.ptr())};
  }
  std::vector<ObjectRef> references(const std::vector<py::object>& objects) {
    std::vector<ObjectRef> out;
    for (const py::object& object : objects) {
      const TypeDefinition* const definition = TypeDefinition::of(Py_TYPE(object.ptr()));
      if (definition == nullptr) {
        raise_type_error("expected objects of a schema's types, given " + short_repr(object.ptr()));
      }
      out.push_back(reference(*definition, object));
    }
    return out;
  }
  RangeQuery range_query(const TypeDefinition& definition, const py::object& name,
                         const py::dict& arguments) {
    const View view = database().view();
    std::vector<Keyword> keywords;
    for (const auto& [word, value] : arguments) keywords.push_back({word.ptr(), value.ptr()});
    return parse_range(definition, *session_->bindings(view.snapshot().catalog()),
                       name.is_none() ? nullptr : name.ptr(), keywords);
  }
  KeySpan span(const IndexRange& range) {
    const View view = database().view();
    Result<KeySpan> span = encode_index_range(view.catalog(), range);
    if (!span) throw_error(std::move(span.error()));
    return *std::move(span);
  }
  IndexQuery query(const TypeDefinition& definition, const py::dict& fields) {
    const View view = database().view();
    std::vector<Keyword> keywords;
    for (const auto& [name, value] : fields) keywords.push_back({name.ptr(), value.ptr()});
    if (keywords.empty()) raise_type_error("name the field and the value to subscribe to");
    return parse_query(definition, *session_->bindings(view.snapshot().catalog()), keywords);
  }

  std::shared_ptr<Session> session_;
};

template <class Kind>
std::unique_ptr<Kind> make_view(py::object self, std::optional<std::uint64_t> transaction_id) {
  auto& connection = self.cast<PyConnection&>();
  std::optional<Version> version;
  if (transaction_id) version = Version{*transaction_id};
  return std::make_unique<Kind>(connection.session(), std::move(self), version);
}

}  // namespace

void register_connection(py::module_& module) {
  py::class_<PendingSubscription>(module, "Subscription")
      .def("is_loaded",
           [](const PendingSubscription& self) {
             self.session->check_process();
             return self.subscription.is_loaded();
           })
      .def("objects_loaded",
           [](const PendingSubscription& self) {
             self.session->check_process();
             return self.subscription.objects_loaded();
           })
      .def("wait",
           [](const PendingSubscription& self, std::optional<double> timeout) {
             self.session->check_process();
             const auto limit = to_timeout(timeout);
             without_gil([&] { self.subscription.wait(limit); });
           })
      .def("unsubscribe", [](PendingSubscription& self, std::optional<double> timeout) {
        self.session->check_process();
        const auto limit = to_timeout(timeout);
        without_gil([&] { self.subscription.unsubscribe(limit); });
      });

  py::class_<PyConnection>(module, "Connection")
      .def(py::init<const std::vector<std::pair<std::string, int>>&, const std::string&, double,
                    bool, std::string, double, std::optional<double>, py::object>())
      .def(py::init<int, const std::string&, double, std::string>())
      .def("view", &make_view<PyView>, py::arg("transaction_id") = py::none())
      .def("transaction", &make_view<PyTransaction>, py::arg("transaction_id") = py::none())
      .def("flush", &PyConnection::flush, py::arg("timeout") = py::none())
      .def("currentTransactionId",
           [](PyConnection& self) { return self.database().version().value; })
      .def("_conflict_counts", &PyConnection::conflict_counts)
      .def("_define", &PyConnection::define)
      .def("_subscribe_schema", &PyConnection::subscribe_schema)
      .def("_subscribe_type", &PyConnection::subscribe_type)
      .def("_subscribe_index", &PyConnection::subscribe_index)
      .def("_subscribe_objects", &PyConnection::subscribe_objects)
      .def("_index_key", &PyConnection::index_key)
      .def("_subscribe_range", &PyConnection::subscribe_range)
      .def("_range_key", &PyConnection::range_key)
      .def("_is_subscribed_range", &PyConnection::is_subscribed_range)
      .def("_wait_for_version", &PyConnection::wait_for_version)
      .def("_wait_for_change", &PyConnection::wait_for_change)
      .def("_request_lazy_objects", &PyConnection::request_lazy_objects)
      .def("_release_objects", &PyConnection::release_objects)
      .def("_is_subscribed_type", &PyConnection::is_subscribed_type)
      .def("_is_subscribed_index", &PyConnection::is_subscribed_index)
      .def("_on_commit", &PyConnection::on_commit)
      .def("_remove_handler", &PyConnection::remove_handler)
      .def("_reactor", [](PyConnection& self) { return make_reactor(self.session()); })
      .def("_connection_object",
           [](PyConnection& self) { return self.database().connection_identity().value; })
      .def("_is_connected",
           [](PyConnection& self) {
             return !self.session()->is_forked() && self.database().is_connected();
           })
      .def("_disconnect", [](PyConnection& self) { self.session()->disconnect(); });

  module.def("conflict_pause", [](int attempt) {
    return std::chrono::duration<double>(Database::conflict_pause(attempt)).count();
  });
  module.def("disconnect_all", &Session::disconnect_all);
}

}  // namespace odb::python
