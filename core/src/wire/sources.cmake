odb_library(odb_wire
  SOURCES
    src/wire/changeset_codec.cpp
    src/wire/client_message_codec.cpp
    src/wire/codec.cpp
    src/wire/commit_encoder.cpp
    src/wire/frame.cpp
    src/wire/message_parts.cpp
    src/wire/plain_commit.cpp
    src/wire/record_codec.cpp
    src/wire/row_codec.cpp
    src/wire/schema_codec.cpp
    src/wire/scratch.cpp
    src/wire/segment.cpp
    src/wire/server_message_codec.cpp
    src/wire/value_codec.cpp
  DEPENDS odb_core
  PRIVATE_DEPENDS odb_schemas)
