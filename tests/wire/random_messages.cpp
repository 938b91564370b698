#include "wire/random_messages.h"

#include <bit>
#include <utility>

namespace odb::wire {

std::uint64_t RandomMessages::any() { return engine_() >> below(64); }
std::uint64_t RandomMessages::not_zero() { return any() | 1; }

std::string RandomMessages::text(std::uint64_t size_max) {
  std::string out(below(size_max + 1), 'x');
  for (char& c : out) c = static_cast<char>(below(256));
  return out;
}

Value RandomMessages::scalar(std::uint64_t kind) {
  switch (kind) {
    case 0:
      return Value::none();
    case 1:
      return Value::boolean(coin());
    case 2:
      return Value::integer(static_cast<std::int64_t>(any()));
    case 3:
      return Value::real(std::bit_cast<double>(engine_()));
    case 4:
      return Value::text(text());
    case 5: {
      const std::string bytes = text();
      return Value::data(std::as_bytes(std::span(bytes)));
    }
    case 6:
      return Value::timestamp(static_cast<std::int64_t>(any()));
    default:
      return Value::reference(id<TypeId>(), id<ObjectId>());
  }
}

Value RandomMessages::value(int depth_max) {
  constexpr std::uint64_t kScalars = 8;
  const std::uint64_t kind = below(depth_max > 0 ? 13 : kScalars);
  const auto inner = [&] { return value(depth_max - 1); };
  switch (kind) {
    case 8:
      return Value::list(some(inner));
    case 9:
      return Value::tuple(some(inner));
    case 10:
      return Value::dict(some([&] { return std::pair(inner(), inner()); }));
    case 11:
      return Value::structure(some(inner));
    case 12:
      return Value::variant(id<TypeId>().value, some(inner));
    default:
      return scalar(kind);
  }
}

Type RandomMessages::type(int depth_max) {
  const auto inner = [&] { return type(depth_max - 1); };
  const auto names = [&](const std::vector<Type>& types) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < types.size(); ++i) out.push_back(text());
    return out;
  };
  Type out;
  out.kind = static_cast<Type::Kind>(below(depth_max > 0 ? 15 : 8));
  switch (out.kind) {
    case Type::Kind::kReference:
      out.target = {text(), text()};
      out.target_id = id<TypeId>();
      break;
    case Type::Kind::kLiteral:
      out.literal = value();
      break;
    case Type::Kind::kOneOf:
    case Type::Kind::kTuple:
      out.children = some(inner);
      break;
    case Type::Kind::kList:
      out.children = {inner()};
      break;
    case Type::Kind::kDict:
      out.children = {inner(), inner()};
      break;
    case Type::Kind::kStruct:
    case Type::Kind::kVariant:
      out.name = text();
      out.children = some(inner);
      out.names = names(out.children);
      break;
    default:
      break;
  }
  return out;
}

CellOperation RandomMessages::operation() {
  CellOperation cell;
  cell.kind = static_cast<CellOperation::Kind>(below(5));
  cell.field = id<FieldId>();
  const bool keyed = cell.kind >= CellOperation::Kind::kInsert;
  if (keyed) cell.key = value();
  if (cell.kind != CellOperation::Kind::kErase) cell.value = value();
  return cell;
}

Changeset RandomMessages::changes(ObjectChange::Kind last_kind) {
  Changeset out;
  const std::uint64_t objects = below(5);
  for (std::uint64_t i = 0; i < objects; ++i) {
    const auto kind =
        static_cast<ObjectChange::Kind>(below(static_cast<std::uint64_t>(last_kind) + 1));
    out.begin(kind, real_id<TypeId>(), real_id<ObjectId>());
    const std::uint64_t cells = below(5);
    for (std::uint64_t c = 0; c < cells; ++c) out.add_cell(operation());
  }
  return out;
}

CellRead RandomMessages::cell_read() { return {id<TypeId>(), id<FieldId>(), id<ObjectId>()}; }
ExistenceRead RandomMessages::existence_read() { return {id<TypeId>(), id<ObjectId>()}; }
IndexRead RandomMessages::index_read() { return {id<IndexId>(), text()}; }
IndexRangeRead RandomMessages::range_read() { return {id<IndexId>(), text(), text()}; }
MembershipRead RandomMessages::membership_read() { return {id<TypeId>()}; }

