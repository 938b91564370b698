// What a program meets when things go wrong: no server, a wrong one, a broken link, time running
// out.
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "odb/net/message_stream.h"
#include "odb/net/socket.h"
#include "odb/net/tls_context.h"
#include "odb/net/tls_stream.h"
#include "odb/wire/codec.h"
#include "todo_server.h"

namespace odb::test {
namespace {

class FailuresOverTls : public TodoServer {};

// Accepts one connection and goes through TLS, then does what the test wants, like a server that
// went mad.
class OddServer {
 public:
  using Behaviour = std::function<void(net::MessageStream&)>;
  explicit OddServer(Behaviour behaviour)
      : context_(net::TlsServerContext::self_signed()),
        listeners_(*net::listen_tcp({"127.0.0.1", 0})),
        thread_([this, behaviour = std::move(behaviour)] { run(behaviour); }) {}
  ~OddServer() {
    stop_ = true;
    thread_.join();
  }
  std::uint16_t port() const { return net::local_port(listeners_.front()); }
  static void wait(net::MessageStream& stream, std::chrono::milliseconds time) {
    pollfd poll_for{.fd = stream.bytes().descriptor(), .events = POLLIN, .revents = 0};
    ::poll(&poll_for, 1, static_cast<int>(time.count()));
  }
  bool stopped() const { return stop_; }

 private:
  void run(const Behaviour& behaviour) {
    while (!stop_) {
      pollfd poll_for{.fd = listeners_.front().descriptor(), .events = POLLIN, .revents = 0};
      ::poll(&poll_for, 1, 20);
      auto accepted = net::accept_tcp(listeners_.front());
      if (!accepted || !*accepted) continue;
      auto tls = std::make_unique<net::TlsStream>(context_, *std::move(*accepted));
      while (!stop_ && tls->handshake().status != net::StreamStatus::kOk) {
        pollfd shake{.fd = tls->descriptor(), .events = POLLIN, .revents = 0};
        ::poll(&shake, 1, 20);
      }
      net::MessageStream stream(std::move(tls), 1 << 20);
      behaviour(stream);
      while (!stop_) wait(stream, std::chrono::milliseconds(20));
    }
  }

