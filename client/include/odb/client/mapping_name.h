// The names that C++ types have on the wire.
#pragma once

#include <string_view>

namespace odb::detail {

template <class T>
constexpr std::string_view compiler_name() {
  return __PRETTY_FUNCTION__;
}

// The compiler's spelling of a type: what differs between the texts for two types.
template <class T>
constexpr std::string_view spelling_of() {
  constexpr std::string_view kKnown = "double";
  constexpr std::string_view sample = compiler_name<double>();
  constexpr std::size_t before = sample.find(kKnown);
  constexpr std::size_t after = sample.size() - before - kKnown.size();
  constexpr std::string_view text = compiler_name<T>();
  return text.substr(before, text.size() - before - after);
}

// A type's name without namespaces, enclosing classes and template arguments: "Task".
template <class T>
constexpr std::string_view name_of() {
  std::string_view name = spelling_of<T>();
  int depth = 0;
  std::size_t begin = 0;
  std::size_t end = name.size();
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<') {
      if (depth++ == 0) end = i;
    } else if (name[i] == '>') {
      --depth;
    } else if (name[i] == ':' && depth == 0) {
      begin = i + 1;
      end = name.size();
    }
  }
  return name.substr(begin, end - begin);
}

// Of one that is a constant expression's initialiser: computed once, by the compiler.
template <class T>
inline constexpr std::string_view kNameOf = name_of<T>();

}  // namespace odb::detail
