// One Cap'n Proto segment: built in a thread's scratch memory, and read from untrusted bytes.
#pragma once

#include <capnp/message.h>
#include <kj/exception.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "odb/core/error.h"
#include "odb/wire/codec.h"
#include "wire/read_context.h"
#include "wire/scratch.h"

namespace odb::wire {

inline constexpr std::size_t kWordBytes = sizeof(capnp::word);

capnp::ReaderOptions reader_limits(std::size_t bytes);
// Foreign exceptions end here. What kj says names structure and sizes, never content.
Error translate(const kj::Exception& exception);
// Not empty, whole words, and a root that is not null: Cap'n Proto takes a null one for a struct of
// defaults, which here is always a mistake.
Result<void> check_segment(std::span<const std::byte> bytes);

// Builds what `write` makes of a Root and gives its bytes to `sink`. `bytes_expected`: at least the
// size of what varies much, so that one attempt is enough; or 0.
template <class Root, class Write, class Sink>
void build_segment(std::size_t bytes_expected, const Write& write, const Sink& sink) {
  constexpr std::size_t kEnvelopeWords = 64;
  std::size_t words = bytes_expected / kWordBytes + kEnvelopeWords;
  try {
    for (;;) {
      ScratchSegment scratch(words);
      capnp::MallocMessageBuilder builder(scratch.words());
      write(builder.initRoot<Root>());
      const auto segments = builder.getSegmentsForOutput();
      if (segments.size() == 1) {
        const auto bytes = segments[0].asBytes();
        return sink(std::span(reinterpret_cast<const std::byte*>(bytes.begin()), bytes.size()));
      }
      words = kEnvelopeWords;
      for (const auto segment : segments) words += segment.size();
    }
  } catch (const kj::Exception&) {
    throw MessageTooLarge();  // nothing but a size that does not fit Cap'n Proto's 2^29 fails here
  }
}

// Gives the root of 8-byte aligned bytes to `read`.
template <class Root, class Read>
Result<void> read_segment(std::span<const std::byte> bytes, const Read& read) {
  ODB_CHECK(reinterpret_cast<std::uintptr_t>(bytes.data()) % kWordBytes == 0);
  if (auto whole = check_segment(bytes); !whole) return whole;
  try {
    const kj::ArrayPtr<const capnp::word> segment(
        reinterpret_cast<const capnp::word*>(bytes.data()), bytes.size() / kWordBytes);
    capnp::SegmentArrayMessageReader reader(kj::arrayPtr(&segment, 1), reader_limits(bytes.size()));
    ReadContext context(bytes.size());
    read(reader.getRoot<Root>(), context);
  } catch (DecodeError& error) {
    return std::move(error.error);
  } catch (const kj::Exception& exception) {
    return translate(exception);
  }
  return {};
}

}  // namespace odb::wire
