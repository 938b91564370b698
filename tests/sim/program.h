// Program: what one simulated client does with its database.
#pragma once

#include <functional>
#include <memory>

#include "sim_client.h"
#include "world.h"

namespace odb::sim {

class Program {
 public:
  virtual ~Program() = default;
  virtual void step() = 0;
  // Everything is quiet, the client is open and has flushed: a last look.
  virtual void finish() {}
};

using MakeProgram = std::function<std::unique_ptr<Program>(World&, SimClient&)>;

}  // namespace odb::sim
