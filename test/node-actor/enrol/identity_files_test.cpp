#include "node-actor/enrol/identity_files.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "messages/link/file_watch.h"
#include "test/support/certs.h"
#include "test/support/temp_dir.h"

namespace tideline::enrol {
namespace {

namespace fs = std::filesystem;
using model::ErrorCode;
using model::NodeName;
using testing::HasSubstr;
using testing::Not;

class IdentityFilesTest : public testing::Test {
 protected:
  IdentityFilesTest() { fs::create_directories(dir_.path() / "own"); }

  IdentityFiles files() const { return *IdentityFiles::at(paths_, NodeName("n1")); }
  /// What an authority signed for a node, each time with another key.
  Identity identity(const test::CertAuthority& ca, const test::CertSpec& spec) {
    const auto made = ca.issue("made", spec);
    const auto text = [&](const std::string& path) { return dir_.read(fs::relative(path, dir_.path()).string()); };
    return {text(made.certificate), text(made.key), text(made.ca)};
  }
  Identity identity() { return identity(ca_, certs::node_spec("n1")); }
  std::string authorities() const { return dir_.read("ca.crt"); }
  std::vector<std::string> generations() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(dir_.path() / "own")) {
      const auto name = entry.path().filename().string();
      if (name.starts_with("..tideline-")) found.push_back(name);
    }
    return found;
  }
  void expect_there(const Identity& wanted) const {
    EXPECT_EQ(dir_.read("own/tls.crt"), wanted.certificate);
    EXPECT_EQ(dir_.read("own/tls.key"), wanted.key);
    EXPECT_EQ(generations().size(), 1U);
  }

  test::TempDir dir_;
  test::CertAuthority ca_{dir_.str(), "ca"};
  const link::TlsFiles paths_{dir_.str() + "/own/tls.crt", dir_.str() + "/own/tls.key", dir_.str() + "/own/ca.crt"};
};

