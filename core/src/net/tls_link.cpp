#include "net/tls_link.h"

#include <sys/socket.h>

#include <cerrno>

#include "odb/core/error.h"

namespace odb::net {

BIO* TlsLinkCallbacks::make_bio(Link& link) {
  BIO* bio = BIO_new(method());
  ODB_CHECK(bio != nullptr);
  BIO_set_data(bio, &link);
  BIO_set_init(bio, 1);
  return bio;
}

const BIO_METHOD* TlsLinkCallbacks::method() {
  static const BIO_METHOD* const kMethod = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "odb link");
    ODB_CHECK(made != nullptr);
    BIO_meth_set_read_ex(made, &TlsLinkCallbacks::read);
    BIO_meth_set_write_ex(made, &TlsLinkCallbacks::write);
    BIO_meth_set_ctrl(made, &TlsLinkCallbacks::control);
    BIO_meth_set_create(made, &TlsLinkCallbacks::create);
    return made;
  }();
  return kMethod;
}

int TlsLinkCallbacks::read(BIO* bio, char* out, std::size_t size, std::size_t* moved) {
  Link& link = *static_cast<Link*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *moved = 0;
  ssize_t received;
  do {
    received = ::recv(link.descriptor, out, size, 0);
  } while (received < 0 && errno == EINTR);
  if (received > 0) {
    *moved = static_cast<std::size_t>(received);
    link.bytes_received += *moved;
    link.is_drained = *moved < size;
    return 1;
  }
  if (received == 0) {
    link.at_end = true;
    return 0;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    BIO_set_retry_read(bio);
    return -1;
  }
  return stop(link, errno);
}

int TlsLinkCallbacks::write(BIO* bio, const char* bytes, std::size_t size, std::size_t* moved) {
  Link& link = *static_cast<Link*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *moved = 0;
  ssize_t sent;
  do {
    sent = ::send(link.descriptor, bytes, size, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) {
    *moved = static_cast<std::size_t>(sent);
    link.bytes_sent += *moved;
    return 1;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    BIO_set_retry_write(bio);
    return -1;
  }
  return stop(link, errno);
}

int TlsLinkCallbacks::stop(Link& link, int error) {
  link.last_errno = error;
  return -1;
}

// The end of the stream is deliberately not reported as BIO_CTRL_EOF: the stream tells it apart by
// itself.
long TlsLinkCallbacks::control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
}

int TlsLinkCallbacks::create(BIO* bio) {
  BIO_set_data(bio, nullptr);
  return 1;
}

}  // namespace odb::net
