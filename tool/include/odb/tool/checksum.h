// Checksum: SHA-256 of what goes by.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace odb::tool {

class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;

  void add(std::string_view bytes);
  // 64 hexadecimal digits, of all that was added; more may follow.
  std::string hex() const;

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace odb::tool
