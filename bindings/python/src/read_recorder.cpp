#include "read_recorder.h"

#include <utility>

#include "odb/client/errors.h"

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

void ReadRecorder::add(Transaction& transaction) {
  ReadSet reads = transaction.reads();
  if (!unwatched_) unwatched_ = detail::find_unwatched(transaction.state().snapshot(), reads);
  of_transactions_.add(std::move(reads), transaction.version());
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
