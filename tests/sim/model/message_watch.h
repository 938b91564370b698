// MessageWatch: reads over a session's shoulder what the server sends to one client.
#pragma once

#include "model/checker.h"
#include "odb/core/messages.h"

namespace odb::sim {

// The outcome of version v never comes before the delta v, deltas come in the order of versions,
// and nothing speaks of a version that the store does not hold durably at that moment.
class MessageWatch {
 public:
  MessageWatch(Checker& checker, Report& report, ClientId client)
      : checker_(checker), report_(report), client_(client) {}

  // The client is to be told first what it missed.
  void expect_resumption() { is_resuming_ = true; }
  void on_sent(const ServerMessage& message, const ServerMoment& moment);

 private:
  void on(const Delta& delta);
  void on(const SnapshotChunk& chunk);
  void on(const CommitDone& done, const ServerMoment& moment);
  void on(const CommitsAccepted& accepted, const ServerMoment& moment);
  void on_accepted(Sequence sequence, Version version);
  // The client knows now that everything up to this version has reached it.
  void tell(Version version, const char* what);

  Checker& checker_;
  Report& report_;
  const ClientId client_;
  bool is_resuming_ = false;
  Version told_;
};

}  // namespace odb::sim
