#include "mark.h"

#include "checksum.h"
#include "keys.h"

namespace odb::server::embedded {

namespace {

constexpr std::string_view kBegin = "odbmark1";

std::optional<Mark> decode(std::string_view bytes) {
  if (bytes.size() < kMarkBytes || !bytes.starts_with(kBegin)) return std::nullopt;
  std::string_view sum = bytes.substr(kMarkBytes - sizeof(std::uint32_t));
  if (take_number<std::uint32_t>(sum) !=
      checksum(bytes.substr(0, kMarkBytes - sizeof(std::uint32_t)))) {
    return std::nullopt;
  }
  bytes.remove_prefix(kBegin.size());
  Mark mark;
  mark.number = *take_number<std::uint64_t>(bytes);
  mark.acknowledged = *take_number<std::uint64_t>(bytes);
  mark.synced = *take_number<std::uint64_t>(bytes);
  const auto state = *take_number<std::uint8_t>(bytes);
  const auto durability = *take_number<std::uint8_t>(bytes);
  const auto boot_size = *take_number<std::uint8_t>(bytes);
  if (state < 1 || state > 3 || durability > 2 || boot_size > Mark::kBootBytes) {
    return std::nullopt;
  }
  mark.state = static_cast<Mark::State>(state);
  mark.durability = static_cast<Durability>(durability);
  mark.boot = bytes.substr(0, boot_size);
  return mark;
}

}  // namespace

std::string encode(const Mark& mark) {
  std::string bytes(kBegin);
  append_number(bytes, mark.number);
  append_number(bytes, mark.acknowledged);
  append_number(bytes, mark.synced);
  append_number(bytes, static_cast<std::uint8_t>(mark.state));
  append_number(bytes, static_cast<std::uint8_t>(mark.durability));
  const std::string boot = mark.boot.substr(0, Mark::kBootBytes);
  append_number(bytes, static_cast<std::uint8_t>(boot.size()));
  bytes += boot;
  bytes.resize(kMarkBytes - sizeof(std::uint32_t));
  append_number(bytes, checksum(bytes));
  return bytes;
}

std::optional<Mark> newest_mark(std::string_view file) {
  const auto first = decode(file);
  const auto second = decode(file.substr(std::min(file.size(), kMarkPlaceBytes)));
  if (!first || (second && second->number > first->number)) return second;
  return first;
}

}  // namespace odb::server::embedded
