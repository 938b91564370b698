// Memory in which messages are built: one segment, so that it is framed in one copy.
#pragma once

#include <capnp/common.h>
#include <kj/common.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace odb::wire {

// A zeroed segment of at least `words_min`: the thread's own, reused message after message, or one
// just for this message when it is very large. Whoever builds in it leaves it zeroed, as
// capnp::MallocMessageBuilder does. One at a time per thread.
class ScratchSegment {
 public:
  explicit ScratchSegment(std::size_t words_min);

  kj::ArrayPtr<capnp::word> words() {
    return {reinterpret_cast<capnp::word*>(block_->memory.get()), block_->words};
  }

 private:
  struct Free {
    void operator()(std::uint64_t* memory) const { std::free(memory); }
  };
  struct Block {
    std::unique_ptr<std::uint64_t[], Free> memory;
    std::size_t words = 0;

    void allocate(std::size_t count);
  };

  Block own_;
  Block* block_;
};

}  // namespace odb::wire
