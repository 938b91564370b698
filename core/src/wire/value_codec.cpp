#include "wire/value_codec.h"

#include <string>
#include <utility>

#include "odb/wire/codec.h"
#include "wire/write_helpers.h"

namespace odb::wire {
namespace {

constexpr std::size_t kWordBytes = 8;
constexpr std::size_t kListTagBytes = 8;

constexpr std::size_t whole_words(std::size_t bytes) {
  return (bytes + kWordBytes - 1) / kWordBytes * kWordBytes;
}

std::span<const std::byte> as_bytes(capnp::Data::Reader data) {
  return {reinterpret_cast<const std::byte*>(data.begin()), data.size()};
}
std::string_view as_chars(capnp::Data::Reader data) {
  return {reinterpret_cast<const char*>(data.begin()), data.size()};
}

Value read_dict(capnp::List<schema::Value>::Reader in, ReadContext& context, int depth) {
  if (in.size() % 2 != 0) malformed("a dict with a key that has no value");
  context.charge(in.size(), sizeof(Value));
  std::vector<std::pair<Value, Value>> entries;
  entries.reserve(in.size() / 2);
  for (unsigned i = 0; i < in.size(); i += 2) {
    Value key = read_value(in[i], context, depth);
    entries.emplace_back(std::move(key), read_value(in[i + 1], context, depth));
  }
  return Value::dict(std::move(entries));
}

std::vector<Type> read_types(capnp::List<schema::Type>::Reader in, ReadContext& context,
                             int depth) {
  return context.read_list<Type>(
      in, [&](schema::Type::Reader type) { return read_type(type, context, depth); });
}

std::vector<Type> read_types(capnp::List<schema::Type>::Reader in, ReadContext& context, int depth,
                             unsigned count, const char* of) {
  if (in.size() != count) {
    malformed("a type with " + std::to_string(in.size()) + " " + of + ", expected " +
              std::to_string(count));
  }
  return read_types(in, context, depth);
}

std::vector<std::string> read_names(capnp::List<capnp::Text>::Reader in, ReadContext& context) {
  return context.read_list<std::string>(in,
                                        [](capnp::Text::Reader name) { return read_text(name); });
}

void write_types(capnp::List<schema::Type>::Builder out, const std::vector<Type>& types) {
  write_list(out, types, write_type);
}

void write_names(capnp::List<capnp::Text>::Builder out, const std::vector<std::string>& names) {
  set_list(out, names, as_text);
}

}  // namespace

std::size_t encoded_bytes(const Value& value) {
  constexpr std::size_t kValueBytes = 24;
  switch (value.kind()) {
    case ValueKind::kText:
      return kValueBytes + whole_words(value.as_text().size());
    case ValueKind::kData:
      return kValueBytes + whole_words(value.as_data().size());
    case ValueKind::kList:
    case ValueKind::kTuple:
    case ValueKind::kDict:
    case ValueKind::kStruct:
    case ValueKind::kVariant: {
      std::size_t bytes = kValueBytes + kListTagBytes;
      for (const Value& element : value.elements()) bytes += encoded_bytes(element);
      return bytes;
    }
    default:
      return kValueBytes;
  }
}

void write_values(capnp::List<schema::Value>::Builder out, std::span<const Value> values) {
  write_list(out, values, write_value);
}

void write_value(schema::Value::Builder out, const Value& value) {
  switch (value.kind()) {
    case ValueKind::kNone:
    case ValueKind::kNotLoaded:  // never alone: a column is sent or left out
      return out.setNone();
    case ValueKind::kBool:
      return out.setBoolean(value.as_bool());
    case ValueKind::kInt:
      return out.setInteger(value.as_int());
    case ValueKind::kFloat:
      return out.setReal(value.as_float());
    case ValueKind::kText:
      return out.setText(as_data(value.as_text()));
    case ValueKind::kData:
      return out.setData(as_data(value.as_data()));
    case ValueKind::kTimestamp:
      return out.setTimestamp(value.as_timestamp());
    case ValueKind::kReference: {
      auto reference = out.initReference();
      reference.setObject(value.object().value);
      reference.setType(value.object_type().value);
      return;
    }
    case ValueKind::kList:
      return write_values(out.initList(count_of(value.elements())), value.elements());
    case ValueKind::kTuple:
      return write_values(out.initTuple(count_of(value.elements())), value.elements());
    case ValueKind::kDict:
      return write_values(out.initDict(count_of(value.elements())), value.elements());
    case ValueKind::kStruct:
      return write_values(out.initStructure(count_of(value.elements())), value.elements());
    case ValueKind::kVariant: {
      auto variant = out.initVariant();
      variant.setAlternative(value.alternative());
      return write_values(variant.initFields(count_of(value.elements())), value.elements());
    }
  }
}

std::vector<Value> read_values(capnp::List<schema::Value>::Reader in, ReadContext& context,
                               int depth) {
  return context.read_list<Value>(
      in, [&](const schema::Value::Reader& value) { return read_value(value, context, depth); });
}

Value read_value(const schema::Value::Reader& in, ReadContext& context, int depth) {
  if (depth > kDepthMax) too_deep("values");
  switch (in.which()) {
    case schema::Value::NONE:
      return Value::none();
    case schema::Value::BOOLEAN:
      return Value::boolean(in.getBoolean());
    case schema::Value::INTEGER:
      return Value::integer(in.getInteger());
    case schema::Value::REAL:
      return Value::real(in.getReal());
    case schema::Value::TEXT:
      return Value::text(as_chars(in.getText()));
    case schema::Value::DATA:
      return Value::data(as_bytes(in.getData()));
    case schema::Value::TIMESTAMP:
      return Value::timestamp(in.getTimestamp());
    case schema::Value::REFERENCE:
      return Value::reference(TypeId{in.getReference().getType()},
                              ObjectId{in.getReference().getObject()});
    case schema::Value::LIST:
      return Value::list(read_values(in.getList(), context, depth + 1));
    case schema::Value::TUPLE:
      return Value::tuple(read_values(in.getTuple(), context, depth + 1));
    case schema::Value::DICT:
      return read_dict(in.getDict(), context, depth + 1);
    case schema::Value::STRUCTURE:
      return Value::structure(read_values(in.getStructure(), context, depth + 1));
    case schema::Value::VARIANT:
      return Value::variant(in.getVariant().getAlternative(),
                            read_values(in.getVariant().getFields(), context, depth + 1));
  }
  malformed("unknown kind of value " + std::to_string(static_cast<unsigned>(in.which())));
}

void write_type(schema::Type::Builder out, const Type& type) {
  switch (type.kind) {
    case Type::Kind::kNone:
      return out.setNone();
    case Type::Kind::kBool:
      return out.setBoolean();
    case Type::Kind::kInt:
      return out.setInteger();
    case Type::Kind::kFloat:
      return out.setReal();
    case Type::Kind::kText:
      return out.setText();
    case Type::Kind::kData:
      return out.setData();
    case Type::Kind::kTimestamp:
      return out.setTimestamp();
    case Type::Kind::kReference: {
      auto reference = out.initReference();
      reference.setSchema(as_text(type.target.schema));
      reference.setType(as_text(type.target.type));
      reference.setId(type.target_id.value);
      return;
    }
    case Type::Kind::kOneOf:
      return write_types(out.initOneOf(count_of(type.children)), type.children);
    case Type::Kind::kLiteral:
      return write_value(out.initLiteral(), type.literal);
    case Type::Kind::kList:
      return write_types(out.initList(count_of(type.children)), type.children);
    case Type::Kind::kTuple:
      return write_types(out.initTuple(count_of(type.children)), type.children);
    case Type::Kind::kDict:
      return write_types(out.initDict(count_of(type.children)), type.children);
    case Type::Kind::kStruct: {
      auto structure = out.initStructure();
      structure.setName(as_text(type.name));
      write_names(structure.initNames(count_of(type.names)), type.names);
      return write_types(structure.initFields(count_of(type.children)), type.children);
    }
    case Type::Kind::kVariant: {
      auto variant = out.initVariant();
      variant.setName(as_text(type.name));
      write_names(variant.initNames(count_of(type.names)), type.names);
      return write_types(variant.initAlternatives(count_of(type.children)), type.children);
    }
  }
}

Type read_type(schema::Type::Reader in, ReadContext& context, int depth) {
  if (depth > kDepthMax) too_deep("types");
  Type type;
  const auto which = in.which();
  type.kind = read_enum(which, Type::Kind::kVariant, "kind of type");
  switch (which) {
    case schema::Type::NONE:
    case schema::Type::BOOLEAN:
    case schema::Type::INTEGER:
    case schema::Type::REAL:
    case schema::Type::TEXT:
    case schema::Type::DATA:
    case schema::Type::TIMESTAMP:
      break;
    case schema::Type::REFERENCE: {
      const auto reference = in.getReference();
      type.target = {read_text(reference.getSchema()), read_text(reference.getType())};
      type.target_id = TypeId{reference.getId()};
      break;
    }
    case schema::Type::ONE_OF:
      type.children = read_types(in.getOneOf(), context, depth + 1);
      break;
    case schema::Type::LITERAL:
      type.literal = read_value(in.getLiteral(), context);
      break;
    case schema::Type::LIST:
      type.children = read_types(in.getList(), context, depth + 1, 1, "elements of a list");
      break;
    case schema::Type::TUPLE:
      type.children = read_types(in.getTuple(), context, depth + 1);
      break;
    case schema::Type::DICT:
      type.children = read_types(in.getDict(), context, depth + 1, 2, "parts of a dict");
      break;
    case schema::Type::STRUCTURE: {
      const auto structure = in.getStructure();
      type.name = read_text(structure.getName());
      type.names = read_names(structure.getNames(), context);
      type.children = read_types(structure.getFields(), context, depth + 1, count_of(type.names),
                                 "fields of a struct");
      break;
    }
    case schema::Type::VARIANT: {
      const auto variant = in.getVariant();
      type.name = read_text(variant.getName());
      type.names = read_names(variant.getNames(), context);
      type.children = read_types(variant.getAlternatives(), context, depth + 1,
                                 count_of(type.names), "alternatives of a variant");
      break;
    }
  }
  return type;
}

}  // namespace odb::wire
