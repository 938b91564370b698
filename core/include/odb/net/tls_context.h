// What TLS connections of one kind share: certificate, key and rules. TLS 1.3 only, no tickets, no
// early data.
#pragma once

#include <memory>
#include <string>

#include "odb/core/error.h"

struct ssl_ctx_st;

namespace odb::net {

struct SslContextDeleter {
  void operator()(ssl_ctx_st* context) const;
};
using SslContext = std::unique_ptr<ssl_ctx_st, SslContextDeleter>;

// A server's certificate and key. Streams made from it may outlive it, and may be made on several
// threads at once.
class TlsServerContext {
 public:
  // A PEM file with the certificate, and its chain behind it, and one with the unencrypted private
  // key (they may be the same file). Fails with kBadConfiguration naming the file: unreadable, not
  // PEM, a key that does not belong to the certificate.
  static Result<TlsServerContext> from_files(const std::string& certificate_file,
                                             const std::string& key_file);

  // A fresh P-256 key and a certificate for it, signed by itself, in memory only. Enough for
  // clients that trust the token proof; its fingerprint differs at every start.
  static TlsServerContext self_signed();

  // SHA-256 of the certificate (DER), 64 lowercase hexadecimal digits: what a client may pin.
  const std::string& fingerprint() const { return fingerprint_; }

  // The certificate in PEM: what a client may use as its CA file.
  std::string certificate_pem() const;

  ssl_ctx_st* native() const { return context_.get(); }

 private:
  TlsServerContext(SslContext context, std::string fingerprint);

  SslContext context_;
  std::string fingerprint_;
};

// How a client decides whether to trust a certificate, beyond the token proof. All that are given
// must hold; with none any certificate will do, since the token proof authenticates the channel.
struct TlsClientOptions {
  std::string ca_file;      // PEM: the chain must end in one of these, the host name must match
  std::string host_name;    // to be found in the certificate; empty: the host connected to
  std::string fingerprint;  // SHA-256 of the certificate, hexadecimal, colons allowed
};

class TlsClientContext {
 public:
  // Fails with kBadConfiguration naming the file or the malformed fingerprint.
  static Result<TlsClientContext> create(TlsClientOptions options = {});

  const TlsClientOptions& options() const { return options_; }
  ssl_ctx_st* native() const { return context_.get(); }

 private:
  TlsClientContext(SslContext context, TlsClientOptions options);

  SslContext context_;
  TlsClientOptions options_;  // fingerprint normalised to 64 lowercase digits, or empty
};

}  // namespace odb::net
