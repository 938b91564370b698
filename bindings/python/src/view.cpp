#include "view.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>

#include "changes.h"
#include "errors.h"
#include "object_handle.h"
#include "odb/core/key_codec.h"

namespace odb::python {

std::optional<std::chrono::milliseconds> to_timeout(std::optional<double> seconds) {
  constexpr double kSecondsMax = 1e9;
  if (!seconds) return std::nullopt;
  if (std::isnan(*seconds) || *seconds < 0) throw py::value_error("a timeout cannot be negative");
  return std::chrono::milliseconds(std::llround(std::min(*seconds, kSecondsMax) * 1000));
}

PyView::PyView(std::shared_ptr<Session> session, py::object connection,
               std::optional<Version> version)
    : session_(std::move(session)), connection_(std::move(connection)) {
  release_dropped_callbacks();
  Database& db = session_->database();
  view_ = std::make_unique<View>(version ? db.view(*version) : db.view());
  prepare(view_->snapshot());
}

PyView::PyView(std::shared_ptr<Session> session, py::object connection, ForTransaction)
    : session_(std::move(session)), connection_(std::move(connection)) {}

PyView::~PyView() {
  // Another thread of the parent may have held the locks that letting go of a snapshot takes.
  if (session_->is_forked()) static_cast<void>(view_.release());
}

void PyView::prepare(const detail::Snapshot& snapshot) {
  version_ = snapshot.version();
  recorder_ = ReadRecorder::of_this_thread(*session_);
  bindings_ = session_->bindings(snapshot.catalog());
}

const Value& PyView::get(const Binding& binding, ObjectId object, std::size_t field) {
  if (recorder_ != nullptr) [[unlikely]]
    recorder_->add(version_, CellRead{binding.type->id, binding.fields[field], object});
  if (binding.objects != nullptr) [[likely]] {
    const Row* const row = view_->snapshot().find(*binding.objects, object);
    if (row != nullptr) [[likely]] {
      return view_->snapshot().field(*binding.type, object, *row, binding.fields[field]);
    }
  }
  return view_->get({binding.type->id, object}, binding.fields[field]);
}

bool PyView::exists(const Binding& binding, ObjectId object) {
  if (recorder_ != nullptr) recorder_->add(version_, ExistenceRead{binding.type->id, object});
  return view_->exists({binding.type->id, object});
}

std::vector<ObjectRef> PyView::all(const Binding& binding) {
  if (recorder_ != nullptr) recorder_->add(version_, MembershipRead{binding.type->id});
  return view_->all(binding.type->id);
}

std::vector<ObjectRef> PyView::lookup(const Binding& binding, std::size_t index,
                                      std::span<const Value> values) {
  const IndexId id = binding.indexes[index];
  if (recorder_ != nullptr) {
    recorder_->add(version_,
                   IndexRead{id, detail::TransactionState::key_of(view_->catalog(), id, values)});
  }
  return view_->lookup(id, values);
}

void PyView::enter(PyObject* self) {
  session_->check_process();
  entries_.push_back(py::reinterpret_steal<py::object>(as_object(python::enter(self, *this))));
}

void PyView::leave_current() {
  const auto found = std::find_if(entries_.rbegin(), entries_.rend(), [](const py::object& entry) {
    return is_entered_here(reinterpret_cast<const CurrentView*>(entry.ptr()));
  });
  if (found == entries_.rend()) raise_usage("left in another context than it was entered in");
  const py::object entry = *found;
  entries_.erase(std::next(found).base());
  leave(reinterpret_cast<CurrentView*>(entry.ptr()));
}

void PyView::exit(bool) {
  leave_current();
  tell_watchers();
}

void PyView::record_range(const IndexRange& range) {
  if (recorder_ == nullptr) [[likely]]
    return;
  Result<KeySpan> span = encode_index_range(view_->catalog(), range);
  if (!span) return;  // the look-up refuses it
  recorder_->add(version_, IndexRangeRead{range.index, std::move(span->from), std::move(span->to)});
}

// What lies beyond the last one found was not read.
void PyView::record_range(const IndexRange& range, const RangeOptions& options,
                          std::span<const ObjectRef> found) {
  if (recorder_ == nullptr) [[likely]]
    return;
  if (found.size() < options.limit) return record_range(range);
  if (options.limit == 0) return;
  const Catalog& catalog = view_->catalog();
  Result<KeySpan> span = encode_index_range(catalog, range);
  if (!span) return;
  std::vector<Value> last;
  for (const FieldId field : catalog.find(range.index)->fields) {
    last.push_back(view_->get(found.back(), field));
  }
  const std::string key = detail::TransactionState::key_of(catalog, range.index, last);
  const bool ascends = options.order == ScanOrder::kAscending;
  if (ascends) {
    span->to = key_after(key);
  } else {
    span->from = key;
  }
  recorder_->add(version_, IndexRangeRead{range.index, std::move(span->from), std::move(span->to)});
}

std::vector<ObjectRef> PyView::range(const Binding& binding, const RangeQuery& query) {
  const IndexRange range = query.range(binding);
  std::vector<ObjectRef> found = view_->range(range, query.options);
  record_range(range, query.options, found);
  return found;
}

std::size_t PyView::count(const Binding& binding, const RangeQuery& query) {
  record_range(query.range(binding));
  return view_->count(query.range(binding));
}

void PyView::add_watcher(py::object watcher) {
  if (PyCallable_Check(watcher.ptr()) == 0) raise_type_error("a view watcher must be callable");
  watchers_.push_back(std::move(watcher));
}

void PyView::tell_watchers() {
  static PyObject* const name = PyUnicode_InternFromString("_view_watchers");
  const py::object of_connection = steal(PyObject_GetAttr(connection_.ptr(), name));
  const bool has_none =
      PyTuple_Check(of_connection.ptr()) && PyTuple_GET_SIZE(of_connection.ptr()) == 0;
  if (has_none && watchers_.empty()) [[likely]]
    return;
  std::vector<py::object> watchers;
  for (const py::handle watcher : of_connection) watchers.push_back(borrow(watcher.ptr()));
  for (py::object& watcher : std::exchange(watchers_, {})) watchers.push_back(std::move(watcher));
  const py::object self = py::cast(this);
  for (const py::object& watcher : watchers) {
    try {
      watcher(self);
    } catch (py::error_already_set& error) {
      error.discard_as_unraisable(watcher);
    }
  }
}

namespace {

// "<view at version 7 of localhost:8000>"
std::string represent(const PyView& view, const char* kind, const std::string& more) {
  const py::object place = py::getattr(view.connection(), "_name", py::str("a connection"));
  return std::string("<") + kind + " at version " + std::to_string(view.version().value) + " of " +
         std::string(py::str(place)) + more + ">";
}

std::string represent_transaction(PyTransaction& self) {
  if (self.has_ended()) return represent(self, "transaction", ", ended");
  const std::size_t written = self.transaction().writes().objects.size();
  return represent(self, "transaction", ", " + std::to_string(written) + " objects written");
}

template <class Class>
py::object return_self(py::object self, void (Class::*set)()) {
  (self.cast<Class&>().*set)();
  return self;
}

void mark_field_read(PyView& view, const py::object& object, const py::str& field) {
  const TypeDefinition* const definition = TypeDefinition::of(Py_TYPE(object.ptr()));
  if (definition == nullptr) {
    raise_type_error("expected an object of a schema's type, given " + short_repr(object.ptr()));
  }
  const std::size_t position = definition->find_field(field.ptr());
  if (position == definition->fields().size()) {
    raise_type_error(to_string(definition->name()) + " has no field " + to_text(field.ptr()));
  }
  view.mark_field(view.bindings().of(*definition), identity_of(object.ptr()), position);
}

void mark_index_read(PyView& view, const py::type& type, const py::kwargs& fields) {
  const TypeDefinition* const definition =
      TypeDefinition::of(reinterpret_cast<PyTypeObject*>(type.ptr()));
  if (definition == nullptr) raise_type_error(short_repr(type.ptr()) + " is not of a schema");
  std::vector<Keyword> keywords;
  for (const auto& [name, value] : fields) keywords.push_back({name.ptr(), value.ptr()});
  if (keywords.empty()) raise_type_error("name the field and the value that count as read");
  IndexQuery query = parse_query(*definition, view.bindings(), keywords);
  view.mark_index(view.bindings().of(*definition), query.index, std::move(query.values));
}

// Hides the current view while it is entered.
class MaskView {
 public:
  void enter() { hidden_.push_back(mask_current()); }
  void exit() {
    if (hidden_.empty()) raise_usage("the MaskView has been left already");
    Masked last = std::move(hidden_.back());
    hidden_.pop_back();
    unmask_current(last);
  }

