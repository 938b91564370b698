// The current view: what objects read and write through, a context variable of Python.
#pragma once

#include "python.h"

namespace odb::python {

class PyView;
class PyTransaction;

// The value of the context variable. One for each time that a view is entered.
struct CurrentView {
  PyObject_HEAD PyObject* view_object;  // keeps `view` alive
  PyView* view;
  PyObject* context;  // where it was entered; null once left
  bool is_active;
};

void initialize_current();

// Enters and leaves; called by the context managers. Raises when a view is current in this very
// context: one inherited from the context that made this one (a task's parent) does not count.
CurrentView* enter(PyObject* view_object, PyView& view);  // a new reference
// Whether `entry` was entered in this context and has not been left.
bool is_entered_here(const CurrentView* entry);
void leave(CurrentView* entry);

// What MaskView hides, and where.
struct Masked {
  py::object entry;  // null when nothing was current
  PyObject* context = nullptr;
};
Masked mask_current();
// Raises in another context than the one where it was hidden.
void unmask_current(const Masked& masked);

// The current view, or null. The reference keeps it alive.
class Current {
 public:
  Current();
  // Raises when there is none: "<what> needs a view: use `with db.view():` or ...".
  PyView& view(const char* what) const;
  // Raises when the current view is none, no transaction, or one of another task.
  PyTransaction& transaction(const char* what) const;
  const CurrentView* entry() const { return reinterpret_cast<const CurrentView*>(entry_.ptr()); }

 private:
  py::object entry_;
};

}  // namespace odb::python
