#include "errors.h"

namespace odb::python {
namespace {

const char* class_name_of(const Exception& exception) {
  if (exception.code() == ErrorCode::kNumberOverflow) return "NumberOverflowException";
  if (dynamic_cast<const ConflictError*>(&exception)) return "RevisionConflictException";
  if (dynamic_cast<const ConnectError*>(&exception)) return "ConnectionFailedException";
  if (dynamic_cast<const AuthenticationError*>(&exception)) return "AuthenticationException";
  if (dynamic_cast<const OutcomeUnknownError*>(&exception)) return "OutcomeUnknownException";
  if (dynamic_cast<const DisconnectedError*>(&exception)) return "DisconnectedException";
  if (dynamic_cast<const TimeoutError*>(&exception)) return "TimeoutException";
  if (dynamic_cast<const NotFoundError*>(&exception)) return "ObjectDoesntExistException";
  if (dynamic_cast<const NotSubscribedError*>(&exception)) return "NotSubscribedException";
  if (dynamic_cast<const UniqueViolationError*>(&exception)) return "UniqueViolationException";
  if (dynamic_cast<const TooOldError*>(&exception)) return "TooOldException";
  if (dynamic_cast<const SchemaError*>(&exception)) return "SchemaException";
  if (dynamic_cast<const UsageError*>(&exception)) return "UsageException";
  return "ServerError";
}

}  // namespace

py::object exception_class(const char* class_name) {
  return py::module_::import("object_database.exceptions").attr(class_name);
}

void raise(const char* class_name, const std::string& message) {
  PyErr_SetString(exception_class(class_name).ptr(), message.c_str());
  throw py::error_already_set();
}

void raise_type_error(const std::string& message) {
  PyErr_SetString(PyExc_TypeError, message.c_str());
  throw py::error_already_set();
}

void raise_usage(const std::string& message) { raise("UsageException", message); }

void set_error(const Exception& exception) {
  const bool is_overflow = exception.code() == ErrorCode::kNumberOverflow;
  if (dynamic_cast<const ValueError*>(&exception) && !is_overflow) {
    PyErr_SetString(PyExc_TypeError, exception.what());
    return;
  }
  py::object instance = exception_class(class_name_of(exception))(exception.what());
  instance.attr("code") = static_cast<int>(exception.code());
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(instance.ptr())), instance.ptr());
}

void set_error_from_exception() noexcept {
  try {
    try {
      throw;
    } catch (py::error_already_set& error) {
      error.restore();
    } catch (const Exception& exception) {
      set_error(exception);
    } catch (const py::builtin_exception& exception) {
      exception.set_error();
    } catch (const std::bad_alloc&) {
      PyErr_NoMemory();
    } catch (const std::exception& exception) {
      PyErr_SetString(PyExc_RuntimeError, exception.what());
    }
  } catch (py::error_already_set& error) {  // making the Python exception failed
    error.restore();
  } catch (...) {
    PyErr_SetString(PyExc_RuntimeError, "unknown C++ exception");
  }
}

void register_exceptions() {
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      std::rethrow_exception(pointer);
    } catch (const Exception& exception) {
      set_error(exception);
    }
  });
}

std::string short_repr(PyObject* object) {
  constexpr std::size_t kBytesMax = 120;
  PyObject* const repr = PyObject_Repr(object);
  Py_ssize_t size = 0;
  const char* const utf8 = repr == nullptr ? nullptr : PyUnicode_AsUTF8AndSize(repr, &size);
  std::string out = "<" + std::string(Py_TYPE(object)->tp_name) + ">";
  if (utf8 == nullptr) {
    PyErr_Clear();
  } else {
    out.assign(utf8, static_cast<std::size_t>(size));
    if (out.size() > kBytesMax) {
      std::size_t end = kBytesMax - 3;
      while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
      out.resize(end);
      out += "...";
    }
  }
  Py_XDECREF(repr);
  return out;
}

}  // namespace odb::python