ReadSet RandomMessages::reads() {
  return {some([&] { return cell_read(); }), some([&] { return existence_read(); }),
          some([&] { return index_read(); }), some([&] { return range_read(); }),
          some([&] { return membership_read(); })};
}

Value RandomMessages::column_value(std::uint64_t column_kind) {
  constexpr std::uint64_t kReferencesOfOneType = 7;
  constexpr std::uint64_t kAnything = 8;
  if (column_kind == kReferencesOfOneType) return Value::reference({3}, id<ObjectId>());
  return column_kind == kAnything ? value() : scalar(column_kind);
}

RowBlock RandomMessages::rows() {
  RowBlock out;
  out.type = id<TypeId>();
  struct Column {
    std::uint64_t kind;
    bool sometimes_none;
  };
  constexpr std::uint64_t kLeftOut = 9;
  const auto columns = some([&] { return Column{below(10), coin()}; }, 8);
  out.objects = some([&] { return id<ObjectId>(); }, 20);
  out.field_count = static_cast<std::uint32_t>(columns.size());
  for (std::size_t row = 0; row < out.objects.size(); ++row) {
    for (const Column& column : columns) {
      if (column.kind == kLeftOut) {
        out.values.push_back(Value::not_loaded());
        continue;
      }
      const bool none = column.sometimes_none && coin();
      out.values.push_back(none ? Value::none() : column_value(column.kind));
    }
  }
  return out;
}

Interest RandomMessages::interest() {
  const auto bound = [&]() -> std::optional<RangeBound> {
    if (coin()) return std::nullopt;
    return RangeBound{value(),
                      coin() ? RangeBound::Edge::kInclusive : RangeBound::Edge::kExclusive};
  };
  switch (below(5)) {
    case 4:
      return IndexRangeInterest{{id<IndexId>(), some([&] { return value(); }), bound(), bound()}};
    case 0:
      return SchemaInterest{text()};
    case 1:
      return TypeInterest{id<TypeId>()};
    case 2:
      return IndexInterest{id<IndexId>(), some([&] { return value(); })};
    default:
      return ObjectsInterest{id<TypeId>(), some([&] { return id<ObjectId>(); })};
  }
}

SchemaDefinition RandomMessages::schema() {
  const auto uniqueness = [&] { return coin() ? Uniqueness::kMany : Uniqueness::kUnique; };
  const auto role = [&] { return coin() ? IndexRole::kLookup : IndexRole::kOwner; };
  return {
      text(), some([&] {
        return TypeDefinition{
            text(), some([&] {
              return FieldDefinition{text(), type()};
            }),
            some([&] {
              return IndexDefinition{text(), some([&] { return text(); }), uniqueness(), role()};
            })};
      })};
}

CatalogType RandomMessages::catalog_type() {
  CatalogType out;
  out.id = id<TypeId>();
  out.name = {text(), text()};
  out.fields = some([&] {
    return CatalogField{text(), type(), coin() ? std::optional(value()) : std::nullopt};
  });
  out.indexes = some([&] {
    CatalogIndex index{id<IndexId>(), id<TypeId>(), text(), {}, Uniqueness::kUnique};
    if (!out.fields.empty()) {
      index.fields =
          some([&] { return FieldId{static_cast<std::uint32_t>(below(out.fields.size()))}; });
    }
    return index;
  });
  return out;
}

CommitOutcome RandomMessages::outcome() {
  const auto conflict = [&](ConflictKey key) {
    return Conflict{std::move(key), id<Version>(),         id<Version>(),
                    text(),         random_id<ClientId>(), id<Sequence>()};
  };
  switch (below(7)) {
    case 5:
      return conflict(range_read());
    case 0:
      return Accepted{id<Version>()};
    case 1:
      return error();
    case 2:
      return conflict(cell_read());
    case 3:
      return conflict(existence_read());
    case 4:
      return conflict(index_read());
    default:
      return conflict(membership_read());
  }
}

Hello RandomMessages::hello() {
  return {static_cast<std::uint16_t>(any()), static_cast<std::uint16_t>(any()),
          some([&] { return text(); }), text()};
}

Error RandomMessages::error() { return {static_cast<ErrorCode>(below(600)), text()}; }

IdRange RandomMessages::range() { return {{below(1000) + 1}, any() >> 1}; }

template <class Array>
Array RandomMessages::array() {
  Array out;
  for (std::byte& byte : out) byte = static_cast<std::byte>(below(256));
  return out;
}

