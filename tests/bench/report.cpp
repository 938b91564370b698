#include "report.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "statistics.h"

namespace odb::bench {

namespace {

constexpr std::string_view kBegin = "<!-- odb_bench: begin -->";
constexpr std::string_view kEnd = "<!-- odb_bench: end -->";

constexpr std::size_t kColumns = 9;
using Cells = std::array<std::string, kColumns>;
using Widths = std::array<std::size_t, kColumns>;
enum Column : std::size_t { kFigure, kWhat, kOdb, kFloor, kByFloor, kPeer, kByPeer, kGoal, kMet };
const Cells kTitles{"figure",     "what",        "odb (min .. max)",
                    "floor",      "odb / floor", "peer",
                    "odb / peer", "goal",        "met"};

// Three digits that count, with separators: 1 234 567, 12.3, 0.123.
std::string tidy(double value) {
  if (value == 0) return "0";
  const double magnitude = std::floor(std::log10(std::abs(value)));
  const int decimals = magnitude >= 2 ? 0 : static_cast<int>(2 - magnitude);
  char digits[64];
  std::snprintf(digits, sizeof digits, "%.*f", std::min(decimals, 6), value);
  std::string out = digits;
  const std::size_t whole = std::min(out.find('.'), out.size());
  for (std::size_t place = whole; place > 3 && whole > 4; place -= 3) out.insert(place - 3, " ");
  return out;
}

std::string with_unit(double value, const std::string& unit) {
  return unit.empty() ? tidy(value) : tidy(value) + " " + unit;
}

// Of samples that a goal speaks of; not a number, which meets no goal, when they are missing.
double of_goal(double bound, const std::vector<double>& samples) {
  return samples.empty() ? std::nan("") : bound * median(samples);
}

bool is_met(const Line& line, const Goal& goal) {
  const double value = median(line.samples);
  switch (goal.kind) {
    case Goal::Kind::kAtMost:
      return value <= goal.bound;
    case Goal::Kind::kAtLeast:
      return value >= goal.bound;
    case Goal::Kind::kFloorTimes:
      return value <= of_goal(goal.bound, line.floor_samples);
    case Goal::Kind::kFloorAtLeast:
      return value >= of_goal(goal.bound, line.floor_samples);
    case Goal::Kind::kPeerTimes:
      return value <= of_goal(goal.bound, line.peer_samples);
    case Goal::Kind::kPeerAtLeast:
      return value >= of_goal(goal.bound, line.peer_samples);
    case Goal::Kind::kNone:
      break;
  }
  return true;
}

std::string goal_text(const Line& line, const Goal& goal) {
  switch (goal.kind) {
    case Goal::Kind::kAtMost:
      return "at most " + with_unit(goal.bound, line.unit);
    case Goal::Kind::kAtLeast:
      return "at least " + with_unit(goal.bound, line.unit);
    case Goal::Kind::kFloorTimes:
      return "within " + tidy(goal.bound) + " x floor";
    case Goal::Kind::kFloorAtLeast:
      return "at least " + tidy(goal.bound) + " x floor";
    case Goal::Kind::kPeerTimes:
      return "within " + tidy(goal.bound) + " x " + line.peer_name;
    case Goal::Kind::kPeerAtLeast:
      return "at least " + tidy(goal.bound) + " x " + line.peer_name;
    case Goal::Kind::kNone:
      break;
  }
  return "";
}

// Of all goals, `text(goal)`.
template <class Text>
std::string joined(const Line& line, Text&& text) {
  std::string out;
  for (const Goal& goal : line.goals) out += (out.empty() ? "" : "; ") + text(goal);
  return out;
}

std::string goals_text(const Line& line) {
  return joined(line, [&](const Goal& goal) { return goal_text(line, goal); });
}

std::string ratio(double value, double other) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value / other);
  return text;
}

Cells cells_of(const Line& line) {
  Cells cells{line.figure, line.what};
  if (line.samples.empty() && line.peer_samples.empty()) {
    cells[kOdb] = "skipped: " + line.note;
    return cells;
  }
  if (!line.note.empty()) cells[kWhat] += " (" + line.note + ")";
  if (!line.peer_samples.empty()) {
    cells[kPeer] = line.peer_name + ": " + with_unit(median(line.peer_samples), line.unit);
  }
  if (line.samples.empty()) return cells;
  const double value = median(line.samples);
  const auto [low, high] = std::minmax_element(line.samples.begin(), line.samples.end());
  cells[kOdb] = with_unit(value, line.unit) + " (" + tidy(*low) + " .. " + tidy(*high) + ")";
  if (!line.floor_samples.empty()) {
    const double floor = median(line.floor_samples);
    cells[kFloor] = with_unit(floor, line.unit);
    cells[kByFloor] = ratio(value, floor);
  }
  if (!line.peer_samples.empty()) cells[kByPeer] = ratio(value, median(line.peer_samples));
  cells[kGoal] = goals_text(line);
  cells[kMet] = joined(
      line, [&](const Goal& goal) { return std::string(is_met(line, goal) ? "yes" : "NO"); });
  return cells;
}

