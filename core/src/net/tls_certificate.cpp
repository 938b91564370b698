#include "net/tls_certificate.h"

#include <openssl/ec.h>

#include <array>
#include <cstddef>

#include "odb/core/error.h"
#include "odb/net/random.h"

namespace odb::net {
namespace {

constexpr long kSecondsPerDay = 24 * 60 * 60;
constexpr long kValidDays = 3650;

void add_extension(X509* certificate, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  ODB_CHECK(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

void set_random_serial(X509* certificate) {
  std::array<std::byte, 8> bytes;
  random_bytes(bytes);
  std::uint64_t serial = 0;
  for (const std::byte byte : bytes) serial = serial << 8 | std::to_integer<std::uint64_t>(byte);
  ODB_CHECK(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1 | 1) == 1);
}

}  // namespace

SelfSigned make_self_signed() {
  SelfSigned made{KeyPtr(EVP_EC_gen("P-256")), CertificatePtr(X509_new())};
  X509* certificate = made.certificate.get();
  ODB_CHECK(made.key && certificate);

  X509_set_version(certificate, X509_VERSION_3);
  set_random_serial(certificate);
  // Clocks of clients may be behind this one.
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kSecondsPerDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kValidDays * kSecondsPerDay);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("odb server"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate, NID_key_usage, "critical,digitalSignature");
  add_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
  ODB_CHECK(X509_sign(certificate, made.key.get(), EVP_sha256()) != 0);
  return made;
}

}  // namespace odb::net
