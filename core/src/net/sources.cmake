# Sockets, TLS, message streams and the token proof. OpenSSL stays behind these sources.
odb_library(odb_net
  SOURCES
    src/net/authentication.cpp
    src/net/memory_link.cpp
    src/net/message_stream.cpp
    src/net/random.cpp
    src/net/socket.cpp
    src/net/tls_certificate.cpp
    src/net/tls_context.cpp
    src/net/tls_link.cpp
    src/net/tls_stream.cpp
    src/net/token_table.cpp
  DEPENDS odb_wire
  PRIVATE_DEPENDS OpenSSL::SSL OpenSSL::Crypto)