TEST_F(IdentityFilesTest, ReplacesAllThreeForTheLinkToTake) {
  auto own = files();
  EXPECT_EQ(own.read().error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(own.kept().error().code(), ErrorCode::kNotFound);
  const auto first = identity();
  const auto valid = own.replace(first, authorities());
  ASSERT_TRUE(valid) << valid.error().message();
  expect_there(first);
  EXPECT_TRUE(link::load(paths_, link::TlsUse::kClient));
  EXPECT_EQ(*own.read(), *valid);
  EXPECT_LT(valid->not_before, valid->not_after);

  link::FileWatch watch({paths_.certificate, paths_.key, paths_.ca});
  const auto second = identity();
  ASSERT_TRUE(own.replace(second, authorities()));
  expect_there(second);
  EXPECT_TRUE(watch.changed()) << "the link sees it";
}

TEST_F(IdentityFilesTest, NobodyElseReadsThem) {
  ASSERT_TRUE(files().replace(identity(), authorities()));
  for (const auto& path : {paths_.certificate, paths_.key, paths_.ca}) {
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U) << path;
  }
  struct stat info {};
  ASSERT_EQ(::stat((dir_.str() + "/own/" + generations().front()).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_F(IdentityFilesTest, WhatIsKeptIsKnownToTheNextProcess) {
  const auto first = identity();
  ASSERT_TRUE(files().replace(first, authorities()));
  const auto kept = files().kept();
  ASSERT_TRUE(kept) << kept.error().message();
  EXPECT_EQ(kept->certificate, first.certificate);
  EXPECT_EQ(kept->key, first.key);
  EXPECT_EQ(kept->issuer, first.issuer);
}

TEST_F(IdentityFilesTest, WhatTheLinkWouldNotTakeReplacesNothing) {
  const test::CertAuthority other(dir_.str(), "other");
  auto own = files();
  const auto good = identity();
  ASSERT_TRUE(own.replace(good, authorities()));
  auto mixed = identity();
  mixed.key = good.key;
  auto expired = certs::node_spec("n1");
  expired.valid_to = std::chrono::seconds(-60);
  auto early = certs::node_spec("n1");
  early.valid_from = std::chrono::seconds(600);
  struct Row {
    Identity bad;
    const char* why;
  };
  const std::vector<Row> rows{{identity(ca_, certs::node_spec("n2")), "node \"n2\"'s"},
                              {identity(ca_, certs::coordinator_spec("n1.node.tideline")), "clientAuth"},
                              {identity(ca_, expired), "expired"},
                              {identity(ca_, early), "not yet valid"},
                              {identity(other, certs::node_spec("n1")), "does not verify"},
                              {mixed, "does not belong"},
                              {{"no certificate", good.key, ""}, "no PEM certificate"},
                              {{good.certificate, "", ""}, "no PEM private key"}};
  for (const auto& [bad, why] : rows) {
    const auto refused = own.replace(bad, authorities());
    ASSERT_FALSE(refused) << why;
    EXPECT_THAT(refused.error().message(), HasSubstr(why));
    EXPECT_THAT(refused.error().message(), Not(HasSubstr("..tideline-"))) << "the same each time";
    expect_there(good);
  }
}

TEST_F(IdentityFilesTest, FilesOfBeforeMakeRoom) {
  const auto plain = identity();
  dir_.write("own/tls.crt", plain.certificate);
  dir_.write("own/tls.key", plain.key);
  dir_.write("own/ca.crt", authorities());
  auto own = files();
  EXPECT_TRUE(own.read());
  EXPECT_FALSE(own.kept()) << "they came from elsewhere";
  const auto fresh = identity();
  ASSERT_TRUE(own.replace(fresh, authorities()));
  expect_there(fresh);
}

TEST_F(IdentityFilesTest, WhatAKilledWriterLeftIsNoHindrance) {
  auto own = files();
  const auto good = identity();
  ASSERT_TRUE(own.replace(good, authorities()));
  dir_.write("own/..tideline-halfaw/tls.crt", "half a");
  fs::create_symlink("..tideline-halfaw", dir_.path() / "own" / "..data.new");
  EXPECT_TRUE(files().read());
  EXPECT_EQ(dir_.read("own/tls.crt"), good.certificate);
  const auto next = identity();
  ASSERT_TRUE(files().replace(next, authorities()));
  expect_there(next);
}

TEST_F(IdentityFilesTest, ADirectoryThatIsNotThereIsNamed) {
  fs::remove_all(dir_.path() / "own");
  const auto refused = files().replace(identity(), authorities());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message(), HasSubstr(dir_.str() + "/own"));
}

TEST_F(IdentityFilesTest, WantsThreeFilesOfOneDirectory) {
  const NodeName node("n1");
  EXPECT_TRUE(IdentityFiles::at({"tls.crt", "./tls.key", "ca.crt"}, node));
  EXPECT_TRUE(IdentityFiles::at({"/a/tls.crt", "/a/./tls.key", "/b/../a/ca.crt"}, node));
  struct Row {
    link::TlsFiles files;
    const char* why;
  };
  const std::vector<Row> rows{{{"", "/a/k", "/a/ca"}, "no certificate file"},
                              {{"/a/c", "/b/k", "/a/ca"}, "one directory"},
                              {{"/a/c", "/a/k", "/b/ca"}, "one directory"},
                              {{"/a/c", "/a/c", "/a/ca"}, "three files"},
                              {{"/a/c", "/a/k", "/a/k"}, "three files"},
                              {{"/a/.c", "/a/k", "/a/ca"}, "no dot"},
                              {{"/a/", "/a/k", "/a/ca"}, "no dot"}};
  for (const auto& [bad, why] : rows) {
    const auto refused = IdentityFiles::at(bad, node);
    ASSERT_FALSE(refused) << why;
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.error().message(), HasSubstr(why));
  }
}

}  // namespace
}  // namespace tideline::enrol
