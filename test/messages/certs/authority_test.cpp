#include "messages/certs/authority.h"

#include <filesystem>
#include <vector>

#include <gmock/gmock.h>

#include "messages/link/tls_files.h"
#include "test/support/temp_dir.h"

namespace tideline::certs {
namespace {

using testing::HasSubstr;

link::TlsFiles files(const CertFiles& made) {
  return {made.certificate, made.key, made.ca};
}

TEST(Authority, WhatItSignsIsWhatTheLinkAsksOfEachEnd) {
  const test::TempDir dir;
  const auto authority = Authority::create(dir.str(), "ca");
  ASSERT_TRUE(authority) << authority.error().message();
  const auto node = authority->issue("node-n1", node_spec("n1"));
  const auto server = authority->issue("server", coordinator_spec());
  ASSERT_TRUE(node && server);
  const auto client_material = link::load(files(*node), link::TlsUse::kClient);
  ASSERT_TRUE(client_material) << client_material.error().message();
  EXPECT_TRUE(link::speaks_for(*client_material, model::NodeName("n1")));
  EXPECT_FALSE(link::speaks_for(*client_material, model::NodeName("n2")));
  EXPECT_TRUE(link::load(files(*server), link::TlsUse::kServer));
  EXPECT_FALSE(link::load(files(*server), link::TlsUse::kClient));
}

TEST(Authority, KeysAreForTheirOwnerAlone) {
  const test::TempDir dir;
  dir.write("ca.key", "an older file that all may read");
  const auto authority = Authority::create(dir.str(), "ca");
  ASSERT_TRUE(authority);
  const auto made = authority->issue("n", node_spec("n"));
  ASSERT_TRUE(made);
  for (const auto& key : {dir.str() + "/ca.key", made->key}) {
    EXPECT_EQ(std::filesystem::status(key).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
        << key;
  }
}

TEST(Authority, IsUsedAgainWhereItIsThere) {
  const test::TempDir dir;
  ASSERT_TRUE(Authority::create(dir.str(), "ca"));
  const auto again = Authority::open(dir.str(), "ca");
  ASSERT_TRUE(again) << again.error().message();
  const auto later = again->issue("n", node_spec("n"));
  ASSERT_TRUE(later);
  EXPECT_TRUE(link::load(files(*later), link::TlsUse::kClient)) << "signed by the same authority";
}

TEST(Authority, OneThatIsReplacedByAnotherOfItsNameHoldsBesideItInABundle) {
  const test::TempDir dir;
  dir.write("bundle.crt", "");
  std::vector<link::TlsFiles> leaves;
  std::vector<std::string> authorities;
  for (const char* name : {"old", "new"}) {
    const std::string own = dir.str() + "/" + name;
    std::filesystem::create_directory(own);
    const auto authority = Authority::create(own, "ca");
    ASSERT_TRUE(authority);
    const auto leaf = authority->issue("n1", node_spec("n1"));
    ASSERT_TRUE(leaf);
    leaves.push_back({leaf->certificate, leaf->key, dir.str() + "/bundle.crt"});
    authorities.push_back(dir.read(std::string(name) + "/ca.crt"));
  }
  for (const auto& bundle : {authorities[0] + authorities[1], authorities[1] + authorities[0]}) {
    dir.write("bundle.crt", bundle);
    for (const auto& leaf : leaves) {
      const auto loaded = link::load(leaf, link::TlsUse::kClient);
      EXPECT_TRUE(loaded) << loaded.error().message();
    }
  }
  dir.write("bundle.crt", authorities[1]);
  EXPECT_FALSE(link::load(leaves[0], link::TlsUse::kClient));
  EXPECT_TRUE(link::load(leaves[1], link::TlsUse::kClient));
}

TEST(Authority, SaysWhatIsWrongWithItsFiles) {
  const test::TempDir dir;
  EXPECT_EQ(Authority::open(dir.str(), "ca").error().code(), model::ErrorCode::kNotFound);
  ASSERT_TRUE(Authority::create(dir.str(), "ca"));
  ASSERT_TRUE(Authority::create(dir.str(), "other"));
  std::filesystem::copy_file(dir.path() / "other.key", dir.path() / "ca.key",
                             std::filesystem::copy_options::overwrite_existing);
  const auto mixed = Authority::open(dir.str(), "ca");
  EXPECT_EQ(mixed.error().code(), model::ErrorCode::kInvalidArgument);
  EXPECT_THAT(mixed.error().message(), HasSubstr("ca.crt, .key: no certificate with its own key"));
  std::filesystem::remove(dir.path() / "ca.key");
  EXPECT_THAT(Authority::open(dir.str(), "ca").error().message(), HasSubstr("ca.key: cannot be read"));
  dir.write("junk.crt", "nothing");
  dir.write("junk.key", "nothing");
  EXPECT_EQ(Authority::open(dir.str(), "junk").error().code(), model::ErrorCode::kInvalidArgument);
  ASSERT_TRUE(Authority::create(dir.str(), "old", std::chrono::seconds(-10)));
  EXPECT_THAT(Authority::open(dir.str(), "old").error().message(), HasSubstr("old.crt: has expired"));
  const auto other = Authority::open(dir.str(), "other");
  ASSERT_TRUE(other && other->issue("leaf", node_spec("leaf")));
  EXPECT_THAT(Authority::open(dir.str(), "leaf").error().message(), HasSubstr("no certificate of an authority"));
  const auto nowhere = Authority::create(dir.str() + "/missing", "ca");
  EXPECT_THAT(nowhere.error().message(), HasSubstr("/missing/ca.key: cannot be written"));
}

}  // namespace
}  // namespace tideline::certs
