#include "connection.h"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <utility>

#include "odb/wire/codec.h"

namespace odb::server {

namespace {

// After this many messages of one connection the others get their turn.
constexpr int kMessagesPerTurn = 1024;
// Messages whose commits share one append and one write of the answers. More would leave the client
// without work meanwhile.
constexpr int kMessagesPerBatch = 32;

}  // namespace

Connection::Connection(boost::asio::io_context& io, ConnectionHost& host,
                       std::unique_ptr<net::TlsStream> stream)
    : io_(io),
      host_(host),
      messages_(std::move(stream), kUnauthenticatedMessageBytesMax),
      descriptor_(io, messages_.bytes().descriptor()),
      opened_at_(host.now()) {}

Connection::~Connection() {
  if (descriptor_.is_open()) descriptor_.release();  // the stream owns the descriptor
}

void Connection::start() { handshake(); }

void Connection::handshake() {
  const net::StreamProgress progress = messages_.bytes().handshake();
  switch (progress.status) {
    case net::StreamStatus::kOk:
      phase_ = Phase::kOpen;
      session_ = &host_.core().connect(*this, messages_.bytes().peer(), host_.now());
      wait_readable();
      read_soon();
      return;
    case net::StreamStatus::kWantsRead:
      return wait_readable();
    case net::StreamStatus::kWantsWrite:
      return wait_writable();
    case net::StreamStatus::kClosed:
      log_end("closed during the handshake");
      return close();
    case net::StreamStatus::kFailed:
      log_end(messages_.bytes().error().message);
      return close();
  }
}

void Connection::wait_readable() {
  if (waits_readable_ || phase_ == Phase::kClosed) return;
  waits_readable_ = true;
  descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                         [self = shared_from_this()](const boost::system::error_code& error) {
                           self->waits_readable_ = false;
                           if (!error) self->on_ready();
                         });
}

void Connection::wait_writable() {
  if (waits_writable_ || phase_ == Phase::kClosed) return;
  waits_writable_ = true;
  descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_write,
                         [self = shared_from_this()](const boost::system::error_code& error) {
                           self->waits_writable_ = false;
                           if (!error) self->on_ready();
                         });
}

void Connection::on_ready() {
  if (phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kHandshake) return handshake();
  flush();
  read();
}

void Connection::read_soon() {
  if (reads_soon_) return;
  reads_soon_ = true;
  boost::asio::post(io_, [self = shared_from_this()] {
    self->reads_soon_ = false;
    self->flush();
    self->read();
  });
}

void Connection::read() {
  if (phase_ != Phase::kOpen) return;
  int budget = kMessagesPerTurn;
  bool more = true;
  bool gone = false;
  while (more && session_ != nullptr && !session_->has_ended()) {
    if (budget-- == 0) {
      read_soon();
      break;
    }
    const net::MessageStream::Received received =
        messages_.receive(net::MessageStream::Eagerness::kArrived);
    switch (received.status) {
      case net::StreamStatus::kOk:
        if (auto message = wire::decode_client_message(received.payload)) {
          session_->receive(*std::move(message), received.payload.size(), host_.now());
        } else {
          session_->reject(message.error());
        }
        if (budget % kMessagesPerBatch == 0) host_.finish_batch();
        break;
      case net::StreamStatus::kWantsRead:
        wait_readable();
        more = false;
        break;
      case net::StreamStatus::kWantsWrite:
        wait_writable();
        more = false;
        break;
      case net::StreamStatus::kClosed:
        log_end("closed by the client");
        gone = true;
        more = false;
        break;
      case net::StreamStatus::kFailed: {
        const Error error = messages_.error();
        log_end(error.message);
        if (error.code == ErrorCode::kDisconnected) {
          gone = true;
        } else {
          session_->reject(error);
        }
        more = false;
        break;
      }
    }
  }
  if (session_ != nullptr && messages_.bytes_received() != bytes_seen_) {
    bytes_seen_ = messages_.bytes_received();
    session_->note_received(host_.now());
  }
  host_.finish_batch();
  if (gone) return close();
  // A snapshot under way goes on when its last piece has left.
  if (session_ != nullptr && session_->has_snapshots()) {
    const bool more_snapshot = session_->send_snapshots(host_.now());
    flush();
    if (more_snapshot && messages_.queued_bytes() < kSnapshotQueueBytes) read_soon();
  }
}

void Connection::send(wire::EncodedMessage message) {
  if (phase_ == Phase::kClosed) return;
  messages_.send(std::move(message));
  host_.needs_flush(*this);
}

void Connection::flush() {
  if (phase_ == Phase::kHandshake || phase_ == Phase::kClosed) return;
  switch (messages_.flush()) {
    case net::StreamStatus::kOk:
      if (phase_ == Phase::kEnding) return close();
      if (session_->has_snapshots()) read_soon();
      return;
    case net::StreamStatus::kWantsWrite:
      return wait_writable();
    case net::StreamStatus::kWantsRead:
      return wait_readable();
    case net::StreamStatus::kClosed:
    case net::StreamStatus::kFailed:
      // Messages may have arrived before the failure: read() meets it after them.
      if (phase_ == Phase::kEnding) return close();
      return read_soon();
  }
}

void Connection::end() {
  if (phase_ == Phase::kHandshake) return close();
  if (phase_ != Phase::kOpen) return;
  phase_ = Phase::kEnding;
  ending_since_ = host_.now();
  host_.needs_flush(*this);
}

void Connection::tick() {
  const Limits& limits = host_.core().limits();
  if (phase_ == Phase::kHandshake && host_.now() - opened_at_ >= limits.authentication_deadline) {
    log_end("no TLS handshake within the deadline");
    close();
  } else if (phase_ == Phase::kEnding && host_.now() - ending_since_ >= limits.linger) {
    close();
  }
}

void Connection::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  if (session_ != nullptr) {
    host_.core().disconnect(session_->id());
    session_ = nullptr;
  }
  descriptor_.release();  // cancels what waits; the stream closes it
  messages_.bytes().close();
  host_.remove(*this);
}

void Connection::log_end(std::string_view reason) const {
  spdlog::info("{}: {}", messages_.bytes().peer(), reason);
}

}  // namespace odb::server
