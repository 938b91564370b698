#include "odb/net/tls_context.h"

#include <gmock/gmock.h>

#include "certificate_support.h"
#include "odb/net/random.h"

namespace odb::net {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class TlsServerContextFiles : public ::testing::Test {
 protected:
  Error load(const std::string& certificate_file, const std::string& key_file) {
    auto context = TlsServerContext::from_files(certificate_file, key_file);
    if (context) return {};
    EXPECT_EQ(context.error().code, ErrorCode::kBadConfiguration);
    return context.error();
  }

  const TemporaryFolder folder;
  const Identity identity = make_identity(Role::kServer, "DNS:localhost");
  const std::string certificate = folder.write("server.pem", identity.certificate_pem());
  const std::string key = folder.write("server.key", identity.key_pem());
};

TEST_F(TlsServerContextFiles, Load) {
  EXPECT_EQ(load(certificate, key), Error());
  const std::string both =
      folder.write("both.pem", identity.certificate_pem() + identity.key_pem());
  EXPECT_EQ(load(both, both), Error());
}

TEST_F(TlsServerContextFiles, GiveTheCertificateBack) {
  auto context = TlsServerContext::from_files(certificate, key);
  EXPECT_EQ(context->certificate_pem(), identity.certificate_pem());
  EXPECT_THAT(context->fingerprint(), MatchesRegex("[0-9a-f]{64}"));
}

TEST_F(TlsServerContextFiles, AreNamedWhenMissing) {
  const std::string missing = folder.path("missing.pem");
  EXPECT_THAT(load(missing, key).message,
              AllOf(HasSubstr("certificate file " + missing), HasSubstr("No such file")));
  EXPECT_THAT(load(certificate, missing).message,
              AllOf(HasSubstr("key file " + missing), HasSubstr("No such file")));
}

TEST_F(TlsServerContextFiles, AreNamedWhenFolders) {
  EXPECT_THAT(load(folder.path(""), key).message, HasSubstr("Is a directory"));
}

TEST_F(TlsServerContextFiles, AreNamedWhenGarbage) {
  std::string noise(5000, '\0');
  random_bytes(std::as_writable_bytes(std::span(noise)));
  for (const std::string& text :
       {std::string(), std::string("hello"), noise, identity.certificate_pem().substr(0, 200)}) {
    const std::string garbage = folder.write("garbage", text);
    EXPECT_THAT(load(garbage, key).message,
                AllOf(HasSubstr("certificate file " + garbage), HasSubstr("expected a PEM")));
    EXPECT_THAT(load(certificate, garbage).message,
                AllOf(HasSubstr("key file " + garbage), HasSubstr("PEM private key")));
  }
}

TEST_F(TlsServerContextFiles, AreNamedWhenSwapped) {
  EXPECT_THAT(load(key, certificate).message, HasSubstr("certificate file " + key));
}

TEST_F(TlsServerContextFiles, AreNamedWhenTheyDoNotBelongTogether) {
  const std::string other =
      folder.write("other.key", make_identity(Role::kServer, "DNS:localhost").key_pem());
  EXPECT_THAT(load(certificate, other).message,
              AllOf(HasSubstr(other), HasSubstr(certificate), HasSubstr("does not belong")));
}

TEST_F(TlsServerContextFiles, AreRefusedWithAnEncryptedKeyWithoutAskingForItsPassword) {
  const std::string encrypted = folder.write("encrypted.key", identity.encrypted_key_pem());
  EXPECT_THAT(load(certificate, encrypted).message,
              AllOf(HasSubstr(encrypted), HasSubstr("unencrypted")));
}

TEST(TlsServerContext, MakesAnotherCertificateEachTime) {
  const TlsServerContext one = TlsServerContext::self_signed();
  const TlsServerContext other = TlsServerContext::self_signed();
  EXPECT_THAT(one.fingerprint(), MatchesRegex("[0-9a-f]{64}"));
  EXPECT_NE(one.fingerprint(), other.fingerprint());
  EXPECT_THAT(one.certificate_pem(), HasSubstr("BEGIN CERTIFICATE"));
}

TEST(TlsClientContext, NamesACaFileThatCannotBeUsed) {
  const TemporaryFolder folder;
  for (const std::string& file :
       {folder.path("missing"), folder.write("garbage", "hello"), folder.write("empty", "")}) {
    auto context = TlsClientContext::create({.ca_file = file});
    ASSERT_FALSE(context);
    EXPECT_EQ(context.error().code, ErrorCode::kBadConfiguration);
    EXPECT_THAT(context.error().message, HasSubstr("CA file " + file));
  }
}

TEST(TlsClientContext, RefusesAMalformedFingerprint) {
  for (const std::string& text : {std::string("abc"), std::string(64, 'g'), std::string(66, 'a')}) {
    auto context = TlsClientContext::create({.fingerprint = text});
    ASSERT_FALSE(context);
    EXPECT_EQ(context.error().code, ErrorCode::kBadConfiguration);
    EXPECT_THAT(context.error().message, HasSubstr(text));
  }
}

}  // namespace
}  // namespace odb::net
