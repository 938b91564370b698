#include "odb/net/tls_context.h"

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "net/openssl.h"
#include "net/tls_certificate.h"

namespace odb::net {
namespace {

// Receives of many small records, or four full ones, take one system call. The buffer only exists
// while records are incomplete or unread.
constexpr std::size_t kReadBufferBytes = 64 * 1024;
constexpr std::size_t kFingerprintDigits = 64;

SslContext make_context(const SSL_METHOD* method) {
  // Without this, OpenSSL tears itself down when main returns, under the feet of threads that still
  // use it.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr);
  ERR_clear_error();
  SslContext context(SSL_CTX_new(method));
  ODB_CHECK(context != nullptr);
  SSL_CTX* native = context.get();
  bool ok = SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION) == 1;
  ok &= SSL_CTX_set_max_proto_version(native, TLS1_3_VERSION) == 1;
  ok &= SSL_CTX_set_ciphersuites(native,
                                 "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:"
                                 "TLS_AES_256_GCM_SHA384") == 1;
  ok &= SSL_CTX_set1_groups_list(native, "X25519:P-256") == 1;
  ok &= SSL_CTX_set_num_tickets(native, 0) == 1;
  ok &= SSL_CTX_set_max_early_data(native, 0) == 1;
  ODB_CHECK(ok);
  SSL_CTX_set_options(native, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                  SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_clear_options(native, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                               SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(native, 1);
  SSL_CTX_set_default_read_buffer_len(native, kReadBufferBytes);
  // Never ask a terminal for the password of an encrypted key.
  SSL_CTX_set_default_passwd_cb(native, [](char*, int, int, void*) { return -1; });
  return context;
}

Error bad_file(const std::string& what, const std::string& file, const std::string& reason) {
  return {ErrorCode::kBadConfiguration, what + " " + file + " cannot be used: " + reason};
}

Result<void> check_readable(const std::string& what, const std::string& file) {
  std::FILE* opened = std::fopen(file.c_str(), "rb");
  const bool is_readable = opened && (std::fgetc(opened) != EOF || std::ferror(opened) == 0);
  const int error = errno;
  if (opened) std::fclose(opened);
  if (is_readable) return {};
  return bad_file(what, file, std::generic_category().message(error));
}

bool is_reason(unsigned long error, int library, int reason) {
  return ERR_GET_LIB(error) == library && ERR_GET_REASON(error) == reason;
}

// Lowercase digits without colons, or nothing when it is not a SHA-256 fingerprint.
std::string normalize_fingerprint(const std::string& text) {
  std::string digits;
  for (const char c : text) {
    if (c == ':') continue;
    const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    if (!((lower >= '0' && lower <= '9') || (lower >= 'a' && lower <= 'f'))) return {};
    digits.push_back(lower);
  }
  return digits.size() == kFingerprintDigits ? digits : std::string();
}

}  // namespace

void SslContextDeleter::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

std::string take_openssl_error() {
  const unsigned long error = ERR_peek_last_error();
  std::string text = "unknown reason";
  if (ERR_SYSTEM_ERROR(error)) {
    text = std::generic_category().message(ERR_GET_REASON(error));
  } else if (const char* reason = ERR_reason_error_string(error)) {
    text = reason;
  }
  ERR_clear_error();
  return text;
}

std::string certificate_fingerprint(const X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!certificate || X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return {};
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(kFingerprintDigits);
  for (unsigned i = 0; i < size; ++i) {
    text.push_back(kDigits[digest[i] >> 4]);
    text.push_back(kDigits[digest[i] & 15]);
  }
  return text;
}

TlsServerContext::TlsServerContext(SslContext context, std::string fingerprint)
    : context_(std::move(context)), fingerprint_(std::move(fingerprint)) {}

Result<TlsServerContext> TlsServerContext::from_files(const std::string& certificate_file,
                                                      const std::string& key_file) {
  if (auto readable = check_readable("certificate file", certificate_file); !readable) {
    return readable.error();
  }
  if (auto readable = check_readable("key file", key_file); !readable) return readable.error();

  SslContext context = make_context(TLS_server_method());
  SSL_CTX* native = context.get();
  if (SSL_CTX_use_certificate_chain_file(native, certificate_file.c_str()) != 1) {
    return bad_file("certificate file", certificate_file,
                    "expected a PEM certificate (" + take_openssl_error() + ")");
  }
  if (SSL_CTX_use_PrivateKey_file(native, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    const unsigned long error = ERR_peek_last_error();
    if (is_reason(error, ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH) ||
        is_reason(error, ERR_LIB_X509, X509_R_KEY_TYPE_MISMATCH)) {
      ERR_clear_error();
      return bad_file("key file", key_file,
                      "it does not belong to the certificate in " + certificate_file);
    }
    return bad_file("key file", key_file,
                    "expected an unencrypted PEM private key (" + take_openssl_error() + ")");
  }
  if (SSL_CTX_check_private_key(native) != 1) {
    ERR_clear_error();
    return bad_file("key file", key_file,
                    "it does not belong to the certificate in " + certificate_file);
  }
  std::string fingerprint = certificate_fingerprint(SSL_CTX_get0_certificate(native));
  return TlsServerContext(std::move(context), std::move(fingerprint));
}

TlsServerContext TlsServerContext::self_signed() {
  SslContext context = make_context(TLS_server_method());
  const SelfSigned made = make_self_signed();
  const bool used = SSL_CTX_use_certificate(context.get(), made.certificate.get()) == 1 &&
                    SSL_CTX_use_PrivateKey(context.get(), made.key.get()) == 1;
  ODB_CHECK(used);
  return TlsServerContext(std::move(context), certificate_fingerprint(made.certificate.get()));
}

std::string TlsServerContext::certificate_pem() const {
  const BioPtr out(BIO_new(BIO_s_mem()));
  ODB_CHECK(out && PEM_write_bio_X509(out.get(), SSL_CTX_get0_certificate(context_.get())) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

TlsClientContext::TlsClientContext(SslContext context, TlsClientOptions options)
    : context_(std::move(context)), options_(std::move(options)) {}

Result<TlsClientContext> TlsClientContext::create(TlsClientOptions options) {
  SslContext context = make_context(TLS_client_method());
  SSL_CTX* native = context.get();
  SSL_CTX_set_verify(native, SSL_VERIFY_NONE, nullptr);
  if (!options.ca_file.empty()) {
    if (auto readable = check_readable("CA file", options.ca_file); !readable) {
      return readable.error();
    }
    if (SSL_CTX_load_verify_file(native, options.ca_file.c_str()) != 1) {
      return bad_file("CA file", options.ca_file,
                      "expected PEM certificates (" + take_openssl_error() + ")");
    }
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    // The file may also hold the server's own certificate, or an intermediate one.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(native), X509_V_FLAG_PARTIAL_CHAIN);
  }
  if (!options.fingerprint.empty()) {
    std::string digits = normalize_fingerprint(options.fingerprint);
    if (digits.empty()) {
      return Error{ErrorCode::kBadConfiguration, "certificate fingerprint \"" +
                                                     options.fingerprint +
                                                     "\" cannot be used: expected the 64 "
                                                     "hexadecimal digits of a SHA-256"};
    }
    options.fingerprint = std::move(digits);
  }
  return TlsClientContext(std::move(context), std::move(options));
}

}  // namespace odb::net
