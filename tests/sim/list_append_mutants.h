// Engines that are broken on purpose, each in a way that has a name in the literature.
#pragma once

#include <optional>
#include <vector>

#include "odb/core/commit_engine.h"

namespace odb::sim {

// Believes that it is enough to validate reads of what is written, too: lost updates are noticed,
// write skew is not.
class SkewedEngine final : public CommitEngine {
 public:
  Judgement judge(const CommitRequest& request, const VersionedState& state) const override;
};

// What a loser appended takes effect with the next winner: dirty reads.
class LeakyEngine final : public CommitEngine {
 public:
  Judgement judge(const CommitRequest& request, const VersionedState& state) const override;

 private:
  struct Leak {
    TypeId type;
    ObjectId object;
    CellOperation append;
  };
  mutable std::optional<Leak> leak_;
};

// Every append takes effect twice.
class StutteringEngine final : public CommitEngine {
 public:
  Judgement judge(const CommitRequest& request, const VersionedState& state) const override;
};

// Of several appends the last does not take effect.
class DroppingEngine final : public CommitEngine {
 public:
  Judgement judge(const CommitRequest& request, const VersionedState& state) const override;
};

}  // namespace odb::sim
