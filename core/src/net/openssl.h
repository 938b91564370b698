// Owning pointers for OpenSSL's objects, and its error queue as text.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace odb::net {

template <auto kFree>
struct OpensslDeleter {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslDeleter<&EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, OpensslDeleter<&X509_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslDeleter<&X509_EXTENSION_free>>;
using BioPtr = std::unique_ptr<BIO, OpensslDeleter<&BIO_free_all>>;

// The newest error of this thread's queue in words, without numbers and file names; clears it.
std::string take_openssl_error();

// SHA-256 of the DER form, lowercase hexadecimal; empty for no certificate.
std::string certificate_fingerprint(const X509* certificate);

}  // namespace odb::net
