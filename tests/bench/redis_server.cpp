#include "redis_server.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <thread>

#include "odb/net/tls_context.h"
#include "tls_link.h"

namespace odb::bench {

namespace {

constexpr char kProgram[] = "/usr/bin/redis-server";
constexpr int kStartAttempts = 500;
constexpr std::chrono::milliseconds kStartPollInterval{10};

template <class Condition>
void wait_until(Condition&& is_so) {
  for (int i = 0; i < kStartAttempts; ++i) {
    if (is_so()) return;
    std::this_thread::sleep_for(kStartPollInterval);
  }
  throw std::runtime_error("redis-server does not start");
}

bool can_connect(std::uint16_t port) {
  const auto deadline = std::chrono::steady_clock::now() + kStartPollInterval;
  return net::connect_tcp({"127.0.0.1", port}, deadline).has_value();
}

ProcessOptions durable(const std::filesystem::path& folder, const std::string& socket,
                       const std::string& appendfsync) {
  ProcessOptions options;
  options.arguments = {kProgram,        "--port",    "0",
                       "--unixsocket",  socket,      "--dir",
                       folder.string(), "--save",    "",
                       "--appendonly",  "yes",       "--appendfsync",
                       appendfsync,     "--logfile", (folder / "log").string()};
  return options;
}

// Writes certificate and key, both in PEM, into the folder.
void make_certificate(const std::filesystem::path& certificate, const std::filesystem::path& key) {
  const net::TlsServerContext context = net::TlsServerContext::self_signed();
  std::ofstream file(certificate);
  if (!(file << context.certificate_pem()) || !file.flush()) {
    throw std::runtime_error("cannot write " + certificate.string());
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(key.c_str(), "wx"),
                                                            &std::fclose);
  if (!out || PEM_write_PrivateKey(out.get(), SSL_CTX_get0_privatekey(context.native()), nullptr,
                                   nullptr, 0, nullptr, nullptr) != 1) {
    throw std::runtime_error("cannot write " + key.string());
  }
}

ProcessOptions over_tls(const std::filesystem::path& folder, std::uint16_t port,
                        std::optional<int> cpu) {
  const std::filesystem::path certificate = folder / "certificate.pem";
  const std::filesystem::path key = folder / "key.pem";
  make_certificate(certificate, key);
  ProcessOptions options;
  options.arguments = {kProgram,
                       "--port",
                       "0",
                       "--bind",
                       "127.0.0.1",
                       "--tls-port",
                       std::to_string(port),
                       "--tls-cert-file",
                       certificate.string(),
                       "--tls-key-file",
                       key.string(),
                       "--tls-ca-cert-file",
                       certificate.string(),
                       "--tls-auth-clients",
                       "no",
                       "--dir",
                       folder.string(),
                       "--save",
                       "",
                       "--appendonly",
                       "no",
                       "--logfile",
                       (folder / "log").string()};
  options.cpu = cpu;
  return options;
}

}  // namespace

RedisServer::RedisServer(const std::string& appendfsync)
    : socket_((folder_.path() / "socket").string()),
      process_(durable(folder_.path(), socket_, appendfsync)) {
  wait_until([&] { return std::filesystem::exists(socket_); });
}

RedisTlsServer::RedisTlsServer(std::optional<int> cpu)
    : port_(free_port()), process_(over_tls(folder_.path(), port_, cpu)) {
  wait_until([&] { return can_connect(port_); });
}

}  // namespace odb::bench
