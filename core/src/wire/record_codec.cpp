#include <cstring>
#include <utility>

#include "odb/wire/records.h"
#include "schemas/record.capnp.h"
#include "wire/changeset_codec.h"
#include "wire/message_parts.h"
#include "wire/schema_codec.h"
#include "wire/segment.h"
#include "wire/value_codec.h"
#include "wire/write_helpers.h"

namespace odb::wire {

namespace {

template <class Root, class Write>
void append_record(std::string& out, std::size_t bytes_expected, const Write& write) {
  build_segment<Root>(bytes_expected, write, [&out](std::span<const std::byte> bytes) {
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
}

template <class Root, class Read>
Result<void> read_record(std::string_view bytes, const Read& read) {
  thread_local std::vector<std::uint64_t> aligned;
  aligned.resize((bytes.size() + kWordBytes - 1) / kWordBytes);
  if (!bytes.empty()) std::memcpy(aligned.data(), bytes.data(), bytes.size());
  auto result = read_segment<Root>(
      std::span(reinterpret_cast<const std::byte*>(aligned.data()), bytes.size()), read);
  constexpr std::size_t kWordsKept = 128 * 1024;
  if (aligned.size() > kWordsKept) aligned = {};
  return result;
}

void write_commit(schema::LoggedCommit::Builder out, const CommitRecord* commit) {
  out.setVersion(commit->version.value);
  out.setActor(as_text(commit->actor));
  write_random_id(out.getClient(), commit->client);
  out.setSequence(commit->sequence.value);
  out.setLowestUnresolved(commit->lowest_unresolved.value);
  if (commit->schema) {
    write_schema(out.initSchema(), *commit->schema);
  } else {
    write_changes(out.initChanges(), commit->changes);
  }
}

CommitRecord read_commit(schema::LoggedCommit::Reader in, ReadContext& context) {
  CommitRecord commit;
  commit.version = Version{in.getVersion()};
  commit.actor = read_text(in.getActor());
  commit.client = read_random_id<ClientId>(in.getClient());
  commit.sequence = Sequence{in.getSequence()};
  commit.lowest_unresolved = Sequence{in.getLowestUnresolved()};
  if (in.hasSchema()) {
    commit.schema = read_schema(in.getSchema(), context);
  } else {
    read_changes(in.getChanges(), context, commit.changes);
  }
  return commit;
}

}  // namespace

void append_object_record(std::string& out, Version version, std::span<const Value> fields) {
  std::size_t bytes = 0;
  for (const Value& field : fields) bytes += encoded_bytes(field);
  append_record<schema::ObjectRecord>(out, bytes, [&](schema::ObjectRecord::Builder record) {
    record.setVersion(version.value);
    write_values(record.initFields(count_of(fields)), fields);
  });
}

void append_type_record(std::string& out, const CatalogType& type) {
  append_record<schema::CatalogType>(
      out, 0, [&](schema::CatalogType::Builder record) { write_catalog_type(record, type); });
}

void append_outcomes_record(std::string& out, const ClientOutcomes& outcomes) {
  const auto& accepted = outcomes.accepted;
  const std::size_t bytes = accepted.size() * 2 * kWordBytes;
  append_record<schema::OutcomesRecord>(out, bytes, [&](schema::OutcomesRecord::Builder record) {
    record.setActor(as_text(outcomes.actor));
    record.setKeptFrom(outcomes.kept_from.value);
    set_list(record.initSequences(count_of(accepted)), accepted,
             [](const AcceptedCommit& commit) { return commit.sequence.value; });
    set_list(record.initVersions(count_of(accepted)), accepted,
             [](const AcceptedCommit& commit) { return commit.version.value; });
  });
}

void append_log_record(std::string& out, std::span<const CommitRecord* const> commits) {
  constexpr std::size_t kCommitBytes = 160;
  std::size_t bytes = 0;
  for (const CommitRecord* commit : commits) bytes += kCommitBytes + encoded_bytes(commit->changes);
  append_record<schema::LogRecord>(out, bytes, [&](schema::LogRecord::Builder record) {
    write_list(record.initCommits(count_of(commits)), commits, write_commit);
  });
}

Result<ObjectRecord> decode_object_record(std::string_view bytes) {
  ObjectRecord object;
  auto read = read_record<schema::ObjectRecord>(
      bytes, [&](schema::ObjectRecord::Reader record, ReadContext& context) {
        object.version = Version{record.getVersion()};
        object.fields = read_values(record.getFields(), context);
      });
  if (!read) return read.error();
  return object;
}

Result<CatalogType> decode_type_record(std::string_view bytes) {
  CatalogType type;
  auto read = read_record<schema::CatalogType>(
      bytes, [&](schema::CatalogType::Reader record, ReadContext& context) {
        type = read_catalog_type(record, context);
      });
  if (!read) return read.error();
  return type;
}

Result<ClientOutcomes> decode_outcomes_record(std::string_view bytes) {
  ClientOutcomes outcomes;
  auto read = read_record<schema::OutcomesRecord>(
      bytes, [&](schema::OutcomesRecord::Reader record, ReadContext& context) {
        const auto sequences = record.getSequences();
        const auto versions = record.getVersions();
        if (sequences.size() != versions.size()) malformed("sequences without versions");
        outcomes.actor = read_text(record.getActor());
        outcomes.kept_from = Sequence{record.getKeptFrom()};
        context.charge(sequences.size(), sizeof(AcceptedCommit));
        for (unsigned i = 0; i < sequences.size(); ++i) {
          if (i > 0 && sequences[i] <= sequences[i - 1]) malformed("sequences out of their order");
          outcomes.accepted.push_back({Sequence{sequences[i]}, Version{versions[i]}});
        }
      });
  if (!read) return read.error();
  return outcomes;
}

Result<std::vector<CommitRecord>> decode_log_record(std::string_view bytes) {
  std::vector<CommitRecord> commits;
  auto read = read_record<schema::LogRecord>(
      bytes, [&](schema::LogRecord::Reader record, ReadContext& context) {
        commits = context.read_list<CommitRecord>(
            record.getCommits(),
            [&](schema::LoggedCommit::Reader commit) { return read_commit(commit, context); });
      });
  if (!read) return read.error();
  return commits;
}

}  // namespace odb::wire
