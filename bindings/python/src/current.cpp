#include "current.h"

#include "errors.h"
#include "view.h"

namespace odb::python {
namespace {

PyObject* current_variable = nullptr;

void deallocate(PyObject* self) {
  auto* const entry = reinterpret_cast<CurrentView*>(self);
  Py_XDECREF(entry->context);
  Py_XDECREF(entry->view_object);
  Py_TYPE(self)->tp_free(self);
}

PyTypeObject current_view_type = [] {
  PyTypeObject type = {PyVarObject_HEAD_INIT(nullptr, 0)};
  type.tp_name = "object_database._odb.CurrentView";
  type.tp_basicsize = sizeof(CurrentView);
  type.tp_flags = Py_TPFLAGS_DEFAULT;
  type.tp_dealloc = deallocate;
  return type;
}();

// The identity of the running context; null before the thread has one. The one place that looks
// into the interpreter: contextvars has no call that tells whether two pieces of code share a
// context.
PyObject* running_context() { return PyThreadState_Get()->context; }

py::object current_entry() {
  PyObject* entry = nullptr;
  if (PyContextVar_Get(current_variable, nullptr, &entry) < 0) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(entry);
}

}  // namespace

void initialize_current() {
  if (PyType_Ready(&current_view_type) < 0) throw py::error_already_set();
  current_variable = PyContextVar_New("object_database.current_view", nullptr);
  if (current_variable == nullptr) throw py::error_already_set();
}

bool is_entered_here(const CurrentView* entry) {
  return entry->is_active && entry->context == running_context();
}

CurrentView* enter(PyObject* view_object, PyView& view) {
  const py::object before = current_entry();
  if (before && !before.is_none() &&
      is_entered_here(reinterpret_cast<const CurrentView*>(before.ptr()))) {
    raise_usage(
        "a view or transaction is current already: leave it before entering another, or hide it"
        " with MaskView");
  }
  auto* const entry = PyObject_New(CurrentView, &current_view_type);
  if (entry == nullptr) throw py::error_already_set();
  Py_INCREF(view_object);
  entry->view_object = view_object;
  entry->view = &view;
  entry->context = nullptr;
  entry->is_active = true;
  py::object owned = py::reinterpret_steal<py::object>(as_object(entry));
  steal(PyContextVar_Set(current_variable, owned.ptr()));
  entry->context = running_context();  // exists now that something was set in it
  Py_XINCREF(entry->context);
  owned.release();
  return entry;
}

void leave(CurrentView* entry) {
  entry->is_active = false;
  Py_CLEAR(entry->context);
  PyObject* const token = PyContextVar_Set(current_variable, Py_None);
  if (token == nullptr) throw py::error_already_set();
  Py_DECREF(token);
}

Masked mask_current() {
  Masked out{current_entry(), nullptr};
  steal(PyContextVar_Set(current_variable, Py_None));
  out.context = running_context();
  return out;
}

void unmask_current(const Masked& masked) {
  if (masked.context != running_context()) {
    raise_usage("a MaskView was left in another context than it was entered in");
  }
  steal(PyContextVar_Set(current_variable, masked.entry ? masked.entry.ptr() : Py_None));
}

Current::Current() : entry_(current_entry()) {
  if (entry_ && entry_.is_none()) entry_ = py::object();
}

PyView& Current::view(const char* what) const {
  if (!entry_ || !entry()->is_active) [[unlikely]] {
    raise_usage(std::string(what) +
                (entry_ ? ": the view inherited from the parent task has been left"
                        : " needs a current view") +
                ": use `with db.view():` or `with db.transaction():`");
  }
  if (entry()->view->is_transaction() && entry()->context != running_context()) [[unlikely]] {
    raise_usage(std::string(what) +
                ": the current transaction belongs to the task or thread that entered it");
  }
  return *entry()->view;
}

PyTransaction& Current::transaction(const char* what) const {
  if (!entry_ || !entry()->is_active) {
    raise_usage(std::string(what) + " needs a current transaction: use `with db.transaction():`");
  }
  PyView& current = view(what);
  if (!current.is_transaction()) {
    raise_usage(std::string(what) +
                " needs a transaction, and a view is current: use `with db.transaction():`");
  }
  return static_cast<PyTransaction&>(current);
}

}  // namespace odb::python