void append_row(std::string& out, const Cells& cells, const Widths& widths,
                std::string_view separator) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out += separator;
    out += cells[i];
    out.append(widths[i] - std::min(widths[i], cells[i].size()), ' ');
  }
}

std::vector<Cells> rows_of(const std::vector<Line>& lines, Widths& widths) {
  std::vector<Cells> rows{kTitles};
  for (const Line& line : lines) rows.push_back(cells_of(line));
  widths.fill(3);
  for (const Cells& cells : rows) {
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  return rows;
}

boost::json::array to_array(const std::vector<double>& samples) {
  return boost::json::array(samples.begin(), samples.end());
}

}  // namespace

Line& Report::line(const std::string& figure, const std::string& what, const std::string& unit,
                   Goal goal, Goal second_goal) {
  const auto found = std::find_if(lines_.begin(), lines_.end(), [&](const Line& line) {
    return line.figure == figure && line.what == what;
  });
  if (found != lines_.end()) return *found;
  Line made;
  made.figure = figure;
  made.what = what;
  made.unit = unit;
  for (const Goal& given : {goal, second_goal}) {
    if (given.kind != Goal::Kind::kNone) made.goals.push_back(given);
  }
  return lines_.emplace_back(std::move(made));
}

void Report::skip(const std::string& figure, const std::string& reason) {
  line(figure, "", "").note = reason;
}

std::string Report::table() const {
  Widths widths;
  std::string out;
  for (const Cells& cells : rows_of(lines_, widths)) {
    append_row(out, cells, widths, "  ");
    out.erase(out.find_last_not_of(' ') + 1);
    out += "\n";
  }
  return out;
}

std::string Report::markdown() const {
  Widths widths;
  std::string out;
  bool is_title = true;
  for (const Cells& cells : rows_of(lines_, widths)) {
    append_row(out, cells, widths, "| ");
    out += "|\n";
    if (std::exchange(is_title, false)) {
      for (const std::size_t width : widths) out += "|" + std::string(width + 1, '-');
      out += "|\n";
    }
  }
  return out;
}

boost::json::object Report::to_json() const {
  boost::json::object figures;
  for (const Line& line : lines_) {
    boost::json::object entry;
    entry["unit"] = line.unit;
    entry["note"] = line.note;
    entry["samples"] = to_array(line.samples);
    if (!line.samples.empty()) entry["median"] = median(line.samples);
    if (!line.floor_samples.empty()) {
      entry["floor_samples"] = to_array(line.floor_samples);
      entry["floor_median"] = median(line.floor_samples);
    }
    if (!line.peer_samples.empty()) {
      entry["peer"] = line.peer_name;
      entry["peer_samples"] = to_array(line.peer_samples);
      entry["peer_median"] = median(line.peer_samples);
    }
    if (!line.goals.empty() && !line.samples.empty()) {
      entry["goal"] = goals_text(line);
      entry["goal_met"] = std::all_of(line.goals.begin(), line.goals.end(),
                                      [&](const Goal& goal) { return is_met(line, goal); });
    }
    if (line.point) {
      entry["curve"] = line.point->curve;
      entry["x"] = line.point->x;
    }
    boost::json::value& figure = figures[line.figure];
    if (!figure.is_object()) figure.emplace_object();
    figure.as_object()[line.what] = std::move(entry);
  }
  return figures;
}

void update_between_markers(const std::string& file, const std::string& text) {
  std::ifstream in(file);
  std::stringstream all;
  all << in.rdbuf();
  std::string content = all.str();
  const std::size_t begin = content.find(kBegin);
  const std::size_t end = content.find(kEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin) {
    throw std::runtime_error(file + " lacks the lines " + std::string(kBegin) + " and " +
                             std::string(kEnd));
  }
  const std::size_t from = begin + kBegin.size();
  content.replace(from, end - from, "\n\n" + text + "\n");
  std::ofstream out(file, std::ios::trunc);
  if (!(out << content) || !out.flush()) throw std::runtime_error("cannot write " + file);
}

}  // namespace odb::bench
