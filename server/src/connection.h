// Connection: carries one socket's messages to its Session and back.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>

#include "odb/net/message_stream.h"
#include "odb/net/tls_stream.h"
#include "odb/server/server_core.h"

namespace odb::server {

// What connections need from the server that owns them.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  virtual ServerCore& core() = 0;
  virtual Time now() const = 0;
  // Messages wait in the connection's queue: flush() it once the batch is finished.
  virtual void needs_flush(class Connection& connection) = 0;
  // Publishes what the messages just handed to the core led to, then flushes all who need it.
  virtual void finish_batch() = 0;
  // The connection is over; it is destroyed soon after.
  virtual void remove(class Connection& connection) = 0;
};

// One thread: the server's. Lives until it has called ConnectionHost::remove and all its handlers
// ran.
class Connection final : public SessionLink, public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::io_context& io, ConnectionHost& host,
             std::unique_ptr<net::TlsStream> stream);
  ~Connection() override;

  void start();
  void read();  // takes in what has arrived
  void tick();
  void flush();
  void close();  // at once; idempotent

  // SessionLink
  void send(wire::EncodedMessage message) override;
  std::size_t queued_bytes() const override { return messages_.queued_bytes(); }
  void drop_queue() override { messages_.drop_queue(); }
  void end() override;
  void set_message_bytes_max(std::size_t bytes) override { messages_.set_message_bytes_max(bytes); }
  net::ChannelBinding channel_binding() const override {
    return messages_.bytes().channel_binding();
  }

  bool is_queued_for_flush = false;  // kept by the host

 private:
  enum class Phase { kHandshake, kOpen, kEnding, kClosed };

  void handshake();
  void wait_readable();
  void wait_writable();
  void on_ready();
  void read_soon();
  void log_end(std::string_view reason) const;

  boost::asio::io_context& io_;
  ConnectionHost& host_;
  net::MessageStream messages_;
  boost::asio::posix::stream_descriptor descriptor_;
  Session* session_ = nullptr;
  Phase phase_ = Phase::kHandshake;
  Time opened_at_;
  Time ending_since_;
  std::uint64_t bytes_seen_ = 0;
  bool waits_readable_ = false;
  bool waits_writable_ = false;
  bool reads_soon_ = false;
};

}  // namespace odb::server
