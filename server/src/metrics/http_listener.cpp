#include "http_listener.h"

#include <sys/socket.h>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <utility>

namespace odb::server::metrics {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

// Descriptors ran out: how long to leave new connections in the kernel's queue.
constexpr std::chrono::milliseconds kAcceptPause{100};

tcp protocol_of(const net::Socket& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), &size);
  return address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4();
}

}  // namespace

// One request and its answer. Its handlers keep it alive.
class HttpListener::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(HttpListener& listener, tcp::socket socket)
      : listener_(listener), stream_(std::move(socket)), buffer_(kHttpHeadBytesMax) {
    ++listener_.connections_;
    parser_.header_limit(kHttpHeadBytesMax);
  }
  ~Connection() { --listener_.connections_; }

  void run() {
    stream_.expires_after(kHttpTimeout);
    http::async_read_header(stream_, buffer_, parser_,
                            [self = shared_from_this()](beast::error_code error, std::size_t) {
                              if (!error) self->answer();
                            });
  }

 private:
  void answer() {
    const auto& request = parser_.get();
    const bool is_head = request.method() == http::verb::head;
    HttpAnswer found;
    if (request.method() == http::verb::get || is_head) {
      const std::string target(request.target());
      found = listener_.answer_(target.substr(0, target.find('?')));
      if (found.status == 404 && found.body.empty()) found.body = "nothing here\n";
    } else {
      found = {405, "text/plain; charset=utf-8", "only GET and HEAD\n"};
    }
    response_.emplace(static_cast<http::status>(found.status), request.version());
    response_->set(http::field::content_type, found.content_type);
    response_->set(http::field::cache_control, "no-store");
    response_->keep_alive(false);
    response_->content_length(found.body.size());
    if (!is_head) response_->body() = std::move(found.body);
    stream_.expires_after(kHttpTimeout);
    http::async_write(stream_, *response_,
                      [self = shared_from_this()](beast::error_code, std::size_t) {
                        beast::error_code ignored;
                        self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
                      });
  }

  HttpListener& listener_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::request_parser<http::empty_body> parser_;
  std::optional<http::response<http::string_body>> response_;
};

HttpListener::HttpListener(asio::io_context& io, std::vector<net::Socket> sockets, Answer answer)
    : io_(io), answer_(std::move(answer)), pause_(io) {
  for (net::Socket& socket : sockets) {
    const tcp protocol = protocol_of(socket);
    acceptors_.emplace_back(io_).assign(protocol, socket.release());
  }
  for (std::size_t i = 0; i < acceptors_.size(); ++i) accept(i);
}

HttpListener::~HttpListener() = default;

void HttpListener::accept(std::size_t acceptor) {
  acceptors_[acceptor].async_accept(
      [this, acceptor](const boost::system::error_code& error, tcp::socket socket) {
        if (error == asio::error::operation_aborted) return;
        if (error) {
          pause_.expires_after(kAcceptPause);
          return pause_.async_wait([this, acceptor](const boost::system::error_code& stopped) {
            if (!stopped) accept(acceptor);
          });
        }
        if (connections_ < kHttpConnectionsMax) {
          std::make_shared<Connection>(*this, std::move(socket))->run();
        }
        accept(acceptor);
      });
}

}  // namespace odb::server::metrics