  net::TlsServerContext context_;
  std::vector<net::Socket> listeners_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

void say(net::MessageStream& stream, const ServerMessage& message) {
  stream.send(wire::encode(message));
  stream.flush();
}

TEST_F(FailuresOverTls, NoServerNamesHostAndPort) {
  try {
    odb::connect("localhost", 1, "token");
    FAIL() << "connected to nothing";
  } catch (const ConnectError& error) {
    EXPECT_NE(std::string(error.what()).find("localhost:1"), std::string::npos) << error.what();
  }
}

TEST_F(FailuresOverTls, AWrongTokenIsRefusedWithoutSayingIt) {
  start();
  try {
    connect_only("not-the-token");
    FAIL() << "let in with a wrong token";
  } catch (const AuthenticationError& error) {
    EXPECT_NE(std::string(error.what()).find("token"), std::string::npos);
    EXPECT_EQ(std::string(error.what()).find("not-the-token"), std::string::npos);
  }
}

TEST_F(FailuresOverTls, AServerWithoutTheTokenIsNotTrusted) {
  OddServer impostor([](net::MessageStream& stream) {
    say(stream, Hello{.features = {}, .software = "impostor"});
    say(stream, Authenticated{});
  });
  EXPECT_EQ(code_of([&] { odb::connect("127.0.0.1", impostor.port(), "token"); }),
            ErrorCode::kServerNotTrusted);
}

TEST_F(FailuresOverTls, AServerOfAnotherMajorVersionIsRefused) {
  OddServer newer([](net::MessageStream& stream) {
    say(stream, Hello{.major = 9, .features = {}, .software = "odb 9"});
  });
  EXPECT_EQ(code_of([&] { odb::connect("127.0.0.1", newer.port(), "token"); }),
            ErrorCode::kUnsupportedProtocol);
}

TEST_F(FailuresOverTls, AServerThatTalksNonsenseIsRefused) {
  OddServer mad([](net::MessageStream& stream) { say(stream, Flushed{}); });
  EXPECT_EQ(code_of([&] { odb::connect("127.0.0.1", mad.port(), "token"); }),
            ErrorCode::kUnexpectedMessage);
}

TEST_F(FailuresOverTls, AServerThatNeverAnswersRunsIntoTheTimeout) {
  OddServer silent([](net::MessageStream&) {});
  ConnectOptions options;
  options.timeout = std::chrono::milliseconds(200);
  EXPECT_EQ(code_of([&] { odb::connect("127.0.0.1", silent.port(), "token", options); }),
            ErrorCode::kTimeout);
}

TEST_F(FailuresOverTls, RetryWaitsForAServerThatIsNotThereYet) {
  start();
  const std::uint16_t port = server_->port();
  server_.reset();
  auto connecting = std::async(std::launch::async, [&] {
    ConnectOptions options;
    options.retry = true;
    return odb::connect("127.0.0.1", port, kAda, options).actor();
  });
  server::ServerOptions options;
  options.host = "127.0.0.1";
  options.port = port;
  options.tokens = {{"ada", kAda}};
  auto later = server::Server::start(std::move(options));
  ASSERT_TRUE(later) << later.error().message;
  EXPECT_EQ(connecting.get(), "ada");
}

TEST_F(FailuresOverTls, AStoppedServerWakesEveryoneWithTheReason) {
  start();
  Database db = client();
  const Ref<Task> task = create(db, {.title = "kept"});
  server_->stop();
  const auto wait_until_gone = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (db.is_connected() && std::chrono::steady_clock::now() < wait_until_gone) {
    std::this_thread::yield();
  }
  EXPECT_EQ(code_of([&] { db.flush(); }), ErrorCode::kShuttingDown);
  Transaction tx = db.transaction();
  tx.set<&Task::priority>(task, 1);
  EXPECT_EQ(code_of([&] { tx.commit(); }), ErrorCode::kShuttingDown);
  EXPECT_EQ(db.view().get<&Task::title>(task), "kept") << "views still read the cache";
}

// Lets a client open a session with a real server, then sits on what it sends: nothing comes back.
class Proxy {
 public:
  explicit Proxy(std::uint16_t server_port)
      : listeners_(*net::listen_tcp({"127.0.0.1", 0})),
        server_port_(server_port),
        thread_([this] { run(); }) {}
  ~Proxy() {
    stop_ = true;
    thread_.join();
  }
  std::uint16_t port() const { return net::local_port(listeners_.front()); }
  void stall() { stalled_ = true; }
  void cut() { cut_ = true; }

