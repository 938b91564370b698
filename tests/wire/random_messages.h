// Messages of every kind, with every kind of value and type, drawn from a seed.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "odb/core/messages.h"

namespace odb::wire {

class RandomMessages {
 public:
  explicit RandomMessages(std::uint64_t seed) : engine_(seed) {}

  ClientMessage client_message();
  ServerMessage server_message();
  Value value(int depth_max = 3);
  RowBlock rows();
  Changeset changes(ObjectChange::Kind last_kind);

 private:
  // The same numbers everywhere, unlike the standard distributions.
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  bool coin() { return below(2) == 0; }
  std::uint64_t any();  // of any magnitude
  std::uint64_t not_zero();
  template <class Id>
  Id id() {
    return {static_cast<typename Id::rep>(any())};
  }
  template <class Id>
  Id real_id() {
    return {static_cast<typename Id::rep>(not_zero() % 0xFFFFFFFF + 1)};
  }
  template <class Make>
  auto some(Make make, std::uint64_t count_max = 4) {
    std::vector<decltype(make())> items(below(count_max + 1));
    for (auto& item : items) item = make();
    return items;
  }

  std::string text(std::uint64_t size_max = 40);
  Value scalar(std::uint64_t kind);
  Value column_value(std::uint64_t column_kind);
  Type type(int depth_max = 3);
  CellOperation operation();
  ReadSet reads();
  CellRead cell_read();
  ExistenceRead existence_read();
  IndexRead index_read();
  IndexRangeRead range_read();
  MembershipRead membership_read();
  Interest interest();
  SchemaDefinition schema();
  CatalogType catalog_type();
  CommitOutcome outcome();
  Hello hello();
  Error error();
  IdRange range();
  template <class Array>
  Array array();
  template <class Id>
  Id random_id() {
    return {engine_(), engine_()};
  }

  std::mt19937_64 engine_;
};

}  // namespace odb::wire