 private:
  std::vector<Masked> hidden_;
};

}  // namespace

void register_views(py::module_& module) {
  py::class_<PyView>(module, "View")
      .def("__enter__",
           [](py::object self) {
             self.cast<PyView&>().enter(self.ptr());
             return self;
           })
      .def("__exit__", [](PyView& self, const py::object& type, const py::object&,
                          const py::object&) { self.exit(!type.is_none()); })
      .def("__repr__", [](const PyView& self) { return represent(self, "view", ""); })
      .def("transaction_id", [](const PyView& self) { return self.version().value; })
      .def("db", [](const PyView& self) { return self.connection(); })
      .def("addViewWatcher", &PyView::add_watcher, py::arg("callback"))
      .def("markFieldRead", &mark_field_read, py::arg("object"), py::arg("field"))
      .def("markIndexRead", &mark_index_read)
      .def("getFieldReads", [](const PyView&) { return py::set(); })
      .def("getFieldWrites", [](const PyView&) { return py::dict(); })
      .def("getIndexReads", [](const PyView&) { return py::set(); })
      .def("getIndexWrites", [](const PyView&) { return py::make_tuple(py::list(), py::list()); });

  py::class_<PyTransaction, PyView>(module, "Transaction")
      .def("__repr__", &represent_transaction)
      .def("_exit_async", &PyTransaction::exit_async)
      .def_property_readonly("_commit_timeout", &PyTransaction::timeout_seconds)
      .def("commit", &PyTransaction::commit)
      .def("nocommit",
           [](py::object self) {
             return return_self<PyTransaction>(std::move(self), &PyTransaction::set_nocommit);
           })
      .def("noconfirm",
           [](py::object self) {
             return return_self<PyTransaction>(std::move(self), &PyTransaction::set_noconfirm);
           })
      .def("onConfirmed",
           [](py::object self, py::object callback) {
             self.cast<PyTransaction&>().set_confirmation(std::move(callback));
             return self;
           })
      .def("withCommitTimeout",
           [](py::object self, std::optional<double> seconds) {
             self.cast<PyTransaction&>().set_timeout(seconds);
             return self;
           })
      .def("getFieldReads", &field_reads)
      .def("getFieldWrites", &field_writes)
      .def("getIndexReads", &index_reads)
      .def("getIndexWrites", &index_writes);

  py::class_<MaskView>(module, "MaskView")
      .def(py::init<>())
      .def("__enter__",
           [](py::object self) {
             self.cast<MaskView&>().enter();
             return self;
           })
      .def("__exit__", [](MaskView& self, const py::object&, const py::object&, const py::object&) {
        self.exit();
      });

  module.def("current_transaction", [](bool or_view) -> py::object {
    const Current current;
    if (current.entry() == nullptr || !current.entry()->is_active) return py::none();
    const PyView& view = current.view("current_transaction()");
    if (!view.is_transaction() && !or_view) return py::none();
    return borrow(current.entry()->view_object);
  });
}

}  // namespace odb::python
