// SPDX-License-Identifier: Apache-2.0
//
// The inbox with many senders on kernel threads: nothing lost, nothing doubled, each sender's order kept.

#include "runtime/core/inbox.h"

#include <thread>

#include "support/test.h"

namespace {

using rondo::Inbox;
using rondo::Message;

struct Numbered : Message {
    int sender = 0;
    int number = 0;
};

}  // namespace

TEST_CASE("oldest first, and nothing is null") {
    Inbox inbox;
    CHECK(inbox.empty());
    CHECK(inbox.take_all() == nullptr);
    Message messages[3];
    for (Message& message : messages) {
        inbox.push(message);
    }
    CHECK_FALSE(inbox.empty());
    Message* first = inbox.take_all();
    CHECK(inbox.empty());
    CHECK(first == &messages[0]);
    CHECK(first->next == &messages[1]);
    CHECK(first->next->next == &messages[2]);
    CHECK(first->next->next->next == nullptr);
    inbox.push(messages[1]);
    CHECK(inbox.take_all() == &messages[1]);
    CHECK(messages[1].next == nullptr);
}

TEST_CASE("many senders") {
    constexpr int kSenders = 4;
    constexpr int kMessages = 20000;
    Inbox inbox;
    std::vector<std::vector<Numbered>> messages(kSenders, std::vector<Numbered>(kMessages));
    std::vector<std::thread> senders;
    for (int sender = 0; sender < kSenders; ++sender) {
        senders.emplace_back([&, sender] {
            for (int number = 0; number < kMessages; ++number) {
                Numbered& message = messages[static_cast<size_t>(sender)][static_cast<size_t>(number)];
                message.sender = sender;
                message.number = number;
                inbox.push(message);
            }
        });
    }
    int expected[kSenders] = {};
    bool ordered = true;
    int arrived = 0;
    bool complete = rondo_test::wait_until([&] {
        for (Message* message = inbox.take_all(); message != nullptr; message = message->next) {
            auto* numbered = static_cast<Numbered*>(message);
            ordered = ordered && numbered->number == expected[numbered->sender]++;
            ++arrived;
        }
        return arrived >= kSenders * kMessages;
    });
    for (std::thread& sender : senders) {
        sender.join();
    }
    CHECK(complete);
    CHECK(ordered);
    CHECK(arrived == kSenders * kMessages);
    CHECK(inbox.empty());
}
