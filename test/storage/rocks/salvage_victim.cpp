// salvage_victim DIRECTORY: salvages the store "history" there as "salvaged", and waits to be killed. See
// salvage_kill_test.cpp.

#include <cstdint>
#include <cstdio>
#include <string>

#include <unistd.h>

#include "storage/rocks/salvage.h"
#include "test/storage/rocks/victim_process.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string directory = argv[1];
  const auto made = tideline::rocks::salvage(directory + "/history", directory + "/salvaged");
  if (!made) {
    std::fprintf(stderr, "%s\n", made.error().message().c_str());
    return 1;
  }
  const std::uint64_t rows = made->rows;
  if (write(tideline::rocks::victim::kAckFd, &rows, sizeof rows) != static_cast<ssize_t>(sizeof rows)) return 1;
  for (;;)
    pause();
}
