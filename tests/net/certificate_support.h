// Certificates and files for tests.
#pragma once

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace odb::net {

// A folder that is gone with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "odb_net_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

 private:
  std::string path_;
};

// A P-256 key with its certificate, signed by `issuer` or by itself.
struct Identity {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> certificate;

  std::string key_pem() const {
    std::shared_ptr<BIO> out(BIO_new(BIO_s_mem()), BIO_free_all);
    PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return text(out.get());
  }
  std::string encrypted_key_pem() const {
    std::shared_ptr<BIO> out(BIO_new(BIO_s_mem()), BIO_free_all);
    PEM_write_bio_PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(),
                             reinterpret_cast<const unsigned char*>("secret"), 6, nullptr, nullptr);
    return text(out.get());
  }
  std::string certificate_pem() const {
    std::shared_ptr<BIO> out(BIO_new(BIO_s_mem()), BIO_free_all);
    PEM_write_bio_X509(out.get(), certificate.get());
    return text(out.get());
  }

 private:
  static std::string text(BIO* bio) {
    char* bytes = nullptr;
    const auto size = BIO_ctrl(bio, BIO_CTRL_INFO, 0, &bytes);
    return std::string(bytes, static_cast<std::size_t>(size));
  }
};

enum class Role { kAuthority, kServer };

inline Identity make_identity(Role role, const std::string& alternative_name,
                              const Identity* issuer = nullptr, long valid_days = 10) {
  Identity made{{EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free},
                {X509_new(), X509_free}};
  X509* certificate = made.certificate.get();
  static long serial = 0;
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -20 * 86400);
  X509_gmtime_adj(X509_getm_notAfter(certificate), valid_days * 86400);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(
                                 role == Role::kAuthority ? "test authority" : "test server"),
                             -1, -1, 0);
  X509_set_issuer_name(certificate,
                       X509_get_subject_name(issuer ? issuer->certificate.get() : certificate));
  const auto add = [&](int kind, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  };
  add(NID_basic_constraints, role == Role::kAuthority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!alternative_name.empty()) add(NID_subject_alt_name, alternative_name);
  X509_sign(certificate, (issuer ? issuer->key : made.key).get(), EVP_sha256());
  return made;
}

}  // namespace odb::net
