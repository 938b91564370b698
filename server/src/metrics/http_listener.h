// HttpListener: answers GET requests, one for each connection.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "odb/net/socket.h"

namespace odb::server::metrics {

struct HttpAnswer {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Connections at a time; what comes beyond is closed at once. The largest head of a request, and
// how long a request and its answer may take.
inline constexpr std::size_t kHttpConnectionsMax = 32;
inline constexpr std::size_t kHttpHeadBytesMax = 8 * 1024;
inline constexpr std::chrono::seconds kHttpTimeout{5};

// On the thread that runs `io`, until that is stopped. `answer` gets the path, without what follows
// a question mark; an empty body with 404 is filled in.
class HttpListener {
 public:
  using Answer = std::function<HttpAnswer(const std::string& path)>;

  HttpListener(boost::asio::io_context& io, std::vector<net::Socket> sockets, Answer answer);
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

 private:
  class Connection;
  void accept(std::size_t acceptor);

  boost::asio::io_context& io_;
  const Answer answer_;
  std::vector<boost::asio::ip::tcp::acceptor> acceptors_;
  boost::asio::steady_timer pause_;
  std::size_t connections_ = 0;
};

}  // namespace odb::server::metrics
