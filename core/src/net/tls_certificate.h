// The certificate that a server makes for itself.
#pragma once

#include "net/openssl.h"

namespace odb::net {

struct SelfSigned {
  KeyPtr key;
  CertificatePtr certificate;
};

// A P-256 key and a certificate for it, for this machine's loopback names.
SelfSigned make_self_signed();

}  // namespace odb::net