 private:
  void run() {
    std::optional<net::Socket> client;
    while (!stop_ && !client) {
      pollfd poll_for{.fd = listeners_.front().descriptor(), .events = POLLIN, .revents = 0};
      ::poll(&poll_for, 1, 20);
      if (auto accepted = net::accept_tcp(listeners_.front()); accepted && *accepted) {
        client = *std::move(*accepted);
      }
    }
    if (!client) return;
    auto server = net::connect_tcp({"localhost", server_port_},
                                   std::chrono::steady_clock::now() + std::chrono::seconds(5));
    if (!server) return;
    while (!stop_ && !cut_) {
      pollfd poll_for[2] = {
          {.fd = stalled_ ? -1 : client->descriptor(), .events = POLLIN, .revents = 0},
          {.fd = stalled_ ? -1 : server->descriptor(), .events = POLLIN, .revents = 0}};
      ::poll(poll_for, 2, 10);
      if (poll_for[0].revents != 0 && !move(*client, *server)) return;
      if (poll_for[1].revents != 0 && !move(*server, *client)) return;
    }
  }
  static bool move(const net::Socket& from, const net::Socket& to) {
    char bytes[4096];
    const ssize_t got = ::recv(from.descriptor(), bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t now =
          ::send(to.descriptor(), bytes + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
      if (now > 0) {
        sent += now;
        continue;
      }
      pollfd poll_for{.fd = to.descriptor(), .events = POLLOUT, .revents = 0};
      ::poll(&poll_for, 1, 100);
    }
    return true;
  }

  std::vector<net::Socket> listeners_;
  const std::uint16_t server_port_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> stalled_ = false;
  std::atomic<bool> cut_ = false;
  std::thread thread_;
};

TEST_F(FailuresOverTls, ACommitWhoseLinkBreaksHasAnUnknownOutcome) {
  start();
  Proxy proxy(server_->port());
  Database db = odb::connect("127.0.0.1", proxy.port(), kAda);
  db.subscribe(todo_schema());
  proxy.stall();
  std::promise<CommitOutcome> outcome;
  Transaction tx = db.transaction();
  tx.create(Task{.title = "lost?"});
  tx.commit_async([&](const CommitOutcome& done) { outcome.set_value(done); });
  Transaction waiting = db.transaction();
  waiting.create(Task{.title = "lost too?"});
  auto sync = std::async(std::launch::async, [&] { return code_of([&] { waiting.commit(); }); });
  auto flush = std::async(std::launch::async, [&] { return code_of([&] { db.flush(); }); });
  proxy.cut();
  const CommitOutcome ended = outcome.get_future().get();
  EXPECT_EQ(std::get<Error>(ended).code, ErrorCode::kOutcomeUnknown);
  const ErrorCode sync_code = sync.get();
  EXPECT_TRUE(sync_code == ErrorCode::kOutcomeUnknown || sync_code == ErrorCode::kDisconnected);
  EXPECT_EQ(flush.get(), ErrorCode::kDisconnected);
  EXPECT_FALSE(db.is_connected());
}

TEST_F(FailuresOverTls, EverythingThatWaitsHasATimeout) {
  start();
  Proxy proxy(server_->port());
  ConnectOptions options;
  options.request_timeout = std::chrono::milliseconds(100);
  Database db = odb::connect("127.0.0.1", proxy.port(), kAda, options);
  db.subscribe(todo_schema(), std::chrono::seconds(10));
  proxy.stall();
  EXPECT_EQ(code_of([&] { db.flush(); }), ErrorCode::kTimeout);
  EXPECT_EQ(code_of([&] { db.define(todo_schema()); }), ErrorCode::kTimeout);
  EXPECT_EQ(code_of([&] { db.subscribe(type<Task>()); }), ErrorCode::kTimeout);
  Transaction tx = db.transaction();
  tx.create(Task{.title = "slow"});
  EXPECT_EQ(code_of([&] { tx.commit(); }), ErrorCode::kOutcomeUnknown);
}

TEST_F(FailuresOverTls, ASilentServerCountsAsDead) {
  server::Limits limits;
  limits.heartbeat_interval = std::chrono::milliseconds(100);
  limits.silence_timeout = std::chrono::milliseconds(500);
  start(limits);
  Proxy proxy(server_->port());
  Database db = odb::connect("127.0.0.1", proxy.port(), kAda);
  db.subscribe(todo_schema());
  proxy.stall();
  EXPECT_EQ(code_of([&] { db.flush(std::chrono::seconds(20)); }), ErrorCode::kPeerSilent);
}

TEST_F(FailuresOverTls, HeartbeatsKeepAQuietSessionAlive) {
  server::Limits limits;
  limits.heartbeat_interval = std::chrono::milliseconds(50);
  limits.silence_timeout = std::chrono::milliseconds(1000);
  start(limits);
  Database quiet = client(kAda);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2500);
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // quiet is what is tested
    ASSERT_TRUE(quiet.is_connected());
  }
  EXPECT_NO_THROW(quiet.flush());
}

TEST_F(FailuresOverTls, DisconnectWakesOtherThreads) {
  start();
  Proxy proxy(server_->port());
  Database db = odb::connect("127.0.0.1", proxy.port(), kAda);
  proxy.stall();
  std::promise<void> waiting;
  auto flush = std::async(std::launch::async, [&] {
    waiting.set_value();
    return code_of([&] { db.flush(); });
  });
  waiting.get_future().get();
  db.disconnect();
  EXPECT_EQ(flush.get(), ErrorCode::kDisconnected);
}

TEST_F(FailuresOverTls, ASubscriberThatDoesNotReadIsDroppedAndDisturbsNobody) {
  server::Limits limits;
  limits.commit_bytes_max = 256 * 1024;
  limits.session_queue_bytes_max = 1024 * 1024;
  start(limits);
  Database ada = client(kAda);
  Proxy proxy(server_->port());
  Database sleepy = odb::connect("127.0.0.1", proxy.port(), kBob);
  sleepy.subscribe(todo_schema());
  proxy.stall();
  ASSERT_EQ(server_->session_count(), 2u);
  const std::string big(100 * 1024, 'x');
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  int made = 0;
  while (server_->session_count() == 2 && std::chrono::steady_clock::now() < end) {
    create(ada, {.title = std::to_string(made++), .status = big});
  }
  EXPECT_EQ(server_->session_count(), 1u) << "after " << made << " commits";
  EXPECT_NO_THROW(create(ada, {.title = "undisturbed"}));
}

}  // namespace
}  // namespace odb::test
