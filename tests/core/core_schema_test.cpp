#include "odb/core/core_schema.h"

#include <gtest/gtest.h>

#include "odb/core/commit_engine.h"
#include "support/changes.h"

namespace odb {
namespace {

using test::Changes;

SchemaDefinition owned(Type holder, std::vector<std::string> fields = {"holder"}) {
  return {"s",
          {{"Lease",
            {{"what", Type::text()}, {"holder", std::move(holder)}},
            {{"owner", std::move(fields), Uniqueness::kMany, IndexRole::kOwner}}}}};
}

Type connection() { return Type::reference(connection_type_name()); }

Catalog with_core() { return *Catalog().merged(core_schema_definition()); }

TEST(CoreSchema, IsAValidDefinition) {
  const Catalog catalog = with_core();
  const CatalogType* type = catalog.find(connection_type_name());
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(to_string(type->name), "core.Connection");
}

TEST(CoreSchema, KnowsWhoNeedsIt) {
  EXPECT_TRUE(needs_core_schema(core_schema_definition()));
  EXPECT_TRUE(needs_core_schema(owned(Type::list(Type::one_of({Type::none(), connection()})))));
  EXPECT_FALSE(needs_core_schema(owned(Type::reference({"other", "Connection"}))));
}

TEST(OwnerIndex, IsOverOneReferenceToAConnection) {
  EXPECT_TRUE(with_core().merged(owned(connection())));
  EXPECT_TRUE(with_core().merged(owned(Type::one_of({Type::none(), connection()}))));
  for (const SchemaDefinition& wrong : {owned(Type::text()), owned(Type::list(connection())),
                                        owned(Type::one_of({connection(), Type::text()})),
                                        owned(connection(), {"holder", "what"})}) {
    const auto result = with_core().merged(wrong);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidSchema);
    EXPECT_NE(result.error().message.find("schema s, type Lease, index owner: expected an owner"),
              std::string::npos)
        << result.error().message;
  }
}

TEST(OwnerIndex, IsAnotherIndexThanALookUp) {
  const Catalog catalog = *with_core().merged(owned(connection()));
  SchemaDefinition plain = owned(connection());
  plain.types[0].indexes[0].role = IndexRole::kLookup;
  const auto result = catalog.merged(plain);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kSchemaContradiction);
  EXPECT_NE(result.error().message.find("expected owner, not unique (holder)"), std::string::npos)
      << result.error().message;
}

// An owner must be there; any other reference may dangle.
TEST(OwnerIndex, NeedsAnOwnerThatExists) {
  VersionedState state;
  state.apply_catalog(Version{1},
                      std::make_shared<const Catalog>(*with_core().merged(owned(connection()))));
  const TypeId type = state.catalog()->find(TypeName{"s", "Lease"})->id;
  const TypeId connections = state.catalog()->find(connection_type_name())->id;
  state.apply(Version{2}, Changes().create(connections, 1));
  const auto judge = [&](const Changeset& changes) {
    return CommitEngine().judge({Version{2}, {}, changes}, state);
  };
  const auto held_by = [&](std::uint64_t owner) {
    return test::Cells{{1, Value::reference(connections, ObjectId{owner})}};
  };
  EXPECT_EQ(judge(Changes().create(type, 9, held_by(1))), Judgement(Acceptable{}));
  const Judgement missing = judge(Changes().create(type, 9, held_by(2)));
  ASSERT_TRUE(std::holds_alternative<Conflict>(missing));
  EXPECT_EQ(std::get<Conflict>(missing).key, ConflictKey(ExistenceRead{connections, ObjectId{2}}));

  state.apply(Version{3}, Changes().create(type, 9, held_by(1)));
  state.apply(Version{4}, Changes().erase(connections, 1));
  const Judgement ended = judge(Changes().update(type, 9, held_by(1)));
  ASSERT_TRUE(std::holds_alternative<Conflict>(ended));
  EXPECT_EQ(std::get<Conflict>(ended).won, Version{4});
}

}  // namespace
}  // namespace odb
