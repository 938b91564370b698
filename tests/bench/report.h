// Report: the samples of all figures, and their forms as table, Markdown and JSON.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

namespace odb::bench {

struct Goal {
  enum class Kind {
    kNone,
    kAtMost,        // value <= bound
    kAtLeast,       // value >= bound
    kFloorTimes,    // value <= bound * floor
    kFloorAtLeast,  // value >= bound * floor
    kPeerTimes,     // value <= bound * peer
    kPeerAtLeast,   // value >= bound * peer
  };
  Kind kind = Kind::kNone;
  double bound = 0;
};

// Where a line's value stands in a plot: on the curve of this name, at this place of the x axis.
struct Point {
  std::string curve;
  double x = 0;
};

// One line of the table. The floor is what the measured thing cannot be without; the peer is what
// does the same and could be used instead.
struct Line {
  std::string figure;  // "commit-latency"
  std::string what;    // "p50, same core"
  std::string unit;    // "us"
  std::vector<Goal> goals;
  std::string note;
  std::string peer_name = "Redis";
  std::vector<double> samples;        // one a repetition; empty when only the peer was measured
  std::vector<double> floor_samples;  // likewise; empty when there is no floor
  std::vector<double> peer_samples;   // likewise
  std::optional<Point> point;
};

class Report {
 public:
  // The line of this name, made when it is new. Stays valid until the next call.
  Line& line(const std::string& figure, const std::string& what, const std::string& unit,
             Goal goal = {}, Goal second_goal = {});
  void skip(const std::string& figure, const std::string& reason);

  std::string table() const;     // for terminals
  std::string markdown() const;  // the same for docs/performance.md
  boost::json::object to_json() const;

 private:
  std::vector<Line> lines_;
};

// Replaces what stands between the two marker lines of `file`. Throws std::runtime_error when it
// lacks them.
void update_between_markers(const std::string& file, const std::string& text);

}  // namespace odb::bench
