// Waiting without the GIL, and the end of all waiting when the interpreter ends.
#pragma once

#include "python.h"

namespace odb::python {

// Other Python threads run while it lives. A thread that asks for the GIL after the interpreter has
// ended is killed where it stands, which C++ does not survive: so those that will ask are counted,
// and await_waiting_threads() lets them pass first.
class GilReleased {
 public:
  GilReleased();
  ~GilReleased();
  GilReleased(const GilReleased&) = delete;
  GilReleased& operator=(const GilReleased&) = delete;

 private:
  PyThreadState* thread_;
};

// From now on no wait begins, and those under way end at their next look at signals. Needs the GIL.
void begin_shutdown();
bool is_shutting_down();  // any thread
// Throws odb::DisconnectedError.
[[noreturn]] void refuse_to_wait();
// Until all threads that waited are back in Python; at most some seconds. Needs the GIL, and lends
// it.
void await_waiting_threads();

// Runs `body`, which may wait, while other Python threads run.
template <class Body>
decltype(auto) without_gil(Body&& body) {
  if (is_shutting_down()) refuse_to_wait();
  const GilReleased released;
  return body();
}

}  // namespace odb::python
