// Whether the objects of connections end when they may.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "model/model.h"

namespace odb::sim {

// A connection's object, and what it owns, goes when its client says goodbye; else not before the
// grace period is over since its link broke, or since the server began that found it.
class GraceCheck {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Servers count from their last look at the clock.
  void set_grace(std::chrono::milliseconds grace, std::chrono::milliseconds slack) {
    least_ = grace - slack;
  }

  void on_open(ObjectId connection) { may_end_[connection] = Time::max(); }
  void on_goodbye(ObjectId connection) { may_end_[connection] = Time::min(); }
  void on_broken(ObjectId connection, Time now);
  void on_server_started(Time now);

  // A version that is in the store now.
  std::optional<std::string> check(const Model& model, const CommitRecord& record, Time now) const;

 private:
  std::chrono::milliseconds least_{0};
  std::map<ObjectId, Time> may_end_;
};

}  // namespace odb::sim
