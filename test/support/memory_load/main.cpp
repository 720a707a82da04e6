// memory_load: a service or a batch job as memory sees it. It never takes more, and never lives longer, than its
// arguments say, and dies with its parent.

#include <algorithm>
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "test/support/memory_load/loads.h"

namespace {

using namespace tideline::test;

constexpr std::size_t kMostMib = 65536;

void add_life(CLI::App& load, Life& life) {
  load.add_option("--enter", life.enter, "cgroup.procs files of the group to run in")->expected(1, 16);
  load.add_option("--name", life.name, "name of the process");
  load.add_option("--oom-score-adj", life.oom_score_adj, "its oom_score_adj, where one is given");
  load.add_option("--seconds", life.seconds, "it lives no longer")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 7200.0));
}

void add_growth(CLI::App& load, GrowPlan& plan) {
  load.add_option("--mib", plan.mib, "what it takes")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, kMostMib));
  load.add_option("--rate", plan.mib_per_second, "MiB a second; 0: as fast as it can")->capture_default_str();
  load.add_option("--wave-mib", plan.wave_mib, "of it, given back and taken again")->capture_default_str();
  load.add_option("--wave-seconds", plan.wave_seconds, "half a wave")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 60.0));
}

}  // namespace

int main(int argc, char** argv) {
  Life life;
  TouchPlan touch;
  GrowPlan grow;
  StreamPlan stream;
  NamesPlan names;
  std::size_t count = 8;
  CLI::App app("A service or a batch job as memory sees it, for tests and benchmarks.");
  app.require_subcommand(1);

  auto* touching = app.add_subcommand("touch", "a service that touches its memory at fixed times");
  add_life(*touching, life);
  touching->add_option("--anon-mib", touch.anon_mib)
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{0}, kMostMib));
  touching->add_option("--directory", touch.directory, "where its file lies");
  touching->add_option("--file-mib", touch.file_mib)
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{0}, kMostMib));
  touching->add_option("--rate", touch.per_second, "requests a second")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 1e5));
  touching->add_option("--anon-pages", touch.anon_pages, "of one request")->capture_default_str();
  touching->add_option("--file-pages", touch.file_pages, "of one request")->capture_default_str();
  touching->add_option("--scratch-kib", touch.scratch_kib, "of one request, for a moment")->capture_default_str();
  touching->add_flag("--samples", touch.samples, "tell each request");

  auto* growing = app.add_subcommand("grow", "a batch job that takes memory, and holds it");
  add_life(*growing, life);
  add_growth(*growing, grow);

  auto* many = app.add_subcommand("many", "several that grow, in one group");
  add_life(*many, life);
  add_growth(*many, grow);
  many->add_option("--count", count)->capture_default_str()->check(CLI::Range(std::size_t{1}, std::size_t{256}));

  auto* streaming = app.add_subcommand("stream", "a batch job that reads and writes files");
  add_life(*streaming, life);
  streaming->add_option("--directory", stream.directory, "where its files lie")->required();
  streaming->add_option("--mib", stream.mib, "all files")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, kMostMib));
  streaming->add_option("--file-mib", stream.file_mib, "one file")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1024}));
  streaming->add_option("--write-percent", stream.write_percent, "of the passes")
      ->capture_default_str()
      ->check(CLI::Range(0, 100));
  streaming->add_option("--rate", stream.mib_per_second, "MiB a second; 0: as fast as it can")->capture_default_str();

  auto* naming = app.add_subcommand("names", "a batch job whose kernel memory can be reclaimed");
  add_life(*naming, life);
  naming->add_option("--mib", names.mib)->capture_default_str()->check(CLI::Range(std::size_t{1}, std::size_t{512}));

  CLI11_PARSE(app, argc, argv);
  stream.file_mib = std::min(stream.file_mib, stream.mib);
  try {
    if (*touching) return run_touch(life, touch);
    if (*growing) return run_grow(life, grow);
    if (*many) return run_many(life, grow, count);
    if (*streaming) return run_stream(life, stream);
    return run_names(life, names);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "memory_load: %s\n", problem.what());
    return 1;
  }
}
