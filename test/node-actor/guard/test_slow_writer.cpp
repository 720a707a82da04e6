// A helper for the slow writer's tests: test_slow_writer <mode> <state dir> <epoch>, the last two by the one who starts
// it
//   serve    as tideline-node slow-writer does
//   exit     ends with code 7 at its first order
//   garbage  answers with what is no answer
//   deaf     takes no order

#include <cstdlib>
#include <string>

#include <sys/socket.h>
#include <unistd.h>

#include "node-actor/guard/slow_writer.h"

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  const std::string mode = argv[1];
  constexpr int kSocket = tideline::guard::kSlowWriterSocket;
  if (mode == "serve") return tideline::guard::run_slow_writer(kSocket, argv[2], std::strtoull(argv[3], nullptr, 10));
  ::alarm(60);
  if (mode == "deaf") {
    while (true)
      ::pause();
  }
  char buffer[4096];
  if (::recv(kSocket, buffer, sizeof buffer, 0) <= 0) return 1;
  if (mode == "exit") return 7;
  if (::send(kSocket, "garbage", 7, 0) < 0) return 1;
  while (true)
    ::pause();
}
