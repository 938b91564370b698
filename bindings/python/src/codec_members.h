// What codecs of types with members share.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "codec.h"

namespace odb::python {

// Converts one member of a value. When it does not fit and somebody asks, says where: `place()`.
template <class Place>
bool member_from_python(const Codec& codec, PyObject* object, Match match,
                        const Conversion& conversion, Place&& place, Value& out) {
  if (conversion.why == nullptr)
    return codec.from_python(object, match, {conversion.bindings}, out);
  std::string why;
  if (codec.from_python(object, match, {conversion.bindings, &why}, out)) return true;
  explain(conversion,
          std::string(place()) + ": " + mismatch(codec, object) + (why.empty() ? "" : ": " + why));
  return false;
}

// Whether each value is of the type of the codec at its place.
bool all_accept(const std::vector<CodecPtr>& codecs, std::span<const Value> values,
                Bindings* bindings);

std::vector<Type> types_of(const std::vector<CodecPtr>& codecs);

}  // namespace odb::python
