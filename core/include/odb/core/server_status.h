// ServerStatus: how a server is, for whoever asks it.
#pragma once

#include <string>
#include <vector>

#include "odb/core/ids.h"

namespace odb {

// One of the numbers that a server tells of itself, by name: other servers may have others.
struct ServerFigure {
  std::string name;
  double value = 0;
  friend bool operator==(const ServerFigure&, const ServerFigure&) = default;
};
// How a server is; also the message that says so.
struct ServerStatus {
  RequestId request;
  HistoryId history;
  Version version;
  ObjectId ids_below;  // no identity from here on was granted
  std::string software;
  std::string store;
  std::vector<std::string> schemas;  // those that the client may see
  std::vector<ServerFigure> figures;
  friend bool operator==(const ServerStatus&, const ServerStatus&) = default;
};

}  // namespace odb
