#include "wire/message_parts.h"

#include <string>
#include <utility>
#include <variant>

#include "wire/value_codec.h"
#include "wire/write_helpers.h"

namespace odb::wire {

void write_hello(schema::Hello::Builder out, const Hello& hello) {
  out.setMajor(hello.major);
  out.setMinor(hello.minor);
  set_list(out.initFeatures(count_of(hello.features)), hello.features, as_text);
  out.setSoftware(as_text(hello.software));
}

Hello read_hello(schema::Hello::Reader in, ReadContext& context) {
  Hello hello;
  hello.major = in.getMajor();
  hello.minor = in.getMinor();
  hello.features = context.read_list<std::string>(
      in.getFeatures(), [](capnp::Text::Reader feature) { return read_text(feature); });
  hello.software = read_text(in.getSoftware());
  return hello;
}

void write_error(schema::Error::Builder out, const Error& error) {
  out.setCode(static_cast<std::uint16_t>(error.code));
  if (!error.message.empty()) out.setMessage(as_text(error.message));
}

// A newer peer may know more codes than we do: any number passes.
Error read_error(schema::Error::Reader in) {
  return {static_cast<ErrorCode>(in.getCode()), read_text(in.getMessage())};
}

void write_goodbye(schema::Goodbye::Builder out, const Goodbye& goodbye) {
  write_error(out.initReason(), goodbye.reason);
}

Goodbye read_goodbye(schema::Goodbye::Reader in) { return {read_error(in.getReason())}; }

namespace {

void write_bound(schema::RangeBound::Builder out, const RangeBound& bound) {
  write_value(out.initValue(), bound.value);
  out.setExclusive(bound.edge == RangeBound::Edge::kExclusive);
}

RangeBound read_bound(schema::RangeBound::Reader in, ReadContext& context) {
  return {read_value(in.getValue(), context),
          in.getExclusive() ? RangeBound::Edge::kExclusive : RangeBound::Edge::kInclusive};
}

}  // namespace

void write_interest(schema::Interest::Builder out, const Interest& interest) {
  if (const auto* schema = std::get_if<SchemaInterest>(&interest)) {
    out.setSchema(as_text(schema->schema));
  } else if (const auto* type = std::get_if<TypeInterest>(&interest)) {
    out.setType(type->type.value);
  } else if (const auto* index = std::get_if<IndexInterest>(&interest)) {
    auto to = out.initIndex();
    to.setIndex(index->index.value);
    write_values(to.initKey(count_of(index->key)), index->key);
  } else if (const auto* objects = std::get_if<ObjectsInterest>(&interest)) {
    auto to = out.initObjects();
    to.setType(objects->type.value);
    set_list(to.initObjects(count_of(objects->objects)), objects->objects,
             [](ObjectId id) { return id.value; });
  } else {
    const IndexRange& range = std::get<IndexRangeInterest>(interest).range;
    auto to = out.initRange();
    to.setIndex(range.index.value);
    write_values(to.initPrefix(count_of(range.prefix)), range.prefix);
    if (range.lower) write_bound(to.initLower(), *range.lower);
    if (range.upper) write_bound(to.initUpper(), *range.upper);
  }
}

Interest read_interest(schema::Interest::Reader in, ReadContext& context) {
  switch (in.which()) {
    case schema::Interest::SCHEMA:
      return SchemaInterest{read_text(in.getSchema())};
    case schema::Interest::TYPE:
      return TypeInterest{TypeId{in.getType()}};
    case schema::Interest::INDEX: {
      const auto index = in.getIndex();
      return IndexInterest{IndexId{index.getIndex()}, read_values(index.getKey(), context)};
    }
    case schema::Interest::OBJECTS: {
      const auto objects = in.getObjects();
      return ObjectsInterest{
          TypeId{objects.getType()},
          context.read_list<ObjectId>(objects.getObjects(),
                                      [](std::uint64_t id) { return ObjectId{id}; })};
    }
    case schema::Interest::RANGE: {
      const auto range = in.getRange();
      IndexRangeInterest interest{
          {IndexId{range.getIndex()}, read_values(range.getPrefix(), context), {}, {}}};
      if (range.hasLower()) interest.range.lower = read_bound(range.getLower(), context);
      if (range.hasUpper()) interest.range.upper = read_bound(range.getUpper(), context);
      return interest;
    }
  }
  malformed("unknown kind of interest " + std::to_string(static_cast<unsigned>(in.which())));
}

void write_id_range(schema::IdRange::Builder out, const IdRange& range) {
  out.setFirst(range.first.value);
  out.setCount(range.count);
}

IdRange read_id_range(schema::IdRange::Reader in) {
  const IdRange range{ObjectId{in.getFirst()}, in.getCount()};
  if (range.count > 0 &&
      (range.first.value == 0 || range.first.value + range.count - 1 < range.first.value)) {
    malformed("a range of identities that begins at 0 or ends beyond 64 bits");
  }
  return range;
}

}  // namespace odb::wire
