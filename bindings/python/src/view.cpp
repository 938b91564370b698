#include "view.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>

#include "changes.h"
#include "errors.h"
#include "object_handle.h"

namespace odb::python {

std::optional<std::chrono::milliseconds> to_timeout(std::optional<double> seconds) {
  constexpr double kSecondsMax = 1e9;
  if (!seconds) return std::nullopt;
  if (std::isnan(*seconds) || *seconds < 0) throw py::value_error("a timeout cannot be negative");
  return std::chrono::milliseconds(std::llround(std::min(*seconds, kSecondsMax) * 1000));
}

PyView::PyView(std::shared_ptr<Session> session, py::object connection)
    : session_(std::move(session)), connection_(std::move(connection)) {
  release_dropped_callbacks();
  view_ = std::make_unique<View>(session_->database().view());
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

void PyView::exit(bool) { leave_current(); }

namespace {

template <class Class>
py::object return_self(py::object self, void (Class::*set)()) {
  (self.cast<Class&>().*set)();
  return self;
}

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
      .def("transaction_id", [](const PyView& self) { return self.version().value; })
      .def("db", [](const PyView& self) { return self.connection(); })
      .def("getFieldReads", [](const PyView&) { return py::set(); })
      .def("getFieldWrites", [](const PyView&) { return py::dict(); })
      .def("getIndexReads", [](const PyView&) { return py::set(); })
      .def("getIndexWrites", [](const PyView&) { return py::make_tuple(py::list(), py::list()); });

  py::class_<PyTransaction, PyView>(module, "Transaction")
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

  module.def("current_transaction", [](bool or_view) -> py::object {
    const Current current;
    if (current.entry() == nullptr || !current.entry()->is_active) return py::none();
    const PyView& view = current.view("current_transaction()");
    if (!view.is_transaction() && !or_view) return py::none();
    return borrow(current.entry()->view_object);
  });
}

}  // namespace odb::python
