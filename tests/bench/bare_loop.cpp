#include "bare_loop.h"

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

#include "clock.h"
#include "figures.h"
#include "tests/bench/bare_loop.capnp.h"
#include "tls_link.h"

namespace odb::bench {

namespace {

constexpr std::size_t kReadWords = 8 * 1024;
constexpr std::size_t kSegmentWordsMax = 1024;
constexpr std::uint64_t kObjects = 4096;

// Cap'n Proto's own framing of one segment: a word with its size, then its words.
class Messages {
 public:
  // Reads what has arrived, or waits for it; calls `each` with each whole message.
  template <class Each>
  void read(TlsLink& link, bool waits, Each&& each) {
    const std::span<std::byte> room = std::as_writable_bytes(std::span(words_)).subspan(bytes_);
    bytes_ += waits ? link.read(room) : link.read_arrived(room);
    std::size_t at = 0;
    while (bytes_ / 8 > at) {
      const std::size_t size = 1 + static_cast<std::size_t>(words_[at] >> 32);
      if ((words_[at] & 0xffffffff) != 0 || size > kSegmentWordsMax) {
        throw std::runtime_error("the bare loop got what is no message");
      }
      if (bytes_ / 8 < at + size) break;
      each(kj::arrayPtr(reinterpret_cast<const capnp::word*>(words_.data() + at), size));
      at += size;
    }
    bytes_ -= 8 * at;
    std::memmove(words_.data(), words_.data() + at, bytes_);
  }

 private:
  std::vector<std::uint64_t> words_ = std::vector<std::uint64_t>(kReadWords);
  std::size_t bytes_ = 0;
};

// Builds messages in memory of its own, which the builder wants to find and leaves zeroed.
class Encoder {
 public:
  // Appends one message that `fill` builds.
  template <class Root, class Fill>
  void append(std::vector<std::byte>& out, Fill&& fill) {
    capnp::MallocMessageBuilder builder(kj::arrayPtr(scratch_.data(), scratch_.size()));
    fill(builder.template initRoot<Root>());
    const auto segments = builder.getSegmentsForOutput();
    if (segments.size() != 1) throw std::runtime_error("a message of the bare loop is too large");
    const auto bytes = segments[0].asBytes();
    const std::array<std::uint32_t, 2> head{0, static_cast<std::uint32_t>(segments[0].size())};
    const auto* const head_bytes = reinterpret_cast<const std::byte*>(head.data());
    out.insert(out.end(), head_bytes, head_bytes + sizeof head);
    const auto* const body = reinterpret_cast<const std::byte*>(bytes.begin());
    out.insert(out.end(), body, body + bytes.size());
  }

 private:
  std::array<capnp::word, kSegmentWordsMax> scratch_{};
};

// How much filler makes a message so long: its head, the root's pointer, the struct are there.
std::size_t filler_bytes(const json::object& arguments, const char* name, std::size_t words) {
  const auto bytes = static_cast<std::size_t>(integer(arguments, name));
  return bytes > 8 * words ? bytes - 8 * words : 0;
}

struct ServedClient {
  TlsLink link;
  Messages in;
};

class BareServer {
 public:
  explicit BareServer(std::size_t filler) : filler_(filler) {
    for (std::uint64_t i = 0; i < kObjects; ++i) values_[i] = 0;
  }

  void answer(ServedClient& client) {
    do {
      out_.clear();
      client.in.read(client.link, false,
                     [&](kj::ArrayPtr<const capnp::word> words) { commit(words); });
      client.link.write(out_);
    } while (client.link.has_buffered_input());
  }

 private:
  void commit(kj::ArrayPtr<const capnp::word> words) {
    capnp::FlatArrayMessageReader message(words);
    const auto commit = message.getRoot<schema::BareCommit>();
    const auto found = values_.find(commit.getObject());
    if (found == values_.end()) throw std::runtime_error("the bare loop has no such object");
    ++found->second;
    encoder_.append<schema::BareOutcome>(out_, [&](schema::BareOutcome::Builder outcome) {
      outcome.setSequence(commit.getSequence());
      outcome.setVersion(++version_);
      outcome.setValue(found->second);
      outcome.initFiller(static_cast<capnp::uint>(filler_));
    });
  }

  const std::size_t filler_;
  boost::unordered_flat_map<std::uint64_t, std::int64_t> values_;
  std::uint64_t version_ = 0;
  Encoder encoder_;
  std::vector<std::byte> out_;
};

}  // namespace

json::object bare_loop_server(const json::object& arguments, WorkerChannel& channel) {
  const TlsListener listener;
  channel.exchange({{"port", listener.port()}});
  std::vector<ServedClient> clients;
  const std::int64_t expected = integer(arguments, "clients");
  while (static_cast<std::int64_t>(clients.size()) < expected) {
    clients.push_back({listener.accept(), Messages()});
  }
  BareServer server(filler_bytes(arguments, "answer_bytes", 6));
  serve(clients, [&](ServedClient& client) { server.answer(client); });
  return {};
}

json::object bare_loop_client(const json::object& arguments, WorkerChannel& channel) {
  TlsLink link(static_cast<std::uint16_t>(integer(arguments, "port")));
  const std::size_t filler = filler_bytes(arguments, "request_bytes", 7);
  const std::int64_t in_flight = integer(arguments, "in_flight");
  Encoder encoder;
  std::vector<std::byte> out;
  std::uint64_t sequence = 0;
  std::uint64_t version = 0;
  const auto commit = [&] {
    encoder.append<schema::BareCommit>(out, [&](schema::BareCommit::Builder message) {
      message.setSequence(++sequence);
      message.setSnapshot(version);
      message.setObject(sequence % kObjects);
      message.setValue(static_cast<std::int64_t>(sequence));
      message.initFiller(static_cast<capnp::uint>(filler));
    });
  };
  const Window window = agree_on_window(channel);
  for (std::int64_t i = 0; i < in_flight; ++i) commit();
  link.write(out);
  Messages in;
  std::int64_t count = 0;
  for (std::int64_t now = now_ns(); now < window.until_ns; now = now_ns()) {
    out.clear();
    in.read(link, true, [&](kj::ArrayPtr<const capnp::word> words) {
      capnp::FlatArrayMessageReader message(words);
      version = std::max(version, message.getRoot<schema::BareOutcome>().getVersion());
      if (now >= window.from_ns) ++count;
      commit();
    });
    link.write(out);
  }
  return {{"count", count}};
}

double measure_bare_loop(const FloorTraffic& traffic, const Pinning& pinning,
                         std::int64_t window_ms) {
  json::object arguments{{"request_bytes", traffic.request_bytes},
                         {"answer_bytes", traffic.answer_bytes},
                         {"clients", traffic.clients},
                         {"in_flight", traffic.in_flight}};
  Worker server("bare-loop-server", arguments, pinning.server_cpu, {});
  arguments["port"] = integer(server.read(), "port");
  server.write({});
  const Workers clients =
      start_workers(traffic.clients, "bare-loop-client", arguments, pinning.client_cpu, "");
  return measure_in_window(clients, window_ms).per_second();
}

}  // namespace odb::bench
