#include "main_signals.h"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <csignal>

namespace odb::server {

namespace {

sigset_t shutdown_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

ShutdownSignals::ShutdownSignals() {
  const sigset_t set = shutdown_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { run(); });
}

ShutdownSignals::~ShutdownSignals() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  // To this one thread, which takes it with sigwait.
  // NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread)
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

bool ShutdownSignals::begin_serving() {
  const std::lock_guard lock(mutex_);
  is_serving_ = true;
  return !has_signal_;
}

void ShutdownSignals::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return has_signal_; });
}

bool ShutdownSignals::wait_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return has_signal_; });
}

void ShutdownSignals::stop() {
  const std::lock_guard lock(mutex_);
  has_signal_ = true;
  changed_.notify_all();
}

void ShutdownSignals::run() {
  const sigset_t set = shutdown_signals();
  for (;;) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    {
      const std::lock_guard lock(mutex_);
      if (is_ending_) return;
    }
    on_signal(signal);
  }
}

void ShutdownSignals::on_signal(int signal) {
  const std::lock_guard lock(mutex_);
  if (!is_serving_) _exit(0);  // nobody was served yet: nothing to finish
  if (has_signal_) {
    spdlog::warn("stopped at once by a second signal");
    _exit(128 + signal);
  }
  has_signal_ = true;
  changed_.notify_all();
}

}  // namespace odb::server
