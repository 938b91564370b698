// ShutdownSignals: SIGTERM and SIGINT as orders to the program, outside any signal handler.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace odb::server {

// The first signal asks for an orderly stop, a second one ends the process at once with 128 plus
// the signal's number. A thread waits for them, because starting and stopping may themselves take
// time.
//
// Construct it before any other thread exists: threads inherit that the signals are blocked.
class ShutdownSignals {
 public:
  ShutdownSignals();
  ~ShutdownSignals();
  ShutdownSignals(const ShutdownSignals&) = delete;
  ShutdownSignals& operator=(const ShutdownSignals&) = delete;

  // From here on a first signal no longer ends the process by itself: whoever calls wait() does.
  // False when one has come already.
  bool begin_serving();
  // Until the first signal, or stop().
  void wait();
  // The same, within `time`: whether a signal or stop() has come.
  bool wait_for(std::chrono::milliseconds time);
  // As if a signal had come. Any thread.
  void stop();

 private:
  void run();
  void on_signal(int signal);

  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_serving_ = false;
  bool has_signal_ = false;
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace odb::server
