#include "list_append/anomaly.h"

namespace odb::list_append {

namespace {

std::string_view name_of(Phenomenon phenomenon) {
  switch (phenomenon) {
    case Phenomenon::kInternal:
      return "internal";
    case Phenomenon::kDuplicateElement:
      return "duplicate-element";
    case Phenomenon::kUnknownElement:
      return "unknown-element";
    case Phenomenon::kIncompatibleOrder:
      return "incompatible-order";
    case Phenomenon::kLostElement:
      return "lost-element";
    case Phenomenon::kG1a:
      return "G1a";
    case Phenomenon::kG1b:
      return "G1b";
    case Phenomenon::kG0:
      return "G0";
    case Phenomenon::kG1c:
      return "G1c";
    case Phenomenon::kGSingle:
      return "G-single";
    case Phenomenon::kG2:
      return "G2";
  }
  return "?";
}

std::string_view suffix_of(Needs needs) {
  switch (needs) {
    case Needs::kNothing:
      return "";
    case Needs::kProcessOrder:
      return "-process";
    case Needs::kRealTime:
      return "-realtime";
  }
  return "?";
}

}  // namespace

std::string to_string(AnomalyKind kind) {
  return std::string(name_of(kind.phenomenon)).append(suffix_of(kind.needs));
}

}  // namespace odb::list_append
