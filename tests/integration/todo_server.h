// A real server in this process, on a free port, and clients of it that share one small schema.
#pragma once

#include <gtest/gtest.h>
#include <odb/odb.h>
#include <odb/server/server.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace odb::test {

struct Task {
  std::string title{};
  std::string status = "open";
  std::int64_t priority = 0;
  std::optional<Ref<Task>> parent{};
};
BOOST_DESCRIBE_STRUCT(Task, (), (title, status, priority, parent))

inline Schema todo_schema() {
  Schema schema("todo");
  schema.define<Task>(index<&Task::status>(), unique<&Task::title>());
  return schema;
}

class TodoServer : public ::testing::Test {
 protected:
  static constexpr const char* kAda = "the-token-of-ada-is-long-enough";
  static constexpr const char* kBob = "the-token-of-bob-is-long-enough";

  void start(server::Limits limits = {}) {
    server::ServerOptions options;
    options.tokens = {{"ada", kAda}, {"bob", kBob}};
    options.limits = limits;
    auto started = server::Server::start(std::move(options));
    ASSERT_TRUE(started) << started.error().message;
    server_ = *std::move(started);
  }

  Database connect_only(const std::string& token = kAda, ConnectOptions options = {}) {
    return odb::connect("localhost", server_->port(), token, std::move(options));
  }
  // Connected, and subscribed to everything.
  Database client(const std::string& token = kAda, ConnectOptions options = {}) {
    Database db = connect_only(token, std::move(options));
    db.subscribe(todo_schema());
    return db;
  }

  static Ref<Task> create(Database& db, const Task& task) {
    Transaction tx = db.transaction();
    const Ref<Task> ref = tx.create(task);
    tx.commit();
    return ref;
  }

  std::unique_ptr<server::Server> server_;
};

// The code of the exception that `body` throws; kNone when it throws nothing.
template <class Body>
ErrorCode code_of(Body&& body) {
  try {
    body();
  } catch (const Exception& error) {
    return error.code();
  }
  return ErrorCode::kNone;
}

}  // namespace odb::test
