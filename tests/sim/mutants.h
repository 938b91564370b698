// Mutants: parts that break one rule on purpose, to see that the checker notices.
#pragma once

#include <vector>

#include "odb/core/commit_engine.h"

namespace odb::sim {

// Judges as if one kind of entry were not in the read set.
class ForgetfulEngine final : public CommitEngine {
 public:
  enum class Forgets : std::uint8_t { kCells, kExistences, kIndexes, kRanges, kMemberships };

  explicit ForgetfulEngine(Forgets forgets) : forgets_(forgets) {}
  Judgement judge(const CommitRequest& request, const VersionedState& state) const override;

 private:
  const Forgets forgets_;
};

// Lets a transaction pass that writes to an object which is gone, without that write.
class LenientEngine final : public CommitEngine {
 public:
  Judgement judge(const CommitRequest& request, const VersionedState& state) const override;
};

// Lets two objects have the same value of a unique index.
class DuplicatingEngine final : public CommitEngine {
 public:
  Judgement judge(const CommitRequest& request, const VersionedState& state) const override;
};

// Lets objects be given to connections that have ended.
class CarelessEngine final : public CommitEngine {
 public:
  Judgement judge(const CommitRequest& request, const VersionedState& state) const override;
};

// Conflicts on whole objects, where fields are what counts.
class CoarseEngine final : public CommitEngine {
 public:
  Judgement judge(const CommitRequest& request, const VersionedState& state) const override;
};

// Blames the version after the snapshot, whoever it was that won.
class BlamingEngine final : public CommitEngine {
 public:
  Judgement judge(const CommitRequest& request, const VersionedState& state) const override;
};

}  // namespace odb::sim
