// The link over hiredis: it connects and parses replies; reading, writing and waiting happen here,
// because hiredis moves what is left of its output at every write.
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "link.h"

namespace odb::server::redis {

namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kOutputKept = 1024 * 1024;

std::string system_message(int number) { return std::generic_category().message(number); }

Reply take(redisReply& from) {
  Reply reply;
  switch (from.type) {
    case REDIS_REPLY_INTEGER:
      reply.kind = Reply::Kind::kInteger;
      reply.integer = from.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      reply.kind = Reply::Kind::kText;
      reply.text.assign(from.str, static_cast<std::size_t>(from.len));
      break;
    case REDIS_REPLY_ERROR:
      reply.kind = Reply::Kind::kError;
      reply.text.assign(from.str, static_cast<std::size_t>(from.len));
      break;
    case REDIS_REPLY_ARRAY:
      reply.kind = Reply::Kind::kArray;
      reply.elements.reserve(from.elements);
      for (std::size_t i = 0; i < from.elements; ++i) {
        reply.elements.push_back(take(*from.element[i]));
      }
      break;
    default:
      break;
  }
  return reply;
}

class HiredisLink final : public Link {
 public:
  HiredisLink() : wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), input_(kReadBytes) {
    if (wake_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  ~HiredisLink() override {
    HiredisLink::close();
    ::close(wake_);
  }

  Result<void> connect(const RedisAddress& address, milliseconds timeout) override {
    close();
    const auto count = timeout.count();
    const timeval limit{static_cast<time_t>(count / 1000),
                        static_cast<suseconds_t>(count % 1000 * 1000)};
    context_ = address.unix_path.empty()
                   ? redisConnectWithTimeout(address.host.c_str(), address.port, limit)
                   : redisConnectUnixWithTimeout(address.unix_path.c_str(), limit);
    if (context_ == nullptr) return Error{ErrorCode::kConnectFailed, "out of memory"};
    if (context_->err != 0) {
      const std::string reason = context_->errstr;
      close();
      return Error{ErrorCode::kConnectFailed, reason};
    }
    const int flags = ::fcntl(context_->fd, F_GETFL);
    ::fcntl(context_->fd, F_SETFL, flags | O_NONBLOCK);
    ::fcntl(context_->fd, F_SETFD, FD_CLOEXEC);
    if (address.unix_path.empty()) {
      const int on = 1;
      ::setsockopt(context_->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return {};
  }

  void close() override {
    if (context_ != nullptr) {
      ::shutdown(context_->fd, SHUT_RDWR);  // of duplicates, too
      redisFree(std::exchange(context_, nullptr));
    }
    output_.clear();
    written_ = 0;
  }

  bool is_open() const override { return context_ != nullptr; }
  std::string& output() override { return output_; }

  Result<void> write() override {
    if (context_ == nullptr) return not_connected();
    while (written_ < output_.size()) {
      const auto sent = ::send(context_->fd, output_.data() + written_, output_.size() - written_,
                               MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
        if (errno == EINTR) continue;
        return lose(system_message(errno));
      }
      written_ += static_cast<std::size_t>(sent);
    }
    if (output_.capacity() > kOutputKept) {
      output_ = std::string();
    } else {
      output_.clear();
    }
    written_ = 0;
    return {};
  }

  Result<bool> read() override {
    if (context_ == nullptr) return not_connected().error();
    bool any = false;
    for (;;) {
      const auto got = ::recv(context_->fd, input_.data(), input_.size(), MSG_DONTWAIT);
      if (got == 0) return lose("Redis closed the connection").error();
      if (got < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) return any;
        if (errno == EINTR) continue;
        return lose(system_message(errno)).error();
      }
      any = true;
      redisReaderFeed(context_->reader, input_.data(), static_cast<std::size_t>(got));
      if (static_cast<std::size_t>(got) < input_.size()) return any;
    }
  }

  Result<std::optional<Reply>> next() override {
    if (context_ == nullptr) return Error{ErrorCode::kDisconnected, "not connected"};
    void* found = nullptr;
    if (redisReaderGetReply(context_->reader, &found) != REDIS_OK) {
      const std::string reason = context_->reader->errstr;
      close();
      return Error{ErrorCode::kMalformedMessage, "what answers is not Redis: " + reason};
    }
    if (found == nullptr) return std::optional<Reply>();
    std::optional<Reply> reply = take(*static_cast<redisReply*>(found));
    freeReplyObject(found);
    return reply;
  }

  Awaited awaited(Await what) const override {
    if (context_ == nullptr) return {};
    const bool is_blocked = written_ < output_.size();
    if (what == Await::kWriting && !is_blocked) return {};
    return {context_->fd, what == Await::kReading, is_blocked};
  }

  void wait(const Awaited& awaited, milliseconds limit) override {
    const int events = (awaited.is_reading ? POLLIN : 0) | (awaited.is_writing ? POLLOUT : 0);
    std::array<pollfd, 2> waiting{pollfd{awaited.descriptor, static_cast<short>(events), 0},
                                  pollfd{wake_, POLLIN, 0}};
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(limit.count())) < 0) return;
    if ((waiting[1].revents & POLLIN) == 0) return;
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake_, &count, sizeof count);
  }

  void wake() override {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto wrote = ::write(wake_, &one, sizeof one);
  }

  std::optional<int> duplicate() const override {
    if (context_ == nullptr) return std::nullopt;
    const int copy = ::fcntl(context_->fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return std::nullopt;
    return copy;
  }

 private:
  static Result<void> not_connected() { return Error{ErrorCode::kDisconnected, "not connected"}; }

  Result<void> lose(std::string reason) {
    // What has come is still answered by next() only until here: replies without a link mean
    // nothing more than what the store says after the next connection.
    close();
    return Error{ErrorCode::kDisconnected, std::move(reason)};
  }

  redisContext* context_ = nullptr;
  int wake_;
  std::string output_;
  std::size_t written_ = 0;  // of output_
  std::vector<char> input_;
};

}  // namespace

std::unique_ptr<Link> make_link() { return std::make_unique<HiredisLink>(); }

}  // namespace odb::server::redis
