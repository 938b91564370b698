#include "reactor.h"

#include <pybind11/stl.h>

#include <chrono>
#include <cmath>
#include <optional>
#include <string>

#include "errors.h"
#include "odb/client/detail/read_watch.h"
#include "odb/client/detail/run_clock.h"
#include "odb/client/detail/watched_interests.h"
#include "read_recorder.h"
#include "view.h"
#include "waiting.h"

namespace odb::python {
namespace {

using detail::ReadWatch;
using detail::RunClock;

double to_seconds(RunClock::Time time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

// Not before `seconds` after the epoch.
RunClock::Time to_time(double seconds) {
  constexpr double kSecondsMax = 9e9;  // in the year 2255: what a clock of nanoseconds can hold
  if (std::isnan(seconds)) throw py::value_error("a timestamp cannot be NaN");
  if (seconds >= kSecondsMax) return RunClock::Time::max();
  if (seconds <= -kSecondsMax) return RunClock::Time::min();
  return RunClock::Time(
      std::chrono::nanoseconds(static_cast<std::int64_t>(std::ceil(seconds * 1e9))));
}

double current_timestamp() {
  const RunClock* const clock = RunClock::current();
  return to_seconds(clock == nullptr ? std::chrono::system_clock::now() : clock->now());
}

// Compared as Python has it, so that a run's own time has come in it.
bool current_timestamp_is_after(double seconds) {
  const RunClock::Time time = to_time(seconds);
  if (current_timestamp() >= seconds) return true;
  if (RunClock::current() != nullptr) RunClock::current()->wake_at(time);
  return false;
}

// The function's runs lie between begin() and finish(), and not in here: a thread may be killed
// inside Python code when the interpreter ends, which C++ frames below it would not survive.
class PyReactor {
 public:
  explicit PyReactor(std::shared_ptr<Session> session)
      : session_(std::move(session)),
        registration_(std::in_place, session_->database().connection(),
                      std::make_shared<ReadWatch>()),
        watch_(&registration_->watch()),
        watched_(std::make_shared<detail::WatchedInterests>(session_->database().connection())) {}
  ~PyReactor() { end_subscriptions(); }

  void begin(std::optional<double> sleep_max) {
    session_->check_process();
    check_open();
    if (run_) raise_usage("the reactor's function runs already");
    const auto longest = to_timeout(sleep_max);
    watch_->begin();
    run_.emplace(session_, watched_);
    if (longest) run_->clock.wake_at(run_->clock.now() + *longest);
  }
  // With the thread that called begin(). What a failed run read does not count. False when the
  // function is to run again at once: what it fetched may have changed meanwhile.
  bool finish(bool succeeded) {
    const std::shared_ptr<ReadRecorder> recorder = run_->recorder;
    const auto wake_at = run_->clock.wake_time({});
    run_.reset();
    if (!succeeded || !recorder->is_settled()) {
      watch_->abandon();
      return !succeeded;
    }
    try {
      detail::ReadTrigger reads = recorder->take_trigger();
      without_gil([&] { watched_->keep_only(reads); });
      watch_->arm(std::move(reads), wake_at);
    } catch (...) {
      watch_->abandon();
      throw;
    }
    return true;
  }

  bool is_armed() const { return watch_->is_armed(); }
  bool will_never_wake() const { return watch_->will_never_wake(); }
  std::optional<std::string> end_reason() const {
    const auto reason = watch_->end_reason();
    return reason ? std::optional(reason->message) : std::nullopt;
  }

  // True when it is time to run; false when the time is up, or after stop().
  bool wait(std::optional<double> timeout) {
    session_->check_process();
    check_open();
    const auto limit = to_timeout(timeout);
    const ReadWatch::Wake wake =
        without_gil([&] { return watch_->wait(limit, registration_->while_waiting()); });
    if (wake == ReadWatch::Wake::kDisconnected) check_connected();
    return wake == ReadWatch::Wake::kTouched || wake == ReadWatch::Wake::kTime;
  }
  void check_connected() const {
    if (const auto reason = watch_->end_reason()) {
      throw DisconnectedError({ErrorCode::kDisconnected, reason->message});
    }
  }
  // False when it is cut short: by stop(), or by the end of the connection.
  bool pause(double seconds) { return pause_for(to_timeout(seconds).value()); }
  bool pause_after_conflict(int attempt) {
    return pause_for(detail::pause_after_conflict(attempt));
  }

  void stop() {
    if (!session_->is_forked()) watch_->stop();
  }
  void resume() {
    session_->check_process();
    watch_->resume();
  }
  bool is_stopped() const { return watch_->is_stopped(); }
  // The connection tells it nothing from now on.
  void close() {
    if (session_->is_forked()) return;
    watch_->stop();
    closed_ = true;
    end_subscriptions();
    const GilReleased released;  // whoever holds the connection may need the GIL
    registration_->end();
  }

 private:
  struct Run {
    Run(const std::shared_ptr<Session>& session, std::shared_ptr<detail::WatchedInterests> watched)
        : recorder(std::make_shared<ReadRecorder>(*session, std::move(watched))),
          recording(recorder) {}

    const std::shared_ptr<ReadRecorder> recorder;
    const Recording recording;
    RunClock clock{std::chrono::system_clock::now()};
  };

  void check_open() const {
    if (closed_) raise_usage("the reactor was torn down");
  }
  void end_subscriptions() {
    if (session_->is_forked()) return;
    const GilReleased released;
    watched_->end();
  }
  bool pause_for(std::chrono::microseconds time) {
    session_->check_process();
    return without_gil([&] { return watch_->pause(time, registration_->while_waiting()); });
  }

  const std::shared_ptr<Session> session_;
  std::optional<detail::WatchRegistration> registration_;
  ReadWatch* const watch_;
  const std::shared_ptr<detail::WatchedInterests> watched_;
  std::optional<Run> run_;
  bool closed_ = false;
};

}  // namespace

py::object make_reactor(std::shared_ptr<Session> session) {
  return py::cast(std::make_unique<PyReactor>(std::move(session)));
}

void register_reactor(py::module_& module) {
  py::class_<PyReactor>(module, "Reactor")
      .def("begin", &PyReactor::begin)
      .def("finish", &PyReactor::finish)
      .def("is_armed", &PyReactor::is_armed)
      .def("will_never_wake", &PyReactor::will_never_wake)
      .def("end_reason", &PyReactor::end_reason)
      .def("check_connected", &PyReactor::check_connected)
      .def("wait", &PyReactor::wait)
      .def("pause", &PyReactor::pause)
      .def("pause_after_conflict", &PyReactor::pause_after_conflict)
      .def("stop", &PyReactor::stop)
      .def("resume", &PyReactor::resume)
      .def("is_stopped", &PyReactor::is_stopped)
      .def("close", &PyReactor::close);
  module.def("current_timestamp", &current_timestamp);
  module.def("current_timestamp_is_after", &current_timestamp_is_after);
}

}  // namespace odb::python
