# add_room(<path> [PURE] [CAF] [ROOMS <path>...] [LIBS <target>...])
#
# One folder, one static library, one namespace. The target of room a/b is tideline_a_b. A PURE room (no I/O, no actor,
# no clock) may use only PURE rooms and the libraries in TIDELINE_PURE_LIBS: anything else is a configure error, as is a
# room that was not declared before. CAF rooms get the precompiled CAF header, tests GoogleTest's.
# test/house checks the #includes.
set(TIDELINE_PURE_LIBS nlohmann_json::nlohmann_json fmt::fmt Zstd::zstd Snappy::snappy)

function(room_target path out)
  string(REGEX REPLACE "[/-]" "_" name "tideline_${path}")
  set(${out} ${name} PARENT_SCOPE)
endfunction()

function(add_room path)
  cmake_parse_arguments(ARG "PURE;CAF" "" "ROOMS;LIBS;EXTRA_SOURCES" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "add_room(${path}): unknown argument ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(ARG_PURE AND ARG_CAF)
    message(FATAL_ERROR "add_room(${path}): a pure room holds no actors")
  endif()
  room_target(${path} target)
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${path}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  list(APPEND sources ${ARG_EXTRA_SOURCES})
  set(scope PUBLIC)
  if(sources)
    add_library(${target} STATIC ${sources})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_link_libraries(${target} ${scope} tideline_flags)
  foreach(room IN LISTS ARG_ROOMS)
    room_target(${room} dependency)
    if(NOT TARGET ${dependency})
      message(FATAL_ERROR "room ${path} needs ${room}, which is not declared before it")
    endif()
    get_target_property(dependency_pure ${dependency} TIDELINE_PURE)
    if(ARG_PURE AND NOT dependency_pure)
      message(FATAL_ERROR "pure room ${path} must not depend on ${room}, which does I/O or holds actors")
    endif()
    target_link_libraries(${target} ${scope} ${dependency})
  endforeach()
  foreach(lib IN LISTS ARG_LIBS)
    if(ARG_PURE AND NOT lib IN_LIST TIDELINE_PURE_LIBS)
      message(FATAL_ERROR "pure room ${path} must not link ${lib}; pure libraries are: ${TIDELINE_PURE_LIBS}")
    endif()
    target_link_libraries(${target} ${scope} ${lib})
  endforeach()
  set_target_properties(${target} PROPERTIES TIDELINE_PURE "${ARG_PURE}")
  use_unity_build(${target} ${scope})
  if(ARG_CAF)
    use_caf(${target} ${scope})
    use_caf_pch(${target})
  endif()
endfunction()

# Most of what is compiled is headers: some sources of a room at a time share them, which halves the time. A missing
# #include shows with TIDELINE_UNITY=OFF, and to clang-tidy, which reads each source by itself.
function(use_unity_build target scope)
  if(TIDELINE_UNITY AND scope STREQUAL "PUBLIC")
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # GCC warns of a member of a type without linkage where it does not see that the file is no header.
      target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
    endif()
  endif()
endfunction()

# What most files read anyway: parsed once, it takes a sixth off a test's compile. None of ours, so that no change of ours
# makes everything anew.
set(TIDELINE_COMMON_HEADERS <algorithm> <atomic> <chrono> <filesystem> <fmt/format.h> <fstream> <functional> <map> <memory>
  <optional> <random> <set> <string> <thread> <vector>)

# make_shared_pch(<name> <header>...): one precompiled header for some targets, which must have the options of <name>.
function(make_shared_pch name)
  file(WRITE "${CMAKE_BINARY_DIR}/${name}.cpp" "")
  add_library(${name} OBJECT "${CMAKE_BINARY_DIR}/${name}.cpp")
  target_precompile_headers(${name} PRIVATE ${ARGN})
  target_link_libraries(${name} PRIVATE fmt::fmt)
endfunction()

# UBSan's null check reports CAF's own init_fun_factory.hpp.
function(use_caf target scope)
  target_link_libraries(${target} ${scope} CAF::core)
  if(TIDELINE_SANITIZE STREQUAL "address")
    target_compile_options(${target} PRIVATE -fno-sanitize=null)
  endif()
endfunction()

# CAF headers cost ~3 s a translation unit without it; one for all rooms and programs.
function(use_caf_pch target)
  if(NOT TARGET tideline_caf_pch)
    make_shared_pch(tideline_caf_pch ${TIDELINE_COMMON_HEADERS} <caf/all.hpp>)
    target_link_libraries(tideline_caf_pch PRIVATE tideline_flags)
    use_caf(tideline_caf_pch PRIVATE)
  endif()
  target_precompile_headers(${target} REUSE_FROM tideline_caf_pch)
  target_link_libraries(${target} PRIVATE fmt::fmt)
endfunction()

# add_program(<name> <source> [CAF] [ROOMS <path>...] [LIBS <target>...])
function(add_program name source)
  cmake_parse_arguments(ARG "CAF" "" "ROOMS;LIBS" ${ARGN})
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE tideline_flags ${ARG_LIBS})
  foreach(room IN LISTS ARG_ROOMS)
    room_target(${room} dependency)
    target_link_libraries(${name} PRIVATE ${dependency})
  endforeach()
  if(ARG_CAF)
    use_caf(${name} PRIVATE)
    use_caf_pch(${name})
  endif()
