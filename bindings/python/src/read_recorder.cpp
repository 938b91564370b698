#include "read_recorder.h"

#include <utility>

#include "odb/client/errors.h"
#include "waiting.h"

namespace odb::python {
namespace {

thread_local Recording* current = nullptr;

}  // namespace

Recording::Recording(std::shared_ptr<ReadRecorder> recorder)
    : recorder_(std::move(recorder)), outer_(current) {
  current = this;
}

Recording::~Recording() { current = outer_; }

std::shared_ptr<ReadRecorder> ReadRecorder::of_this_thread(const Session& session) {
  if (current == nullptr || current->recorder_->session_ != &session) [[likely]]
    return nullptr;
  return current->recorder_;
}

bool ReadRecorder::add(Transaction& transaction) {
  const detail::TransactionState& state = transaction.state();
  ReadSet reads = transaction.reads();
  if (!unwatched_) {
    unwatched_ = detail::find_unwatched(state.snapshot(), state.fetched_coverage(), reads);
  }
  of_transactions_.add(std::move(reads), transaction.version());
  if (state.fetched().empty()) return false;
  ++unsettled_;
  return without_gil([&] { return watched_->watch(state); });
}

detail::ReadTrigger ReadRecorder::take_trigger() {
  if (unwatched_) {
    throw NotSubscribedError(
        {unwatched_->code, "a reactor cannot wait for this to change: " + unwatched_->message});
  }
  detail::ReadTrigger trigger = std::move(of_transactions_);
  for (const auto& [version, part] : parts_) {
    trigger.add({{part.cells.begin(), part.cells.end()},
                 {part.existences.begin(), part.existences.end()},
                 {part.indexes.begin(), part.indexes.end()},
                 {part.ranges.begin(), part.ranges.end()},
                 {part.memberships.begin(), part.memberships.end()}},
                version);
  }
  return trigger;
}

}  // namespace odb::python
