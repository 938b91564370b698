// ReactorLoop: a reactor's thread and runs. Shared by the Reactor and its thread, so that either
// may end first.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "odb/client/detail/read_watch.h"
#include "odb/client/detail/watched_interests.h"
#include "odb/client/reactor.h"

namespace odb::detail {

class ReactorLoop : public std::enable_shared_from_this<ReactorLoop> {
 public:
  ReactorLoop(std::shared_ptr<Connection> connection, Reactor::Function function,
              ReactorOptions options);
  ~ReactorLoop();
  ReactorLoop(const ReactorLoop&) = delete;
  ReactorLoop& operator=(const ReactorLoop&) = delete;

  void start();
  void stop();
  bool is_running() const;
  bool will_never_wake() const { return watch().will_never_wake(); }
  std::optional<Error> end_reason() const { return watch().end_reason(); }
  bool next(Reactor::Timeout timeout);

 private:
  enum class Next { kRun, kEnd };
  enum class Outcome { kDone, kConflict, kReadAgain };

  ReadWatch& watch() const { return registration_.watch(); }
  void run_thread();
  Next run_on_thread(int& failures);
  // One run, again after each conflict, and when what it fetched may have changed meanwhile.
  void run();
  Outcome try_to_run(int attempt);
  void report(std::exception_ptr error) const;
  void join();

  const WatchRegistration registration_;
  WatchedInterests watched_;
  const Reactor::Function function_;
  const ReactorOptions options_;
  const std::int64_t process_;  // a forked child has no thread to join

  mutable std::mutex mutex_;  // guards what follows
  bool running_ = false;
  std::thread::id thread_id_;
  std::mutex control_mutex_;  // held to start and to join; guards thread_
  std::thread thread_;
};

}  // namespace odb::detail
