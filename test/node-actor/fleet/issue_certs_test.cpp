#include "node-actor/fleet/issue_certs.h"

#include <filesystem>

#include <gmock/gmock.h>

#include "messages/link/tls_files.h"
#include "node-actor/fleet/node_names.h"
#include "test/support/temp_dir.h"

namespace tideline::rehearsal::issue_certs_test {
namespace {

using testing::HasSubstr;

void no_progress(std::size_t, std::size_t) {}

std::string refusal(const CertsRequest& request) {
  const auto done = issue_certs(request, no_progress);
  return done ? "done" : done.error().message();
}

TEST(IssueCerts, EachNodeCanSpeakForItselfAndMoreMayComeLater) {
  const test::TempDir dir;
  CertsRequest request;
  request.directory = dir.str() + "/tls";
  request.nodes = 3;
  request.people = {"viewer:ann"};
  ASSERT_EQ(refusal(request), "done");
  request.first = 3;
  request.nodes = 1;
  ASSERT_EQ(refusal(request), "done");
  for (std::size_t i = 0; i < 4; ++i) {
    const auto name = node_name("sim-", i);
    const auto material = link::load(node_files(request.directory, name), link::TlsUse::kClient);
    ASSERT_TRUE(material) << material.error().message();
    EXPECT_TRUE(link::speaks_for(*material, model::NodeName(name)));
  }
  EXPECT_TRUE(std::filesystem::exists(request.directory + "/server-coordinator.tideline.crt"));
  EXPECT_TRUE(std::filesystem::exists(request.directory + "/viewer-ann.key"));
}

TEST(IssueCerts, BadRequestsNameWhatIsWrong) {
  const test::TempDir dir;
  CertsRequest request;
  request.directory = dir.str();
  request.people = {"superuser:ann"};
  EXPECT_THAT(refusal(request), HasSubstr("person 'superuser:ann': want viewer:NAME"));
  request.people = {"admin:../ann"};
  EXPECT_THAT(refusal(request), HasSubstr("person 'admin:../ann'"));
  request.people.clear();
  for (const char* prefix : {"Sim-", "-sim", "a..b", "a/b", "a b"}) {
    request.prefix = prefix;
    EXPECT_THAT(refusal(request), HasSubstr(std::string("prefix '") + prefix + "'"));
  }
  request.prefix = "sim-";
  request.coordinator = "a/b";
  EXPECT_THAT(refusal(request), HasSubstr("coordinator 'a/b'"));
  request.coordinator = "coordinator.tideline";
  request.directory = dir.str() + "/no/such";
  EXPECT_THAT(refusal(request), HasSubstr("/no/such: cannot be made"));
  request.directory = dir.str();
  dir.write("ca.key", "half of an authority");
  EXPECT_THAT(refusal(request), HasSubstr("ca.crt"));
}

}  // namespace
}  // namespace tideline::rehearsal::issue_certs_test
