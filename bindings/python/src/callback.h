// Callback: a Python callable that any thread may call, keep and drop.
#pragma once

#include <memory>

#include "python.h"

namespace odb::python {

class Callback {
 public:
  // Needs the GIL.
  explicit Callback(py::object callable) : callable_(callable.release().ptr()) {}
  // Needs nothing: whoever drops a callback may hold a lock that a thread with the GIL waits for.
  ~Callback();
  Callback(const Callback&) = delete;
  Callback& operator=(const Callback&) = delete;

  // Takes the GIL and runs `body(callable)`. Does nothing once the program is shutting down. What
  // it raises goes to sys.unraisablehook.
  template <class Body>
  void run(Body&& body) const {
    const Entry entry;
    if (!entry.is_open()) return;
    py::gil_scoped_acquire gil;
    try {
      body(borrow(callable_));
    } catch (...) {
      set_error_from_exception();
      PyErr_WriteUnraisable(callable_);
    }
  }

  PyObject* callable() const { return callable_; }

  // Whether this thread is inside a callback.
  static bool is_running_here();
  // From now on callbacks do nothing. Waits, without the GIL, for those that run; at most some
  // seconds.
  static void close_all();

 private:
  // Counts the callbacks that run, so that the interpreter does not end under one.
  class Entry {
   public:
    Entry();
    ~Entry();
    bool is_open() const { return open_; }

   private:
    bool open_;
  };

  PyObject* callable_;
};

// Releases what callbacks held when they were dropped. Needs the GIL.
void release_dropped_callbacks();

}  // namespace odb::python
