#include "wire/scratch.h"

#include <algorithm>
#include <bit>
#include <new>

namespace odb::wire {
namespace {

constexpr std::size_t kWordsFirst = 4 * 1024;   // 32 KiB: nearly all messages
constexpr std::size_t kWordsKept = 128 * 1024;  // 1 MiB: chunks of rows

}  // namespace

// calloc gives large blocks untouched, so a generous estimate costs address space only.
void ScratchSegment::Block::allocate(std::size_t count) {
  memory.reset();
  memory.reset(static_cast<std::uint64_t*>(std::calloc(count, sizeof(std::uint64_t))));
  if (!memory) throw std::bad_alloc();
  words = count;
}

ScratchSegment::ScratchSegment(std::size_t words_min) {
  thread_local Block kept;
  if (words_min > kWordsKept) {
    own_.allocate(words_min);
    block_ = &own_;
    return;
  }
  if (kept.words < words_min || kept.words == 0) {
    kept.words = 0;
    kept.allocate(std::max(kWordsFirst, std::bit_ceil(words_min)));
  }
  block_ = &kept;
}

}  // namespace odb::wire
