// The parts that messages of both sides share.
#pragma once

#include <string_view>

#include "odb/core/messages.h"
#include "schemas/message.capnp.h"
#include "wire/read_context.h"

namespace odb::wire {

void write_hello(schema::Hello::Builder out, const Hello& hello);
Hello read_hello(schema::Hello::Reader in, ReadContext& context);

void write_error(schema::Error::Builder out, const Error& error);
Error read_error(schema::Error::Reader in);

void write_goodbye(schema::Goodbye::Builder out, const Goodbye& goodbye);
Goodbye read_goodbye(schema::Goodbye::Reader in);

void write_interest(schema::Interest::Builder out, const Interest& interest);
Interest read_interest(schema::Interest::Reader in, ReadContext& context);

template <class Group, class Id>
void write_random_id(Group out, const Id& id) {
  out.setHigh(id.high);
  out.setLow(id.low);
}
template <class Id, class Group>
Id read_random_id(Group in) {
  return Id{in.getHigh(), in.getLow()};
}

// A secret's worth of bytes, of the one length that it has.
template <class Array>
Array read_array(capnp::Data::Reader in, std::string_view what) {
  Array array{};
  if (in.size() != array.size()) {
    malformed(std::string(what) + " of " + std::to_string(in.size()) + " bytes, expected " +
              std::to_string(array.size()));
  }
  for (std::size_t i = 0; i < array.size(); ++i) array[i] = static_cast<std::byte>(in[i]);
  return array;
}

void write_id_range(schema::IdRange::Builder out, const IdRange& range);
IdRange read_id_range(schema::IdRange::Reader in);

}  // namespace odb::wire
