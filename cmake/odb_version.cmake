# The version stands in two places; they must agree.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS core/include/odb/version.h)
file(STRINGS core/include/odb/version.h odb_version_line REGEX "kVersionText = \"")
string(REGEX REPLACE ".*kVersionText = \"([^\"]*)\".*" "\\1" odb_version_text "${odb_version_line}")
if(NOT odb_version_text STREQUAL PROJECT_VERSION)
  message(FATAL_ERROR "core/include/odb/version.h says ${odb_version_text}, "
                      "CMakeLists.txt says ${PROJECT_VERSION}")
endif()
