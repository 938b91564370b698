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
    kAtMost,      // value <= bound
    kAtLeast,     // value >= bound
    kFloorTimes,  // value <= bound * floor
  };
  Kind kind = Kind::kNone;
  double bound = 0;
};

// One line of the table.
struct Line {
  std::string figure;  // "commit-latency"
  std::string what;    // "p50, same core"
  std::string unit;    // "us"
  Goal goal;
  std::string note;
  std::vector<double> samples;        // one a repetition
  std::vector<double> floor_samples;  // likewise; empty when there is no floor
};

class Report {
 public:
  // The line of this name, made when it is new. Stays valid until the next call.
  Line& line(const std::string& figure, const std::string& what, const std::string& unit,
             Goal goal = {});
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
