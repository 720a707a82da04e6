#include "k8s-bridge/lease/lease_object.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace tideline::lease::lease_object_test {
namespace {

using model::ErrorCode;
using nlohmann::json;
using testing::HasSubstr;

// As kube-apiserver 1.20 answers a GET, with what others may have put there.
const char* const kLease = R"({
  "kind": "Lease", "apiVersion": "coordination.k8s.io/v1",
  "metadata": {"name": "tideline-coordinator", "namespace": "tideline-system", "uid": "u-1", "resourceVersion": "77",
               "labels": {"team": "infra"}, "managedFields": [{"manager": "someone"}]},
  "spec": {"holderIdentity": "a_1", "leaseDurationSeconds": 15, "acquireTime": "2026-11-30T12:00:00.000000Z",
           "renewTime": "2026-11-30T12:00:04.000001Z", "leaseTransitions": 3, "strategy": "OldestEmulationVersion"}})";

json lease() {
  return json::parse(kLease);
}

TEST(LeaseObject, IsReadAsTheServerWritesIt) {
  const auto read = lease_from(kLease);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->resource_version, "77");
  EXPECT_EQ(read->record.holder, "a_1");
  EXPECT_EQ(read->record.duration_seconds, 15);
  EXPECT_EQ(read->record.acquire_time, "2026-11-30T12:00:00.000000Z");
  EXPECT_EQ(read->record.renew_time, "2026-11-30T12:00:04.000001Z");
  EXPECT_EQ(read->record.transitions, 3);
}

TEST(LeaseObject, WithoutASpecIsNobodys) {
  for (const char* change : {R"({"spec": null})", R"({"spec": {}})", R"({"spec": {"holderIdentity": null}})"}) {
    auto object = lease();
    object.erase("spec");
    object.update(json::parse(change));
    const auto read = lease_from(object.dump());
    ASSERT_TRUE(read.ok()) << read.error().message();
    EXPECT_EQ(read->record, Record()) << change;
  }
}

TEST(LeaseObject, AnUpdateKeepsWhatOthersPutThereAndTheVersionThatItIsOf) {
  const auto before = lease_from(kLease);
  ASSERT_TRUE(before.ok());
  auto record = before->record;
  record.holder = "b_2";
  record.transitions = 4;
  auto wanted = lease();
  wanted["spec"]["holderIdentity"] = "b_2";
  wanted["spec"]["leaseTransitions"] = 4;
  EXPECT_EQ(json::parse(updated(*before, record)), wanted);
}

TEST(LeaseObject, AFreshOneIsReadAsItWasMade) {
  Record record;
  record.holder = "a_1";
  record.duration_seconds = 15;
  record.acquire_time = record.renew_time = micro_time(0);
  auto made = json::parse(created("tideline-system", "tideline-coordinator", record));
  EXPECT_EQ(made.at("metadata"), (json{{"name", "tideline-coordinator"}, {"namespace", "tideline-system"}}));
  made["metadata"]["resourceVersion"] = "1";
  const auto read = lease_from(made.dump());
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->record, record);
}

TEST(LeaseObject, WhatIsNotOfItsTypeIsNamed) {
  struct Row {
    const char* patch;
    const char* named;
  };
  const std::vector<Row> rows{{R"({"kind": "Status"})", "kind"},
                              {R"({"kind": 7})", "kind"},
                              {R"({"metadata": []})", "metadata"},
                              {R"({"metadata": {"resourceVersion": null}})", "metadata.resourceVersion"},
                              {R"({"metadata": {"resourceVersion": 77}})", "metadata: resourceVersion"},
                              {R"({"spec": "a_1"})", "spec"},
                              {R"({"spec": {"holderIdentity": ["a"]}})", "spec: holderIdentity"},
                              {R"({"spec": {"leaseDurationSeconds": "15"}})", "spec: leaseDurationSeconds"},
                              {R"({"spec": {"leaseDurationSeconds": -1}})", "spec: leaseDurationSeconds"},
                              {R"({"spec": {"leaseDurationSeconds": 1e300}})", "spec: leaseDurationSeconds"},
                              {R"({"spec": {"leaseTransitions": 2147483648}})", "spec: leaseTransitions"},
                              {R"({"spec": {"leaseTransitions": 18446744073709551615}})", "spec: leaseTransitions"},
                              {R"({"spec": {"renewTime": {}}})", "spec: renewTime"}};
  for (const auto& row : rows) {
    auto object = lease();
    object.merge_patch(json::parse(row.patch));
    const auto read = lease_from(object.dump());
    ASSERT_FALSE(read.ok()) << row.patch;
    EXPECT_EQ(read.error().code(), ErrorCode::kMalformed) << row.patch;
    EXPECT_THAT(read.error().message(), HasSubstr(row.named)) << row.patch;
  }
}

TEST(LeaseObject, WhatIsTooLongTooDeepOrNoJsonIsRefused) {
  auto long_holder = lease();
  long_holder["spec"]["holderIdentity"] = std::string(LeaseLimits::kMaxHolderBytes + 1, 'x');
  EXPECT_EQ(lease_from(long_holder.dump()).error().code(), ErrorCode::kOverloaded);
  auto long_time = lease();
  long_time["spec"]["renewTime"] = std::string(LeaseLimits::kMaxTextBytes + 1, '0');
  EXPECT_EQ(lease_from(long_time.dump()).error().code(), ErrorCode::kOverloaded);
  auto large = lease();
  large["metadata"]["labels"]["x"] = std::string(LeaseLimits::kMaxBytes, 'x');
  EXPECT_EQ(lease_from(large.dump()).error().code(), ErrorCode::kOverloaded);
  auto deep = std::string(LeaseLimits::kMaxDepth + 1, '[');
  EXPECT_FALSE(lease_from(deep).ok());
  for (const char* text : {"", "null", "[]", "{", "not json", "{\"kind\": \"Lease\"}"})
    EXPECT_FALSE(lease_from(text).ok()) << text;
}

TEST(LeaseObject, TimesHaveMicroseconds) {
  EXPECT_EQ(micro_time(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(micro_time(1'796'040'000'000'250), "2026-11-30T12:00:00.000250Z");
  EXPECT_EQ(micro_time(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(micro_time(std::numeric_limits<std::int64_t>::max()), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(micro_time(std::numeric_limits<std::int64_t>::min()), "0001-01-01T00:00:00.000000Z");
}

TEST(LeaseObject, ItsNameIsADnsSubdomain) {
  for (const char* name : {"a", "tideline-coordinator", "a.b-c.d9", "0"})
    EXPECT_TRUE(is_lease_name(name)) << name;
  for (const char* name : {"", "A", "-a", "a-", "a.", ".a", "a..b", "a.-b", "a-.b", "a/b", "a b", "a?b"})
    EXPECT_FALSE(is_lease_name(name)) << name;
  EXPECT_FALSE(is_lease_name(std::string(254, 'a')));
  EXPECT_EQ(object_path("s", "n"), "/apis/coordination.k8s.io/v1/namespaces/s/leases/n");
  EXPECT_EQ(collection_path("s"), "/apis/coordination.k8s.io/v1/namespaces/s/leases");
}

}  // namespace
}  // namespace tideline::lease::lease_object_test
