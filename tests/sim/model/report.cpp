#include "model/report.h"

#include <array>
#include <utility>

namespace odb::sim {

namespace {

constexpr std::array<std::pair<const char*, std::uint64_t Counts::*>, 40> kNamed = {{
    {"committed", &Counts::committed},
    {"conflicts", &Counts::conflicts},
    {"unavailable", &Counts::unavailable},
    {"unique violations", &Counts::unique_violations},
    {"unknown objects", &Counts::unknown_objects},
    {"too old", &Counts::too_old},
    {"unknown", &Counts::unknown},
    {"not sent", &Counts::not_sent},
    {"not subscribed", &Counts::not_subscribed},
    {"read-only", &Counts::read_only},
    {"reads", &Counts::reads},
    {"clients", &Counts::clients},
    {"links broken", &Counts::links_broken},
    {"attached again", &Counts::attached_again},
    {"loaded again", &Counts::loaded_again},
    {"slow subscribers", &Counts::slow_subscribers},
    {"appends failed", &Counts::appends_failed},
    {"times away", &Counts::times_away},
    {"overdue", &Counts::overdue},
    {"arrived late", &Counts::arrived_late},
    {"crashes", &Counts::crashes},
    {"stops", &Counts::stops},
    {"absences", &Counts::absences},
    {"taken over", &Counts::take_overs},
    {"half persisted", &Counts::half_persisted},
    {"histories", &Counts::histories},
    {"resumed over a crash", &Counts::resumed_over_crash},
    {"resent after effect", &Counts::resent_after_effect},
    {"resent while pending", &Counts::resent_while_pending},
    {"resent without effect", &Counts::resent_without_effect},
    {"late copies", &Counts::late_copies},
    {"of an ended history", &Counts::of_an_ended_history},
    {"subscriptions", &Counts::subscriptions},
    {"unsubscriptions", &Counts::unsubscriptions},
    {"loads", &Counts::loads},
    {"ended with their owner", &Counts::ended_with_owner},
    {"caches checked", &Counts::caches_checked},
    {"snapshots re-read", &Counts::snapshots_reread},
    {"changes checked", &Counts::changes_checked},
    {"steps", &Counts::steps},
}};

}  // namespace

void Counts::add(const Counts& other) {
  for (const auto& [name, count] : kNamed) this->*count += other.*count;
}

std::string Counts::to_string() const {
  std::string out;
  for (const auto& [name, count] : kNamed) {
    if (!out.empty()) out += ", ";
    out += std::to_string(this->*count) + " " + name;
  }
  return out;
}

}  // namespace odb::sim