endfunction()

# Optimizing GoogleTest's macros, and what UBSan adds to them, takes longer to compile than all the rest; the rooms
# themselves have both. Only simulations run long enough to win by it.
function(use_test_options target label)
  if(label STREQUAL "sim")
    target_compile_options(${target} PRIVATE -Og)
  else()
    target_compile_options(${target} PRIVATE -O0)
  endif()
  if(TIDELINE_SANITIZE STREQUAL "address")
    target_compile_options(${target} PRIVATE -fno-sanitize=undefined)
  endif()
  target_link_libraries(${target} PRIVATE tideline_flags fmt::fmt GTest::gmock GTest::gtest)
endfunction()

# GoogleTest's headers cost ~3 s a translation unit without it; one for all tests, and one for those with CAF.
function(use_gtest_pch target)
  if(NOT TARGET tideline_gtest_pch)
    make_shared_pch(tideline_gtest_pch ${TIDELINE_COMMON_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)
    use_test_options(tideline_gtest_pch unit)
  endif()
  target_precompile_headers(${target} REUSE_FROM tideline_gtest_pch)
endfunction()

function(use_caf_gtest_pch target)
  if(NOT TARGET tideline_caf_gtest_pch)
    make_shared_pch(tideline_caf_gtest_pch ${TIDELINE_COMMON_HEADERS} <caf/all.hpp> <gmock/gmock.h> <gtest/gtest.h>)
    use_test_options(tideline_caf_gtest_pch unit)
    use_caf(tideline_caf_gtest_pch PRIVATE)
  endif()
  target_precompile_headers(${target} REUSE_FROM tideline_caf_gtest_pch)
endfunction()

# A whole run of test/run.sh has each test in one build, and few in both. The sanitizers' has what says nothing of time or of
# the machine; what is timed or simulated, asks the real kernel, starts an API server or computes for long is in the release
# build.
set(TIDELINE_TESTS all CACHE STRING "which tests are built by default: all, checked (the sanitizers' part of a run) or timed")
set_property(CACHE TIDELINE_TESTS PROPERTY STRINGS all checked timed)
if(NOT TIDELINE_TESTS MATCHES "^(all|checked|timed)$")
  message(FATAL_ERROR "TIDELINE_TESTS=${TIDELINE_TESTS}: want all, checked or timed")
endif()
set(TIDELINE_TIMED_TESTS
  "test_e2e_(fleet|history_disk|kubernetes.*|planner|rehearsal|replay_error)|test_storage_rocks_.*kill|test_deploy_kubernetes_server|demo_quick|docs.*")
set(TIDELINE_TESTS_IN_BOTH
  "test_e2e_(batch_limits|bad_input|guard|hostile_peers|main_path)|test_node_actor_guard_kill")

# place_test(<test> <label>): gives a test of the other build the label `elsewhere`, and leaves its program, which has the
# test's name, to whoever asks for it.
function(place_test test label)
  set(place checked)
  if(label MATCHES "^(house|kernel|sim)$" OR test MATCHES "^(${TIDELINE_TIMED_TESTS})$")
    set(place timed)
  endif()
  if(TIDELINE_TESTS STREQUAL "all" OR TIDELINE_TESTS STREQUAL place OR test MATCHES "^(${TIDELINE_TESTS_IN_BOTH})$")
    return()
  endif()
  set_property(TEST ${test} APPEND PROPERTY LABELS elsewhere)
  if(TARGET ${test})
    set_target_properties(${test} PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
endfunction()

# Tests, too, take half of the time where some files are compiled at a time: with clang, which builds all of them. Not these,
# whose files give the same names to different things.
string(JOIN "|" TIDELINE_TESTS_ONE_BY_ONE "admin_client" "coordinator_(actor|fleet|planner|policy|profile|reclaim|traces)"
  "k8s_bridge_(actor|api|api_e2e|lease|translate)" "messages_(codec|model)"
  "node_actor_(actor|decide|fleet|kernel|recording|sense|simulation)" "storage_(columns|rocks|series)" "e2e_kubernetes_eviction")

# add_room_test(<room path or name> LABEL <unit|sim|kernel|e2e|house> [NAME n] [ROOMS ...] [LIBS ...] [SOURCES ...] [TIMEOUT s] [CAF]
#   [SIDE_BY_SIDE])
#
# One test program per room and label: test_<room>[_<name>], registered with ctest as one entry a program. SIDE_BY_SIDE: its tests
# mostly wait, and run all at once.
function(add_room_test room)
  cmake_parse_arguments(ARG "CAF;SIDE_BY_SIDE" "LABEL;NAME;TIMEOUT" "ROOMS;LIBS;SOURCES;ENVIRONMENT" ${ARGN})
  string(REGEX REPLACE "[/-]" "_" target "test_${room}")
  if(ARG_NAME)
    set(target "${target}_${ARG_NAME}")
  endif()
  if(NOT ARG_SOURCES)
    file(GLOB ARG_SOURCES CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp")
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${target} ${ARG_SOURCES})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND NOT target MATCHES "^test_(${TIDELINE_TESTS_ONE_BY_ONE})$")
    use_unity_build(${target} PUBLIC)
  endif()
  use_test_options(${target} "${ARG_LABEL}")
  target_link_libraries(${target} PRIVATE GTest::gtest_main ${ARG_LIBS})
  room_target(${room} own)
  if(TARGET ${own})
    target_link_libraries(${target} PRIVATE ${own})
  endif()
  foreach(dependency IN LISTS ARG_ROOMS)
    room_target(${dependency} dependency_target)
    target_link_libraries(${target} PRIVATE ${dependency_target})
  endforeach()
  if(ARG_CAF)
    use_caf(${target} PRIVATE)
  endif()
  if(ARG_LABEL STREQUAL "sim")
    # Other options than those of the precompiled headers, and few files.
  elseif(ARG_CAF)
    use_caf_gtest_pch(${target})
  else()
    use_gtest_pch(${target})
  endif()
  if(ARG_SIDE_BY_SIDE)
    add_test(NAME ${target} COMMAND "${CMAKE_SOURCE_DIR}/test/tools/side_by_side.py" $<TARGET_FILE:${target}>)
    set_tests_properties(${target} PROPERTIES SKIP_RETURN_CODE 77)
  else()
    add_test(NAME ${target} COMMAND ${target} --gtest_shuffle)
  endif()
  set_tests_properties(${target} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "TIDELINE_BIN=${CMAKE_BINARY_DIR}/bin;TIDELINE_SOURCE=${CMAKE_SOURCE_DIR};${ARG_ENVIRONMENT}")
  # The longest begin first, so that none is left at the end with all others done.
  if(target MATCHES "^test_(storage_rocks|storage_rocks_upgrade_kill|node_actor_decide|storage_history_program|sim_.*)$|^test_e2e_(planner|history|history_damage|storm)$")
    set_tests_properties(${target} PROPERTIES COST 100)
  endif()
  place_test(${target} "${ARG_LABEL}")
endfunction()
