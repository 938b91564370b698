#include "timestamp.h"

#include <chrono>
#include <optional>

#include "errors.h"

// The header of datetime needs Python.h before it, and its macros cast as C does.
// clang-format off
#include <datetime.h>
// clang-format on
#pragma GCC diagnostic ignored "-Wold-style-cast"

namespace odb::python {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;

// Seconds east of UTC, with microseconds; nothing for a naive datetime.
struct Offset {
  std::int64_t seconds = 0;
  std::int64_t microseconds = 0;
};
std::optional<Offset> utc_offset(PyObject* object) {
  PyObject* const zone = PyDateTime_DATE_GET_TZINFO(object);
  if (zone == Py_None) return std::nullopt;
  if (zone == PyDateTime_TimeZone_UTC) return Offset{};
  const py::object offset = steal(PyObject_CallMethod(object, "utcoffset", nullptr));
  if (offset.is_none()) return std::nullopt;
  if (!PyDelta_Check(offset.ptr())) raise_type_error("utcoffset() returned no timedelta");
  return Offset{PyDateTime_DELTA_GET_DAYS(offset.ptr()) * kSecondsPerDay +
                    PyDateTime_DELTA_GET_SECONDS(offset.ptr()),
                PyDateTime_DELTA_GET_MICROSECONDS(offset.ptr())};
}

}  // namespace

bool read_timestamp(PyObject* object, const Conversion& conversion, Value& out) {
  if (!PyDateTime_Check(object)) return false;
  const std::optional<Offset> offset = utc_offset(object);
  if (!offset) {
    explain(conversion, "it is naive: give it a time zone, such as datetime.timezone.utc");
    return false;
  }
  const std::chrono::year_month_day date(
      std::chrono::year(PyDateTime_GET_YEAR(object)),
      std::chrono::month(static_cast<unsigned>(PyDateTime_GET_MONTH(object))),
      std::chrono::day(static_cast<unsigned>(PyDateTime_GET_DAY(object))));
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = days * kSecondsPerDay + PyDateTime_DATE_GET_HOUR(object) * 3600 +
                               PyDateTime_DATE_GET_MINUTE(object) * 60 +
                               PyDateTime_DATE_GET_SECOND(object) - offset->seconds;
  const std::int64_t microseconds = PyDateTime_DATE_GET_MICROSECOND(object) - offset->microseconds;
  std::int64_t nanoseconds = 0;
  if (__builtin_mul_overflow(seconds, kNanosecondsPerSecond, &nanoseconds) ||
      __builtin_add_overflow(nanoseconds, microseconds * 1000, &nanoseconds)) {
    explain(conversion, "it is outside the years 1678 to 2261, which timestamps can hold");
    return false;
  }
  out = Value::timestamp(nanoseconds);
  return true;
}

PyObject* timestamp_to_python(std::int64_t nanoseconds) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::nanoseconds> exact{
      std::chrono::nanoseconds(nanoseconds)};
  const auto time = floor<std::chrono::microseconds>(exact);
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return PyDateTimeAPI->DateTime_FromDateAndTime(
      static_cast<int>(date.year()), static_cast<int>(static_cast<unsigned>(date.month())),
      static_cast<int>(static_cast<unsigned>(date.day())), static_cast<int>(clock.hours().count()),
      static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
      static_cast<int>(clock.subseconds().count()), PyDateTime_TimeZone_UTC,
      PyDateTimeAPI->DateTimeType);
}

void initialize_timestamps() {
  PyDateTime_IMPORT;
  if (PyDateTimeAPI == nullptr) throw py::error_already_set();
}

}  // namespace odb::python
