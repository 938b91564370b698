#include "callback.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace odb::python {
namespace {

// Outlives every thread and connection of the process, so it is never destroyed.
struct Registry {
  std::mutex mutex;
  std::condition_variable changed;
  int running = 0;
  bool closed = false;
  std::vector<PyObject*> dropped;
  std::atomic<bool> has_dropped = false;
};
Registry& registry() {
  static auto& instance = *new Registry;
  return instance;
}

constexpr std::chrono::seconds kCloseWait{5};

thread_local int running_here = 0;

}  // namespace

Callback::~Callback() {
  const std::lock_guard lock(registry().mutex);
  registry().dropped.push_back(callable_);
  registry().has_dropped.store(true, std::memory_order_release);
}

bool Callback::is_running_here() { return running_here > 0; }

void Callback::close_all() {
  py::gil_scoped_release release;
  std::unique_lock lock(registry().mutex);
  registry().closed = true;
  registry().changed.wait_for(lock, kCloseWait, [] { return registry().running == running_here; });
}

Callback::Entry::Entry() {
  const std::lock_guard lock(registry().mutex);
  open_ = !registry().closed;
  if (open_) {
    ++registry().running;
    ++running_here;
  }
}

Callback::Entry::~Entry() {
  if (!open_) return;
  const std::lock_guard lock(registry().mutex);
  --registry().running;
  --running_here;
  registry().changed.notify_all();
}

void release_dropped_callbacks() {
  if (!registry().has_dropped.load(std::memory_order_acquire)) [[likely]]
    return;
  std::vector<PyObject*> dropped;
  {
    const std::lock_guard lock(registry().mutex);
    dropped.swap(registry().dropped);
    registry().has_dropped.store(false, std::memory_order_release);
  }
  for (PyObject* const callable : dropped) Py_DECREF(callable);
}

}  // namespace odb::python
