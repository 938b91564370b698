// The BIO through which OpenSSL reads and writes a TlsStream's socket.
#pragma once

#include "net/openssl.h"
#include "odb/net/tls_stream.h"

namespace odb::net {

// A BIO of our own and not OpenSSL's socket BIO: it sends with MSG_NOSIGNAL, counts bytes, and
// tells the end of the stream from an error.
struct TlsLinkCallbacks {
  using Link = TlsStream::Link;

  // `link` must outlive the BIO, which does not own it.
  static BIO* make_bio(Link& link);

 private:
  static const BIO_METHOD* method();
  static int read(BIO* bio, char* out, std::size_t size, std::size_t* moved);
  static int write(BIO* bio, const char* bytes, std::size_t size, std::size_t* moved);
  static long control(BIO* bio, int command, long argument, void* data);
  static int create(BIO* bio);
  static int stop(Link& link, int error);
};

}  // namespace odb::net