ClientMessage RandomMessages::client_message() {
  switch (below(std::variant_size_v<ClientMessage> - 1)) {
    case 0:
      return hello();
    case 1:
      return Authenticate{array<TokenId>(), array<Proof>()};
    case 2:
      return OpenSession{random_id<ClientId>(), text(), coin()};
    case 3:
      return Resume{random_id<HistoryId>(),
                    id<Version>(),
                    some([&] { return text(); }),
                    some([&] {
                      return Subscribe{id<SubscriptionId>(), interest(),
                                       coin() ? Loading::kLazy : Loading::kEager};
                    }),
                    some([&] {
                      return ObjectsInterest{id<TypeId>(), some([&] { return id<ObjectId>(); })};
                    }),
                    some([&] { return range(); }),
                    id<ObjectId>(),
                    id<Sequence>()};
    case 4:
      return RequestIds{any()};
    case 5:
      return DefineSchema{id<RequestId>(), schema()};
    case 6:
      return Subscribe{id<SubscriptionId>(), interest(), coin() ? Loading::kLazy : Loading::kEager};
    case 7:
      return Unsubscribe{id<SubscriptionId>()};
    case 8:
      return Commit{real_id<Sequence>(),
                    id<Sequence>(),
                    static_cast<std::uint32_t>(any()),
                    coin(),
                    coin(),
                    {id<Version>(), reads(), changes(ObjectChange::Kind::kDelete)}};
    case 9:
      return LoadObjects{id<RequestId>(), id<Version>(), interest()};
    case 13:
      return Release{id<RequestId>(), id<TypeId>(), some([&] { return id<ObjectId>(); })};
    case 14:
      return StatusRequest{id<RequestId>()};
    case 10:
      return Flush{id<RequestId>()};
    case 11:
      return OldestOpenVersion{id<Version>()};
    case 12:
      return Heartbeat{id<Version>()};
    default:
      return Goodbye{error()};
  }
}

ServerMessage RandomMessages::server_message() {
  switch (below(std::variant_size_v<ServerMessage> - 1)) {
    case 0:
      return hello();
    case 1:
      return Authenticated{array<Proof>()};
    case 2:
      return SessionOpened{id<SessionId>(),
                           random_id<HistoryId>(),
                           id<Version>(),
                           text(),
                           some([&] { return range(); }),
                           id<TypeId>().value,
                           any(),
                           id<TypeId>().value,
                           id<TypeId>().value,
                           id<ObjectId>()};
    case 3:
      return Resumed{coin(), random_id<HistoryId>(), id<Version>(), id<ObjectId>()};
    case 4:
      return IdsGranted{range()};
    case 5:
      return CreditsGranted{id<TypeId>().value};
    case 6:
      return SchemaDefined{id<RequestId>(), id<Version>(), some([&] { return catalog_type(); })};
    case 7:
      return SnapshotChunk{id<SubscriptionId>(), id<Version>(), rows()};
    case 8:
      return SubscriptionLoaded{id<SubscriptionId>(), id<Version>()};
    case 9:
      return CommitDone{id<Sequence>(), outcome()};
    case 10:
      return Delta{id<Version>(), text(), changes(ObjectChange::Kind::kEnterLazily)};
    case 11:
      return ObjectsLoaded{id<RequestId>(), rows(), coin()};
    case 15:
      return Unsubscribed{id<SubscriptionId>(), id<Version>()};
    case 16:
      return CommitsAccepted{some([&] {
        return CommitsAccepted::Commit{id<Sequence>(), id<Version>(), coin()};
      })};
    case 17:
      return Deltas{some([&] {
        return Delta{id<Version>(), text(), changes(ObjectChange::Kind::kEnterLazily)};
      })};
    case 18:
      return ServerStatus{id<RequestId>(),
                          random_id<HistoryId>(),
                          id<Version>(),
                          id<ObjectId>(),
                          text(),
                          text(),
                          some([&] { return text(); }),
                          some([&] {
                            return ServerFigure{text(), static_cast<double>(below(1000)) / 7};
                          })};
    case 12:
      return Flushed{id<RequestId>(), id<Version>()};
    case 13:
      return Heartbeat{id<Version>()};
    case 14:
      switch (below(3)) {
        case 0:
          return RequestRefused{id<RequestId>(), error()};
        case 1:
          return RequestRefused{id<SubscriptionId>(), error()};
        default:
          return RequestRefused{{}, error()};
      }
    default:
      return Goodbye{error()};
  }
}

}  // namespace odb::wire
