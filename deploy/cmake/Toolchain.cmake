# Compiler, warnings, sanitizers, ccache: the same for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # base_dir and no hash_dir: every build tree of this checkout shares its hits. The sloppiness is what PCH needs.
  set(launcher "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1
      "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime" "${CCACHE_PROGRAM}")
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

# Links in a third of the time; an incremental build is mostly links. Not mold 1.10, which lets RELRO begin in a page that
# nobody has mapped where an empty .tbss happens to end one, so that the program does not start, and does not always end.
find_program(LLD_PROGRAM ld.lld)
if(LLD_PROGRAM)
  add_link_options(-fuse-ld=lld)
endif()

add_library(tideline_flags INTERFACE)
target_include_directories(tideline_flags INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_definitions(tideline_flags INTERFACE TIDELINE_VERSION="${PROJECT_VERSION}")

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(tideline_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wconversion -Wno-sign-conversion
    # GCC 12 sees uninitialised std::optional payloads where there are none.
    -Wno-maybe-uninitialized -Werror)
  # A tenth of the time goes to collecting what the next pass needs again.
  target_compile_options(tideline_flags INTERFACE --param=ggc-min-expand=200 --param=ggc-min-heapsize=524288)
else()
  # Other compilers build what is tested with sanitizers; the release build has the warnings.
  target_compile_options(tideline_flags INTERFACE -w)
  # The same headers make the same precompiled header at any time: else ccache knows nothing that was compiled with it in
  # an earlier clone at this path.
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
endif()

option(TIDELINE_UNITY "compile some sources of a room at a time; OFF: each by itself" ON)

set(TIDELINE_SANITIZE "" CACHE STRING "address (with undefined), thread, fuzzer (libFuzzer, with address), or empty")
if(TIDELINE_SANITIZE STREQUAL "address")
  # No vptr check: it probes memory through a pipe, so that it calls every object invalid in a process out of files. No null
  # check: what it finds ends with a stack anyway, but for CAF's own init_fun_factory.hpp, which does no harm.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr,null -fno-sanitize-recover=all -fno-omit-frame-pointer)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # By its way from the build tree, where Ninja compiles: ccache does not see a file's path in this option, and would tell
    # clones apart by it.
    file(RELATIVE_PATH ubsan_ignore "${CMAKE_BINARY_DIR}" "${CMAKE_SOURCE_DIR}/deploy/cmake/ubsan_ignore.txt")
    add_compile_options("-fsanitize-ignorelist=${ubsan_ignore}")
  endif()
  add_link_options(-fsanitize=address,undefined)
elseif(TIDELINE_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(TIDELINE_SANITIZE STREQUAL "fuzzer")
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "TIDELINE_SANITIZE=fuzzer: libFuzzer is clang's; the compiler is ${CMAKE_CXX_COMPILER}")
  endif()
  # Only test/fuzz links libFuzzer, whose main would be in the way of the programs' own.
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(TIDELINE_SANITIZE)
  message(FATAL_ERROR "TIDELINE_SANITIZE=${TIDELINE_SANITIZE}: want address, thread, fuzzer or nothing")
endif()
if(TIDELINE_SANITIZE)
  add_compile_definitions(TIDELINE_SANITIZED)
endif()
