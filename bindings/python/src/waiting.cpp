#include "waiting.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "odb/client/errors.h"

namespace odb::python {
namespace {

constexpr std::chrono::seconds kShutdownWait{5};
constexpr std::chrono::milliseconds kShutdownPause{1};

int released_threads = 0;  // guarded by the GIL
std::atomic<bool> shutting_down = false;

}  // namespace

GilReleased::GilReleased() {
  ++released_threads;
  thread_ = PyEval_SaveThread();
}

GilReleased::~GilReleased() {
  PyEval_RestoreThread(thread_);
  --released_threads;
}

void begin_shutdown() { shutting_down.store(true); }

bool is_shutting_down() { return shutting_down.load(std::memory_order_relaxed); }

void refuse_to_wait() {
  throw DisconnectedError({ErrorCode::kDisconnected, "the interpreter is ending"});
}

void await_waiting_threads() {
  const auto deadline = std::chrono::steady_clock::now() + kShutdownWait;
  while (released_threads > 0 && std::chrono::steady_clock::now() < deadline) {
    py::gil_scoped_release release;
    std::this_thread::sleep_for(kShutdownPause);
  }
}

}  // namespace odb::python
