# What every target of the project is compiled with.

find_program(ODB_CCACHE ccache)
if(ODB_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # What one clone has compiled is there for another: no place of a folder counts.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1 ${ODB_CCACHE})
endif()
find_program(ODB_LLD ld.lld)
if(ODB_LLD)
  add_link_options(-fuse-ld=lld)
endif()

add_library(odb_options INTERFACE)
target_compile_options(odb_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  -Wno-missing-field-initializers -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false positives inside std::string and std::variant at -O2.
  target_compile_options(odb_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(NOT ODB_SANITIZE)
  # Messages of checks, and debuggers, name files of the sources by their place there, wherever that
  # was built.
  add_compile_options("-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=")
endif()
if(ODB_SANITIZE)
  if(ODB_SANITIZE MATCHES "thread")
    # GCC's TSan does not know fences; Asio uses them unless told not to.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
    add_compile_options(-Wno-tsan)
  endif()
  add_compile_options(-fsanitize=${ODB_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ODB_SANITIZE})
endif()

# odb_library(<name> <layer folder> SOURCES ... DEPENDS ... [PRIVATE_DEPENDS ...])
# A static library of one layer: headers in include/, its exported name odb::<name without odb_>.
function(odb_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  string(REGEX REPLACE "^odb_" "" short ${name})
  add_library(odb::${short} ALIAS ${name})
  set_target_properties(${name} PROPERTIES EXPORT_NAME ${short})
  target_include_directories(${name}
    PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>
    PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/src)
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_link_libraries(${name} PUBLIC ${arg_DEPENDS}
                        PRIVATE ${arg_PRIVATE_DEPENDS} $<BUILD_INTERFACE:odb_options>)
endfunction()

# odb_test(<name> SOURCES ... DEPENDS ...): a GoogleTest program whose cases ctest runs one by one.
function(odb_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS} GTest::gmock GTest::gtest_main odb_options)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT ${arg_TIMEOUT})
endfunction()
