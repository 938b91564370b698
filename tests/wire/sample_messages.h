// One or more representative messages of every kind, each with a name. Golden bytes exist for all.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "odb/core/messages.h"

namespace odb::wire {

template <class Message>
using Samples = std::vector<std::pair<std::string, Message>>;

Samples<ClientMessage> client_samples();
Samples<ServerMessage> server_samples();

// One value of every kind, small ones and ones out of line.
std::vector<Value> sample_values();
// One type of every kind.
std::vector<Type> sample_types();

}  // namespace odb::wire
